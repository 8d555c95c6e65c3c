/** Scores over time against the threshold (0.5); what was not judged is a gap. A moment is chosen by finger, mouse or arrow keys. */
import { Box, Group, Text } from '@mantine/core';
import type { KeyboardEvent, MouseEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Scores } from '../api/models';
import { useFormat } from '../format/useFormat';

const [WIDTH, HEIGHT, AIR] = [1000, 140, 6];
const y = (score: number): number => HEIGHT - AIR - score * (HEIGHT - 2 * AIR);

/** The row next to a moment; the last one where none is chosen. */
export function nearest(rows: readonly { timestamp: string }[], at: string | null): number {
  if (!at) return rows.length - 1;
  const wanted = Date.parse(at);
  let best = 0;
  rows.forEach((row, n) => { if (Math.abs(Date.parse(row.timestamp) - wanted) < Math.abs(Date.parse(rows[best]?.timestamp ?? '') - wanted)) best = n; });
  return best;
}

/** Where a key leads from a row: one on, ten on, to the ends. */
export function stepTo(key: string, from: number, rows: number): number | null {
  const by: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -rows, End: rows };
  const step = by[key];
  return step === undefined || rows === 0 ? null : Math.max(0, Math.min(rows - 1, from + step));
}

export function ScoreLine({ of: told, at, onPick }: { of: Scores; at: string | null; onPick: (at: string) => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const { rows } = told;
  const x = (n: number): number => (n / Math.max(1, rows.length - 1)) * WIDTH;
  let pen = 'M';
  const path = rows.map((row, n) => {
    if (row.score === null) { pen = 'M'; return ''; }
    const step = `${pen}${x(n).toFixed(1)},${y(row.score).toFixed(1)}`;
    pen = 'L';
    return step;
  }).join('');
  const worst = Math.max(0, ...rows.map((row) => row.score ?? 0));
  const here = nearest(rows, at ?? told.at);
  const row = rows[here];
  const pick = (n: number): void => { const one = rows[n]; if (one) onPick(one.timestamp); };
  const click = (event: MouseEvent<HTMLDivElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    pick(Math.round(((event.clientX - box.left) / box.width) * (rows.length - 1)));
  };
  const keys = (event: KeyboardEvent): void => {
    const next = stepTo(event.key, here, rows.length);
    if (next !== null) { event.preventDefault(); event.stopPropagation(); pick(next); }
  };
  const words = row ? `${f.when(row.timestamp)}: ${row.score === null ? t(`models.reason.${row.reason}`) : f.number(row.score, 2)}` : '';
  return (
    <>
      <Box pos="relative" role="slider" tabIndex={0} aria-label={t('models.chart', { worst: f.number(worst, 2) })} aria-valuemin={0} aria-valuemax={Math.max(0, rows.length - 1)} aria-valuenow={Math.max(0, here)} aria-valuetext={words} onClick={click} onKeyDown={keys} style={{ cursor: 'crosshair' }} data-score-line>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" width="100%" height={HEIGHT} aria-hidden style={{ display: 'block' }}>
          {[0, 1].map((score) => <line key={score} x1={0} x2={WIDTH} y1={y(score)} y2={y(score)} stroke="var(--line)" vectorEffect="non-scaling-stroke" />)}
          <line x1={0} x2={WIDTH} y1={y(0.5)} y2={y(0.5)} stroke={worst > 0.5 ? 'var(--alarm-1)' : 'currentColor'} strokeDasharray="6 5" strokeWidth={1} opacity={worst > 0.5 ? 1 : 0.6} vectorEffect="non-scaling-stroke" />
          <path d={path} fill="none" stroke="currentColor" strokeWidth={1.5} vectorEffect="non-scaling-stroke" />
          {row && <line x1={x(here)} x2={x(here)} y1={0} y2={HEIGHT} stroke="currentColor" strokeWidth={1} opacity={0.7} vectorEffect="non-scaling-stroke" />}
        </svg>
        {[1, 0.5, 0].map((score) => <Text key={score} size="xs" c="dimmed" pos="absolute" left={2} style={{ top: Math.min(HEIGHT - 18, Math.max(0, y(score) - 16)) }} aria-hidden>{f.number(score, 1)}</Text>)}
      </Box>
      <Group justify="space-between" gap={4}><Text size="xs" c="dimmed">{rows[0] && f.when(rows[0].timestamp)}</Text><Text size="xs" c="dimmed">{words}</Text><Text size="xs" c="dimmed">{f.when(rows.at(-1)?.timestamp)}</Text></Group>
      <Text size="xs" c="dimmed">{t('models.threshold')}</Text>
      <Text size="sm" mt={4}>{Object.entries(told.time_in).filter(([, share]) => share > 0).map(([reason, share]) => `${t(`models.reason.${reason}`)} ${f.percent(share, 1)}`).join(' · ')}</Text>
    </>
  );
}
