/** A form made from the JSON schema of a plugin's options: what must be given first, the rest behind one button. */
import { ActionIcon, Box, Button, Checkbox, Group, NumberInput, Select, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { filled, resolved, type Options, type Schema } from '../api/discovery';
import { spoken } from '../locales/options';

const FIRST = ['url', 'host', 'folder', 'query', 'nodes', 'browse', 'security', 'tags', 'topics', 'timezone', 'time', 'tag', 'value', 'every', 'user', 'password_env'];

export function SchemaForm({ schema, root, value, change, nested = false }: { schema: Schema; root: Schema; value: Options; change: (value: Options) => void; nested?: boolean }) {
  const { t } = useTranslation();
  const [all, setAll] = useState(false);
  const names = Object.keys(schema.properties ?? {});
  const needed = names.filter((name) => schema.required?.includes(name));
  const usual = FIRST.filter((name) => names.includes(name) && !needed.includes(name));
  const rest = names.filter((name) => !needed.includes(name) && !usual.includes(name));
  const shown = nested ? [...needed, ...names.filter((name) => !needed.includes(name))] : [...needed, ...usual, ...(all ? rest : [])];
  const most = nested && !all ? shown.slice(0, Math.max(4, needed.length)) : shown;
  return (
    <Stack gap="xs">
      {most.map((name) => <Field key={name} name={name} needed={needed.includes(name)} schema={resolved((schema.properties ?? {})[name] ?? {}, root)} root={root} value={value[name]} change={(one) => change(filled({ ...value, [name]: one }))} />)}
      {(nested ? shown.length > most.length : rest.length > 0 && !all) && <Button size="compact-sm" variant="subtle" onClick={() => setAll(true)} style={{ alignSelf: 'flex-start' }}>{t('source.more')}</Button>}
    </Stack>
  );
}

function Field({ name, needed, schema, root, value, change }: { name: string; needed: boolean; schema: Schema; root: Schema; value: unknown; change: (value: unknown) => void }) {
  const { t, i18n } = useTranslation();
  const about = spoken(schema.description, i18n.language);
  const common = { label: name, required: needed, description: about };
  const stands = schema.default === undefined || schema.default === null || typeof schema.default === 'object' ? '' : String(schema.default);
  if (schema.enum) return <Select {...common} data={schema.enum.map(String)} value={value === undefined ? null : String(value)} placeholder={stands} clearable={!needed} onChange={(one) => change(one ?? undefined)} />;
  if (schema.type === 'boolean') return <Checkbox label={name} description={about} checked={Boolean(value ?? schema.default)} onChange={(event) => change(event.currentTarget.checked)} />;
  if (schema.type === 'integer' || schema.type === 'number') return <NumberInput {...common} value={typeof value === 'number' ? value : ''} placeholder={stands} allowDecimal={schema.type === 'number'} onChange={(one) => change(typeof one === 'number' ? one : undefined)} />;
  if (schema.type === 'array') {
    const item = resolved(schema.items ?? {}, root);
    if (item.properties) return <Rows name={name} schema={item} about={about} root={root} value={(value as Options[] | undefined) ?? []} change={change} />;
    const number = item.type === 'integer' || item.type === 'number';
    return <Lines {...common} description={`${about} ${t('source.perLine')}`} number={number} value={(value as unknown[] | undefined) ?? []} change={change} />;
  }
  if (schema.type === 'object') return <Json {...common} value={value} change={change} />;
  return <TextInput {...common} value={typeof value === 'string' ? value : ''} placeholder={stands} onChange={(event) => change(event.currentTarget.value)} />;
}

const inLines = (text: string): string[] => text.split('\n').map((one) => one.trim()).filter(Boolean);

/** A list, one a line; what is picked elsewhere appears here, what is being typed stays as it is. */
function Lines({ value, number, change, ...common }: { label: string; required: boolean; description: string; number: boolean; value: unknown[]; change: (value: unknown) => void }) {
  const [typed, setTyped] = useState(value.join('\n'));
  const text = inLines(typed).join('\n') === value.map(String).join('\n') ? typed : value.join('\n');
  const read = (word: string): void => {
    setTyped(word);
    change(inLines(word).map((one) => (number ? Number(one) : one)));
  };
  return <Textarea {...common} autosize minRows={2} maxRows={10} value={text} onChange={(event) => read(event.currentTarget.value)} />;
}

function Rows({ name, schema, about, root, value, change }: { name: string; schema: Schema; about: string | undefined; root: Schema; value: Options[]; change: (value: Options[]) => void }) {
  const { t } = useTranslation();
  return (
    <Box component="fieldset" style={{ border: '1px solid var(--line)', padding: 8, minWidth: 0 }}>
      <Text component="legend" size="sm" fw={600} px={4}>{name}</Text>
      {about && <Text size="xs" c="dimmed">{about}</Text>}
      <Stack gap="xs">
        {value.map((row, at) => (
          <Group key={at} align="flex-start" wrap="nowrap" gap="xs">
            <Box style={{ flex: 1, minWidth: 0 }}><SchemaForm schema={schema} root={root} value={row} change={(one) => change(value.map((old, n) => (n === at ? one : old)))} nested /></Box>
            <ActionIcon variant="subtle" color="gray" aria-label={t('source.drop', { name, n: at + 1 })} onClick={() => change(value.filter((_, n) => n !== at))}><IconTrash size={16} aria-hidden /></ActionIcon>
          </Group>
        ))}
        <Button size="compact-sm" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => change([...value, {}])} style={{ alignSelf: 'flex-start' }} data-add={name}>{t('source.one', { name })}</Button>
      </Stack>
    </Box>
  );
}

function Json({ value, change, ...common }: { label: string; required: boolean; description: string | undefined; value: unknown; change: (value: unknown) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(value === undefined ? '' : JSON.stringify(value));
  const [wrong, setWrong] = useState(false);
  const read = (word: string): void => {
    setText(word);
    try {
      change(word.trim() ? JSON.parse(word) : undefined);
      setWrong(false);
    } catch {
      setWrong(true);
    }
  };
  return <Textarea {...common} autosize minRows={1} placeholder="{}" value={text} error={wrong ? t('source.noJson') : undefined} onChange={(event) => read(event.currentTarget.value)} />;
}
