/** One source or tag of the ledger: its account, its stages over time, and what was rejected with how to mend it. */
import { Box, Button, Group, SegmentedControl, SimpleGrid, Stack, Table, Text } from '@mantine/core';
import { IconAlertTriangle, IconArrowLeft, IconCheck } from '@tabler/icons-react';
import { queryOptions, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask } from '../api/client';
import { useFormat } from '../format/useFormat';
import { Answer, PageHead, Panel } from './Page';
import { Scroll } from './Scroll';

interface Counts { received: number; stored: number; duplicate: number; filtered: number; rejected: Record<string, number>; pending: number }
interface Stage extends Counts { start: string; end: string }
interface Reason { reason: string; count: number; hint: string; last: { tag: string; timestamp: string; value: string; arrived: string }[] }
interface Trace { source: string; tag: string | null; property: string | null; tags: number; totals: Counts & { balance: number }; overwritten: number | null; rejected: Reason[]; stages: Stage[] }

const STAGES = ['received', 'stored', 'duplicate', 'filtered', 'rejected', 'pending'] as const;
const HOURS = [1, 24, 168] as const;
const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((whole, one) => whole + one, 0);
const figure = (counts: Counts, name: (typeof STAGES)[number]): number => (name === 'rejected' ? sum(counts.rejected) : counts[name]);
const trace = (source: string, tag: string | undefined, hours: number) => queryOptions({ queryKey: ['ledger', 'trace', source, tag, hours], queryFn: ({ signal }) => ask<Trace>('ledger/trace', { query: { source, tag, hours }, signal }), refetchInterval: 10_000 });

export function Account({ source, tag }: { source: string; tag: string | undefined }) {
  const { t } = useTranslation();
  const [hours, setHours] = useState('24');
  return (
    <>
      <PageHead title={t('nav.ledger')} sub={<Group gap={6} component="span"><span>{source}</span>{tag && <span className="mono">{tag}</span>}</Group>}>
        <Button renderRoot={(props) => <Link to="/ledger" {...props} />} leftSection={<IconArrowLeft size={16} aria-hidden />}>{t('ledger.all')}</Button>
        <SegmentedControl aria-label={t('ledger.back')} size="xs" value={hours} onChange={setHours} data={HOURS.map((one) => ({ value: String(one), label: t(one < 48 ? 'ledger.hours' : 'ledger.days', { count: one < 48 ? one : one / 24 }) }))} />
      </PageHead>
      <Answer of={useQuery(trace(source, tag, Number(hours)))}>{(found) => <Stack gap="sm"><Sums found={found} /><Rejected found={found} /><Stages stages={found.stages} /></Stack>}</Answer>
    </>
  );
}

function Sums({ found }: { found: Trace }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Box>
      <Text size="sm" c="dimmed" mb="xs" className="wrap">{found.tag === null ? t('ledger.tags', { count: found.tags }) : (found.property ?? t('ledger.unbound'))}</Text>
      <SimpleGrid cols={{ base: 2, sm: 4, lg: 7 }} spacing="xs">
        {STAGES.map((name) => (
          <Box key={name} className="card pad">
            <Text size="xs" c="dimmed">{t(`ledger.${name}`)}</Text>
            <Text fz={20} fw={600}>{f.number(figure(found.totals, name))}</Text>
            {name === 'stored' && found.overwritten !== null && <Text size="xs" c="dimmed">{t('ledger.overwritten', { n: f.number(found.overwritten) })}</Text>}
          </Box>
        ))}
        <Box className="card pad"><Text size="xs" c="dimmed">{t('ledger.balance')}</Text><Balance value={found.totals.balance} big /></Box>
      </SimpleGrid>
    </Box>
  );
}

function Rejected({ found }: { found: Trace }) {
  const { t } = useTranslation();
  const f = useFormat();
  if (!found.rejected.length) return null;
  return (
    <Panel title={t('ledger.whyRejected')}>
      <Stack gap="md">
        {found.rejected.map((one) => (
          <Box key={one.reason}>
            <Group gap={8} wrap="nowrap" align="flex-start"><IconAlertTriangle size={18} aria-hidden color="var(--alarm-2)" style={{ flex: 'none' }} /><Text size="sm" className="wrap"><b>{one.reason}</b> ({f.number(one.count)}): {t('ledger.mend')} {one.hint}</Text></Group>
            {one.last.length > 0 && (
              <Scroll minWidth={520}>
                <Table mt={4}>
                  <Table.Thead><Table.Tr><Table.Th>{t('ledger.tag')}</Table.Th><Table.Th>{t('ledger.stamped')}</Table.Th><Table.Th className="figure">{t('ledger.value')}</Table.Th><Table.Th>{t('ledger.arrived')}</Table.Th></Table.Tr></Table.Thead>
                  <Table.Tbody>{one.last.map((row, at) => <Table.Tr key={at}><Table.Td className="mono">{row.tag}</Table.Td><Table.Td className="nowrap">{f.when(row.timestamp)}</Table.Td><Table.Td className="figure mono">{row.value}</Table.Td><Table.Td className="nowrap">{f.when(row.arrived)}</Table.Td></Table.Tr>)}</Table.Tbody>
                </Table>
              </Scroll>
            )}
            {one.last.length === 0 && <Text size="xs" c="dimmed">{t('ledger.noExamples')}</Text>}
          </Box>
        ))}
      </Stack>
    </Panel>
  );
}

function Stages({ stages }: { stages: Stage[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const most = Math.max(1, ...stages.map((one) => one.received));
  return (
    <Panel title={t('ledger.stages')} pad={false}>
      {stages.length === 0 ? <Text size="sm" c="dimmed" p="sm">{t('ledger.noPast')}</Text> : (
        <Scroll minWidth={720} mah={520}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{t('ledger.until')}</Table.Th><Table.Th w={160}><span className="visually-hidden">{t('ledger.share')}</span></Table.Th>{STAGES.map((name) => <Table.Th key={name} className="figure">{t(`ledger.${name}`)}</Table.Th>)}</Table.Tr></Table.Thead>
            <Table.Tbody>
              {[...stages].reverse().map((one) => (
                <Table.Tr key={one.end}>
                  <Table.Td className="nowrap">{f.when(one.end)}<Text size="xs" c="dimmed">{f.span((Date.parse(one.end) - Date.parse(one.start)) / 1000)}</Text></Table.Td>
                  <Table.Td><div className="bullet" aria-hidden><i style={{ width: `${(one.received / most) * 100}%` }} /></div></Table.Td>
                  {STAGES.map((name) => <Table.Td key={name} className="figure">{f.number(figure(one, name))}{name === 'rejected' && sum(one.rejected) > 0 && <Text size="xs" c="dimmed">{Object.entries(one.rejected).map(([why, count]) => `${why} ${f.number(count)}`).join(', ')}</Text>}</Table.Td>)}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Scroll>
      )}
    </Panel>
  );
}

/** What nobody can explain: zero, or an alarm. */
export function Balance({ value, big = false }: { value: number; big?: boolean }) {
  const { t } = useTranslation();
  const f = useFormat();
  const even = value === 0;
  const Icon = even ? IconCheck : IconAlertTriangle;
  return <Group gap={4} wrap="nowrap" justify={big ? 'flex-start' : 'flex-end'} c={even ? undefined : 'var(--alarm-1)'}><Icon size={big ? 20 : 15} aria-hidden /><Text fz={big ? 20 : 14} fw={even && !big ? 400 : 700}>{f.number(value)}</Text><span className="visually-hidden">{t(even ? 'ledger.even' : 'ledger.odd')}</span></Group>;
}
