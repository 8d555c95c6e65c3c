import { Box, Button, Drawer, Group, SegmentedControl, Table, Tabs, Text, TextInput } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { AlarmCard as Alarm } from '../api/alarms';
import { alarmSearch } from '../app/alarmSearch';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { typing } from '../app/Shell';
import { useFormat } from '../format/useFormat';
import { AlarmDetail, unseen, useAlarmName, Watched } from '../parts/AlarmDetail';
import { FindingPanels } from '../parts/Findings';
import { FirstOut } from '../parts/FirstOut';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';
import { Prio } from '../parts/Prio';
import { SystemEvents } from '../parts/SystemEvents';

const PHONE = '(max-width: 48em)';

/** ISA-18.2's list: what stands, what came and went unseen, what was put on the shelf. Alerts and system events stand apart. */
export default function Alarms() {
  const { t } = useTranslation();
  const health = useQuery(q.health).data;
  const alerts = useQuery(q.alarms('active')).data?.items.filter((one) => one.kind === 'alert').length ?? 0;
  const { tab = 'alarms' } = useSearch({ from: '/plant/alarms' });
  const navigate = useNavigate();
  const show = (value: string | null): void => void navigate({ to: '/alarms', search: alarmSearch({ tab: value }) });
  return (
    <>
      <PageHead title={t('nav.alarms')} sub={<span className="keys">{t('alarm.sub')}</span>}><Button component={Link} to="/alarm-kpis">{t('nav.alarmKpis')}</Button></PageHead>
      <Tabs value={tab} onChange={show} keepMounted={false} color="slate">
        <Tabs.List mb="sm">
          <Tabs.Tab value="alarms">{t('alarm.operator')}</Tabs.Tab>
          <Tabs.Tab value="alerts">{t('alarm.alerts')} ({alerts})</Tabs.Tab>
          <Tabs.Tab value="system">{t('alarm.system')} ({health?.system_events.length ?? 0})</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="alarms"><AlarmList kind="alarm" /></Tabs.Panel>
        <Tabs.Panel value="alerts">
          <AlarmList kind="alert" />
          <FindingPanels />
        </Tabs.Panel>
        <Tabs.Panel value="system"><Panel><Text size="sm" c="dimmed" mb="xs">{t('alarm.systemWhy')}</Text><SystemEvents /></Panel></Tabs.Panel>
      </Tabs>
    </>
  );
}

function AlarmList({ kind }: { kind: 'alarm' | 'alert' }) {
  const { t } = useTranslation();
  const phone = useMediaQuery(PHONE) ?? false;
  const { filter, alarm: wanted = null } = useSearch({ from: '/plant/alarms' });
  const navigate = useNavigate();
  const [asked, setWhich] = useState<'active' | 'all' | null>(null);
  const [search, setSearch] = useState('');
  // An address may name an alarm that does not stand any more: then all are shown.
  const standing = useQuery(q.alarms('active')).data?.items;
  const which = asked ?? (wanted && standing && !standing.some((one) => isIt(one, wanted)) ? 'all' : 'active');
  const setChosen = useCallback((id: string | null): void => void navigate({ to: '/alarms', search: ({ alarm: old, ...rest }) => (id ? { ...rest, alarm: id } : rest), replace: true }), [navigate]);
  const answer = useQuery(q.alarms(which));
  const shown = useMemo(() => pick(answer.data?.items ?? [], kind, filter, search), [answer.data, kind, filter, search]);
  const alarm = shown.find((one) => isIt(one, wanted)) ?? null;
  const chosen = alarm?.id ?? null;
  const named = useAlarmName();
  const acknowledge = useAcknowledge();
  const see = (one: Alarm): void => { if (!acknowledge.isPending) acknowledge.mutate(one); };
  useKeys(shown, chosen, setChosen, see);
  const choice = ['p1', 'p2', 'p3', 'p4'].includes(filter ?? '') ? filter ?? '' : '';
  return (
    <>
      <Group gap="xs" mb="xs">
        <TextInput aria-label={t('alarm.search')} placeholder={t('alarm.search')} data-search value={search} onChange={(event) => setSearch(event.currentTarget.value)} style={{ flex: '1 1 180px' }} maw={320} />
        <SegmentedControl size="sm" aria-label={t('alarm.which')} value={which} onChange={(value) => setWhich(value as 'active' | 'all')} data={[{ value: 'active', label: t('alarm.active') }, { value: 'all', label: t('alarm.all') }]} />
        <SegmentedControl size="sm" aria-label={t('alarm.priority')} value={choice} onChange={(value) => void navigate({ to: '/alarms', search: ({ filter: old, ...rest }) => (value ? { ...rest, filter: value } : rest) })}
          data={[{ value: '', label: t('alarm.every') }, ...[1, 2, 3, 4].map((p) => ({ value: `p${p}`, label: <Group gap={0} justify="center"><Prio p={p} size={18} /></Group> }))]} />
      </Group>
      {kind === 'alarm' && <FirstOut onChoose={(id) => { if (!shown.some((one) => one.id === id)) { setWhich('all'); setSearch(''); } setChosen(id); }} />}
      <Box mt={kind === 'alarm' ? 'sm' : 0} style={{ display: 'grid', gap: 12, alignItems: 'start', gridTemplateColumns: alarm && !phone ? 'minmax(0,1fr) 340px' : 'minmax(0,1fr)' }}>
        <Box className="card">
          <Answer of={answer} empty={() => shown.length === 0} none={t(which === 'active' && !search && !choice ? 'alarm.calm' : 'alarm.noneFound')}>
            {() => (phone ? <Cards items={shown} onChoose={setChosen} /> : <Rows items={shown} narrow={alarm !== null} chosen={chosen} onChoose={setChosen} onAcknowledge={see} />)}
          </Answer>
        </Box>
        {alarm && !phone && <Panel title={named(alarm)}><AlarmDetail key={alarm.id} alarm={alarm} onAcknowledge={() => see(alarm)} /></Panel>}
      </Box>
      {phone && <Drawer opened={alarm !== null} onClose={() => setChosen(null)} position="bottom" size="85%" title={alarm ? named(alarm) : ''} closeButtonProps={{ 'aria-label': t('action.close') }}>{alarm && <AlarmDetail key={alarm.id} alarm={alarm} onAcknowledge={() => see(alarm)} />}</Drawer>}
    </>
  );
}

