import { Badge, Box, Group, SimpleGrid, Switch, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import type { AssetDetail, Oee, Property } from '../api/types';
import { toAlarm } from '../app/alarmSearch';
import { useFormat } from '../format/useFormat';
import { useWatch } from '../live/socket';
import { tags, useTag } from '../live/store';
import { Bullet } from '../parts/Bullet';
import { Coverage, Ratios, TARGET, useWindow, WindowChoice } from '../parts/Oee';
import { useAlarmName } from '../parts/AlarmDetail';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';
import { Prio } from '../parts/Prio';
import { LiveState, StateMark, mapping, stateOf } from '../parts/State';
import { useTitle } from '../parts/titles';
import { Stops } from '../parts/Stops';
import { waterfall } from '../parts/Waterfall';
import { Value } from '../parts/Value';

const Trend = lazy(() => import('../charts/Trend'));
const NUMERIC = /^(double|float|int|uint|integer|number)/i;

/** One machine: its trends as they are written, its figures and where they come from, its stops, alarms and orders. */
export default function Machine() {
  const { id } = useParams({ from: '/plant/machines/$id' });
  return <Answer of={useQuery(q.asset(id))}>{(asset) => <Body key={asset.id} asset={asset} />}</Answer>;
}

function Body({ asset }: { asset: AssetDetail }) {
  const [window, key, setKey] = useWindow();
  useWatch(useMemo(() => [asset.path], [asset.path]));
  const shown = useMemo(() => asset.properties.filter((property) => property.kind !== 'attribute'), [asset.properties]);
  const latest = useQuery(q.latest(useMemo(() => shown.map((property) => property.path), [shown]))).data;
  useEffect(() => latest && tags.prime(latest.items), [latest]);
  const parents = useQuery(q.assets).data?.items.filter((one) => asset.path.startsWith(`${one.path}/`)) ?? [];
  return (
    <>
      <PageHead title={asset.name} sub={<>{parents.map((one) => <span key={one.id}>{one.oee ? <Link to="/machines/$id" params={{ id: one.id }}>{one.name}</Link> : one.name} / </span>)}{asset.name}{asset.model ? ` · ${asset.model}` : ''}</>}>
        {asset.oee && <LiveState asset={asset} size="lg" />}
        <WindowChoice value={key} onChange={setKey} />
      </PageHead>
      <Trends asset={asset} window={window} />
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm" mt="sm">
        {asset.oee && <OeePanel path={asset.path} window={window} />}
        <Values properties={shown} asset={asset} />
        {asset.oee && <MachineStops path={asset.path} window={window} />}
        <Around asset={asset} />
        <Nameplate asset={asset} />
      </SimpleGrid>
    </>
  );
}

function Trends({ asset, window }: { asset: AssetDetail; window: number }) {
  const { t } = useTranslation();
  const m = mapping(asset);
  const numeric = asset.properties.filter((one) => one.kind !== 'attribute' && NUMERIC.test(one.type) && ![m.state, m.good, m.bad].includes(one.path));
  const [all, setAll] = useState(false);
  const limits = [...(asset.limits ?? []), ...asset.alarms];
  const limitOf = (property: Property) => limits.find((one) => one.property === property.name || one.property === property.path);
  // States as zero and one and metrics of a minute say little as a line; they are there on request.
  const shown = all ? numeric : numeric.filter((one) => one.kind !== 'metric' && one.unit);
  if (numeric.length === 0) return null;
  return (
    <Panel title={t('machine.trends')} extra={shown.length > 0 && (all || shown.length < numeric.length) ? <Switch size="sm" label={t('machine.withMetrics')} checked={all} onChange={(event) => setAll(event.currentTarget.checked)} /> : undefined}>
      <SimpleGrid cols={{ base: 1, sm: 2, xl: 3 }} spacing="md">
        {(shown.length ? shown : numeric).map((property) => {
          const found = limitOf(property);
          const limit = found?.limit ?? null;
          return (
            <Box key={property.id} style={{ minWidth: 0 }}>
              <Group justify="space-between" wrap="nowrap" mb={2}><Text size="sm" fw={600} truncate>{property.name}</Text><Text size="sm" component="div"><Value path={property.path} unit={property.unit} /></Text></Group>
              <Suspense fallback={<Box h={150} />}><Trend path={property.path} label={property.name} unit={property.unit} window={window} limit={limit} below={found?.operator?.startsWith('<') ?? false} /></Suspense>
            </Box>
          );
        })}
      </SimpleGrid>
    </Panel>
  );
}

function OeePanel({ path, window }: { path: string; window: number }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Panel title={t('oee.title')}>
      <Answer of={useQuery(q.oee(path, window, true))}>
        {(oee) => (
          <>
            <Group justify="space-between" align="flex-end" mb={8}>
              <Box><Text fz={30} fw={700} lh={1}>{f.percent(oee.oee)}</Text><Text size="xs" c="dimmed">OEE · {t('oee.target')} {f.percent(TARGET, 0)} · TEEP {f.percent(oee.teep)}</Text></Box>
              <Ratios of={oee} />
            </Group>
            <Bullet value={oee.oee} target={TARGET} label="OEE" />
            <Text size="sm" c="dimmed" component="div" mt={6}><Coverage of={oee.coverage} /></Text>
            <Elements oee={oee} />
            <Gain oee={oee} />
            <Explain oee={oee} />
          </>
        )}
      </Answer>
    </Panel>
  );
}

