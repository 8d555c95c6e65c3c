/** What was made, and what the shift wrote about it: the questions of the production and logbook pages. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { ask } from './client';
import type { Id, Iso, Page } from './types';

export interface OrderFigure { order: string; product: string; planned_s: number; target: number | null; made: number | null; made_by: string; attainment: number | null; ordered: number; delivered: number }
export interface Figures {
  line: string; otif: number | null; due_lines: number; on_time_in_full: number; first_pass: number | null; checks: number; passed: number;
  lot_yield: number | null; lots_made: number; lots_scrapped: number; lots_held: number; orders: OrderFigure[];
}
export interface Stretch { start: Iso; end: Iso; kind: 'shift' | 'break' | 'holiday' | 'off'; shift: string }
export interface Running { line: string; runs: { start: Iso; end: Iso; order: string; product: string }[]; planned: Stretch[]; shifts: string[] }
export interface Genealogy { made_from: string[]; went_into: string[] }
export interface Feed {
  name: string; type: string; every_s: number; state: 'new' | 'ok' | 'problems' | 'failing'; last_run: Iso | null; last_ok: Iso | null;
  last_taken: number; taken: number; waiting: number; error: string; problems: { where: string; what: string; hint: string }[];
}
export interface LogEntry { id: Id; asset: string; at: Iso; shift: string; day: string; text: string; tags: string[]; author: string | null; written: Iso; version: number }

export interface Shift { name: string; start: Iso; end: Iso }
/** The shifts in what a time was planned for: a shift and its breaks belong together. */
export function shiftsOf(planned: readonly Stretch[]): Shift[] {
  const found: Shift[] = [];
  for (const one of planned) {
    const before = found.at(-1);
    if (!one.shift || one.kind === 'off' || one.kind === 'holiday') continue;
    if (before?.name === one.shift && before.end === one.start) before.end = one.end;
    else found.push({ name: one.shift, start: one.start, end: one.end });
  }
  return found;
}

const span = (window: number): { start: string; end: string } => ({ start: new Date(Date.now() - window).toISOString(), end: new Date().toISOString() });

export const made = {
  figures: (line: string, window: number) => queryOptions({ queryKey: ['production/figures', line, window], queryFn: ({ signal }) => ask<Figures>('production/figures', { query: { line, ...span(window) }, signal }), enabled: line !== '', refetchInterval: 60_000, placeholderData: keepPreviousData }),
  running: (line: string, window: number) => queryOptions({ queryKey: ['production/running', line, window], queryFn: ({ signal }) => ask<Running>('production/running', { query: { line, ...span(window) }, signal }), enabled: line !== '', refetchInterval: 60_000, placeholderData: keepPreviousData }),
  genealogy: (lot: string) => queryOptions({ queryKey: ['production/lots', 'genealogy', lot], queryFn: ({ signal }) => ask<Genealogy>(`production/lots/${encodeURIComponent(lot)}/genealogy`, { signal }) }),
  feeds: queryOptions({ queryKey: ['production/feeds'], queryFn: ({ signal }) => ask<{ items: Feed[] }>('production/feeds', { signal }), refetchInterval: 15_000 }),
  logbook: (line: string, shift: string, window: number) => queryOptions({ queryKey: ['logbook', line, shift, window], queryFn: ({ signal }) => ask<Page<LogEntry>>('logbook', { query: { line, shift, start: span(window).start, limit: 200 }, signal }), refetchInterval: 30_000, placeholderData: keepPreviousData }),
  versions: (id: string) => queryOptions({ queryKey: ['logbook', 'versions', id], queryFn: ({ signal }) => ask<{ items: LogEntry[] }>(`logbook/${id}`, { signal }) }),
};
