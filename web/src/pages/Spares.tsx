import { Badge, Box, Button, Group, NumberInput, Stack, Table, Text, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconQrcode } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address, post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { Purchase, Spare } from '../api/types';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { useWho } from '../parts/Actor';
import { AtErp } from '../parts/AtErp';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';
import { SpareCard } from '../parts/SpareCard';
import { TableFiles } from '../parts/TableFiles';

/** What lies in which bin, what is promised to an order, and what is being bought. */
export default function Spares() {
  const { t } = useTranslation();
  const [search, setSearch] = useState('');
  const { part } = useSearch({ from: '/plant/spares' });
  const navigate = useNavigate();
  const show = (one: string | undefined): void => void navigate({ to: '/spares', search: one ? { part: one } : {} });
  return (
    <>
      {part && <SpareCard part={part} onClose={() => show(undefined)} />}
      <PageHead title={t('nav.spares')} sub={t('spare.sub')}><Button component="a" href={address('spares/labels')} target="_blank" rel="noreferrer" leftSection={<IconQrcode size={16} aria-hidden />}>{t('spare.labels')}</Button><TableFiles what="parts" /><TextInput aria-label={t('spare.search')} placeholder={t('spare.search')} data-search value={search} onChange={(event) => setSearch(event.currentTarget.value)} /></PageHead>
      <Panel title={t('spare.title')} pad={false}>
        <Answer of={useQuery(q.spares)} empty={(list) => list.items.length === 0}>{(list) => <Stock items={list.items.filter((one) => `${one.part} ${one.name} ${one.bin}`.toLowerCase().includes(search.trim().toLowerCase()))} />}</Answer>
      </Panel>
      <Panel title={t('purchase.title')} pad={false} mt="sm"><Purchases /></Panel>
    </>
  );
}

