import { Box, Button, Group, SegmentedControl, Stack, Table, Text, UnstyledButton } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { condition, type Position } from '../api/condition';
import { useCommand, useGone } from '../api/queries';
import { toFinding } from '../app/alarmSearch';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { ConditionCommission } from '../parts/ConditionCommission';
import { ConditionCare, PositionFiles, Resolve } from '../parts/ConditionCare';
import { Sure } from '../parts/Confirm';
import { ConditionRecords } from '../parts/ConditionRecords';
import { ConditionState, ZoneBar } from '../parts/ConditionState';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { Said } from '../parts/Said';
import { Scroll } from '../parts/Scroll';

const Trend = lazy(() => import('../charts/Trend'));
const SPANS: Record<string, number> = { '1h': 3_600_000, '8h': 28_800_000, '24h': 86_400_000, '7d': 604_800_000 };

/** Vibration and temperature of the fleet, and one sensor position in full. */
export default function Condition() {
  const { t } = useTranslation();
  const may = useMay('condition.edit');
  const [making, setMaking] = useState(false);
  const { position: chosen } = useSearch({ from: '/plant/condition' });
  const navigate = useNavigate();
  const pick = (id: string): void => void navigate({ to: '/condition', search: { position: id } });
  const list = useQuery(condition.list);
  const one = list.data?.items.find((item) => item.id === chosen) ?? list.data?.items[0];
  return (
    <>
      <PageHead title={t('nav.condition')} sub={t('condition.sub')}><PositionFiles />{may && <Button onClick={() => setMaking(!making)} aria-expanded={making}>{t('condition.commission')}</Button>}</PageHead>
      <Stack gap="sm">
        {making && <ConditionCommission onDone={(id) => { setMaking(false); if (id) pick(id); }} />}
        <Answer of={list} empty={(page) => page.items.length === 0} none={t('condition.none')}>
          {(page) => (
            <>
              <Fleet items={page.items} chosen={one?.id} onPick={pick} />
              {one && <One key={one.id} of={one} />}
              {one && <ConditionCare key={`${one.id}c`} of={one} />}
              {one && <ConditionRecords key={`${one.id}r`} of={one} />}
            </>
          )}
        </Answer>
      </Stack>
    </>
  );
}

