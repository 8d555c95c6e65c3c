import { Badge, Box, SimpleGrid, Table, Text } from '@mantine/core';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { p, type MapTask, type ProcessMap, type Ready } from '../api/processes';
import { secondsOf } from '../format/format';
import { useFormat } from '../format/useFormat';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { ProcessFigure } from '../parts/ProcessFigure';
import { ProcessFlow } from '../parts/ProcessFlow';
import { Scroll } from '../parts/Scroll';

/** One process as a map: the tasks and who does them, where cases stand, how it was done before, its figure, its tags. */
export default function Process() {
  const { name } = useParams({ from: '/plant/processes/$name' });
  return <Answer of={useQuery(p.process(name))}>{(one) => <Body of={one} />}</Answer>;
}

function Body({ of: one }: { of: ProcessMap }) {
  const { t } = useTranslation();
  const busiest = [...one.map].sort((a, b) => b.standing.length - a.standing.length)[0]?.id ?? '';
  const [chosen, choose] = useState(busiest);
  const task = one.map.find((row) => row.id === chosen) ?? one.map[0];
  return (
    <>
      <PageHead title={t(`process.${one.process}`, { defaultValue: one.title })} sub={<Link to="/processes" className="tap">{t('map.back')}</Link>}>
        <Badge size="lg" color="slate" variant="outline">{t('map.version', { version: one.version })}</Badge>
        <Badge size="lg" color="slate" variant="outline">{t('map.open', { count: one.open_cases })}</Badge>
      </PageHead>
      <Panel title={t('map.title')} extra={<Text size="xs" c="dimmed">{t('map.begins')}: {one.begins.map((start) => t(`begins.${start.event}`, { defaultValue: start.event }) + (start.when ? ` (${start.when})` : '')).join(', ')}</Text>}>
        <ProcessFlow of={one.map} chosen={chosen} onChoose={choose} />
      </Panel>
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm" mt="sm">
        {task && <TaskPanel of={task} />}
        <Panel title={t('map.figure')}>{one.kpi ? <ProcessFigure of={one.kpi} /> : <Text size="sm" c="dimmed">{t('word.none')}</Text>}</Panel>
        <Panel title={t('map.wasDone')}><Before of={one} /></Panel>
        <Panel title={t('map.tags')} pad={false}><Tags of={one.readiness} /></Panel>
      </SimpleGrid>
    </>
  );
}

function TaskPanel({ of: task }: { of: MapTask }) {
  const { t } = useTranslation();
  const f = useFormat();
  const dash = (text: string): string => text || '–';
  const long = useLong();
  return (
    <Panel title={t(`task.${task.id}`, { defaultValue: task.title })}>
      <Facts of={[
        [t('map.mode'), task.modes.map((mode) => t(`mode.${mode}`, { defaultValue: mode })).join(` ${t('map.or')} `)],
        [t('map.why'), t('map.matrix', { complexity: t(`level.${task.complexity}`, { defaultValue: task.complexity }), risk: t(`level.${task.risk}`, { defaultValue: task.risk }) }) + (task.physical ? `, ${t('map.physical')}` : '')],
        [t('map.role'), task.role ? t(`role.${task.role}`, { defaultValue: task.role }) : '–'],
        [t('map.when'), dash(task.when)],
        [t('map.due'), dash([task.due && t('map.within', { time: long(task.due) }), task.expires && t('map.expires', { time: long(task.expires) }), task.escalates && t('map.escalates', { time: long(task.escalates.after), who: t(`role.${task.escalates.to}`, { defaultValue: task.escalates.to }) })].filter(Boolean).join(', '))],
        [t('map.takes'), dash(task.takes.join(', '))],
        [t('map.gives'), dash(task.gives)],
        [t('map.compensation'), task.compensation ? t(`compensation.${task.compensation.replace('.', '-')}`, { defaultValue: task.compensation }) : '–'],
        [t('map.times'), task.times ? t('map.timesSaid', { median: f.span(task.times.median), p90: f.span(task.times.p90), count: task.times.count }) : t('map.noCases')],
      ]} />
      {task.standing.length > 0 && (
        <Box mt="sm">
          <Text size="sm" fw={600}>{t('map.here')}</Text>
          <Box className="rows">
            {task.standing.slice(0, 20).map((row) => {
              const late = row.due !== null && Date.parse(row.due) < Date.now();
              return <Text key={row.case_id} size="sm" py={4}><Link to="/cases/$id" params={{ id: row.case_id }} className="tap">{row.number}</Link> {row.asset} · {t('map.since', { when: f.when(row.since) })}{late && <Text span size="sm" fw={700} c="var(--alarm-1)"> · {t('map.late')}</Text>}</Text>;
            })}
          </Box>
          {task.standing.length > 20 && <Text size="xs" c="dimmed">{t('map.more', { count: task.standing.length - 20 })}</Text>}
        </Box>
      )}
    </Panel>
  );
}

/** A span of a process file as the reader says it. */
function useLong(): (text: string) => string {
  const f = useFormat();
  return (text) => (secondsOf(text) === null ? text : f.span(secondsOf(text)));
}

function Before({ of: one }: { of: ProcessMap }) {
  const { t } = useTranslation();
  const long = useLong();
  if (one.before.length === 0) return <Text size="sm" c="dimmed">{t('word.none')}</Text>;
  return (
    <ol className="before">
      {one.before.map((step) => <li key={step.step}><Text size="sm">{t(`beforeStep.${step.step}`, { defaultValue: step.step })}</Text><Text size="xs" c="dimmed">{[step.who && t(`role.${step.who}`, { defaultValue: step.who }), step.takes && long(step.takes)].filter(Boolean).join(' · ')}</Text></li>)}
    </ol>
  );
}

function Tags({ of: rows }: { of: readonly Ready[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  if (rows.length === 0) return <Text size="sm" c="dimmed" p={12}>{t('map.noTags')}</Text>;
  return (
    <Scroll minWidth={420}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('word.property')}</Table.Th><Table.Th>{t('word.state')}</Table.Th><Table.Th ta="right">{t('map.age')}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={row.property}>
              <Table.Td>{row.property}</Table.Td>
              <Table.Td className="nowrap">{row.state === 'ready' ? <IconCheck size={15} aria-hidden /> : <IconAlertTriangle size={15} aria-hidden />} {t(`ready.${row.state}`)}</Table.Td>
              <Table.Td ta="right" className="nowrap">{row.age_s === null ? '–' : f.span(row.age_s)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}
