import { Box, Button, Drawer, Group, SegmentedControl, Table, Tabs, Text, TextInput } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { Alarm, Finding } from '../api/types';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { typing } from '../app/Shell';
import { unitText } from '../format/format';
import { useFormat } from '../format/useFormat';
import { AskReason } from '../parts/Confirm';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';
import { Prio } from '../parts/Prio';
import { SystemEvents } from '../parts/SystemEvents';

const PHONE = '(max-width: 48em)';
const unseen = (alarm: Alarm): boolean => alarm.state.includes('unack');

/** ISA-18.2's list: what stands, what came and went unseen, what was put on the shelf. Alerts and system events stand apart. */
export default function Alarms() {
  const { t } = useTranslation();
  const health = useQuery(q.health).data;
  const alerts = useQuery(q.alarms('active')).data?.items.filter((one) => one.kind === 'alert').length ?? 0;
  const findings = useQuery(q.findings);
  return (
    <>
      <PageHead title={t('nav.alarms')} sub={t('alarm.sub')} />
      <Tabs defaultValue="alarms" keepMounted={false} color="slate">
        <Tabs.List mb="sm">
          <Tabs.Tab value="alarms">{t('alarm.operator')}</Tabs.Tab>
          <Tabs.Tab value="alerts">{t('alarm.alerts')} ({alerts + (findings.data?.items.length ?? 0)})</Tabs.Tab>
          <Tabs.Tab value="system">{t('alarm.system')} ({health?.system_events.length ?? 0})</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="alarms"><AlarmList kind="alarm" /></Tabs.Panel>
        <Tabs.Panel value="alerts">
          <AlarmList kind="alert" />
          <Panel title={t('finding.title')} mt="sm"><Answer of={findings} empty={(list) => list.items.length === 0} none={t('finding.none')}>{(list) => <Findings items={list.items} />}</Answer></Panel>
        </Tabs.Panel>
        <Tabs.Panel value="system"><Panel><Text size="sm" c="dimmed" mb="xs">{t('alarm.systemWhy')}</Text><SystemEvents /></Panel></Tabs.Panel>
      </Tabs>
    </>
  );
}

function AlarmList({ kind }: { kind: 'alarm' | 'alert' }) {
  const { t } = useTranslation();
  const phone = useMediaQuery(PHONE) ?? false;
  const { filter } = useSearch({ from: '/plant/alarms' });
  const navigate = useNavigate();
  const [which, setWhich] = useState<'active' | 'all'>('active');
  const [search, setSearch] = useState('');
  const [chosen, setChosen] = useState<string | null>(null);
  const answer = useQuery(q.alarms(which));
  const shown = useMemo(() => pick(answer.data?.items ?? [], kind, filter, search), [answer.data, kind, filter, search]);
  const alarm = shown.find((one) => one.id === chosen) ?? null;
  const acknowledge = useAcknowledge();
  useKeys(shown, chosen, setChosen, (one) => acknowledge.mutate(one));
  const choice = ['p1', 'p2', 'p3', 'p4'].includes(filter ?? '') ? filter ?? '' : '';
  return (
    <>
      <Group gap="xs" mb="xs">
        <TextInput aria-label={t('alarm.search')} placeholder={t('alarm.search')} data-search value={search} onChange={(event) => setSearch(event.currentTarget.value)} style={{ flex: '1 1 180px' }} maw={320} />
        <SegmentedControl size="sm" aria-label={t('alarm.which')} value={which} onChange={(value) => setWhich(value as 'active' | 'all')} data={[{ value: 'active', label: t('alarm.active') }, { value: 'all', label: t('alarm.all') }]} />
        <SegmentedControl size="sm" aria-label={t('alarm.priority')} value={choice} onChange={(value) => void navigate({ to: '/alarms', search: value ? { filter: value } : {} })}
          data={[{ value: '', label: t('alarm.every') }, ...[1, 2, 3, 4].map((p) => ({ value: `p${p}`, label: <Group gap={0} justify="center"><Prio p={p} size={18} /></Group> }))]} />
      </Group>
      <Box style={{ display: 'grid', gap: 12, alignItems: 'start', gridTemplateColumns: alarm && !phone ? 'minmax(0,1fr) 340px' : 'minmax(0,1fr)' }}>
        <Box className="card">
          <Answer of={answer} empty={() => shown.length === 0} none={t(which === 'active' && !search && !choice ? 'alarm.calm' : 'alarm.noneFound')}>
            {() => (phone ? <Cards items={shown} onChoose={setChosen} /> : <Rows items={shown} chosen={chosen} onChoose={setChosen} onAcknowledge={(one) => acknowledge.mutate(one)} />)}
          </Answer>
        </Box>
        {alarm && !phone && <Panel title={alarm.name}><Detail alarm={alarm} onAcknowledge={() => acknowledge.mutate(alarm)} /></Panel>}
      </Box>
      {phone && <Drawer opened={alarm !== null} onClose={() => setChosen(null)} position="bottom" size="85%" title={alarm?.name ?? ''} closeButtonProps={{ 'aria-label': t('action.close') }}>{alarm && <Detail alarm={alarm} onAcknowledge={() => acknowledge.mutate(alarm)} />}</Drawer>}
    </>
  );
}

