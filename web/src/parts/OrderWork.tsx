import { Box, Button, Checkbox, FileButton, Group, Select, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { IconCamera, IconLock, IconLockOpen } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address, ask, post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { DocumentInfo } from '../api/types';
import type { FullOrder, Permit } from '../api/workshop';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Panel } from './Page';

const TOUCHED = ['work-orders', 'spares', 'tower'] as const;
const ENDED = ['closed', 'cancelled', 'rejected'];

/** Put a photograph on the shelf and keep it with the order; answers its id. */
export async function photograph(order: Pick<FullOrder, 'id' | 'asset'>, file: File, kind: string, step?: string): Promise<string> {
  const form = new FormData();
  form.append('file', file);
  form.append('name', file.name);
  form.append('about', order.asset);
  const made = await ask<DocumentInfo>('documents', { method: 'POST', body: form });
  await post(`work-orders/${order.id}/attachments`, { document: made.id, kind, step: step ?? null });
  return made.id;
}

/** Locks and permits: what must stand before hands go in. */
export function Permits({ order }: { order: FullOrder }) {
  const { t } = useTranslation();
  const may = useMay('work-orders.permit') && !ENDED.includes(order.state);
  const [text, setText] = useState('');
  const [kind, setKind] = useState('lockout');
  const add = useCommand(() => post(`work-orders/${order.id}/permits`, { kind, text }), TOUCHED, () => setText(''));
  return (
    <Panel title={t('permit.title')}>
      {order.locked_out && <Group gap={6} mb={8} wrap="nowrap" data-locked><IconLock size={20} style={{ flex: 'none' }} aria-hidden /><Text size="sm" fw={700} className="wrap">{t('permit.lockedOut')}: {order.locked_out}</Text></Group>}
      {order.permits.length === 0 && <Text size="sm" c="dimmed">{t('permit.none')}</Text>}
      <Box className="rows">{order.permits.map((one) => <PermitRow key={one.id} order={order} permit={one} />)}</Box>
      {may && (
        <Group gap="xs" mt="xs" align="flex-end">
          <Select label={t('permit.kind')} w={150} allowDeselect={false} value={kind} onChange={(value) => value && setKind(value)} data={['lockout', 'permit'].map((value) => ({ value, label: t(`permitKind.${value}`) }))} />
          <TextInput label={t('permit.what')} style={{ flex: '1 1 150px' }} value={text} onChange={(event) => setText(event.currentTarget.value)} />
          <Button loading={add.isPending} disabled={!text.trim()} onClick={() => add.mutate(undefined)}>{t('permit.ask')}</Button>
        </Group>
      )}
    </Panel>
  );
}

function PermitRow({ order, permit }: { order: FullOrder; permit: Permit }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('work-orders.lock');
  const [points, setPoints] = useState<string[]>([]);
  const [reason, setReason] = useState('');
  const base = `work-orders/${order.id}/permits/${permit.id}`;
  const apply = useCommand(() => post(`${base}/apply`, { points, version: permit.version }), TOUCHED);
  const release = useCommand(() => post(`${base}/release`, { reason, version: permit.version }), TOUCHED);
  const stands = permit.state === 'applied';
  return (
    <Box py={8} data-permit={permit.state}>
      <Group gap={6} wrap="nowrap">{stands ? <IconLock size={18} aria-hidden /> : <IconLockOpen size={18} aria-hidden />}<Text size="sm" fw={600} className="wrap">{t(`permitKind.${permit.kind}`)}: {permit.text}</Text></Group>
      <Text size="xs" c="dimmed">{t(`permitState.${permit.state}`)}{permit.applied ? ` · ${permit.applied_by} ${f.when(permit.applied)}` : ''}{permit.released ? ` – ${permit.released_by} ${f.when(permit.released)}` : ''}{permit.reason ? ` · ${permit.reason}` : ''}</Text>
      {may && permit.state === 'required' && (
        <Stack gap={6} mt={6}>
          {permit.points.map((point) => <Checkbox key={point} label={point} checked={points.includes(point)} onChange={(event) => setPoints(event.currentTarget.checked ? [...points, point] : points.filter((one) => one !== point))} />)}
          <Group><Button leftSection={<IconLock size={16} aria-hidden />} loading={apply.isPending} disabled={points.length < permit.points.length} onClick={() => apply.mutate(undefined)} data-lock>{t(permit.kind === 'lockout' ? 'permit.lock' : 'permit.grant')}</Button></Group>
        </Stack>
      )}
      {may && stands && (
        <Group gap="xs" mt={6} align="flex-end">
          <TextInput label={t('permit.reason')} style={{ flex: '1 1 150px' }} value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
          <Button loading={release.isPending} onClick={() => release.mutate(undefined)} data-unlock>{t(permit.kind === 'lockout' ? 'permit.unlock' : 'permit.end')}</Button>
        </Group>
      )}
    </Box>
  );
}