function Stock({ items }: { items: Spare[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Scroll minWidth={820}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('spare.part')}</Table.Th><Table.Th>{t('spare.bin')}</Table.Th><Table.Th className="figure">{t('spare.onHand')}</Table.Th><Table.Th className="figure">{t('spare.reserved')}</Table.Th><Table.Th className="figure">{t('spare.available')}</Table.Th><Table.Th className="figure">{t('spare.minimum')}</Table.Th><Table.Th className="figure">{t('spare.target')}</Table.Th><Table.Th className="figure">{t('spare.cost')}</Table.Th><Table.Th className="figure">{t('spare.lead')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((one) => {
            const low = one.available < one.minimum;
            return (
              <Table.Tr key={one.id} data-part={one.part}>
                <Table.Td><Link to="/spares" search={{ part: one.part }} className="tap"><Text size="sm" fw={600} span>{one.part}</Text></Link><Text size="xs" c="dimmed">{one.name}</Text></Table.Td>
                <Table.Td className="nowrap">{one.bin}</Table.Td>
                <Table.Td className="figure">{f.number(one.on_hand)}</Table.Td>
                <Table.Td className="figure">{f.number(one.reserved)}</Table.Td>
                <Table.Td className="figure">{low ? <Group gap={4} justify="flex-end" wrap="nowrap" c="var(--alarm-2)"><IconAlertTriangle size={16} aria-hidden /><Text size="sm" fw={700}>{f.number(one.available)} · {t('spare.low')}</Text></Group> : f.number(one.available)}</Table.Td>
                <Table.Td className="figure">{f.number(one.minimum)}</Table.Td>
                <Table.Td className="figure">{f.number(one.target)}</Table.Td>
                <Table.Td className="figure">{f.money(one.unit_cost)}</Table.Td>
                <Table.Td className="figure">{one.lead_time_days === null ? '–' : t('spare.days', { count: one.lead_time_days })}</Table.Td>
                <Table.Td className="figure"><Receive spare={one} /></Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}

function Receive({ spare }: { spare: Spare }) {
  const { t } = useTranslation();
  const may = useMay('spares.receive');
  const mayBuy = useMay('purchases.propose');
  const [open, setOpen] = useState<'receive' | 'buy' | null>(null);
  const [count, setCount] = useState<string | number>(1);
  const run = useCommand(() => (open === 'buy' ? post('purchases', { part: spare.part, quantity: Number(count) }) : post(`spares/${spare.id}/receive`, { quantity: Number(count), version: spare.version })), ['spares', 'purchases', 'approvals'], () => { setOpen(null); report(t('word.saved')); });
  if (!open) return <Stack gap={4} align="stretch">{may && <Button size="compact-sm" onClick={() => setOpen('receive')}>{t('spare.receive')}</Button>}{mayBuy && <Button size="compact-sm" onClick={() => { setCount(Math.max(1, spare.target - spare.available)); setOpen('buy'); }}>{t('spare.buy')}</Button>}</Stack>;
  return (
    <Group gap={4} wrap="nowrap" justify="flex-end">
      <NumberInput aria-label={t('spare.quantity')} size="xs" w={70} min={1} allowDecimal={false} value={count} onChange={setCount} autoFocus />
      <Button size="compact-sm" variant="filled" loading={run.isPending} disabled={!(Number(count) > 0)} onClick={() => run.mutate(undefined)}>{t(open === 'buy' ? 'spare.buy' : 'spare.receive')}</Button>
      <Button size="compact-sm" onClick={() => setOpen(null)}>{t('action.cancel')}</Button>
    </Group>
  );
}

function Purchases() {
  const { t } = useTranslation();
  const f = useFormat();
  const who = useWho();
  const mayReceive = useMay('purchases.receive');
  const receive = useCommand((one: Purchase) => post(`purchases/${one.id}/receive`, { version: one.version }), ['purchases', 'spares'], () => report(t('word.saved')));
  return (
    <Answer of={useQuery(q.purchases)} empty={(list) => list.items.length === 0} none={t('purchase.none')}>
      {(list) => (
        <Scroll minWidth={960}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{t('word.number')}</Table.Th><Table.Th>{t('spare.part')}</Table.Th><Table.Th className="figure">{t('spare.quantity')}</Table.Th><Table.Th className="figure">{t('purchase.cost')}</Table.Th><Table.Th>{t('word.state')}</Table.Th><Table.Th>{t('erp.title')}</Table.Th><Table.Th>{t('purchase.proposedBy')}</Table.Th><Table.Th>{t('purchase.approvedBy')}</Table.Th><Table.Th>{t('word.case')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {list.items.map((one) => (
                <Table.Tr key={one.id}>
                  <Table.Td className="nowrap">{one.number}<Text size="xs" c="dimmed">{f.when(one.created)}</Text></Table.Td>
                  <Table.Td><Text size="sm">{one.part}</Text><Text size="xs" c="dimmed">{one.name}</Text></Table.Td>
                  <Table.Td className="figure">{f.number(one.quantity)}{one.state === 'ordered' && one.received ? <Text size="xs" c="dimmed">{t('purchase.came', { quantity: f.number(one.received) })}</Text> : null}</Table.Td>
                  <Table.Td className="figure">{f.money(one.cost)}</Table.Td>
                  <Table.Td miw={150}><Badge color="slate" variant="outline">{t(`purchaseState.${one.state}`)}</Badge>{one.state === 'ordered' && mayReceive && <Box mt={4}><Button size="compact-sm" loading={receive.isPending && receive.variables.id === one.id} onClick={() => receive.mutate(one)}>{t('purchase.receive')}</Button></Box>}{one.state === 'proposed' && <Box><Link to="/approvals" className="tap">{t('purchase.decide')}</Link></Box>}</Table.Td>
                  <Table.Td><AtErp purchase={one} /></Table.Td>
                  <Table.Td>{who(one.proposed_by)}</Table.Td>
                  <Table.Td>{who(one.approved_by)}</Table.Td>
                  <Table.Td>{one.case_id ? <Link to="/cases/$id" params={{ id: one.case_id }}>{t('word.open')}</Link> : '–'}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Scroll>
      )}
    </Answer>
  );
}