/** An alarm is named by itself, or by the time it came of which an order or a case speaks. */
const isIt = (one: Alarm, wanted: string | null): boolean => one.id === wanted || (one.occurrence !== undefined && one.occurrence !== null && one.occurrence === wanted);

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

function Rows({ items, narrow, chosen, onChoose, onAcknowledge }: { items: Alarm[]; narrow: boolean; chosen: string | null; onChoose: (id: string) => void; onAcknowledge: (alarm: Alarm) => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('alarms.acknowledge');
  const named = useAlarmName();
  const button = (alarm: Alarm) => unseen(alarm) && may && <Button display="block" size="compact-sm" onClick={(event) => { event.stopPropagation(); onAcknowledge(alarm); }}>{t('alarm.acknowledge')}</Button>;
  return (
    <Scroll minWidth={narrow ? 560 : 760}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('alarm.priority')}</Table.Th><Table.Th>{t('alarm.alarm')}</Table.Th>{!narrow && <Table.Th>{t('word.asset')}</Table.Th>}<Table.Th>{t('word.state')}</Table.Th><Table.Th>{t('alarm.raised')}</Table.Th><Table.Th className="figure">{t('alarm.value')}</Table.Th>{!narrow && <Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th>}</Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((alarm) => (
            <Table.Tr key={alarm.id} className={alarm.id === chosen ? 'choose chosen' : 'choose'} onClick={() => onChoose(alarm.id)} aria-selected={alarm.id === chosen} data-alarm={alarm.id}>
              <Table.Td className="nowrap"><Group gap={6} wrap="nowrap"><Prio p={alarm.priority} asks={unseen(alarm)} silent /><Text size="sm">{t(`priority.${Math.min(5, Math.max(1, alarm.priority))}`)}</Text></Group></Table.Td>
              <Table.Td><button type="button" onClick={() => onChoose(alarm.id)} style={{ all: 'unset', cursor: 'pointer', fontWeight: unseen(alarm) ? 700 : 500 }} className="focusable">{named(alarm)}</button>{narrow && <Text size="xs" c="dimmed">{alarm.asset}</Text>}</Table.Td>
              {!narrow && <Table.Td>{alarm.asset}</Table.Td>}
              <Table.Td>{t(`alarmState.${alarm.state}`)}{narrow && button(alarm)}</Table.Td>
              <Table.Td className="nowrap">{f.when(alarm.raised)}</Table.Td>
              <Table.Td className="figure"><Watched alarm={alarm} /></Table.Td>
              {!narrow && <Table.Td className="figure">{button(alarm)}</Table.Td>}
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
  const named = useAlarmName();
  return (
    <Box className="rows">
      {items.map((alarm) => (
        <Box key={alarm.id} component="button" type="button" className="row-link" w="100%" style={{ background: 'none', border: 0, textAlign: 'left', color: 'inherit', font: 'inherit', cursor: 'pointer' }} onClick={() => onChoose(alarm.id)} data-alarm={alarm.id}>
          <Group gap={8} wrap="nowrap" align="flex-start">
            <Prio p={alarm.priority} asks={unseen(alarm)} />
            <Box style={{ minWidth: 0, flex: 1 }}>
              <Text fw={unseen(alarm) ? 700 : 500} size="sm">{named(alarm)}</Text>
              <Text size="xs" c="dimmed" className="wrap">{alarm.asset}</Text>
              <Text size="xs">{t(`alarmState.${alarm.state}`)} · {f.when(alarm.raised)}</Text>
            </Box>
            <Text size="sm" fw={600} maw="45%"><Watched alarm={alarm} /></Text>
          </Group>
        </Box>
      ))}
    </Box>
  );
}