/** Whose hours, what standstill, what it cost. */
export function Effort({ order }: { order: FullOrder }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('work-orders.labour');
  const [hours, setHours] = useState('');
  const given = Number(hours.replace(',', '.'));
  const labour = useCommand(() => post(`work-orders/${order.id}/labour`, { start: new Date(Date.now() - given * 3_600_000).toISOString(), end: new Date().toISOString() }), TOUCHED, () => setHours(''));
  const running = order.downtime.find((one) => one.end === null);
  const stand = useCommand(() => (running ? post(`work-orders/${order.id}/downtime/${running.id}/end`, { version: running.version }) : post(`work-orders/${order.id}/downtime`, {})), TOUCHED);
  return (
    <Panel title={t('effort.title')}>
      {order.labour.map((one) => <Text key={one.id} size="sm">{one.person}: {f.number(one.hours, 2)} h{one.cost !== null ? ` · ${f.money(one.cost)}` : ''} <Text span size="xs" c="dimmed">{f.when(one.start)}</Text></Text>)}
      {order.labour.length === 0 && <Text size="sm" c="dimmed">{t('effort.none')}</Text>}
      {order.downtime.map((one) => <Text key={one.id} size="sm" fw={one.end ? 400 : 700}>{t('effort.stood')}: {f.when(one.start)} – {one.end ? f.when(one.end) : t('effort.still')}</Text>)}
      {order.cost && <Text size="sm" mt={4}>{t('effort.cost')}: {t('effort.labour')} {f.money(order.cost.labour)} · {t('effort.parts')} {f.money(order.cost.parts)}</Text>}
      {may && !ENDED.includes(order.state) && (
        <Group gap="xs" mt="xs" align="flex-end">
          <TextInput label={t('effort.hours')} w={150} inputMode="decimal" value={hours} onChange={(event) => setHours(event.currentTarget.value)} />
          <Button loading={labour.isPending} disabled={!(given > 0 && given <= 24)} onClick={() => labour.mutate(undefined)}>{t('effort.add')}</Button>
          <Button loading={stand.isPending} onClick={() => stand.mutate(undefined)}>{t(running ? 'effort.runs' : 'effort.stands')}</Button>
        </Group>
      )}
    </Panel>
  );
}

/** Parts out of the bin and back into it. */
export function PartMoves({ order }: { order: FullOrder }) {
  const { t } = useTranslation();
  const stock = useQuery(q.spares).data?.items ?? [];
  const may = useMay('work-orders.parts') && !ENDED.includes(order.state);
  const [part, setPart] = useState<string | null>(null);
  const [count, setCount] = useState('1');
  const [action, setAction] = useState('reserve');
  const move = useCommand(() => post(`work-orders/${order.id}/parts`, { part, quantity: Number(count), action }), TOUCHED);
  if (!may) return null;
  return (
    <Group gap="xs" mt="xs" align="flex-end">
      <Select label={t('spare.part')} searchable style={{ flex: '1 1 170px' }} value={part} onChange={setPart} data={stock.map((one) => ({ value: one.part, label: `${one.part} · ${one.name}` }))} />
      <TextInput label={t('spare.quantity')} w={80} inputMode="decimal" value={count} onChange={(event) => setCount(event.currentTarget.value)} />
      <Select label={t('move.what')} w={140} allowDeselect={false} value={action} onChange={(value) => value && setAction(value)} data={['reserve', 'issue', 'return'].map((value) => ({ value, label: t(`move.${value}`) }))} />
      <Button loading={move.isPending} disabled={!part || !(Number(count) > 0)} onClick={() => move.mutate(undefined)}>{t('move.book')}</Button>
    </Group>
  );
}

/** Photographs and papers, and what people write to each other. */
export function Talk({ order }: { order: FullOrder }) {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const may = useMay('work-orders.comment');
  const say = useCommand(() => post(`work-orders/${order.id}/comments`, { text }), TOUCHED, () => setText(''));
  const keep = useCommand((file: File) => photograph(order, file, file.type.startsWith('image/') ? 'photo' : 'document'), [...TOUCHED, 'documents']);
  return (
    <Panel title={t('talk.title')}>
      <Group gap="xs">
        {order.attachments.map((one) => (
          <a key={one.id} href={address(`documents/${one.document_id}/content`)} target="_blank" rel="noreferrer" className="tap">
            {one.mime.startsWith('image/') ? <img src={address(`documents/${one.document_id}/content`)} alt={one.name} height={64} style={{ border: '1px solid var(--line)' }} /> : one.name}
          </a>
        ))}
      </Group>
      {order.attachments.length === 0 && <Text size="sm" c="dimmed">{t('talk.none')}</Text>}
      {may && (
        <>
          <Textarea label={t('talk.comment')} mt="xs" autosize minRows={2} value={text} onChange={(event) => setText(event.currentTarget.value)} />
          <Group gap="xs" mt="xs">
            <Button loading={say.isPending} disabled={!text.trim()} onClick={() => say.mutate(undefined)} data-say>{t('talk.say')}</Button>
            <FileButton onChange={(file) => file && keep.mutate(file)} inputProps={{ 'aria-label': t('talk.photo') }}>{(props) => <Button {...props} leftSection={<IconCamera size={16} aria-hidden />} loading={keep.isPending}>{t('talk.photo')}</Button>}</FileButton>
          </Group>
        </>
      )}
    </Panel>
  );
}