/** The list's order: unseen before seen, urgent before less urgent, new before old. */
export function pick(items: readonly Alarm[], kind: string, filter: string | undefined, search: string): Alarm[] {
  const priority = /^p([1-4])$/.exec(filter ?? '')?.[1];
  const words = search.trim().toLowerCase();
  return items
    .filter((one) => one.kind === kind && (!priority || one.priority === Number(priority)) && (!words || `${one.name} ${one.asset} ${one.property}`.toLowerCase().includes(words)))
    .sort((a, b) => Number(unseen(b)) - Number(unseen(a)) || a.priority - b.priority || (b.raised ?? '').localeCompare(a.raised ?? ''));
}

function useAcknowledge() {
  const { t } = useTranslation();
  return useCommand((alarm: Alarm) => post(`alarms/${alarm.id}/acknowledge`, { version: alarm.version }), ['alarms'], () => report(t('alarm.acknowledged')));
}

/** A acknowledges the chosen alarm; the arrows walk through the list. */
function useKeys(shown: Alarm[], chosen: string | null, choose: (id: string | null) => void, acknowledge: (alarm: Alarm) => void): void {
  const may = useMay('alarms.acknowledge');
  useEffect(() => {
    const on = (event: KeyboardEvent): void => {
      if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      const at = shown.findIndex((one) => one.id === chosen);
      if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        if (event.target instanceof HTMLElement && event.target.closest('[role=tab],[role=radio],[role=menuitem]')) return;
        const next = shown[Math.max(0, Math.min(shown.length - 1, at + (event.key === 'ArrowDown' ? 1 : -1)))];
        if (next) { event.preventDefault(); choose(next.id); }
      } else if (event.key === 'Escape') choose(null);
      else if (event.key.toLowerCase() === 'a' && may) {
        const alarm = shown[at];
        if (alarm && unseen(alarm)) acknowledge(alarm);
      }
    };
    window.addEventListener('keydown', on);
    return () => window.removeEventListener('keydown', on);
  }, [shown, chosen, choose, acknowledge, may]);
}

