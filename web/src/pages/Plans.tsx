import { Badge, Box, Button, SegmentedControl, Table, Text } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { useCommand } from '../api/queries';
import { w, type Forecast, type Plan, type PlanDate } from '../api/workshop';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, PageHead, Panel } from '../parts/Page';
import { PlanForm } from '../parts/PlanForm';
import { Scroll } from '../parts/Scroll';

/** What is to be done regularly: the plans, their calendar, and what the coming year will ask for. */
export default function Plans() {
  const { t } = useTranslation();
  const [view, setView] = useState('plans');
  const [making, setMaking] = useState(false);
  const may = useMay('maintenance.plan');
  return (
    <>
      <PageHead title={t('nav.plans')} sub={t('plan.sub')}>{may && <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setMaking(true)} data-add-plan>{t('plan.new')}</Button>}<SegmentedControl aria-label={t('plan.view')} value={view} onChange={setView} data={['plans', 'calendar', 'forecast'].map((value) => ({ value, label: t(`planView.${value}`) }))} /></PageHead>
      {view === 'plans' && <All />}
      {view === 'calendar' && <Calendar />}
      {view === 'forecast' && <Ahead />}
      {making && <PlanForm plan={null} onClose={() => setMaking(false)} />}
    </>
  );
}

function All() {
  const { t } = useTranslation();
  return <Panel pad={false}><Answer of={useQuery(w.plans)} empty={(list) => list.items.length === 0} none={t('plan.none')}>{(list) => <List items={list.items} />}</Answer></Panel>;
}

const Ahead = () => <Answer of={useQuery(w.forecast)}>{(found) => <Year of={found} />}</Answer>;

