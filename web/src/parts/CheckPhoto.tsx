import { Box, Button, FileButton, Group, Text, TextInput } from '@mantine/core';
import { IconCamera } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address, post } from '../api/client';
import { useCommand } from '../api/queries';
import type { CheckStep, FullOrder } from '../api/workshop';
import { photograph } from './OrderWork';

/** A step answered with a photograph, or signed with a name by whoever is signed in. */
export function CheckPhoto({ order, step, fill }: { order: FullOrder; step: CheckStep; fill: boolean }) {
  const { t } = useTranslation();
  const [name, setName] = useState('');
  const done = step.result !== null && step.result !== undefined;
  const photo = step.kind === 'photo';
  const save = useCommand(async (given: File | string) => post(`work-orders/${order.id}/checklist/${step.id}`, { result: given instanceof File ? await photograph(order, given, 'photo', step.id) : given, step_version: step.version ?? null }), ['work-orders']);
  return (
    <Box py={8} data-check={step.id}>
      <Text size="sm">{step.text}</Text>
      {done && photo && <a href={address(`documents/${String(step.result)}/content`)} target="_blank" rel="noreferrer"><img src={address(`documents/${String(step.result)}/content`)} alt={step.text} height={72} style={{ border: '1px solid var(--line)' }} /></a>}
      {done && <Text size="xs" c="dimmed">{photo ? '' : `${t('stepKind.signature')}: ${String(step.result)} · `}{step.done_by}</Text>}
      {fill && !done && photo && <FileButton accept="image/*" capture="environment" onChange={(file) => file && save.mutate(file)} inputProps={{ 'aria-label': step.text }}>{(props) => <Button {...props} mt={4} leftSection={<IconCamera size={16} aria-hidden />} loading={save.isPending}>{t('stepKind.photo')}</Button>}</FileButton>}
      {fill && !done && !photo && (
        <Group gap="xs" mt={4} wrap="nowrap">
          <TextInput aria-label={`${t('stepKind.signature')}: ${step.text}`} placeholder={t('order.fullName')} value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <Button loading={save.isPending} disabled={!name.trim()} onClick={() => save.mutate(name.trim())}>{t('order.sign')}</Button>
        </Group>
      )}
    </Box>
  );
}
