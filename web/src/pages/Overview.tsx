import { Box, Button, Group, SimpleGrid, Text, Title } from '@mantine/core';
import { IconBolt, IconChevronRight, IconTool } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { Alarm, Asset } from '../api/types';
import { useMay } from '../app/session';
import { toAlarm } from '../app/alarmSearch';
import { useFormat } from '../format/useFormat';
import { useWatch } from '../live/socket';
import { tags, useTag } from '../live/store';
import { Actor } from '../parts/Actor';
import { Deed } from '../parts/Deed';
import { Bullet } from '../parts/Bullet';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Coverage, Ratios, TARGET, useWindow, WindowChoice } from '../parts/Oee';
import { Prio } from '../parts/Prio';
import { LiveState, mapping } from '../parts/State';
import { useTitle } from '../parts/titles';
import { TableFiles } from '../parts/TableFiles';

/** The plant at a glance: every line by its constraint, every machine by state, OEE and counts. */
export default function Overview() {
  const { t } = useTranslation();
  const assets = useQuery(q.assets);
  const [window, key, setKey] = useWindow();
  const mayImport = useMay('assets.import');
  return (
    <>
      <PageHead title={t('nav.overview')} sub={t('overview.sub')}>{mayImport && <TableFiles what="assets" />}<WindowChoice value={key} onChange={setKey} /></PageHead>
      <Banner />
      <Answer of={assets} empty={(all) => all.items.length === 0} none={t('overview.none')}>{(all) => <Lines assets={all.items} window={window} />}</Answer>
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="xs"><OpenWork /><JustDone /></SimpleGrid>
    </>
  );
}

function Lines({ assets, window }: { assets: Asset[]; window: number }) {
  const lines = useMemo(() => groups(assets), [assets]);
  useWatch(useMemo(() => lines.map(({ line }) => line.path), [lines]));
  const wanted = useMemo(() => lines.flatMap(({ machines }) => machines.flatMap((machine) => { const m = mapping(machine); return [m.state, m.good, m.bad]; })), [lines]);
  const latest = useQuery(q.latest(wanted)).data;
  useEffect(() => latest && tags.prime(latest.items), [latest]);
  const alarms = useQuery(q.alarms('active')).data?.items ?? [];
  return lines.map(({ line, machines }) => (
    <Box component="section" key={line.id} mb="lg" aria-label={line.name}>
      <LineHead line={line} assets={assets} window={window} />
      <Box className="machine-cards" mt="xs">
        {machines.map((machine) => <MachineCard key={machine.id} machine={machine} window={window} alarms={alarms} constraint={line.constraint === machine.path} />)}
      </Box>
    </Box>
  ));
}

/** Lines with their machines; a plant without lines shows each parent of machines as one. */
export function groups(assets: Asset[]): { line: Asset; machines: Asset[] }[] {
  const byId = new Map(assets.map((asset) => [asset.id, asset]));
  const found = new Map<string, { line: Asset; machines: Asset[] }>();
  for (const machine of assets.filter((asset) => asset.oee)) {
    const parent = (machine.parent_id && byId.get(machine.parent_id)) || machine;
    const group = found.get(parent.id) ?? { line: parent, machines: [] };
    group.machines.push(machine);
    found.set(parent.id, group);
  }
  return [...found.values()];
}

