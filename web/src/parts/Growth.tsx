/** How much lay in each tier, and how much will: what was measured stands solid, what is only expected is hatched. */
import { Box, Group, Text } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useId } from 'react';
import { useTranslation } from 'react-i18next';
import { TIERS, type Cost, type Sizes, type Tier } from '../api/cost';

export interface Point { at: number; parts: number[] }
export type Weigh = (sizes: Sizes) => number[];

/** Bytes of each tier, or what they cost a month. */
export const inBytes: Weigh = (sizes) => TIERS.map((tier) => sizes[tier] ?? 0);
export const inMoney = (prices: Record<Tier, number>): Weigh => (sizes) => TIERS.map((tier) => ((sizes[tier] ?? 0) / 1e9) * prices[tier]);

/** What was noted, what is now, and what is expected, as far ahead as asked. */
export function series(cost: Cost, weigh: Weigh, days: number): { past: Point[]; future: Point[] } {
  const now = { at: Date.parse(cost.at), parts: weigh(cost.sizes) };
  const point = (one: { at: string; sizes: Sizes }): Point => ({ at: Date.parse(one.at), parts: weigh(one.sizes) });
  return { past: [...cost.history.map(point), now], future: cost.months.length ? [now, ...cost.months.filter((month) => month.days <= days).map(point)] : [] };
}

/** The outline of one layer: along its upper edge and back along the edge of the layers below it. */
export function layer(points: readonly Point[], n: number, x: (at: number) => number, y: (value: number) => number): string {
  const below = (point: Point, count: number): number => point.parts.slice(0, count).reduce((sum, part) => sum + part, 0);
  const up = points.map((point) => `${x(point.at).toFixed(1)},${y(below(point, n + 1)).toFixed(1)}`);
  const back = [...points].reverse().map((point) => `${x(point.at).toFixed(1)},${y(below(point, n)).toFixed(1)}`);
  return points.length ? `M${[...up, ...back].join('L')}Z` : '';
}

/** Round figures for the axis, three to six of them. */
export function ticks(top: number): number[] {
  if (!(top > 0)) return [0];
  const rough = top / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((one) => one * power >= rough) ?? 10);
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, n) => n * step);
}

const HIGH = 260;
const LEFT = 76;
const BELOW = 24;
const FILL: Record<Tier, string> = { hot: 'var(--bar-strong)', local: 'var(--bar)', object: 'var(--track)' };

interface Props { cost: Cost; weigh: Weigh; days: number; limit: number | null; show: (value: number) => string; date: (at: number) => string }

export function Growth({ cost, weigh, days, limit, show, date }: Props) {
  const { t } = useTranslation();
  const id = useId();
  const { ref, width } = useElementSize<HTMLDivElement>();
  const WIDE = Math.max(280, width);
  const { past, future } = series(cost, weigh, days);
  const every = [...past, ...future];
  const start = Math.min(...every.map((point) => point.at));
  const end = Math.max(...every.map((point) => point.at), start + 1);
  const top = Math.max(...every.map((point) => point.parts.reduce((sum, part) => sum + part, 0)), limit ?? 0) * 1.05 || 1;
  const x = (at: number): number => LEFT + ((at - start) / (end - start)) * (WIDE - LEFT - 8);
  const y = (value: number): number => HIGH - BELOW - (value / top) * (HIGH - BELOW - 8);
  const now = Date.parse(cost.at);
  const used = TIERS.filter((_, n) => every.some((point) => (point.parts[n] ?? 0) > 0));
  return (
    <Box ref={ref}>
      <svg viewBox={`0 0 ${WIDE} ${HIGH}`} role="img" aria-label={t('cost.chart', { now: show(past.at(-1)?.parts.reduce((a, b) => a + b, 0) ?? 0), later: future.length ? show(future.at(-1)?.parts.reduce((a, b) => a + b, 0) ?? 0) : '–' })} style={{ width: '100%', height: HIGH, display: 'block' }}>
        <defs>
          <pattern id={id} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="var(--card)" fillOpacity="0.45" /><rect width="2" height="6" fill="var(--card)" fillOpacity="0.8" /></pattern>
        </defs>
        {ticks(top).map((value) => (
          <g key={value}>
            <line x1={LEFT} x2={WIDE - 8} y1={y(value)} y2={y(value)} stroke="var(--line-soft)" />
            <text x={LEFT - 6} y={y(value) + 4} textAnchor="end" fontSize="12" fill="currentColor">{show(value)}</text>
          </g>
        ))}
        {TIERS.map((tier, n) => [past, future].map((points, later) => points.length > 1 && <path key={`${tier} ${later}`} d={layer(points, n, x, y)} fill={FILL[tier]} stroke="var(--line)" strokeWidth="0.5" />))}
        {future.length > 1 && <path d={layer(future.map((point) => ({ at: point.at, parts: [point.parts.reduce((a, b) => a + b, 0)] })), 0, x, y)} fill={`url(#${id})`} />}
        {limit !== null && (
          <g>
            <line x1={LEFT} x2={WIDE - 8} y1={y(limit)} y2={y(limit)} stroke="currentColor" strokeWidth="2" strokeDasharray="7 4" />
            <text x={WIDE - 12} y={y(limit) - 5} textAnchor="end" fontSize="12" fontWeight="600" fill="currentColor">{t('cost.budgetLine')}</text>
          </g>
        )}
        <line x1={x(now)} x2={x(now)} y1={8} y2={HIGH - BELOW} stroke="currentColor" strokeDasharray="2 3" />
        {[start, now, end].filter((at, n, all) => n === 0 || all.slice(0, n).every((other) => Math.abs(x(other) - x(at)) > 90)).map((at) => (
          <text key={at} x={x(at)} y={HIGH - 6} textAnchor={at === end ? 'end' : at === start ? 'start' : 'middle'} fontSize="12" fill="currentColor">{at === now ? t('cost.today') : date(at)}</text>
        ))}
      </svg>
      <Group gap="md" mt={4} px={12} pb={10}>
        {used.map((tier) => <Group key={tier} gap={6} wrap="nowrap"><span className="swatch" style={{ background: FILL[tier] }} aria-hidden /><Text size="sm">{t(`tier.${tier}`)}</Text></Group>)}
        <Group gap={6} wrap="nowrap"><span className="swatch el-unknown" aria-hidden /><Text size="sm">{t('cost.expected')}</Text></Group>
      </Group>
    </Box>
  );
}
