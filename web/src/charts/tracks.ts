/** What the trend explorer draws: recorded values where they fit on a screen, else the extremes and the mean of every window. */
import { ask } from '../api/client';
import type { Aggregates, History } from '../api/types';

export interface Track { path: string; unit: string; ink: number; earlier: boolean; recorded: boolean; x: number[]; low: (number | null)[]; high: (number | null)[]; mean: (number | null)[] }
const MOST = 3_000;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];
const figure = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : typeof value === 'boolean' ? Number(value) : null);

/** The window in seconds that gives at most so many points. */
export function windowFor(span: number, points: number): number {
  const least = span / 1000 / points;
  return STEPS.find((step) => step >= least) ?? Math.ceil(least / 86_400) * 86_400;
}

/** Draw nothing across a hole of more than three windows: nobody knows what was there. */
export function opened(x: number[], window: number): number[] {
  return x.flatMap((at, n) => (n > 0 && at - (x[n - 1] ?? at) > 3.5 * window ? [n] : []));
}

export async function loadTrack(path: string, start: number, end: number, points: number, signal: AbortSignal): Promise<Omit<Track, 'ink' | 'earlier'>> {
  const span = { start: new Date(start).toISOString(), end: new Date(end).toISOString() };
  const raw = await ask<History>('history', { query: { property: path, ...span, limit: MOST }, signal });
  if (raw.next === null) {
    const values = raw.rows.map((row) => (row.quality === 'bad' ? null : figure(row.value)));
    return { path, unit: raw.unit, recorded: true, x: raw.rows.map((row) => Date.parse(row.timestamp) / 1000), low: values, high: values, mean: values };
  }
  const window = windowFor(end - start, points);
  const { rows } = await ask<Aggregates>('aggregates', { query: { property: path, ...span, window: `${window}s` }, signal });
  const x = rows.map((row) => Date.parse(row.timestamp) / 1000);
  const holes = new Set(opened(x, window));
  const track = { path, unit: raw.unit, recorded: false, x: [] as number[], low: [] as (number | null)[], high: [] as (number | null)[], mean: [] as (number | null)[] };
  rows.forEach((row, n) => {
    const at = x[n] ?? 0;
    if (holes.has(n)) push(track, (x[n - 1] ?? at) + window / 2, null, null, null);
    push(track, at - window / 2, row.minimum, row.maximum, row.average);
  });
  return track;
}

function push(track: { x: number[]; low: (number | null)[]; high: (number | null)[]; mean: (number | null)[] }, at: number, low: number | null, high: number | null, mean: number | null): void {
  track.x.push(at);
  track.low.push(low);
  track.high.push(high);
  track.mean.push(mean);
}

/** Smallest, largest and mean of a track, as far as it is known. */
export function summary(track: Track): { low: number | null; high: number | null; mean: number | null } {
  const known = <T,>(values: readonly (T | null)[]): T[] => values.filter((one): one is T => one !== null);
  const [low, high, mean] = [known(track.low), known(track.high), known(track.mean)];
  if (!mean.length) return { low: null, high: null, mean: null };
  return { low: low.reduce((a, b) => Math.min(a, b)), high: high.reduce((a, b) => Math.max(a, b)), mean: mean.reduce((a, b) => a + b, 0) / mean.length };
}
