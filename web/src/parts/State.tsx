import { Group, Text } from '@mantine/core';
import { IconAlertOctagon, IconArrowBarToRight, IconArrowBarLeft, IconPlayerPause, IconPlayerPlay, IconQuestionMark, IconTool } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Asset, OeeMapping } from '../api/types';
import { useTag } from '../live/store';

const ICONS = { running: IconPlayerPlay, idle: IconPlayerPause, starved: IconArrowBarLeft, blocked: IconArrowBarToRight, down: IconAlertOctagon, setup: IconTool, unknown: IconQuestionMark } as const;
export type MachineState = keyof typeof ICONS;
const USUAL: Record<string, string> = { 0: 'idle', 1: 'running', 2: 'starved', 3: 'blocked', 4: 'down', 5: 'setup' };

export function mapping(asset: Pick<Asset, 'path' | 'oee_mapping'>): { state: string; good: string; bad: string; states: Record<string, string> } {
  const own: OeeMapping = asset.oee_mapping ?? {};
  const under = (name: string): string => `${asset.path}/${name}`;
  return { state: under(own.state ?? 'State'), good: under(own.good ?? 'Good'), bad: under(own.bad ?? 'Bad'), states: own.states ?? USUAL };
}

export function stateOf(value: unknown, states: Record<string, string>): MachineState {
  const name = states[String(value)] ?? (typeof value === 'string' ? value : 'unknown');
  return name in ICONS ? (name as MachineState) : 'unknown';
}

/** Running or not is told by shape and word; colour only where a machine is down. */
export function StateMark({ state, size = 'sm' }: { state: MachineState; size?: 'sm' | 'lg' }) {
  const { t } = useTranslation();
  const Icon = ICONS[state];
  const down = state === 'down';
  return (
    <Group gap={5} wrap="nowrap" c={down ? 'var(--alarm-1)' : state === 'running' ? undefined : 'dimmed'}>
      <Icon size={size === 'lg' ? 22 : 17} stroke={down ? 2.4 : 1.8} aria-hidden />
      <Text size={size} fw={down ? 700 : 500}>{t(`state.${state}`)}</Text>
    </Group>
  );
}

export function LiveState({ asset, size }: { asset: Asset; size?: 'sm' | 'lg' }) {
  const { state, states } = mapping(asset);
  const tag = useTag(state);
  return <StateMark state={tag && tag.quality !== 'bad' ? stateOf(tag.value, states) : 'unknown'} {...(size ? { size } : {})} />;
}
