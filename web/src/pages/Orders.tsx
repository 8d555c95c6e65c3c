import { Box, Button, Group, Modal, SegmentedControl, Select, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { WorkOrder } from '../api/types';
import { w } from '../api/workshop';
import { useMay, useMe } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, PageHead } from '../parts/Page';
import { Prio } from '../parts/Prio';
import { TableFiles } from '../parts/TableFiles';
import { useTitle } from '../parts/titles';

const COLUMNS = [
  ['toPlan', ['requested', 'triaged', 'planned']],
  ['ready', ['assigned', 'waiting']],
  ['inWork', ['in_progress', 'on_hold']],
  ['toVerify', ['done']],
  ['finished', ['verified', 'closed', 'cancelled', 'rejected']],
] as const;

/** Who has to do what: a board on a desk, a list in a hand. */
export default function Orders() {
  const { t } = useTranslation();
  const phone = useMediaQuery('(max-width: 48em)') ?? false;
  const [search, setSearch] = useState('');
  const [creating, setCreating] = useState(false);
  const [whose, setWhose] = useState('all');
  const [kind, setKind] = useState<string | null>(null);
  const me = useMe();
  const mayCreate = useMay('work-orders.create');
  return (
    <>
      <PageHead title={t('nav.orders')} sub={t('order.sub')}>
        <TextInput aria-label={t('order.search')} placeholder={t('order.search')} data-search value={search} onChange={(event) => setSearch(event.currentTarget.value)} />
        <Select aria-label={t('order.kind')} placeholder={t('order.allKinds')} clearable w={170} value={kind} onChange={setKind} data={['corrective', 'preventive', 'predictive', 'inspection'].map((value) => ({ value, label: t(`orderKind.${value}`) }))} clearButtonProps={{ 'aria-label': t('action.clear') }} />
        <SegmentedControl aria-label={t('order.whose')} value={whose} onChange={setWhose} data={['all', 'mine', 'late'].map((value) => ({ value, label: t(`whose.${value}`) }))} />
        <TableFiles what="orders" />
        {mayCreate && <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setCreating(true)}>{t('order.new')}</Button>}
      </PageHead>
      <Answer of={useQuery(q.orders)} empty={(list) => list.items.length === 0} none={t('order.none')}>
        {(list) => <Columns items={list.items.filter((one) => (!kind || one.kind === kind) && (whose !== 'mine' || one.assigned_to === (me.display || me.name)) && (whose !== 'late' || isLate(one)))} search={search} phone={phone} />}
      </Answer>
      {creating && <NewOrder onClose={() => setCreating(false)} />}
    </>
  );
}

function Columns({ items, search, phone }: { items: WorkOrder[]; search: string; phone: boolean }) {
  const { t } = useTranslation();
  const words = search.trim().toLowerCase();
  const title = useTitle();
  const shown = useMemo(() => items.filter((one) => !words || `${one.number} ${one.title} ${title(one.title)} ${one.asset}`.toLowerCase().includes(words)).sort((a, b) => a.priority - b.priority || Date.parse(b.created) - Date.parse(a.created)), [items, words, title]);
  const columns = COLUMNS.map(([name, states]) => [name, shown.filter((one) => (states as readonly string[]).includes(one.state))] as const);
  return (
    <Box className={phone ? '' : 'board'}>
      {columns.map(([name, mine]) => (phone && mine.length === 0 ? null : (
        <Box key={name} component="section" className="card" mb={phone ? 'sm' : 0} aria-label={t(`column.${name}`)}>
          <Group justify="space-between" px={12} py={8}><Title order={2} fz={14}>{t(`column.${name}`)}</Title><Text size="sm" c="dimmed">{mine.length}</Text></Group>
          <Box className="rows" style={{ borderTop: '1px solid var(--line)' }}>
            {mine.map((order) => <OrderCard key={order.id} order={order} />)}
            {mine.length === 0 && <Text size="sm" c="dimmed" p="sm">{t('column.empty')}</Text>}
          </Box>
        </Box>
      )))}
    </Box>
  );
}

const isLate = (order: WorkOrder): boolean => order.due !== null && Date.parse(order.due) < Date.now() && !['verified', 'closed', 'cancelled', 'rejected', 'done'].includes(order.state);

function OrderCard({ order }: { order: WorkOrder }) {
  const { t } = useTranslation();
  const f = useFormat();
  const late = isLate(order);
  const title = useTitle();
  return (
    <Link to="/orders/$id" params={{ id: order.id }} className="row-link" data-order={order.id}>
      <Group gap={8} wrap="nowrap" align="flex-start">
        <Prio p={order.priority} size={22} />
        <Box style={{ minWidth: 0 }}>
          <Text size="sm" fw={600} className="wrap">{title(order.title)}</Text>
          <Text size="xs" c="dimmed" className="wrap">{order.number} · {order.asset}</Text>
          <Text size="xs">{t(`orderState.${order.state}`)} · {t(`orderKind.${order.kind}`)}{order.waiting_for ? ` · ${t(`wait.${order.waiting_for}`)}` : ''}{order.assigned_to ? ` · ${order.assigned_to}` : ''}</Text>
          {order.due && <Text size="xs" fw={late ? 700 : 400} c={late ? 'var(--alarm-2)' : 'dimmed'}>{t(late ? 'order.late' : 'order.due')} {f.when(order.due)}</Text>}
        </Box>
      </Group>
    </Link>
  );
}

function NewOrder({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const assets = useQuery(q.assets).data?.items ?? [];
  const [asset, setAsset] = useState<string | null>(null);
  const [title, setTitle] = useState('');
  const [kind, setKind] = useState('corrective');
  const [urgency, setUrgency] = useState('3');
  const [instruction, setInstruction] = useState<string | null>(null);
  const sheets = useQuery(w.instructions).data?.items ?? [];
  const create = useCommand(() => post<WorkOrder>('work-orders', { asset, title, kind, urgency: Number(urgency), instruction: instruction ?? '' }), ['work-orders'], (order) => void navigate({ to: '/orders/$id', params: { id: order.id } }));
  return (
    <Modal opened onClose={onClose} title={t('order.new')} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); create.mutate(undefined); }}>
        <Stack gap="sm">
          <Select label={t('word.asset')} required searchable value={asset} onChange={setAsset} data={assets.map((one) => one.path)} />
          <TextInput label={t('order.title')} required value={title} onChange={(event) => setTitle(event.currentTarget.value)} />
          <Select label={t('order.kind')} allowDeselect={false} value={kind} onChange={(value) => value && setKind(value)} data={['corrective', 'preventive', 'predictive', 'inspection'].map((value) => ({ value, label: t(`orderKind.${value}`) }))} />
          <Select label={t('order.urgency')} description={t('order.urgencyHow')} allowDeselect={false} value={urgency} onChange={(value) => value && setUrgency(value)} data={['1', '2', '3', '4', '5'].map((value) => ({ value, label: t(`urgency.${value}`) }))} />
          <Select label={t('order.instruction')} clearable searchable value={instruction} onChange={setInstruction} data={sheets.map((one) => ({ value: one.name, label: one.title }))} clearButtonProps={{ 'aria-label': t('action.clear') }} />
          <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={create.isPending} disabled={!asset || !title.trim()}>{t('order.create')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}
