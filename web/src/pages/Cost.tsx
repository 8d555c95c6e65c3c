import { Box, Button, Group, NumberInput, SegmentedControl, SimpleGrid, Stack, Table, Text, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconPencil } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ask } from '../api/client';
import { cost as question, TIERS, type Cost as Estimate, type CostBudget, type CostTerms, type Tier } from '../api/cost';
import { useCommand } from '../api/queries';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Growth, inBytes, inMoney } from '../parts/Growth';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';

const AHEAD = [30, 90, 360] as const;

/** What storage costs, how it grows, and whether the budget will do. */
export default function Cost() {
  const { t } = useTranslation();
  return (
    <>
      <PageHead title={t('nav.cost')} sub={t('cost.sub')} />
      <Answer of={useQuery(question(90))}>{(found) => <Body found={found} />}</Answer>
    </>
  );
}

/** Money in the currency of the terms; what is less than a cent says so. */
function useMoney(currency: string): (amount: number) => string {
  const f = useFormat();
  return (amount) => (amount > 0 && amount < 0.01 ? `< ${f.money(0.01, currency)}` : f.money(amount, currency));
}

function Body({ found }: { found: Estimate }) {
  return (
    <Stack gap="sm">
      <Tiles found={found} />
      <Chart found={found} />
      <Lines found={found} />
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm">
        <Terms terms={found.terms} />
        <Stack gap="sm"><Budgets found={found} /><WhatIf found={found} /></Stack>
      </SimpleGrid>
    </Stack>
  );
}

function Tiles({ found }: { found: Estimate }) {
  const { t } = useTranslation();
  const f = useFormat();
  const money = useMoney(found.terms.currency);
  const { pace } = found;
  const day = pace.rows_per_s !== null && pace.bytes_per_row !== null ? pace.rows_per_s * pace.bytes_per_row * 86_400 : null;
  const year = found.months.at(-1);
  const tiles: [string, ReactNode, ReactNode][] = [
    [t('cost.now'), money(found.money), f.bytes(Object.values(found.sizes).reduce((sum, size) => sum + size, 0))],
    [t('cost.inYear'), year ? money(year.money) : '–', year ? f.bytes(Object.values(year.sizes).reduce((sum, size) => sum + size, 0)) : t('cost.tooEarly')],
    [t('cost.values'), pace.rows_per_s === null ? '–' : t('cost.perSecond', { n: f.number(pace.rows_per_s, pace.rows_per_s < 10 ? 1 : 0) }), pace.bytes_per_row === null ? t('cost.tooEarly') : t('cost.each', { n: f.number(pace.bytes_per_row, 1) })],
    [t('cost.growth'), day === null ? '–' : t('cost.aDay', { n: f.bytes(day) }), t('cost.measured', { span: f.span(pace.measured_s) })],
  ];
  return <SimpleGrid cols={{ base: 2, md: 4 }} spacing="xs">{tiles.map(([label, figure, more]) => <Box key={label} className="card pad"><Text size="xs" c="dimmed">{label}</Text><Text fz={20} fw={600}>{figure}</Text><Text size="xs" c="dimmed">{more}</Text></Box>)}</SimpleGrid>;
}

function Chart({ found }: { found: Estimate }) {
  const { t } = useTranslation();
  const f = useFormat();
  const money = useMoney(found.terms.currency);
  const [of, setOf] = useState<'size' | 'money'>('size');
  const [days, setDays] = useState('360');
  const limit = of === 'money' ? found.terms.budget_money : null;
  const choose = (
    <Group gap="xs">
      <SegmentedControl size="xs" aria-label={t('cost.of')} value={of} onChange={(value) => setOf(value as typeof of)} data={[{ value: 'size', label: t('cost.size') }, { value: 'money', label: t('cost.money') }]} />
      <SegmentedControl size="xs" aria-label={t('cost.ahead')} value={days} onChange={setDays} data={AHEAD.map((one) => ({ value: String(one), label: t('cost.months', { count: one / 30 }) }))} />
    </Group>
  );
  return (
    <Panel title={t('cost.grows')} extra={choose} pad={false}>
      <Growth cost={found} weigh={of === 'money' ? inMoney(found.terms.prices) : inBytes} days={Number(days)} limit={limit} show={of === 'money' ? money : f.bytes} date={f.day} />
    </Panel>
  );
}

