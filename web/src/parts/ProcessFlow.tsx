import { Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconHandStop, IconRobot, IconRulerMeasure, IconUser, IconUserCheck } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { MapTask } from '../api/processes';
import { useFormat } from '../format/useFormat';
import { Scroll } from './Scroll';

const GAP = { along: 32, across: 14 };
const sizeOf = (tall: boolean): { width: number; height: number } => (tall ? { width: 162, height: 112 } : { width: 172, height: 108 });
const ICONS = { automation: IconRulerMeasure, human_assistant: IconUser, agent: IconRobot, agent_human: IconUserCheck } as const;
type Spot = { x: number; y: number };

/** Where a task lies: to the right on a wide page, downwards on a phone. */
export function spot(task: Pick<MapTask, 'column' | 'row'>, tall: boolean): Spot {
  const box = sizeOf(tall);
  return tall
    ? { x: task.row * (box.width + GAP.across), y: task.column * (box.height + GAP.along) }
    : { x: task.column * (box.width + GAP.along), y: task.row * (box.height + GAP.across) };
}

/** The way from one task to the next, as an SVG path. */
export function path(from: Spot, to: Spot, tall: boolean): string {
  const box = sizeOf(tall);
  const [x1, y1] = tall ? [from.x + box.width / 2, from.y + box.height] : [from.x + box.width, from.y + box.height / 2];
  const [x2, y2] = tall ? [to.x + box.width / 2, to.y] : [to.x, to.y + box.height / 2];
  return tall ? `M${x1},${y1} C${x1},${y1 + 20} ${x2},${y2 - 20} ${x2},${y2 - 5}` : `M${x1},${y1} C${x1 + 20},${y1} ${x2 - 20},${y2} ${x2 - 5},${y2}`;
}

/** A definition as a map: tasks in their order, branches, who does each in which mode, and how many cases stand there. */
export function ProcessFlow({ of: tasks, chosen, onChoose }: { of: readonly MapTask[]; chosen: string; onChoose: (task: string) => void }) {
  const { t } = useTranslation();
  const tall = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false }) ?? false;
  const spots = new Map(tasks.map((task) => [task.id, spot(task, tall)]));
  const box = sizeOf(tall);
  const width = Math.max(...[...spots.values()].map((at) => at.x)) + box.width + 2;
  const height = Math.max(...[...spots.values()].map((at) => at.y)) + box.height + 2;
  return (
    <Scroll minWidth={width}>
      <div className="flow" style={{ width, height }}>
        <svg width={width} height={height} aria-hidden>
          <defs><marker id="flow-end" viewBox="0 0 8 8" refX="3" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" className="flow-head" /></marker></defs>
          {tasks.flatMap((task) => task.after.map((before) => {
            const from = spots.get(before);
            const to = spots.get(task.id);
            return from && to ? <path key={`${before}-${task.id}`} d={path(from, to, tall)} className={task.when ? 'flow-line maybe' : 'flow-line'} markerEnd="url(#flow-end)" /> : null;
          }))}
        </svg>
        <ol>
          {tasks.map((task) => {
            const at = spots.get(task.id) ?? { x: 0, y: 0 };
            return <li key={task.id} style={{ left: at.x, top: at.y, ...box }}><Stop task={task} pressed={chosen === task.id} onPress={() => onChoose(task.id)} title={t(`task.${task.id}`, { defaultValue: task.title })} /></li>;
          })}
        </ol>
      </div>
    </Scroll>
  );
}

function Stop({ task, title, pressed, onPress }: { task: MapTask; title: string; pressed: boolean; onPress: () => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const late = task.standing.some((one) => one.due !== null && Date.parse(one.due) < Date.now());
  return (
    <button type="button" className={task.when ? 'flow-task maybe' : 'flow-task'} aria-pressed={pressed} onClick={onPress} data-task={task.id}>
      <Text size="sm" fw={600} lineClamp={2} lh={1.2}>{title}</Text>
      <span className="flow-modes">
        {task.physical && <IconHandStop size={15} aria-hidden />}
        {task.modes.map((mode) => { const Icon = ICONS[mode as keyof typeof ICONS] ?? IconUser; return <Icon key={mode} size={15} aria-hidden />; })}
        <Text size="xs" span lineClamp={1}>{task.modes.map((mode) => t(`mode.${mode}`, { defaultValue: mode })).join(` ${t('map.or')} `)}</Text>
      </span>
      <Text size="xs" c="dimmed" lineClamp={1}>{[task.role && t(`role.${task.role}`, { defaultValue: task.role }), task.times?.median != null && f.span(task.times.median)].filter(Boolean).join(' · ') || ' '}</Text>
      {task.standing.length > 0 && <span className={late ? 'flow-open late' : 'flow-open'}>{t('map.standing', { count: task.standing.length })}{late ? ` · ${t('map.late')}` : ''}</span>}
    </button>
  );
}
