/** A source to be added or changed: its options, a reading that keeps nothing, and only then the decision. */
import { Alert, Button, Group, Modal, Select, Stack, Table, Text, TextInput } from '@mantine/core';
import { IconEye } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask, post } from '../api/client';
import { kinds, type Options, type SourceLine, type Tried } from '../api/discovery';
import { useCommand } from '../api/queries';
import { useFormat } from '../format/useFormat';
import { spoken } from '../locales/options';
import { useSentence } from '../locales/sentences';
import { InsidePicker } from './InsidePicker';
import { SchemaForm } from './SchemaForm';
import { Scroll } from './Scroll';

export interface Wanted { id?: string | null; version?: number | null; name: string; type: string; options: Options; system?: string }

export function SourceDialog({ wanted, close, done }: { wanted: Wanted; close: () => void; done?: (name: string) => void }) {
  const { t, i18n } = useTranslation();
  const known = useQuery(kinds).data?.items ?? [];
  const [one, setOne] = useState(wanted);
  const kind = known.find((each) => each.type === one.type);
  const body = { name: one.name.trim(), type: one.type, options: one.options };
  const attempt = useCommand(() => post<Tried>('sources/test', body), []);
  const keep = useCommand(
    () => (one.id ? ask(`sources/${one.id}`, { method: 'PATCH', body: { options: one.options, version: one.version } }) : post('sources', { ...body, ...(one.system ? { system: one.system } : {}) })),
    ['sources', 'health', 'discovery'],
    () => { done?.(body.name); close(); },
  );
  const ready = body.name !== '' && kind !== undefined;
  return (
    <Modal opened onClose={close} size="lg" title={t(one.id ? 'source.change' : 'source.add')} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <Stack gap="sm" data-source-form>
        <Text size="sm" c="dimmed">{t('source.readOnly')}</Text>
        <Select label={t('source.kind')} required allowDeselect={false} disabled={Boolean(one.id)} value={one.type || null} data={known.map((each) => ({ value: each.type, label: each.type, disabled: each.problem !== '' }))} onChange={(type) => type && setOne({ ...one, type, options: {} })} description={spoken(kind?.about, i18n.language)} />
        <TextInput label={t('source.name')} required disabled={Boolean(one.id)} value={one.name} description={t('source.nameAbout')} onChange={(event) => setOne({ ...one, name: event.currentTarget.value })} />
        {kind && <SchemaForm key={kind.type} schema={kind.options} root={kind.options} value={one.options} change={(options) => setOne({ ...one, options })} />}
        {kind?.browse && <InsidePicker key={`inside ${kind.type}`} name={body.name} type={kind.type} options={one.options} change={(options) => setOne({ ...one, options })} />}
        {attempt.data && <Heard of={attempt.data} />}
        <Group justify="flex-end" gap="xs">
          <Button onClick={close}>{t('action.cancel')}</Button>
          <Button leftSection={<IconEye size={16} aria-hidden />} disabled={!ready} loading={attempt.isPending} onClick={() => attempt.mutate(undefined)} data-read-once>{t('source.readOnce')}</Button>
          <Button variant="filled" disabled={!ready} loading={keep.isPending} onClick={() => keep.mutate(undefined)} data-keep>{t(one.id ? 'source.save' : 'source.listen')}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** What a source said in a few seconds. */
export function Heard({ of: told }: { of: Tried }) {
  const { t } = useTranslation();
  const f = useFormat();
  const say = useSentence();
  const bad = Object.entries(told.bad);
  return (
    <Alert color="gray" variant="outline" title={`${t(`sourceState.${told.state}`)} · ${t('source.heard', { count: told.items.length })}`} data-heard>
      {told.message && <Text size="sm" className="wrap">{say(told.message)}</Text>}
      <Scroll minWidth={420}>
        <Table>
          <Table.Tbody>
            {told.items.slice(0, 50).map((row) => <Table.Tr key={row.tag}><Table.Td className="mono wrap">{row.tag}</Table.Td><Table.Td className="figure">{row.value === null ? '–' : String(row.value)}</Table.Td><Table.Td>{t(`source.is.${row.quality}`)}</Table.Td><Table.Td>{row.timestamp ? f.clock(row.timestamp) : '–'}</Table.Td></Table.Tr>)}
            {bad.slice(0, 50).map(([tag, why]) => <Table.Tr key={`bad ${tag}`}><Table.Td className="mono wrap">{tag}</Table.Td><Table.Td colSpan={3} className="wrap">{say(why)}</Table.Td></Table.Tr>)}
          </Table.Tbody>
        </Table>
      </Scroll>
    </Alert>
  );
}

export const wantedOf = (line: SourceLine): Wanted => ({ id: line.id, version: line.version, name: line.name, type: line.type, options: line.options });