function Lines({ found }: { found: Estimate }) {
  const { t } = useTranslation();
  const f = useFormat();
  const money = useMoney(found.terms.currency);
  return (
    <Panel title={t('cost.tables')} pad={false}>
      <Scroll minWidth={860}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('cost.table')}</Table.Th><Table.Th>{t('cost.tier')}</Table.Th><Table.Th className="figure">{t('cost.rows')}</Table.Th><Table.Th className="figure">{t('cost.today')}</Table.Th><Table.Th className="figure">{t('cost.growth')}</Table.Th>{[1, 3, 12].map((count) => <Table.Th key={count} className="figure">{t('cost.months', { count })}</Table.Th>)}<Table.Th className="figure">{t('cost.now')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {found.lines.map((line) => (
              <Table.Tr key={`${line.table} ${line.tier}`}>
                <Table.Td>{line.table.startsWith('(') ? t(`costTable.${line.table.slice(1, -1).replaceAll(' ', '_')}`) : <span className="mono">{line.table}</span>}</Table.Td>
                <Table.Td className="nowrap">{t(`tier.${line.tier}`)}</Table.Td>
                <Table.Td className="figure">{f.number(line.rows)}</Table.Td>
                <Table.Td className="figure">{f.bytes(line.now)}</Table.Td>
                <Table.Td className="figure">{line.per_day === null ? '–' : t('cost.aDay', { n: f.bytes(line.per_day) })}</Table.Td>
                <Table.Td className="figure">{f.bytes(line.months_1)}</Table.Td>
                <Table.Td className="figure">{f.bytes(line.months_3)}</Table.Td>
                <Table.Td className="figure">{f.bytes(line.months_12)}</Table.Td>
                <Table.Td className="figure">{money(line.money)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
      {found.unmeasured.length > 0 && <Text size="sm" c="dimmed" p="sm">{t('cost.unmeasured', { count: found.unmeasured.length })}</Text>}
    </Panel>
  );
}

function Budgets({ found }: { found: Estimate }) {
  const { t } = useTranslation();
  return (
    <Panel title={t('cost.budget')}>
      {found.budget.length === 0 ? <Text size="sm" c="dimmed">{t('cost.noBudget')}</Text> : <Stack gap="xs">{found.budget.map((one) => <Budget key={one.what} one={one} currency={found.terms.currency} />)}</Stack>}
    </Panel>
  );
}

function Budget({ one, currency }: { one: CostBudget; currency: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  const money = useMoney(currency);
  const show = (value: number): string => (one.what === 'money' ? money(value) : f.bytes(value * 1e9));
  const over = one.exceeded_in_days === 0;
  const soon = one.exceeded_in_days !== null && one.exceeded_in_days <= 30;
  const words = over ? t('cost.exceeded') : one.exceeded_in_days === null ? t('cost.holds') : t('cost.exceededIn', { count: one.exceeded_in_days, at: f.day(one.exceeded_at) });
  const Icon = over || soon ? IconAlertTriangle : IconCheck;
  const colour = over ? 'var(--alarm-1)' : soon ? 'var(--alarm-2)' : undefined;
  return (
    <Group gap={8} wrap="nowrap" align="flex-start">
      <Icon size={18} aria-hidden color={colour} style={{ flex: 'none' }} />
      <Text size="sm"><b>{t(one.what === 'money' ? 'cost.money' : `tier.${one.what}`)}</b>: {t('cost.used', { used: show(one.used), limit: show(one.limit) })}. {words}</Text>
    </Group>
  );
}

function WhatIf({ found }: { found: Estimate }) {
  const { t } = useTranslation();
  const f = useFormat();
  const money = useMoney(found.terms.currency);
  const rules = Object.entries(found.rules);
  return (
    <Panel title={t('cost.rules')}>
      <Text size="sm">{rules.length ? rules.map(([table, days]) => t('cost.rule', { table, count: days })).join(' ') : t('cost.noRules')}</Text>
      {found.what_if.length > 0 && (
        <>
        <Text size="sm" mt="xs">{t('cost.whatIf')}</Text>
        <Scroll minWidth={300}><Table mt="xs">
          <Table.Thead><Table.Tr><Table.Th>{t('cost.olderThan')}</Table.Th><Table.Th className="figure">{t('cost.moved')}</Table.Th><Table.Th className="figure">{t('cost.inYear')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{found.what_if.map((one) => <Table.Tr key={one.older_than_days}><Table.Td>{t('cost.days', { count: one.older_than_days })}</Table.Td><Table.Td className="figure">{f.bytes(one.moved)}</Table.Td><Table.Td className="figure">{money(one.money)}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table></Scroll>
        </>
      )}
      <Text size="xs" c="dimmed" mt="xs">{t('cost.kept', { count: Math.round(found.kept_days) })}</Text>
    </Panel>
  );
}

interface Entry { currency: string; prices: Record<Tier, number | string>; budget: Record<'money' | Tier, number | string> }
const entryOf = (terms: CostTerms): Entry => ({ currency: terms.currency, prices: { ...terms.prices }, budget: { money: terms.budget_money ?? '', hot: terms.budget_gb.hot ?? '', local: terms.budget_gb.local ?? '', object: terms.budget_gb.object ?? '' } });
const limitOf = (value: number | string): number | null => (value === '' ? null : Number(value));

function Terms({ terms }: { terms: CostTerms }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('cost.edit');
  const [editing, setEditing] = useState(false);
  const limit = (value: number | null, show: (value: number) => string): string => (value === null ? t('cost.none') : show(value));
  return (
    <Panel title={t('cost.prices')} extra={may && !editing && <Button leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setEditing(true)}>{t('catalog.edit')}</Button>}>
      {editing ? <Edit terms={terms} done={() => setEditing(false)} /> : (
        <Scroll minWidth={320}><Table>
          <Table.Thead><Table.Tr><Table.Th>{t('cost.tier')}</Table.Th><Table.Th className="figure">{t('cost.price', { currency: terms.currency })}</Table.Th><Table.Th className="figure">{t('cost.budget')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {TIERS.map((tier) => <Table.Tr key={tier}><Table.Td>{t(`tier.${tier}`)}</Table.Td><Table.Td className="figure">{f.number(terms.prices[tier], 3)}</Table.Td><Table.Td className="figure">{limit(terms.budget_gb[tier], (value) => f.bytes(value * 1e9))}</Table.Td></Table.Tr>)}
            <Table.Tr><Table.Td>{t('cost.all')}</Table.Td><Table.Td /><Table.Td className="figure">{limit(terms.budget_money, (value) => `${f.number(value)} ${t('cost.aMonth', { currency: terms.currency })}`)}</Table.Td></Table.Tr>
          </Table.Tbody>
        </Table></Scroll>
      )}
      <Text size="xs" c="dimmed" mt="xs">{t('cost.source')}</Text>
    </Panel>
  );
}

function Edit({ terms, done }: { terms: CostTerms; done: () => void }) {
  const { t } = useTranslation();
  const [entry, setEntry] = useState(entryOf(terms));
  const save = useCommand(
    () => ask('cost', { method: 'PATCH', body: { currency: entry.currency, prices: Object.fromEntries(TIERS.map((tier) => [tier, Number(entry.prices[tier])])), budget: Object.fromEntries(Object.entries(entry.budget).map(([what, value]) => [what, limitOf(value)])), version: terms.version || null } }),
    ['cost', 'health'],
    () => { report(t('word.saved')); done(); },
  );
  const price = (tier: Tier): ReactNode => <NumberInput key={tier} label={`${t(`tier.${tier}`)}: ${t('cost.price', { currency: entry.currency })}`} min={0} step={0.01} decimalScale={6} value={entry.prices[tier]} onChange={(value) => setEntry((now) => ({ ...now, prices: { ...now.prices, [tier]: value } }))} />;
  const limit = (what: 'money' | Tier): ReactNode => <NumberInput key={what} label={`${t('cost.budget')} ${what === 'money' ? t('cost.aMonth', { currency: entry.currency }) : `${t(`tier.${what}`)} (GB)`}`} placeholder={t('cost.none')} min={0} value={entry.budget[what]} onChange={(value) => setEntry((now) => ({ ...now, budget: { ...now.budget, [what]: value } }))} />;
  return (
    <Stack gap="xs">
      <TextInput label={t('cost.currency')} maxLength={3} w={120} value={entry.currency} onChange={({ currentTarget: { value } }) => setEntry((now) => ({ ...now, currency: value.toUpperCase() }))} error={/^[A-Z]{3}$/.test(entry.currency) ? undefined : t('cost.currencyCode')} />
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xs">{TIERS.flatMap((tier) => [price(tier), limit(tier)])}{limit('money')}</SimpleGrid>
      <Group gap="xs"><Button variant="filled" loading={save.isPending} disabled={!/^[A-Z]{3}$/.test(entry.currency) || TIERS.some((tier) => entry.prices[tier] === '')} onClick={() => save.mutate(undefined)}>{t('action.save')}</Button><Button onClick={done}>{t('action.cancel')}</Button></Group>
    </Stack>
  );
}