/** Where the time went: one bar of the whole window, each part by pattern, word, span and share. */
function Elements({ oee }: { oee: Oee }) {
  const { t } = useTranslation();
  const f = useFormat();
  const total = oee.elements.calendar ?? 0;
  const parts = waterfall(oee);
  if (!total) return <Text size="sm" c="dimmed" mt="sm">{t('oee.noTime')}</Text>;
  return (
    <Box mt="md">
      <div className="elements" role="img" aria-label={t('oee.elements')}>{parts.map(({ name, seconds }) => <span key={name} className={`el-${name}`} style={{ width: `${Math.max(0, (seconds / total) * 100)}%` }} />)}</div>
      <Table mt={6} verticalSpacing={3} aria-label={t('oee.elements')}>
        <Table.Tbody>
          {parts.map(({ name, seconds }) => (
            <Table.Tr key={name}>
              <Table.Td><Group gap={8} wrap="nowrap"><span className={`swatch el-${name}`} aria-hidden />{t(`element.${name}`)}</Group></Table.Td>
              <Table.Td className="figure">{f.span(seconds)}</Table.Td>
              <Table.Td className="figure">{f.percent(seconds / total)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {parts.some(({ name, seconds }) => name === 'speed' && seconds < 0) && <Text size="xs">{t('oee.faster')}</Text>}
    </Box>
  );
}

function Gain({ oee }: { oee: Oee }) {
  const { t } = useTranslation();
  const f = useFormat();
  const gain = typeof oee.gain_per_10_points === 'number' ? oee.gain_per_10_points : oee.gain_per_10_points?.money_per_hour;
  const typical = oee.bands.typical;
  return (
    <Text size="xs" c="dimmed" mt={6}>
      {t('oee.bands', { world: f.percent(oee.bands.world_class ?? 0.85, 0), low: f.percent(typical?.[0] ?? 0.55, 0), high: f.percent(typical?.[1] ?? 0.65, 0) })}
      {gain !== null && gain !== undefined && <> · {t('oee.gain', { money: f.money(gain) })}</>}
    </Text>
  );
}

/** The figure down to its parts: counts, ideal cycle, definition, versions, and the server's own steps. */
function Explain({ oee }: { oee: Oee }) {
  const { t } = useTranslation();
  const f = useFormat();
  const steps = Array.isArray(oee.explain) ? oee.explain : [];
  return (
    <details style={{ marginTop: 10 }}>
      <summary className="tap">{t('oee.explain')}</summary>
      <Facts of={[
        [t('oee.good'), f.number(oee.counts.good)],
        [t('oee.bad'), f.number(oee.counts.bad)],
        [t('oee.idealCycle'), oee.ideal_cycle_s === null ? '–' : `${f.number(oee.ideal_cycle_s)} s`],
        [t('oee.coverage'), f.percent(oee.coverage)],
        [t('oee.model'), oee.model],
        [t('oee.versions'), oee.versions ? Object.entries(oee.versions).map(([name, version]) => `${name} ${typeof version === 'object' ? JSON.stringify(version) : String(version)}`).join(' · ') : '–'],
      ]} />
      {steps.length > 0 && (
        <Scroll minWidth={360} mah={320}>
          <Table mt={8} verticalSpacing={2} aria-label={t('oee.explain')}>
            <Table.Tbody>{steps.map((step, at) => <StepRow key={at} step={step} />)}</Table.Tbody>
          </Table>
        </Scroll>
      )}
    </details>
  );
}

/** One piece the figure was made from: a stretch in one state, or the parts a counter told. */
function StepRow({ step }: { step: Record<string, unknown> }) {
  const { t } = useTranslation();
  const f = useFormat();
  const { element, start, end, seconds, parts, property } = step;
  const name = typeof element === 'string' ? element : '';
  return (
    <Table.Tr>
      <Table.Td className="nowrap">{f.clock(start as string)} – {f.clock(end as string)}</Table.Td>
      <Table.Td>{typeof parts === 'number' ? t(name === 'bad' ? 'oee.bad' : 'oee.good') : t(`element.${name}`, { defaultValue: name })}</Table.Td>
      <Table.Td className="figure">{typeof parts === 'number' ? f.number(parts) : typeof seconds === 'number' ? f.span(seconds) : '–'}</Table.Td>
      <Table.Td><Text size="xs" c="dimmed">{typeof property === 'string' ? property.split('/').at(-1) : ''}</Text></Table.Td>
    </Table.Tr>
  );
}

function Values({ properties, asset }: { properties: Property[]; asset: AssetDetail }) {
  const { t } = useTranslation();
  const m = mapping(asset);
  const health = useQuery(q.health).data;
  const down = Boolean(health && health.sources.length > 0 && health.sources.every((source) => source.state === 'down'));
  return (
    <Panel title={t('machine.values')} pad={false}>
      <Scroll minWidth={340}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('machine.property')}</Table.Th><Table.Th className="figure">{t('machine.value')}</Table.Th><Table.Th className="figure">{t('machine.at')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {properties.map((property) => (
              <Table.Tr key={property.id}>
                <Table.Td><Text size="sm">{property.name}</Text>{property.formula && <Text className="mono" c="dimmed">{property.formula}</Text>}</Table.Td>
                <Table.Td className="figure">{property.path === m.state ? <LiveStateValue path={m.state} states={m.states} /> : <Value path={property.path} unit={property.unit} down={down} />}</Table.Td>
                <Table.Td className="figure"><Stamp path={property.path} /></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
    </Panel>
  );
}

function LiveStateValue({ path, states }: { path: string; states: Record<string, string> }) {
  const tag = useTag(path);
  return <Group justify="flex-end">{tag ? <StateMark state={stateOf(tag.value, states)} /> : '–'}</Group>;
}

function Stamp({ path }: { path: string }) {
  const f = useFormat();
  return <Text size="sm" span c="dimmed">{f.when(useTag(path)?.at)}</Text>;
}

/** The stops of the window. */
function MachineStops({ path, window }: { path: string; window: number }) {
  return <Stops of={useQuery(q.downtime(path, window))} />;
}

/** What stands around this machine: its parts, its alarms, its open orders. */
function Around({ asset }: { asset: AssetDetail }) {
  const { t } = useTranslation();
  const f = useFormat();
  const title = useTitle();
  const alarmName = useAlarmName();
  const under = (path: string): boolean => path === asset.path || path.startsWith(`${asset.path}/`);
  const alarms = (useQuery(q.alarms('active')).data?.items ?? []).filter((alarm) => under(alarm.asset));
  const orders = (useQuery(q.orders).data?.items ?? []).filter((order) => under(order.asset) && !['closed', 'cancelled', 'rejected'].includes(order.state));
  return (
    <Panel title={t('machine.around')} pad={false}>
      <Box className="rows">
        {alarms.map((alarm) => <Link key={alarm.id} to="/alarms" search={toAlarm(alarm)} className="row-link"><Group gap={8} wrap="nowrap"><Prio p={alarm.priority} asks={alarm.state.includes('unack')} /><Text size="sm" fw={600}>{alarmName(alarm)}</Text><Text size="sm" c="dimmed" ml="auto">{t(`alarmState.${alarm.state}`)}</Text></Group></Link>)}
        {orders.map((order) => <Link key={order.id} to="/orders/$id" params={{ id: order.id }} className="row-link"><Group gap={8} wrap="nowrap"><Text size="sm" fw={600}>{order.number}</Text><Text size="sm" className="wrap">{title(order.title)}</Text><Badge ml="auto" color="slate" variant="outline">{t(`orderState.${order.state}`)}</Badge></Group></Link>)}
        {asset.children.map((child) => <Link key={child.id} to="/machines/$id" params={{ id: child.id }} className="row-link"><Group gap={8}><Text size="sm" fw={600}>{child.name}</Text><Text size="sm" c="dimmed">{child.model ?? t('machine.part')}</Text></Group></Link>)}
        {alarms.length + orders.length + asset.children.length === 0 && <Text size="sm" c="dimmed" p="sm">{t('machine.nothing', { at: f.clock(Date.now()) })}</Text>}
      </Box>
    </Panel>
  );
}

function Nameplate({ asset }: { asset: AssetDetail }) {
  const { t } = useTranslation();
  const f = useFormat();
  const thing = Object.entries(asset.thing ?? {}).filter(([name]) => name !== 'id');
  return (
    <Panel title={t('machine.nameplate')}>
      <Facts of={[
        [t('machine.position'), asset.path],
        [t('machine.level'), asset.level],
        [t('machine.model'), asset.model ?? '–'],
        ...thing.map(([name, value]) => [t(`thing.${name}`, { defaultValue: name }), typeof value === 'number' ? String(value) : f.value(value)] as const),
        ...Object.entries(asset.attributes).map(([name, value]) => [name, f.value(value)] as const),
      ]} />
    </Panel>
  );
}
