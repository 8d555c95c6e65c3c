/** A live trend: history once, then every value of the stream appended; drawn at most five times a second. */
import { useComputedColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { ask } from '../api/client';
import type { Aggregates, History } from '../api/types';
import { formatClock, formatNumber } from '../format/format';
import { useFormat } from '../format/useFormat';
import { tags } from '../live/store';

interface Points { x: number[]; y: (number | null)[] }
const FINE = 20 * 60_000;
const TAIL = 5 * 60_000;
const WINDOWS = [['5s', 5], ['10s', 10], ['30s', 30], ['1m', 60], ['5m', 300], ['10m', 600], ['30m', 1800]] as const;
const figure = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : typeof value === 'boolean' ? Number(value) : null);

/** Short windows as recorded, long ones as averages with their last minutes as recorded: never more points than a screen can show. */
export async function load(property: string, start: number, end: number, signal: AbortSignal): Promise<Points> {
  const points: Points = { x: [], y: [] };
  const fine = end - start > FINE ? end - TAIL : start;
  if (fine > start) {
    const { rows } = await ask<Aggregates>('aggregates', { query: { property, start: new Date(start).toISOString(), end: new Date(fine).toISOString(), window: WINDOWS.find(([, seconds]) => (end - start) / 1000 / seconds <= 600)?.[0] ?? '1h' }, signal });
    for (const row of rows) push(points, Date.parse(row.timestamp), row.average);
  }
  let after: string | null = null;
  for (let page = 0; page < 12; page += 1) {
    const answer: History = await ask<History>('history', { query: { property, start: new Date(fine).toISOString(), end: new Date(end).toISOString(), limit: 5000, after }, signal });
    for (const row of answer.rows) push(points, Date.parse(row.timestamp), row.quality === 'bad' ? null : figure(row.value));
    after = answer.next;
    if (!after) break;
  }
  return points;
}
function push(points: Points, ms: number, value: number | null): void {
  points.x.push(ms / 1000);
  points.y.push(value);
}

/** A mark of the time axis: seconds where the axis is short, the day where it is long, whatever span was asked for. */
export function moment(language: string, ms: number, seconds: number): string {
  if (seconds > 2 * 86_400) return new Intl.DateTimeFormat(language, { day: '2-digit', month: '2-digit' }).format(ms);
  const clock = formatClock(language, ms);
  return seconds <= 900 ? clock : clock.slice(0, 5);
}

export interface TrendProps { path: string; label: string; unit: string; height?: number; window?: number; span?: { start: number; end: number }; limit?: number | null; below?: boolean; live?: boolean }