function Fleet({ items, chosen, onPick }: { items: Position[]; chosen: string | undefined; onPick: (id: string) => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const phone = useMediaQuery('(max-width: 48em)') ?? false;
  if (phone) {
    return (
      <Panel title={t('condition.fleet')}>
        <Box className="rows">{items.map((one) => (
          <UnstyledButton key={one.id} className="row-link" w="100%" px={0} aria-pressed={one.id === chosen} onClick={() => onPick(one.id)}>
            <Group justify="space-between" gap="xs"><ConditionState state={one.state} /><Text size="sm" fw={600}>{one.level === null ? '–' : `${f.number(one.level, 2)} ${one.unit}`}{one.zone && ` · ${t('condition.zone')} ${one.zone}`}</Text></Group>
            <Text size="sm" fw={one.id === chosen ? 700 : 500} className="wrap">{one.path}</Text>
            <Text size="xs" c="dimmed">{one.temperature === null ? '' : `${f.number(one.temperature, 1)} °C · `}{one.trouble ? t('condition.notHeard') : f.when(one.at ?? one.recorded)}</Text>
          </UnstyledButton>
        ))}</Box>
      </Panel>
    );
  }
  return (
    <Panel title={t('condition.fleet')} pad={false}>
      <Scroll minWidth={760} mah={420}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('word.state')}</Table.Th><Table.Th>{t('condition.position')}</Table.Th><Table.Th className="figure">{t('condition.vibration')}</Table.Th><Table.Th>{t('condition.zone')}</Table.Th><Table.Th className="figure">{t('condition.usual')}</Table.Th><Table.Th className="figure">{t('condition.temperature')}</Table.Th><Table.Th>{t('condition.at')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {items.map((one) => (
              <Table.Tr key={one.id} className={one.id === chosen ? 'chosen' : undefined}>
                <Table.Td><ConditionState state={one.state} /></Table.Td>
                <Table.Td className="wrap"><UnstyledButton className="choice" fz="sm" aria-pressed={one.id === chosen} onClick={() => onPick(one.id)}>{one.path}</UnstyledButton></Table.Td>
                <Table.Td className="figure">{one.level === null ? '–' : `${f.number(one.level, 2)} ${one.unit}`}</Table.Td>
                <Table.Td>{one.zone ?? '–'}</Table.Td>
                <Table.Td className="figure">{one.learned < 1 ? t('condition.learning', { share: f.percent(one.learned, 0) }) : f.number(one.usual, 2)}</Table.Td>
                <Table.Td className="figure">{one.temperature === null ? '–' : `${f.number(one.temperature, 1)} °C`}</Table.Td>
                <Table.Td>{one.trouble ? <Group gap={4} wrap="nowrap"><IconAlertTriangle size={16} aria-hidden color="var(--alarm-3)" /><Text size="sm">{t('condition.notHeard')}</Text></Group> : f.when(one.at ?? one.recorded)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
    </Panel>
  );
}

function One({ of: one }: { of: Position }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [span, setSpan] = useState('1h');
  const acknowledge = useCommand(() => post(`condition/positions/${one.id}/acknowledge`, { version: one.version }), ['condition'], () => report(t('word.saved')));
  const mayAcknowledge = useMay('condition.acknowledge');
  const mayReturn = useMay('condition.return');
  const mayEdit = useMay('condition.edit');
  const [asking, setAsking] = useState<'return' | 'off' | null>(null);
  const [changing, setChanging] = useState(false);
  const gone = useGone();
  const off = useCommand(() => post(`condition/positions/${one.id}/take-off`, { version: one.version }), ['assets'], () => { setAsking(null); report(t('condition.tookOff', { path: one.path })); gone(condition.list.queryKey, one.id); });
  const bearing = typeof one.settings.bearing === 'string' ? one.settings.bearing : one.settings.bearing?.name;
  const facts = [
    [t('word.state'), <Group key="s" gap="xs"><ConditionState state={one.state} /><Text size="sm" c="dimmed">{t('condition.since', { at: f.when(one.since) })}</Text></Group>],
    [t('condition.machineFacts'), [one.settings.power_kw && `${f.number(one.settings.power_kw)} kW`, t(`condition.mountings.${one.settings.mounting}`), one.settings.rpm && `${f.number(one.settings.rpm)} /min`, bearing].filter(Boolean).join(', ')],
    [t('condition.baseline'), one.learned < 1 ? t('condition.learningOf', { share: f.percent(one.learned, 0), count: one.settings.learn, every: f.span(Number.parseFloat(one.settings.every)) }) : t('condition.usualOf', { usual: f.number(one.usual, 2), unit: one.unit, z: f.number(one.vibration_z, 1) })],
    [t('condition.temperature'), one.usual_temperature === null ? (one.temperature === null ? '–' : t('condition.warmLearning', { now: f.number(one.temperature, 1) })) : t('condition.usualWarm', { usual: f.number(one.usual_temperature, 1), z: f.number(one.temperature_z, 1) })],
    [t('condition.bearing'), one.recorded ? t('condition.asOfRecord', { fault: t(`condition.fault.${one.bearing ?? 'none'}`), at: f.when(one.recorded) }) : t('condition.noRecord')],
    ...(one.late.steps + one.late.values > 0 ? [[t('condition.late'), <CameLate key="l" of={one} />] as const] : []),
  ] as const;
  return (
    <Panel title={one.path} extra={<Group gap="xs">{mayAcknowledge && one.state === 'alarm' && <Button size="compact-md" variant="filled" loading={acknowledge.isPending} onClick={() => acknowledge.mutate(undefined)}>{t('condition.acknowledge')}</Button>}{mayReturn && one.state !== 'healthy' && <Button size="compact-md" variant="default" onClick={() => setAsking('return')}>{t('condition.return')}</Button>}{mayEdit && <Button size="compact-md" variant="default" aria-expanded={changing} onClick={() => setChanging(!changing)}>{t('condition.change')}</Button>}{mayEdit && <Button size="compact-md" variant="default" onClick={() => setAsking('off')}>{t('condition.takeOff')}</Button>}</Group>}>
      {asking === 'return' && <Resolve of={one} onClose={() => setAsking(null)} />}
      {asking === 'off' && <Sure title={t('condition.takeOff')} about={t('condition.takeOffWhy')} confirm={t('condition.takeOff')} busy={off.isPending} onDone={() => off.mutate(undefined)} onClose={() => setAsking(null)} />}
      {changing && <ConditionCommission of={one} onDone={() => setChanging(false)} />}
      <Stack gap="sm">
        {one.trouble && <Group gap={6} wrap="nowrap" align="flex-start"><IconAlertTriangle size={18} aria-hidden color="var(--alarm-3)" /><Text size="sm" className="wrap"><Said text={one.trouble} /></Text></Group>}
        <Facts of={facts} />
        {one.judged_by.zones ? <ZoneBar zones={one.judged_by.zones} level={one.level} unit={one.unit} /> : <Text size="sm" c="dimmed">{t('condition.baselineAlone')}</Text>}
        <Group justify="space-between"><Text fw={600} size="sm">{t('condition.trend')}</Text><SegmentedControl size="xs" aria-label={t('window.label')} value={span} onChange={setSpan} data={Object.keys(SPANS).map((value) => ({ value, label: t(`window.${value}`) }))} /></Group>
        <Suspense fallback={null}>
          <Text size="xs" c="dimmed">{t('condition.vibration')} ({one.unit})</Text>
          <Trend key={`v${span}`} path={`${one.path}/Level`} label={t('condition.vibration')} unit={one.unit} window={SPANS[span] ?? 3_600_000} limit={one.judged_by.zones?.limits[2] ?? null} />
          {one.settings.temperature && <Text size="xs" c="dimmed">{t('condition.temperature')} (°C)</Text>}
          {one.settings.temperature && <Trend key={`t${span}`} path={one.settings.temperature} label={t('condition.temperature')} unit="°C" window={SPANS[span] ?? 3_600_000} limit={one.settings.temperature_limit} height={110} />}
        </Suspense>
        <Text fw={600} size="sm">{t('condition.noticed')}</Text>
        {one.noticed.length === 0 && <Text size="sm" c="dimmed">{t('condition.nothing')}</Text>}
        <ul className="plain">{one.noticed.slice(0, 12).map((each) => <li key={`${each.at}${each.cause}${each.scope}${each.severity}`}><Text size="sm" className="wrap">{f.when(each.at)} · {t(`condition.severity.${each.severity}`)}, {t(`condition.scope.${each.scope}`)}{each.late && ` (${t('condition.lateBadge')})`} · {t(`condition.cause.${each.cause}`)}: <Said text={each.says} />{each.finding && <> · <Link to="/alarms" search={toFinding(each.finding)}>{t('finding.evidence')}</Link></>}</Text></li>)}</ul>
      </Stack>
    </Panel>
  );
}

/** What came after its time: how much of it was judged all the same, and how much was not. */
function CameLate({ of: { late } }: { of: Position }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Stack gap={2}>
      {late.steps > 0 && <Text size="sm" className="wrap">{t('condition.lateJudged', { count: late.steps, number: f.number(late.steps, 0), at: f.when(late.step) })}</Text>}
      {late.values > 0 && <Text size="sm" className="wrap">{t('condition.lateMissed', { count: late.values, number: f.number(late.values, 0), at: f.when(late.value) })}</Text>}
    </Stack>
  );
}
