/** How well the alarms serve their operators: each figure beside ISA-18.2 and EEMUA 191, and the alarms to mend first. */
import { Box, Button, Group, NumberInput, SegmentedControl, Select, Text } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { al, type AlarmKpis as Kpis, type Benchmark, type Often } from '../api/alarms';
import { q } from '../api/queries';
import { toAlarm } from '../app/alarmSearch';
import { useFormat } from '../format/useFormat';
import { useSentence } from '../locales/sentences';
import { Listed, type Listing } from '../parts/Listed';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { Prio } from '../parts/Prio';

const HOURS = [8, 24, 168, 720] as const;
const SHARES = ['hours_over_30', 'periods_over_10', 'flood_share', 'top_share'];

export default function AlarmKpis() {
  const { t } = useTranslation();
  const [hours, setHours] = useState(24);
  const [operators, setOperators] = useState<number | null>(null);
  const [asset, setAsset] = useState<string | null>(null);
  const answer = useQuery({ ...al.kpis(hours, operators, asset), placeholderData: keepPreviousData });
  const places = (useQuery(q.assets).data?.items ?? []).map((one) => one.path).sort();
  return (
    <>
      <PageHead title={t('nav.alarmKpis')} sub={t('kpi.sub')}><Button component={Link} to="/alarms">{t('nav.alarms')}</Button></PageHead>
      <Group gap="sm" mb="sm" align="flex-end">
        <SegmentedControl aria-label={t('kpi.time')} value={String(hours)} onChange={(value) => setHours(Number(value))} data={HOURS.map((one) => ({ value: String(one), label: t(`kpi.hours.${one}`) }))} />
        <Select label={t('word.asset')} placeholder={t('kpi.everything')} clearable searchable value={asset} onChange={setAsset} data={places} clearButtonProps={{ 'aria-label': t('action.clear') }} style={{ flex: '1 1 200px' }} maw={360} />
        <NumberInput label={t('kpi.operators')} min={1} max={1000} allowDecimal={false} value={operators ?? answer.data?.operators ?? 1} onChange={(value) => setOperators(Math.max(1, Number(value) || 1))} w={110} />
      </Group>
      <Answer of={answer}>{(kpis) => <Figures kpis={kpis} />}</Answer>
    </>
  );
}

function Figures({ kpis }: { kpis: Kpis }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Box style={{ display: 'grid', gap: 12, gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 420px), 1fr))', alignItems: 'start' }}>
      <Panel title={t('kpi.benchmarks')}><Benchmarks items={kpis.benchmarks} /></Panel>
      <Panel title={t('kpi.periods')}>
        <Periods kpis={kpis} />
        <Facts of={[
          [t('kpi.alarms'), f.number(kpis.alarms, 0)],
          [t('kpi.acknowledgedAfter'), f.span(kpis.acknowledged_after_s)],
          [t('kpi.shelved'), f.number(kpis.shelved, 0)],
          [t('kpi.outOfService'), f.number(kpis.out_of_service, 0)],
          [t('kpi.notRationalised'), f.number(kpis.not_rationalised, 0)],
        ]} />
      </Panel>
      <Panel title={t('kpi.top')}><Oftens items={kpis.top} none={t('kpi.noneOfThem')} /></Panel>
      <Panel title={t('kpi.priorities')}><Priorities kpis={kpis} /></Panel>
      <Panel title={t('kpi.chattering')} extra={<Text size="xs" c="dimmed">{t('kpi.chatteringWhy')}</Text>}><Oftens items={kpis.chattering} none={t('kpi.noneOfThem')} /></Panel>
      <Panel title={t('kpi.fleeting')} extra={<Text size="xs" c="dimmed">{t('kpi.fleetingWhy')}</Text>}><Oftens items={kpis.fleeting} none={t('kpi.noneOfThem')} /></Panel>
      <Panel title={t('kpi.stale')} extra={<Text size="xs" c="dimmed">{t('kpi.staleWhy')}</Text>}>
        <Rows head={[t('alarm.alarm'), t('word.asset'), t('alarm.raised')]} none={t('kpi.noneOfThem')} rows={kpis.stale.map((one) => [one.alarm_id, <Named key="n" id={one.alarm_id} name={one.name} p={one.priority} />, one.asset, f.when(one.raised)])} />
      </Panel>
      <Panel title={t('kpi.floods')} extra={<Text size="xs" c="dimmed">{t('kpi.floodsWhy')}</Text>}>
        <Rows head={[t('kpi.from'), t('kpi.to'), t('kpi.alarms'), t('kpi.peak')]} none={t('kpi.noneOfThem')} rows={kpis.floods.map((one) => [one.start, f.when(one.start), f.when(one.end), f.number(one.alarms, 0), f.number(one.peak, 0)])} />
      </Panel>
      <Panel title={t('kpi.areas')}>
        <Rows head={[t('kpi.area'), t('kpi.alarms'), t('kpi.perHour'), t('kpi.peak')]} none={t('kpi.noneOfThem')} rows={kpis.areas.map((one) => [one.area, one.area, f.number(one.alarms, 0), f.number(one.per_hour, 2), f.number(one.peak_10min, 0)])} />
      </Panel>
    </Box>
  );
}

