/** Several properties over one span: an axis a unit, the extremes of every window always shown, gaps left open, values at the cursor. */
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { unitText } from '../format/format';
import type { Track } from './tracks';

/** Calm inks; a dash of its own for each, so that colour is never alone. */
const INKS = { light: ['#384650', '#0f6b8f', '#8a5a00', '#5b4a8a', '#2f6b3a', '#8a3a5b', '#51606b', '#6b5f2f'], dark: ['#c9d0d5', '#7fc4de', '#e0b05a', '#b6a8e0', '#93c99d', '#dda0b8', '#9aa7b0', '#cfc28a'] };
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [12, 4], [1, 2], [6, 2, 1, 2]];
export const ink = (scheme: 'light' | 'dark', at: number): string => INKS[scheme][at % 8] ?? '#384650';
export const dash = (at: number): number[] => DASHES[at % 8] ?? [];

export interface Mark { at: number; kind: 'alarm' | 'stop' | 'order'; text: string }
interface Props { tracks: readonly Track[]; span: { start: number; end: number }; marks: readonly Mark[]; height: number; onZoom: (start: number, end: number) => void; onCursor: (values: readonly (number | null)[] | null, at: number | null) => void }

const LETTER: Record<Mark['kind'], string> = { alarm: '▲', stop: '■', order: '◆' };

export default function Explorer({ tracks, span, marks, height, onZoom, onCursor }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme();
  const { i18n } = useTranslation();
  const zoom = useRef(onZoom);
  const cursor = useRef(onCursor);
  useEffect(() => { zoom.current = onZoom; cursor.current = onCursor; });

  useEffect(() => {
    const at = box.current;
    if (!at || !tracks.length) return undefined;
    const css = getComputedStyle(document.documentElement);
    const token = (name: string): string => css.getPropertyValue(name).trim();
    const text = token('--mantine-color-dimmed');
    const grid = { stroke: token('--line-soft'), width: 1 };
    const units = [...new Set(tracks.map((track) => track.unit))];
    const axisOf = (unit: string): string => `u${units.indexOf(unit)}`;
    const narrow = at.clientWidth < 560;
    // Every track is three lines: its smallest, largest and mean value of each window; recorded values are all three in one.
    const tables = tracks.map((track) => [track.x, track.low, track.high, track.mean] as uPlot.AlignedData);
    const data = uPlot.join(tables, tables.map(() => [1, 1, 1, 1]) as uPlot.JoinNullMode[][]);
    const series: uPlot.Series[] = [{}];
    const bands: uPlot.Band[] = [];
    tracks.forEach((track, n) => {
      const stroke = ink(scheme, track.ink);
      const faint: uPlot.Series = { scale: axisOf(track.unit), stroke: `${stroke}66`, width: 0.8, points: { show: false }, spanGaps: false };
      const stepped = track.recorded ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
      series.push(faint, faint, { scale: axisOf(track.unit), stroke, width: 1.7, dash: track.earlier ? [3, 5] : dash(track.ink), points: { size: 5 }, spanGaps: false, ...(stepped ? { paths: stepped } : {}) });
      bands.push({ series: [3 * n + 2, 3 * n + 1], fill: `${stroke}22` });
    });
    const clock = new Intl.DateTimeFormat(i18n.language, span.end - span.start > 86_400_000 ? { day: '2-digit', month: '2-digit', hour: '2-digit', minute: '2-digit' } : { hour: '2-digit', minute: '2-digit', ...(span.end - span.start < 1_800_000 ? { second: '2-digit' } : {}) });
    const number = new Intl.NumberFormat(i18n.language, { maximumSignificantDigits: 5 });
    const draw = (u: uPlot): void => {
      const pen = u.ctx;
      const { top, height: tall, left, width } = u.bbox;
      pen.save();
      pen.strokeStyle = token('--line');
      pen.fillStyle = text;
      pen.textAlign = 'center';
      pen.font = `${11 * devicePixelRatio}px sans-serif`;
      pen.setLineDash([2 * devicePixelRatio, 4 * devicePixelRatio]);
      for (const mark of marks) {
        const x = Math.round(u.valToPos(mark.at / 1000, 'x', true));
        if (x < left || x > left + width) continue;
        pen.beginPath();
        pen.moveTo(x, top);
        pen.lineTo(x, top + tall);
        pen.stroke();
        pen.fillText(LETTER[mark.kind], x, top + 10 * devicePixelRatio);
      }
      pen.restore();
    };
    const told = (u: uPlot): void => {
      const where = u.cursor.idx;
      if (where === null || where === undefined || (u.cursor.left ?? -1) < 0) return cursor.current(null, null);
      const x = u.posToVal(u.cursor.left ?? 0, 'x') * 1000;
      // What a tag said last is its value until it says another; a gap has none.
      cursor.current(tracks.map((track) => asOf(track, x / 1000)), x);
      return undefined;
    };
    const plot = new uPlot(
      {
        width: at.clientWidth,
        height,
        legend: { show: false },
        cursor: { drag: { x: true, y: false, setScale: false }, focus: { prox: 24 } },
        scales: { x: { time: true, range: () => [span.start / 1000, span.end / 1000] }, ...Object.fromEntries(units.map((unit) => [axisOf(unit), { range: (_u: uPlot, low: number | null, high: number | null): [number, number] => air(low, high) }])) },
        axes: [
          { stroke: text, grid, ticks: grid, size: 28, space: narrow ? 90 : 80, values: (_u, splits) => splits.map((s) => clock.format(s * 1000)) },
          ...units.map((unit, n): uPlot.Axis => ({ scale: axisOf(unit), side: n % 2 ? 1 : 3, stroke: text, grid: n === 0 ? grid : { show: false }, ticks: grid, size: narrow ? 44 : 58, label: unitText(unit) || '–', labelSize: 16, labelFont: '12px sans-serif', values: (_u, splits) => splits.map((s) => number.format(s)) })),
        ],
        series,
        bands,
        hooks: { draw: [draw], setCursor: [told], setSelect: [(u) => {
          const from = u.posToVal(u.select.left, 'x') * 1000;
          const to = u.posToVal(u.select.left + u.select.width, 'x') * 1000;
          if (to - from > 1000) zoom.current(from, to);
        }] },
      },
      data,
      at,
    );
    const resize = new ResizeObserver(() => plot.setSize({ width: at.clientWidth, height }));
    resize.observe(at);
    return () => { resize.disconnect(); plot.destroy(); };
  }, [tracks, span, marks, height, scheme, i18n.language]);

  return <div ref={box} className="u-wrap" style={{ height }} />;
}

function air(low: number | null, high: number | null): [number, number] {
  const [bottom, top] = [low ?? 0, high ?? 1];
  const more = Math.max((top - bottom) * 0.08, Math.abs(top) * 0.01, 1e-6);
  return [bottom - more, top + more];
}

/** The mean that stood at a moment: of the last point at or before it. */
export function asOf(track: Track, x: number): number | null {
  let [low, high] = [0, track.x.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((track.x[middle] ?? Infinity) <= x) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? null : (track.mean[low - 1] ?? null);
}
