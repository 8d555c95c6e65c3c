import { Alert, Box, Button, Group, SegmentedControl, Select, SimpleGrid, Table, Text, TextInput } from '@mantine/core';
import { IconHistory, IconInfoCircle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { made, shiftsOf } from '../api/production';
import { q } from '../api/queries';
import type { Actor, Oee as Figures, Period } from '../api/types';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Bullet } from '../parts/Bullet';
import { Explain } from '../parts/Explain';
import { Coverage, Ratios, TARGET } from '../parts/Oee';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { RecomputeDialog, WhatChanged } from '../parts/Recompute';
import { Scroll } from '../parts/Scroll';
import { Stops } from '../parts/Stops';
import { Waterfall } from '../parts/Waterfall';

const SPANS = [['1h', 1], ['8h', 8], ['24h', 24], ['7d', 168]] as const;
const HOUR = 3_600_000;
const ownZone = (ms: number): string => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

/** OEE that can be defended: from calendar time to good parts, with every stop, every loss and every change of the past. */
export default function Oee() {
  const { t } = useTranslation();
  const assets = useQuery(q.assets).data?.items ?? [];
  const holds = (path: string): boolean => assets.some((one) => one.constraint && one.path.startsWith(`${path}/`));
  const able = assets.filter((one) => one.oee || one.constraint || holds(one.path));
  const [chosen, setChosen] = useState<string | null>(null);
  const path = chosen ?? (able.find((one) => one.constraint) ?? able[0])?.path ?? '';
  const [span, setSpan] = useState<string>('1h');
  const [period, setPeriod] = useState<Period>(() => last(1));
  const [model, setModel] = useState<string | null>(null);
  const [dialog, setDialog] = useState(false);
  const mayRecompute = useMay('compute.recompute');
  const models = useQuery(q.timeModels).data ?? {};
  useEffect(() => { // the last hours move on while somebody looks at them
    const hours = SPANS.find(([name]) => name === span)?.[1];
    if (!hours) return undefined;
    const timer = setInterval(() => setPeriod(last(hours)), 30_000);
    return () => clearInterval(timer);
  }, [span]);
  const choose = (key: string): void => {
    setSpan(key);
    const hours = SPANS.find(([name]) => name === key)?.[1];
    if (hours) setPeriod(last(hours));
  };
  return (
    <>
      <PageHead title={t('nav.oee')} sub={t('oee.sub')}>
        {mayRecompute && path && <Button leftSection={<IconHistory size={16} aria-hidden />} onClick={() => setDialog(true)} data-recompute>{t('recompute.open')}</Button>}
      </PageHead>
      <Group mb="sm" gap="sm" align="flex-end">
        <Select label={t('oee.machine')} w={260} maw="100%" searchable allowDeselect={false} value={path || null} onChange={setChosen} data={able.map((one) => ({ value: one.path, label: one.path }))} />
        <Select label={t('oee.timeModel')} w={230} clearable clearButtonProps={{ 'aria-label': t('action.clear') }} placeholder={t('oee.ownModel')} value={model} onChange={setModel} data={Object.keys(models).map((name) => ({ value: name, label: t(`oee.models.${name}`, { defaultValue: name }) }))} />
        <SegmentedControl size="sm" aria-label={t('window.label')} value={span} onChange={choose} data={[...SPANS.map(([name]) => ({ value: name, label: t(`window.${name}`) })), { value: 'own', label: t('window.own') }]} />
        <ShiftChoice path={path} period={period} onChange={(shift) => { setSpan('own'); setPeriod(shift); }} />
        {span === 'own' && <Own period={period} onChange={setPeriod} />}
      </Group>
      {path && <Body path={path} period={period} model={model} />}
      {dialog && <RecomputeDialog path={path} period={period} onClose={() => setDialog(false)} />}
    </>
  );
}