const MARKS = { good: '✓', manageable: '△', over: '▲', unknown: '–' } as const;

function Benchmarks({ items }: { items: Benchmark[] }) {
  const { t } = useTranslation();
  const say = useSentence();
  const f = useFormat();
  const show = (one: Benchmark, value: number | null): string => (SHARES.includes(one.name) ? f.percent(value, 1) : f.number(value, Number.isInteger(value) ? 0 : 1));
  const rows = items.map((one): Listing => ({
    key: one.name,
    about: say(one.source),
    cells: [
      t(`kpi.of.${one.name}`),
      <span key="v" className="nowrap" style={one.verdict === 'over' ? { fontWeight: 700 } : undefined}>{MARKS[one.verdict]} {t(`kpi.verdicts.${one.verdict}`)}</span>,
      show(one, one.value),
      `≤ ${show(one, one.good)}${one.manageable > one.good ? ` (${show(one, one.manageable)})` : ''}`,
    ],
  }));
  return <Listed name="benchmarks" head={[t('kpi.figure'), t('kpi.verdict'), t('kpi.value'), t('kpi.good')]} rows={rows} figures={2} minWidth={430} />;
}

const HIGH = 120;

/** Alarms of each ten minutes (many of them together where the span is long), with the line at which a flood begins. */
function Periods({ kpis }: { kpis: Kpis }) {
  const { t } = useTranslation();
  const { ref, width } = useElementSize<HTMLDivElement>();
  const wide = Math.max(240, width);
  const bars = gathered(kpis.periods, Math.floor(wide / 3));
  const flood = 10 * kpis.operators;
  const top = Math.max(flood * 1.2, ...bars);
  return (
    <Box ref={ref} mb="sm">
      <svg viewBox={`0 0 ${wide} ${HIGH}`} role="img" aria-label={t('kpi.chart', { peak: Math.max(0, ...kpis.periods), count: kpis.alarms })} style={{ width: '100%', height: HIGH, display: 'block' }}>
        {bars.map((count, at) => count > 0 && <rect key={at} x={(at * wide) / bars.length} y={HIGH - (count / top) * HIGH} width={Math.max(1, wide / bars.length - 1)} height={(count / top) * HIGH} fill={count > flood ? 'var(--alarm-2-fill)' : 'var(--bar-strong)'} />)}
        <line x1={0} x2={wide} y1={HIGH - (flood / top) * HIGH} y2={HIGH - (flood / top) * HIGH} stroke="currentColor" strokeDasharray="4 4" />
        <line x1={0} x2={wide} y1={HIGH - 0.5} y2={HIGH - 0.5} stroke="var(--line)" />
      </svg>
      <Text size="xs" c="dimmed">{t('kpi.floodLine', { count: flood })}</Text>
    </Box>
  );
}

/** As many bars as fit: of periods that fall together the largest stands, so that no peak is lost. */
export function gathered(periods: readonly number[], most: number): number[] {
  const size = Math.max(1, Math.ceil(periods.length / Math.max(1, most)));
  return Array.from({ length: Math.ceil(periods.length / size) }, (_, at) => Math.max(...periods.slice(at * size, (at + 1) * size)));
}

const AIM: Record<number, number> = { 1: 0.05, 2: 0.15, 3: 0.8 };

function Priorities({ kpis }: { kpis: Kpis }) {
  const { t } = useTranslation();
  const f = useFormat();
  const rows = [1, 2, 3].map((priority) => {
    const count = Object.entries(kpis.priorities).filter(([one]) => (priority === 3 ? Number(one) >= 3 : Number(one) === priority)).reduce((sum, [, n]) => sum + n, 0);
    return [String(priority), <Group key="p" gap={6} wrap="nowrap"><Prio p={priority} silent /><Text size="sm">{t(priority === 3 ? 'kpi.threeAndBelow' : `priority.${priority}`)}</Text></Group>, f.number(count, 0), f.percent(kpis.alarms ? count / kpis.alarms : null, 0), f.percent(AIM[priority], 0)] as const;
  });
  return <Rows head={[t('alarm.priority'), t('kpi.alarms'), t('kpi.share'), t('kpi.aim')]} none="" rows={rows} />;
}

const Named = ({ id, name, p }: { id: string; name: string; p: number }) => <Group gap={6} wrap="nowrap"><Prio p={p} size={18} /><Link to="/alarms" search={toAlarm({ id })} className="plain"><Text size="sm" fw={600} span>{name}</Text></Link></Group>;

function Oftens({ items, none }: { items: Often[]; none: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  return <Rows head={[t('alarm.alarm'), t('word.asset'), t('kpi.times'), t('kpi.share')]} none={none} rows={items.map((one) => [one.alarm_id, <Named key="n" id={one.alarm_id} name={one.name} p={one.priority} />, one.asset, f.number(one.count, 0), f.percent(one.share, 0)])} />;
}

/** The first of each row is its key, words come before figures. */
function Rows({ head, rows, none }: { head: readonly string[]; rows: readonly (readonly [string, ...ReactNode[]])[]; none: string }) {
  if (!rows.length) return <Text size="sm" c="dimmed">{none}</Text>;
  return <Listed head={head} rows={rows.map(([key, ...cells]) => ({ key, cells }))} figures={head.length > 3 ? 2 : 0} />;
}