function List({ items }: { items: Plan[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('maintenance.plan');
  const pause = useCommand((one: Plan) => post(`plans/${encodeURIComponent(one.name)}/pause`, { paused: !one.paused, version: one.version }), ['plans']);
  const [edit, setEdit] = useState<Plan | null>(null);
  const interval = (text: string): string => {
    const [, count, unit] = /^\s*(\d+)\s*(d|w|mo|y)/.exec(text) ?? [];
    return count && unit ? t(`interval.${unit}`, { count: Number(count) }) : text;
  };
  const rule = (one: Plan): string => (one.trigger_kind === 'time' ? t(one.trigger.floating ? 'plan.floating' : 'plan.fixed', { every: interval(one.trigger.every ?? '') }) : one.trigger_kind === 'meter' ? t('plan.meter', { every: f.number(one.trigger.every_units), meter: one.trigger.meter?.split('/').slice(-2).join('/') }) : one.trigger.alarm || one.trigger.when || '');
  return (
    <Scroll minWidth={760}>
      {edit && <PlanForm plan={edit} onClose={() => setEdit(null)} />}
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('plan.name')}</Table.Th><Table.Th>{t('plan.rule')}</Table.Th><Table.Th>{t('plan.next')}</Table.Th><Table.Th className="figure">{t('plan.hours')}</Table.Th><Table.Th>{t('plan.came')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((one) => (
            <Table.Tr key={one.id} data-plan={one.name}>
              <Table.Td><Text size="sm" fw={600}>{one.title || one.name}</Text><Text size="xs" c="dimmed">{one.asset}</Text>{one.instruction && <Link to="/instructions" search={{ name: one.instruction }} className="tap"><Text size="xs" span>{one.instruction}</Text></Link>}</Table.Td>
              <Table.Td><Text size="sm">{t(`triggerKind.${one.trigger_kind}`)}</Text><Text size="xs" c="dimmed" className="wrap">{rule(one)}</Text>{one.used !== null && <Text size="xs">{t('plan.used', { used: f.number(one.used, 0) })}</Text>}</Table.Td>
              <Table.Td className="nowrap">{one.paused ? t('plan.paused') : one.next_due ? f.when(one.next_due) : t(one.trigger_kind === 'condition' ? 'plan.unforeseen' : 'plan.unknown')}</Table.Td>
              <Table.Td className="figure">{f.number(one.hours)}</Table.Td>
              <Table.Td>{one.occurrences.slice(0, 4).map((came) => <Box key={came.due}><Text size="xs" fw={['missed', 'overdue'].includes(came.outcome) ? 700 : 400}>{f.when(came.due)} {came.order_id ? <Link to="/orders/$id" params={{ id: came.order_id }}>{came.number}</Link> : ''} {t(`outcomeOf.${came.outcome}`)}</Text></Box>)}</Table.Td>
              <Table.Td className="figure">{may && <Button size="compact-sm" mb={4} onClick={() => setEdit(one)} aria-label={`${t('notify.change')}: ${one.name}`}>{t('notify.change')}</Button>} {may && <Button size="compact-sm" onClick={() => pause.mutate(one)} aria-label={`${t(one.paused ? 'plan.goOn' : 'plan.rest')}: ${one.name}`}>{t(one.paused ? 'plan.goOn' : 'plan.rest')}</Button>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}

/** Every date of the coming year, month by month. */
function Calendar() {
  const { t, i18n } = useTranslation();
  const f = useFormat();
  const [start, end] = useMemo(() => {
    const now = new Date();
    const from = new Date(now.getFullYear(), now.getMonth(), 1);
    return [from.toISOString(), new Date(from.getFullYear() + 1, from.getMonth(), 1).toISOString()];
  }, []);
  return (
    <Answer of={useQuery(w.calendar(start, end))} empty={(list) => list.items.length === 0} none={t('plan.none')}>
      {(list) => {
        const months = new Map<string, PlanDate[]>();
        for (const one of list.items) months.set(one.due.slice(0, 7), [...(months.get(one.due.slice(0, 7)) ?? []), one]);
        return (
          <Box className="machine-cards">
            {[...months].map(([month, dates]) => (
              <Panel key={month} title={new Date(`${month}-15`).toLocaleDateString(i18n.language, { month: 'long', year: 'numeric' })} extra={<Text size="sm" c="dimmed">{dates.length}</Text>}>
                {dates.map((one) => (
                  <Box key={one.plan + one.due} mb={6} data-outcome={one.outcome}>
                    <Text size="sm" className="wrap">{f.when(one.due)} <strong>{one.title}</strong></Text>
                    <Text size="xs" c={['missed', 'overdue'].includes(one.outcome) ? undefined : 'dimmed'} fw={['missed', 'overdue'].includes(one.outcome) ? 700 : 400}>{t(`outcomeOf.${one.outcome}`)} {one.order_id && <Link to="/orders/$id" params={{ id: one.order_id }}>{one.number}</Link>}</Text>
                  </Box>
                ))}
              </Panel>
            ))}
          </Box>
        );
      }}
    </Answer>
  );
}

function Year({ of: found }: { of: Forecast }) {
  const { t, i18n } = useTranslation();
  const f = useFormat();
  const most = Math.max(1, ...found.months.map((one) => one.hours));
  return (
    <>
      <Panel title={t('forecast.hours')}>
        <Box component="dl" className="waterfall">
          {found.months.map((one) => (
            <Box key={one.month} className="fall" data-month={one.month}>
              <dt>{new Date(`${one.month}-15`).toLocaleDateString(i18n.language, { month: 'short', year: '2-digit' })}</dt>
              <dd className="fall-bar"><i className="fall-level" style={{ left: 0, width: `${(one.hours / most) * 100}%` }} /></dd>
              <dd className="fall-figure">{f.number(one.hours, 1)} h{one.unestimated > 0 ? ` + ${one.unestimated}` : ''}</dd>
              <dd className="fall-share">{one.orders}</dd>
            </Box>
          ))}
        </Box>
        <Text size="xs" c="dimmed" mt={6}>{t('forecast.note', { hours: f.number(found.months[0]?.capacity_hours, 0) })}</Text>
        {found.unforeseen.length > 0 && <Text size="xs" c="dimmed">{t('forecast.unforeseen')}: {found.unforeseen.join(', ')}</Text>}
      </Panel>
      <Panel title={t('forecast.parts')} mt="sm" pad={false}>
        {found.parts.length === 0 && <Text size="sm" c="dimmed" p="sm">{t('word.none')}</Text>}
        {found.parts.length > 0 && (
          <Scroll minWidth={560}>
            <Table>
              <Table.Thead><Table.Tr><Table.Th>{t('spare.part')}</Table.Th><Table.Th className="figure">{t('forecast.needed')}</Table.Th><Table.Th className="figure">{t('spare.available')}</Table.Th><Table.Th>{t('forecast.short')}</Table.Th><Table.Th>{t('forecast.orderBy')}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>{found.parts.map((one) => <Table.Tr key={one.part}><Table.Td><Link to="/spares" search={{ part: one.part }} className="tap">{one.part}</Link><Text size="xs" c="dimmed">{one.name}</Text></Table.Td><Table.Td className="figure">{f.number(one.quantity)}</Table.Td><Table.Td className="figure">{f.number(one.available)}</Table.Td><Table.Td>{one.short_on ? <Badge color="slate" variant="outline">{f.when(one.short_on)}</Badge> : '–'}</Table.Td><Table.Td>{f.when(one.order_by)}</Table.Td></Table.Tr>)}</Table.Tbody>
            </Table>
          </Scroll>
        )}
      </Panel>
    </>
  );
}