export default function Trend({ path, label, unit, height = 150, window = 600_000, span, limit = null, below = false, live = true }: TrendProps) {
  const box = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme();
  const { t, i18n } = useTranslation();
  const f = useFormat();
  const from = span?.start;
  const to = span?.end;
  const past = useQuery({
    queryKey: ['trend', path, window, from, to],
    queryFn: ({ signal }) => load(path, from ?? Date.now() - window, to ?? Date.now(), signal),
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });

  useEffect(() => {
    const at = box.current;
    if (!at || !past.data) return undefined;
    const data: Points = { x: [...past.data.x], y: [...past.data.y] };
    const css = getComputedStyle(document.documentElement);
    const token = (name: string): string => css.getPropertyValue(name).trim();
    const ink = token('--mantine-color-dimmed');
    const grid = { stroke: token('--line-soft'), width: 1 };
    const language = i18n.language;
    const limitLine = (u: uPlot): void => {
      if (limit === null) return;
      const y = Math.round(u.valToPos(limit, 'y', true));
      const { left, width } = u.bbox;
      const pen = u.ctx;
      pen.save();
      // Colour is for the abnormal: a limit that holds is as grey as the rest.
      const beyond = data.y.some((value) => value !== null && value !== undefined && (below ? value < limit : value > limit));
      pen.strokeStyle = pen.fillStyle = beyond ? token('--alarm-1') : ink;
      pen.lineWidth = 1.5 * devicePixelRatio;
      pen.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      pen.beginPath();
      pen.moveTo(left, y);
      pen.lineTo(left + width, y);
      pen.stroke();
      pen.textAlign = 'left';
      pen.font = `${11 * devicePixelRatio}px sans-serif`;
      pen.fillText(`${t('trend.limit')} ${formatNumber(language, limit)}`, left + 4 * devicePixelRatio, y - 4 * devicePixelRatio);
      pen.restore();
    };
    const range = (_: uPlot, low: number | null, high: number | null): [number, number] => {
      const bottom = Math.min(low ?? 0, limit ?? Infinity);
      const top = Math.max(high ?? 1, limit ?? -Infinity);
      const air = Math.max((top - bottom) * 0.12, Math.abs(top) * 0.02, 0.05);
      return [bottom - air, top + air];
    };
    // A node that has just started has a short past: the trend begins where the data begins.
    const liveRange = (): [number, number] => {
      const end = Date.now() / 1000;
      return [Math.max(end - window / 1000, Math.min(data.x[0] ?? 0, end - 60)), end];
    };
    const now = (): [number, number] => (from !== undefined && to !== undefined ? [from / 1000, to / 1000] : liveRange());
    const shown = (): [number[], (number | null)[]] => {
      const end = now()[1];
      const last = data.x.at(-1);
      const value = data.y.at(-1);
      // A property that did not change still has its value now.
      return live && last !== undefined && value !== undefined && last < end ? [[...data.x, end], [...data.y, value]] : [data.x, data.y];
    };
    const plot = new uPlot(
      {
        width: at.clientWidth,
        height,
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
        legend: { show: false },
        scales: { x: { time: true, range: now }, y: { range } },
        axes: [
          { stroke: ink, grid, ticks: grid, size: 26, space: 62, values: (u, splits) => splits.map((s) => moment(language, s * 1000, (u.scales.x?.max ?? 0) - (u.scales.x?.min ?? 0))) },
          { stroke: ink, grid, ticks: grid, size: 52, space: 28, values: (_u, splits) => splits.map((s) => new Intl.NumberFormat(language, { maximumSignificantDigits: 4 }).format(s)) },
        ],
        series: [{}, { stroke: token('--trend-1'), width: 1.6, fill: token('--trend-fill'), fillTo: (_u, _s, low) => low, points: { show: false }, paths: live && from === undefined ? uPlot.paths.stepped?.({ align: 1 }) : undefined } as uPlot.Series],
        hooks: { draw: [limitLine] },
      },
      shown(),
      at,
    );
    const resize = new ResizeObserver(() => plot.setSize({ width: at.clientWidth, height }));
    resize.observe(at);
    const stop = live
      ? tags.follow(path, (tag) => {
          const x = tag.at / 1000;
          if (x <= (data.x.at(-1) ?? 0)) return;
          data.x.push(x);
          data.y.push(tag.quality === 'bad' ? null : figure(tag.value));
        })
      : () => undefined;
    const beat = live
      ? setInterval(() => {
          if (document.hidden) return;
          const oldest = Date.now() / 1000 - window / 1000;
          let drop = 0;
          while (drop + 1 < data.x.length && (data.x[drop + 1] ?? 0) < oldest) drop += 1;
          if (drop > 500) {
            data.x.splice(0, drop);
            data.y.splice(0, drop);
          }
          plot.setData(shown());
        }, window > FINE ? 2_000 : 250)
      : undefined;
    return () => {
      clearInterval(beat);
      stop();
      resize.disconnect();
      plot.destroy();
    };
  }, [past.data, scheme, i18n.language, height, window, from, to, limit, below, live, path, t]);

  const words = `${t('trend.of', { name: label })}, ${unit || t('trend.noUnit')}${limit === null ? '' : `, ${t('trend.limit')} ${f.number(limit)}`}`;
  return <div ref={box} className="u-wrap" style={{ height }} role="img" aria-label={words} />;
}
