import { Badge, Box, Group, SimpleGrid, Text } from '@mantine/core';
import { IconCheck, IconCircleDashed, IconMinus, IconPlayerPlay, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import type { CaseDetail, Task } from '../api/types';
import { useFormat } from '../format/useFormat';
import { Actor } from '../parts/Actor';
import { CaseAnswer } from '../parts/CaseAnswer';
import { AgentRuns } from '../parts/AgentCalls';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { Replay } from '../parts/Replay';
import { useTitle } from '../parts/titles';

type Look = 'done' | 'now' | 'ahead' | 'failed' | 'skipped';
const ICONS = { done: IconCheck, now: IconPlayerPlay, ahead: IconCircleDashed, failed: IconX, skipped: IconMinus } as const;

/** One case: where it stands on its way, and what was done on it by whom or what. */
export default function Case() {
  const { id } = useParams({ from: '/plant/cases/$id' });
  return <Answer of={useQuery(q.case(id))}>{(one) => <Body of={one} />}</Answer>;
}

export const lookOf = (state: string): Look => (/skipped/.test(state) ? 'skipped' : /done|closed|completed|approved|ok/.test(state) ? 'done' : /fail|reject|cancel|expired/.test(state) ? 'failed' : /open|run|active|wait|progress|started/.test(state) ? 'now' : 'ahead');

interface Stop { name: string; title: string; look: Look; mode: string | null; maybe: boolean }

/** The tasks of the definition in their order, those done and those to come, then what happened beside them. */
export function way(one: Pick<CaseDetail, 'tasks' | 'definition' | 'current_task' | 'state'>): Stop[] {
  const last = new Map(one.tasks.map((task) => [task.name, task]));
  const planned = (one.definition?.tasks ?? []).map((step): Stop => {
    const task = last.get(step.id);
    last.delete(step.id);
    const now = one.state === 'open' && one.current_task === step.id;
    return { name: step.id, title: step.title ?? step.id, look: task ? lookOf(task.state) : now ? 'now' : one.state === 'open' ? 'ahead' : 'skipped', mode: task?.mode ?? null, maybe: Boolean(step.when) };
  });
  return [...planned, ...[...last.values()].map((task): Stop => ({ name: task.name, title: task.name, look: lookOf(task.state), mode: task.mode, maybe: false }))];
}

function Body({ of: one }: { of: CaseDetail }) {
  const { t } = useTranslation();
  const title = useTitle();
  const f = useFormat();
  return (
    <>
      <PageHead title={`${one.number} ${title(one.title)}`} sub={<Link to="/cases" className="tap">{t('case.back')}</Link>}><Badge size="lg" color="slate" variant="outline">{t(`caseState.${one.state}`)}</Badge><CaseAnswer of={one} /></PageHead>
      <Panel title={t('case.way')}>
        <ol className="step-map">
          {way(one).map((step) => {
            const Icon = ICONS[step.look];
            return (
              <li key={step.name}>
                <div className={`step ${step.look}`} aria-current={step.look === 'now' ? 'step' : undefined}>
                  <Group gap={5} wrap="nowrap" align="flex-start"><Icon size={17} aria-hidden color={step.look === 'failed' ? 'var(--alarm-1)' : undefined} /><Text size="sm" fw={600}>{t(`task.${step.name}`, { defaultValue: step.title })}</Text></Group>
                  <Text size="xs">{t(step.look === 'ahead' && step.maybe ? 'look.maybe' : `look.${step.look}`)}</Text>
                  {step.mode && <Text size="xs" c="dimmed">{t(`mode.${step.mode}`, { defaultValue: step.mode })}</Text>}
                </div>
              </li>
            );
          })}
        </ol>
      </Panel>
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm" mt="sm">
        <Panel title={t('case.tasks')}>
          <Box className="rows">
            {one.tasks.map((task) => <TaskRow key={task.id} task={task} />)}
            {one.tasks.length === 0 && <Text size="sm" c="dimmed">{t('word.none')}</Text>}
          </Box>
        </Panel>
        <Panel title={t('case.about')}>
          <Facts of={[
            [t('word.asset'), one.asset ?? '–'],
            [t('case.process'), <Link key="p" to="/processes/$name" params={{ name: one.process }} className="tap">{t(`process.${one.process}`, { defaultValue: one.process })}</Link>],
            [t('case.opened'), f.when(one.opened)],
            [t('case.closed'), f.when(one.closed)],
            [t('case.took'), one.closed ? f.span((Date.parse(one.closed) - Date.parse(one.opened)) / 1000) : '–'],
            ...(one.alarm_id ? [[t('alarm.alarm'), <Link key="a" to="/alarms" search={{ alarm: one.alarm_id }}>{t('word.open')}</Link>] as const] : []),
            [t('case.order'), one.work_order_id ? <Link key="o" to="/orders/$id" params={{ id: one.work_order_id }}>{t('word.open')}</Link> : '–'],
          ]} />
        </Panel>
      </SimpleGrid>
      <AgentRuns caseId={one.id} hideEmpty />
      <Replay id={one.id} />
    </>
  );
}

function TaskRow({ task }: { task: Task }) {
  const { t } = useTranslation();
  const f = useFormat();
  const output = task.output && typeof task.output === 'object' ? Object.entries(task.output) : [];
  return (
    <Box py={8}>
      <Group justify="space-between" gap="xs"><Text size="sm" fw={600}>{t(`task.${task.name}`, { defaultValue: task.name })}</Text><Text size="xs" c="dimmed">{f.when(task.opened)}{task.closed && task.opened ? ` · ${f.span((Date.parse(task.closed) - Date.parse(task.opened)) / 1000)}` : ''}</Text></Group>
      <Group gap="sm">{task.actor ? <Actor name={task.actor} kind={task.actor_kind} /> : <Text size="sm" c="dimmed">{t('actor.nobody')}</Text>}{task.mode && <Text size="xs" c="dimmed">{t(`mode.${task.mode}`, { defaultValue: task.mode })}</Text>}<Text size="xs">{t(`look.${lookOf(task.state)}`)}</Text></Group>
      {output.length > 0 && <details><summary className="tap"><Text size="xs" span>{t('case.output')}</Text></summary><Facts of={output.filter(([name]) => name !== 'id' && !name.endsWith('_id')).map(([name, value]) => [t(`field.${name}`, { defaultValue: name }), typeof value === 'object' ? JSON.stringify(value) : typeof value === 'number' ? f.number(value) : t(`said.${String(value)}`, { defaultValue: String(value) })])} /></details>}
    </Box>
  );
}