function Rows({ items, chosen, onChoose, onAcknowledge }: { items: Alarm[]; chosen: string | null; onChoose: (id: string) => void; onAcknowledge: (alarm: Alarm) => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('alarms.acknowledge');
  return (
    <Scroll minWidth={760}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('alarm.priority')}</Table.Th><Table.Th>{t('alarm.alarm')}</Table.Th><Table.Th>{t('word.asset')}</Table.Th><Table.Th>{t('word.state')}</Table.Th><Table.Th>{t('alarm.raised')}</Table.Th><Table.Th className="figure">{t('alarm.value')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((alarm) => (
            <Table.Tr key={alarm.id} className={alarm.id === chosen ? 'choose chosen' : 'choose'} onClick={() => onChoose(alarm.id)} aria-selected={alarm.id === chosen} data-alarm={alarm.id}>
              <Table.Td className="nowrap"><Group gap={6} wrap="nowrap"><Prio p={alarm.priority} asks={unseen(alarm)} silent /><Text size="sm">{t(`priority.${Math.min(4, Math.max(1, alarm.priority))}`)}</Text></Group></Table.Td>
              <Table.Td><button type="button" onClick={() => onChoose(alarm.id)} style={{ all: 'unset', cursor: 'pointer', fontWeight: unseen(alarm) ? 700 : 500 }} className="focusable">{alarm.name}</button></Table.Td>
              <Table.Td>{alarm.asset}</Table.Td>
              <Table.Td>{t(`alarmState.${alarm.state}`)}</Table.Td>
              <Table.Td className="nowrap">{f.when(alarm.raised)}</Table.Td>
              <Table.Td className="figure">{f.number(alarm.value)} {alarm.operator} {f.number(alarm.limit)} {unitText(alarm.unit)}</Table.Td>
              <Table.Td className="figure">{unseen(alarm) && may && <Button size="compact-sm" onClick={(event) => { event.stopPropagation(); onAcknowledge(alarm); }}>{t('alarm.acknowledge')}</Button>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}

function Cards({ items, onChoose }: { items: Alarm[]; onChoose: (id: string) => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Box className="rows">
      {items.map((alarm) => (
        <Box key={alarm.id} component="button" type="button" className="row-link" w="100%" style={{ background: 'none', border: 0, textAlign: 'left', color: 'inherit', font: 'inherit', cursor: 'pointer' }} onClick={() => onChoose(alarm.id)} data-alarm={alarm.id}>
          <Group gap={8} wrap="nowrap" align="flex-start">
            <Prio p={alarm.priority} asks={unseen(alarm)} />
            <Box style={{ minWidth: 0, flex: 1 }}>
              <Text fw={unseen(alarm) ? 700 : 500} size="sm">{alarm.name}</Text>
              <Text size="xs" c="dimmed" className="wrap">{alarm.asset}</Text>
              <Text size="xs">{t(`alarmState.${alarm.state}`)} · {f.when(alarm.raised)}</Text>
            </Box>
            <Text size="sm" fw={600} style={{ whiteSpace: 'nowrap' }}>{f.number(alarm.value)} {unitText(alarm.unit)}</Text>
          </Group>
        </Box>
      ))}
    </Box>
  );
}

/** Why it matters and what to do: the rationalisation of the alarm, then the operator's buttons. */
function Detail({ alarm, onAcknowledge }: { alarm: Alarm; onAcknowledge: () => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const mayAcknowledge = useMay('alarms.acknowledge');
  const mayShelve = useMay('alarms.shelve');
  const [shelving, setShelving] = useState(false);
  const machine = useQuery(q.assets).data?.items.find((asset) => asset.path === alarm.asset);
  const shelve = useCommand((reason: string) => post(`alarms/${alarm.id}/shelve`, { until: new Date(Date.now() + 3_600_000).toISOString(), reason, version: alarm.version }), ['alarms'], () => setShelving(false));
  const open = useQuery(q.cases).data?.items.find((one) => one.state === 'open' && one.asset === alarm.asset && one.title.startsWith(alarm.name));
  const caseId = alarm.case_id ?? open?.id ?? null;
  const unshelve = useCommand(() => post(`alarms/${alarm.id}/unshelve`, { version: alarm.version }), ['alarms']);
  const reset = useCommand(() => post(`alarms/${alarm.id}/reset`, { version: alarm.version }), ['alarms']);
  return (
    <>
      <Group gap={8} mb="sm"><Prio p={alarm.priority} asks={unseen(alarm)} silent /><Text size="sm" fw={600}>{t(`priority.${Math.min(4, Math.max(1, alarm.priority))}`)} · {t(`alarmState.${alarm.state}`)}</Text></Group>
      <Facts of={[
        [t('word.asset'), machine ? <Link key="m" to="/machines/$id" params={{ id: machine.id }}>{alarm.asset}</Link> : alarm.asset],
        [t('alarm.value'), `${f.number(alarm.value)} ${alarm.operator} ${f.number(alarm.limit)} ${unitText(alarm.unit)}`],
        [t('alarm.raised'), f.when(alarm.raised)],
        [t('alarm.cleared'), f.when(alarm.cleared)],
        [t('alarm.seenBy'), alarm.acknowledged_by ? `${alarm.acknowledged_by}, ${f.when(alarm.acknowledged)}` : '–'],
        ...(alarm.hidden_until ? [[t('alarm.shelvedUntil'), `${f.when(alarm.hidden_until)}${alarm.hidden_reason ? ` · ${alarm.hidden_reason}` : ''}`] as const] : []),
        [t('alarm.cause'), alarm.cause || '–'],
        [t('alarm.consequence'), alarm.consequence || '–'],
        [t('alarm.action'), <strong key="a">{alarm.action || '–'}</strong>],
        [t('word.case'), caseId ? <Link key="c" to="/cases/$id" params={{ id: caseId }}>{t('word.open')}</Link> : '–'],
      ]} />
      <Group gap="xs" mt="md">
        {unseen(alarm) && mayAcknowledge && <Button variant="filled" onClick={onAcknowledge}>{t('alarm.acknowledge')}</Button>}
        {mayShelve && alarm.state === 'shelved' && <Button onClick={() => unshelve.mutate(undefined)}>{t('alarm.unshelve')}</Button>}
        {mayShelve && !alarm.state.includes('shelved') && alarm.state !== 'normal' && <Button onClick={() => setShelving(true)}>{t('alarm.shelve')}</Button>}
        {alarm.state.startsWith('latched') && mayAcknowledge && <Button onClick={() => reset.mutate(undefined)}>{t('alarm.reset')}</Button>}
      </Group>
      {shelving && <AskReason title={t('alarm.shelveTitle')} about={t('alarm.shelveWhy')} label={t('word.reason')} need confirm={t('alarm.shelve')} busy={shelve.isPending} onDone={(reason) => shelve.mutate(reason)} onClose={() => setShelving(false)} />}
    </>
  );
}

function Findings({ items }: { items: Finding[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Scroll minWidth={480}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('word.asset')}</Table.Th><Table.Th>{t('finding.kind')}</Table.Th><Table.Th className="figure">{t('finding.score')}</Table.Th><Table.Th>{t('finding.mode')}</Table.Th><Table.Th>{t('finding.label')}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{items.map((one) => <Table.Tr key={one.id}><Table.Td>{one.asset}</Table.Td><Table.Td>{one.kind}</Table.Td><Table.Td className="figure">{f.number(one.score)}</Table.Td><Table.Td>{one.failure_mode ?? '–'}</Table.Td><Table.Td>{one.label ?? '–'}</Table.Td></Table.Tr>)}</Table.Tbody>
      </Table>
    </Scroll>
  );
}