function LineHead({ line, assets, window }: { line: Asset; assets: Asset[]; window: number }) {
  const { t } = useTranslation();
  const f = useFormat();
  const oee = useQuery(q.oee(line.path, window));
  const path = oee.data?.constraint ?? line.constraint;
  const constraint = assets.find((asset) => asset.path === path);
  return (
    <Box className="card pad">
      <Group justify="space-between" align="center" gap="md">
        <Box style={{ minWidth: 0 }}>
          <Title order={2} fz={18}>{line.name}</Title>
          <Text size="sm" c="dimmed" component="div">
            {constraint ? <>{t('oee.byConstraint')} <Link to="/machines/$id" params={{ id: constraint.id }}>{constraint.name}</Link></> : t('oee.noConstraint')}
            <Coverage of={oee.data?.coverage} before=" · " />
          </Text>
        </Box>
        <Group gap="xl" style={{ flex: '1 1 320px' }} justify="flex-end">
          <Box w={{ base: '100%', xs: 320 }}>
            <Group justify="space-between" align="baseline" mb={6}>
              <Text fz={30} fw={700} lh={1} data-oee={line.path}>{f.percent(oee.data?.oee)}</Text>
              <Text size="sm" c="dimmed">{t('oee.ofLine')} · {t('oee.target')} {f.percent(TARGET, 0)}</Text>
            </Group>
            <Bullet value={oee.data?.oee} target={TARGET} label={t('oee.ofLine')} />
          </Box>
          <Ratios of={oee.data} />
        </Group>
      </Group>
    </Box>
  );
}

function MachineCard({ machine, window, alarms, constraint }: { machine: Asset; window: number; alarms: Alarm[]; constraint: boolean }) {
  const { t } = useTranslation();
  const f = useFormat();
  const oee = useQuery(q.oee(machine.path, window)).data;
  const m = mapping(machine);
  const mine = alarms.filter((alarm) => alarm.asset === machine.path || alarm.asset.startsWith(`${machine.path}/`));
  const first = mine.filter((alarm) => alarm.kind === 'alarm').sort((a, b) => a.priority - b.priority)[0];
  return (
    <Box component="article" className={first ? 'card alarmed pad' : 'card pad'} style={first ? { ['--alarm-edge' as string]: `var(--alarm-${first.priority})` } : undefined} aria-label={machine.name} data-machine={machine.path}>
      <Group justify="space-between" wrap="nowrap" mb={4} align="center">
        <Box>
          <Link to="/machines/$id" params={{ id: machine.id }} className="plain tap"><Text fw={600} span>{machine.name}</Text><IconChevronRight size={15} aria-hidden style={{ verticalAlign: -2 }} /></Link>
          {constraint && <Text size="xs" fw={600} c="dimmed" span ml={6} px={5} style={{ border: '1px solid var(--line)' }}>{t('oee.constraint')}</Text>}
        </Box>
        <LiveState asset={machine} />
      </Group>
      <Group justify="space-between" align="baseline" mb={6}>
        <Text fz={26} fw={600} lh={1.1} data-oee={machine.path}>{f.percent(oee?.oee)}</Text>
        <Text size="xs" c="dimmed">OEE</Text>
      </Group>
      <Bullet value={oee?.oee} target={TARGET} label="OEE" />
      <Box mt={10}><Ratios of={oee} /></Box>
      <Group gap="xl" mt={8}>
        <Count label={t('oee.good')} path={m.good} />
        <Count label={t('oee.bad')} path={m.bad} />
      </Group>
      {first && (
        <Group gap={6} mt={10} wrap="nowrap">
          <Prio p={first.priority} asks={first.state.includes('unack')} />
          <Link to="/alarms" search={toAlarm(first)} className="plain"><Text size="sm" fw={600} span>{first.name}{mine.length > 1 ? ` +${mine.length - 1}` : ''}</Text></Link>
        </Group>
      )}
    </Box>
  );
}

function Count({ label, path }: { label: string; path: string }) {
  const f = useFormat();
  const tag = useTag(path);
  return <Box><Text size="xs" c="dimmed">{label}</Text><Text size="sm" fw={600} data-live={path}>{f.value(tag?.value ?? null)}</Text></Box>;
}