/** This shift, the one before, and those of the last days, as the line's calendar has them. */
function ShiftChoice({ path, period, onChange }: { path: string; period: Period; onChange: (period: Period) => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const planned = useQuery(made.running(path, 72 * HOUR)).data?.planned ?? [];
  const found = shiftsOf(planned).reverse();
  if (found.length === 0) return null;
  const chosen = found.find((shift) => shift.start === period.start);
  return (
    <Select label={t('oee.shift')} w={230} placeholder={t('oee.chooseShift')} value={chosen?.start ?? null} allowDeselect={false}
      data={found.map((shift, number) => ({ value: shift.start, label: `${shift.name} · ${f.when(shift.start)}${number === 0 ? ` · ${t('oee.thisShift')}` : ''}` }))}
      onChange={(start) => { const shift = found.find((one) => one.start === start); if (shift) onChange({ start: shift.start, end: shift.end }); }} />
  );
}

const last = (hours: number): Period => {
  const end = Date.now();
  return { start: new Date(end - hours * HOUR).toISOString(), end: new Date(end).toISOString() };
};

function Own({ period, onChange }: { period: Period; onChange: (period: Period) => void }) {
  const { t } = useTranslation();
  const set = (name: 'start' | 'end', text: string): void => {
    const at = Date.parse(text);
    const next = Number.isFinite(at) ? { ...period, [name]: new Date(at).toISOString() } : period;
    if (Date.parse(next.start) < Date.parse(next.end)) onChange(next);
  };
  return (['start', 'end'] as const).map((name) => <TextInput key={name} type="datetime-local" label={t(`oee.${name}`)} defaultValue={ownZone(Date.parse(period[name]))} onChange={(event) => set(name, event.currentTarget.value)} />);
}

function Body({ path, period, model }: { path: string; period: Period; model: string | null }) {
  const { t } = useTranslation();
  const oee = useQuery(q.figures(path, period, model));
  return (
    <>
      <Panel>
        <Answer of={oee}>{(found) => <Head oee={found} />}</Answer>
      </Panel>
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm" mt="sm">
        <Panel title={t('oee.waterfall')}><Answer of={oee}>{(found) => <Waterfall oee={found} />}</Answer></Panel>
        <Explain path={path} period={period} model={model} />
        <Stops of={useQuery(q.stops(path, period))} under={path} />
        <BadActors under={path} period={period} />
        <WhatChanged path={path} period={period} />
      </SimpleGrid>
    </>
  );
}

function Head({ oee }: { oee: Figures }) {
  const { t } = useTranslation();
  const f = useFormat();
  const worth = ({ bands, gain_per_10_points: gain }: Figures): string => {
    const money = typeof gain === 'object' ? gain?.money_per_hour ?? null : null;
    const [low, high] = bands.typical ?? [0.55, 0.65];
    const band = t('oee.bands', { world: f.percent(bands.world_class ?? TARGET, 0), low: f.percent(low, 0), high: f.percent(high, 0) });
    return money === null ? band : `${band} · ${t('oee.gain', { money: f.money(money) })}`;
  };
  return (
    <>
      {(oee.waiting ?? 0) !== 0 && <Alert mb="sm" variant="outline" color="slate" icon={<IconInfoCircle size={20} aria-hidden />}>{t('recompute.waiting', { parts: f.number(oee.waiting) })}</Alert>}
      <Group justify="space-between" align="flex-end" mb={8}>
        <Box><Text fz={34} fw={700} lh={1} data-oee>{f.percent(oee.oee)}</Text><Text size="xs" c="dimmed">OEE · {t('oee.target')} {f.percent(TARGET, 0)} · TEEP {f.percent(oee.teep)}{oee.constraint && <> · {t('oee.byConstraint')} {oee.constraint.split('/').at(-1)}</>}</Text></Box>
        <Ratios of={oee} />
      </Group>
      <Bullet value={oee.oee} target={TARGET} label="OEE" />
      <Text size="sm" c="dimmed" component="div" mt={6}>{worth(oee)}<Coverage of={oee.coverage} before=" · " />{(oee.performance ?? 0) > 1 && <Text size="sm" fw={600}>{t('oee.faster')}</Text>}</Text>
      <Box mt={8}>
        <Facts of={[
          [t('oee.good'), f.number(oee.counts.good)],
          [t('oee.bad'), f.number(oee.counts.bad)],
          [t('oee.model'), t(`oee.models.${oee.model}`, { defaultValue: oee.model })],
          ...(oee.parts ?? []).map((part) => [part.machine.split('/').at(-1), `${f.when(part.start)} – ${f.when(part.end)} · OEE ${f.percent(part.oee)}`] as const),
          ...(oee.corrections ?? []).map((one) => [t('recompute.scrap'), `${f.number(one.parts)} · ${one.reason} · ${f.when(one.recorded)}`] as const),
        ]} />
      </Box>
    </>
  );
}

/** Which machine's own standstill costs most; the assumption stands beside the figure. */
function BadActors({ under, period }: { under: string; period: Period }) {
  const { t } = useTranslation();
  const f = useFormat();
  const row = (one: Actor) => (
    <Table.Tr key={one.asset}>
      <Table.Td>{one.asset.slice(one.asset.lastIndexOf('/') + 1)}<Text size="xs" c="dimmed">{t(one.rate_per_hour === null ? 'actors.noRate' : 'actors.assumption', { rate: f.money(one.rate_per_hour) })}</Text></Table.Td>
      <Table.Td className="figure" fw={600}>{f.money(one.cost)}</Table.Td>
      <Table.Td className="figure">{f.span(one.down_s)}</Table.Td>
      <Table.Td className="figure">{f.number(one.failures)}</Table.Td>
      <Table.Td className="figure">{f.span(one.mtbf_s)}</Table.Td>
      <Table.Td className="figure">{f.span(one.mttr_s)}</Table.Td>
    </Table.Tr>
  );
  return (
    <Panel title={t('actors.title')} pad={false}>
      <Answer of={useQuery(q.badActors(under, period))} empty={(list) => list.items.length === 0}>
        {(list) => (
          <Scroll minWidth={560} mah={420}>
            <Table>
              <Table.Thead><Table.Tr><Table.Th>{t('word.asset')}</Table.Th><Table.Th className="figure">{t('actors.cost')}</Table.Th><Table.Th className="figure">{t('element.down')}</Table.Th><Table.Th className="figure">{t('actors.failures')}</Table.Th><Table.Th className="figure"><abbr title={t('actors.mtbf')}>MTBF</abbr></Table.Th><Table.Th className="figure"><abbr title={t('actors.mttr')}>MTTR</abbr></Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>{list.items.map(row)}</Table.Tbody>
            </Table>
          </Scroll>
        )}
      </Answer>
    </Panel>
  );
}
