/** Processes: the map, the figure before and after, the tags they need; a person's answer to a task. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { ask } from './client';
import type { Id, Iso, Page } from './types';

export interface Month { start: Iso; end: Iso; value: number | null; cases: number }
export interface ProcessKpi { name: string; unit: string; baseline: number | null; target: number | null; source: string; measured: string; now: number | null; cases: number; months: Month[] }
export interface Process { process: string; version: number; title: string; owner: string; starts: string[]; tasks: number; open_cases: number; kpi: ProcessKpi | null }
export interface Standing { case_id: Id; number: string; asset: string; since: Iso; due: Iso | null }
export interface MapTask {
  id: string; title: string; does: string; when: string; role: string; physical: boolean; complexity: string; risk: string; modes: string[];
  takes: string[]; gives: string; due: string | null; expires: string | null; escalates: { after: string; to: string } | null; compensation: string; blocks: boolean;
  column: number; row: number; after: string[]; times: { count: number; median: number | null; p90: number | null } | null; standing: Standing[];
}
export interface Ready { asset: string; property: string; state: string; age_s: number | null }
export interface ProcessMap extends Process { begins: { event: string; when: string }[]; one_open_case_per: string; before: { step: string; who: string; takes: string | null }[]; map: MapTask[]; readiness: Ready[] }

export const p = {
  processes: queryOptions({ queryKey: ['processes'], queryFn: ({ signal }) => ask<Page<Process>>('processes', { signal }), refetchInterval: 30_000, placeholderData: keepPreviousData }),
  process: (name: string) => queryOptions({ queryKey: ['processes', name], queryFn: ({ signal }) => ask<ProcessMap>(`processes/${encodeURIComponent(name)}`, { signal }), refetchInterval: 10_000, placeholderData: keepPreviousData }),
};
