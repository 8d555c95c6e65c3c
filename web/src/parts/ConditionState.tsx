import { Box, Group, Text } from '@mantine/core';
import { IconAlertOctagon, IconAlertTriangle, IconCircleCheck, IconTool } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Zones } from '../api/condition';
import { useFormat } from '../format/useFormat';
import { Said } from './Said';

const MARKS = { healthy: [IconCircleCheck, undefined], warning: [IconAlertTriangle, 'var(--alarm-3)'], alarm: [IconAlertOctagon, 'var(--alarm-2)'], 'needs maintenance': [IconTool, 'var(--alarm-3)'] } as const;

/** A state as shape and word; colour only where it is not healthy. */
export function ConditionState({ state, size = 'sm' }: { state: string; size?: 'sm' | 'md' }) {
  const { t } = useTranslation();
  const [Icon, colour] = MARKS[state as keyof typeof MARKS] ?? MARKS.healthy;
  return <Group gap={5} wrap="nowrap"><Icon size={size === 'md' ? 22 : 17} stroke={2} aria-hidden {...(colour ? { color: colour } : {})} /><Text size={size} fw={state === 'healthy' ? 500 : 700}>{t(`condition.state.${state}`)}</Text></Group>;
}

/** Where the level lies among the zones A to D; told in words too. */
export function ZoneBar({ zones, level, unit }: { zones: Zones; level: number | null; unit: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  const end = Math.max(zones.limits[2] * 1.35, (level ?? 0) * 1.1);
  const edges = [0, ...zones.limits, end];
  const zone = level === null ? null : 'ABCD'[zones.limits.filter((limit) => level > limit).length];
  return (
    <Box>
      <Box pos="relative" style={{ display: 'flex', height: 30, border: '1px solid var(--line)' }} role="img" aria-label={t('condition.zoneWords', { level: f.number(level, 2), unit, zone: zone ?? '–', limits: zones.limits.map((one) => f.number(one)).join(' / ') })}>
        {['A', 'B', 'C', 'D'].map((name, n) => (
          <Box key={name} style={{ width: `${(((edges[n + 1] ?? end) - (edges[n] ?? 0)) / end) * 100}%`, borderLeft: n ? '1px solid var(--line)' : undefined, background: ['var(--card)', 'var(--card-raised)', 'var(--track)', 'var(--hatch)'][n], textAlign: 'center', lineHeight: '28px', fontWeight: name === zone ? 800 : 400, overflow: 'hidden' }} aria-hidden>{name}</Box>
        ))}
        {level !== null && <Box aria-hidden style={{ position: 'absolute', top: -4, bottom: -4, width: 3, left: `calc(${Math.min(100, (level / end) * 100)}% - 1px)`, background: 'var(--mantine-color-text)' }} />}
      </Box>
      <Box pos="relative" h={18} aria-hidden>{zones.limits.map((limit) => <Text key={limit} size="xs" pos="absolute" style={{ left: `${(limit / end) * 100}%`, transform: 'translateX(-50%)' }}>{f.number(limit)}</Text>)}</Box>
      <Text size="xs" c="dimmed" className="wrap"><Said text={zones.name} />; <Said text={zones.standard} />. {t('condition.source')}: <Said text={zones.source} /></Text>
    </Box>
  );
}