/** What is happening, in a sentence, and the demo's lever. */
function Banner() {
  const { t } = useTranslation();
  const f = useFormat();
  const simulator = useQuery(q.health).data?.simulator ?? false;
  const mayBreak = useMay('simulator.fault');
  const alarms = (useQuery(q.alarms('active')).data?.items ?? []).filter((alarm) => alarm.kind === 'alarm');
  const open = (useQuery(q.cases).data?.items ?? []).filter((one) => one.state === 'open');
  const approvals = useQuery(q.approvals('open')).data?.items.length ?? 0;
  const fault = useCommand((active: boolean) => post('simulator/faults', { fault: 'pump', active }), ['alarms', 'cases', 'simulator']);
  const worst = [...alarms].sort((a, b) => a.priority - b.priority || (b.raised ?? '').localeCompare(a.raised ?? ''))[0];
  return (
    <Box className={worst ? 'card banner alarmed' : 'card banner'} mb="md" component="section" aria-label={t('overview.now')} style={worst ? { ['--alarm-edge' as string]: `var(--alarm-${worst.priority})` } : undefined}>
      {worst && <Prio p={worst.priority} asks={worst.state.includes('unack')} size={28} />}
      <Box style={{ flex: '1 1 220px', minWidth: 0 }} role="status">
        <Text fw={600}>{worst ? `${worst.name} · ${worst.asset}` : t('overview.calm')}</Text>
        <Text size="sm" c="dimmed" component="div">
          {worst && <>{t('alarm.since')} {f.clock(worst.raised)} · </>}
          <Link to="/cases" className="tap">{t('overview.cases', { count: open.length })}</Link> · <Link to="/approvals" className="tap">{t('overview.approvals', { count: approvals })}</Link>
        </Text>
      </Box>
      {simulator && mayBreak && (
        <Group gap="xs">
          <Button leftSection={<IconBolt size={16} aria-hidden />} loading={fault.isPending && fault.variables} onClick={() => fault.mutate(true)} data-action="break-pump">{t('simulator.break')}</Button>
          <Button leftSection={<IconTool size={16} aria-hidden />} loading={fault.isPending && !fault.variables} onClick={() => fault.mutate(false)} data-action="mend-pump">{t('simulator.mend')}</Button>
        </Group>
      )}
    </Box>
  );
}

/** What is to be done now, most urgent first. */
function OpenWork() {
  const { t } = useTranslation();
  const title = useTitle();
  const open = (useQuery(q.orders).data?.items ?? []).filter((one) => !['closed', 'verified', 'cancelled', 'rejected'].includes(one.state)).sort((a, b) => a.priority - b.priority || Date.parse(b.created) - Date.parse(a.created));
  return (
    <Panel title={t('overview.work')} extra={<Link to="/orders" className="tap"><Text size="sm" span>{t('overview.all')}</Text></Link>} pad={false}>
      <Box className="rows">
        {open.slice(0, 6).map((one) => <Link key={one.id} to="/orders/$id" params={{ id: one.id }} className="row-link"><Group gap={8} wrap="nowrap"><Prio p={one.priority} size={22} /><Text size="sm" fw={600} className="wrap">{title(one.title)}</Text><Text size="sm" c="dimmed" ml="auto" style={{ whiteSpace: 'nowrap' }}>{t(`orderState.${one.state}`)}</Text></Group></Link>)}
        {open.length === 0 && <Text size="sm" c="dimmed" p="sm">{t('overview.noWork')}</Text>}
      </Box>
    </Panel>
  );
}

/** The control tower's last lines. */
function JustDone() {
  const { t } = useTranslation();
  const f = useFormat();
  const done = (useQuery(q.tower).data?.items ?? []).filter((one) => !one.what.endsWith(': waits'));
  return (
    <Panel title={t('overview.done')} extra={<Link to="/tower" className="tap"><Text size="sm" span>{t('overview.all')}</Text></Link>} pad={false}>
      <Box className="rows">
        {done.slice(0, 6).map((one, at) => <Group key={`${one.at}${at}`} gap={10} px={12} py={8} wrap="nowrap"><Text size="sm" c="dimmed" style={{ whiteSpace: 'nowrap' }}>{f.clock(one.at)}</Text><Box style={{ flex: 1, minWidth: 0 }}><Deed of={one} /></Box><Actor name={one.actor} kind={one.actor_kind} /></Group>)}
        {done.length === 0 && <Text size="sm" c="dimmed" p="sm">{t('tower.none')}</Text>}
      </Box>
    </Panel>
  );
}
