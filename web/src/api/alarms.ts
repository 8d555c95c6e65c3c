/** Alarms beyond their list: their life, why each exists, how well they serve, which came first, how often findings were right. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { ask } from './client';
import type { Alarm, Id, Iso, Page } from './types';

export interface AlarmCard extends Alarm { occurrence?: Id | null; condition?: string; origin?: string; area?: string; impact?: string; respond_within_s?: number | null; rationalised?: Iso | null; latched?: boolean }
export interface AlarmStep { at: Iso; written: Iso; what: string; state: string; value: number | null; by: string | null; note: string }
export interface AlarmRecord { number: number; at: Iso; by: string | null; kind: 'alarm' | 'alert'; impact: string; respond_within_s: number; priority: number; cause: string; consequence: string; action: string; note: string; outdated: boolean }
export interface AlarmGroup { area: string; start: Iso; end: Iso; first: Id; count: number; alarms: AlarmCard[] }
export interface Precision { asset: string; kind: string; confirmed: number; no_fault_found: number; false_alarm: number; neutral: number; open: number; precision: number | null; precision_at_least: number | null }
export interface Benchmark { name: string; value: number | null; good: number; manageable: number; verdict: 'good' | 'manageable' | 'over' | 'unknown'; source: string }
export interface Often { alarm_id: Id; asset: string; name: string; priority: number; count: number; share: number }
export interface AlarmKpis {
  start: Iso; end: Iso; operators: number; alarms: number; per_hour: number; per_10min: number; peak_10min: number; acknowledged_after_s: number | null; shelved: number; out_of_service: number; not_rationalised: number;
  benchmarks: Benchmark[]; top: Often[]; chattering: Often[]; fleeting: Often[]; stale: { alarm_id: Id; asset: string; name: string; priority: number; raised: Iso }[];
  floods: { start: Iso; end: Iso; alarms: number; peak: number }[]; areas: { area: string; alarms: number; per_hour: number; peak_10min: number }[]; priorities: Record<string, number>; periods: number[];
}

const listed = <R>(key: readonly unknown[], path: string, every: number) => queryOptions({ queryKey: key, queryFn: ({ signal }) => ask<Page<R>>(path, { signal }), refetchInterval: every, placeholderData: keepPreviousData });

export const al = {
  history: (id: Id) => listed<AlarmStep>(['alarms', 'history', id], `alarms/${encodeURIComponent(id)}/history`, 30_000),
  records: (id: Id) => listed<AlarmRecord>(['alarms', 'records', id], `alarms/${encodeURIComponent(id)}/rationalisation`, 60_000),
  groups: listed<AlarmGroup>(['alarms', 'groups'], 'alarm-groups', 10_000),
  precision: listed<Precision>(['findings', 'precision'], 'finding-precision', 60_000),
  kpis: (hours: number, operators: number | null, asset: string | null) =>
    queryOptions({
      queryKey: ['alarms', 'kpis', hours, operators, asset],
      queryFn: ({ signal }) => {
        const end = Date.now();
        return ask<AlarmKpis>('alarm-kpis', { query: { start: new Date(end - hours * 3_600_000).toISOString(), end: new Date(end).toISOString(), operators: operators ?? undefined, asset: asset ?? undefined }, signal });
      },
      refetchInterval: 60_000,
      placeholderData: keepPreviousData,
    }),
};

/** The table of priorities (detect/rank.py): what happens if nobody acts, by the time there is to act. */
export const IMPACTS = ['minor', 'moderate', 'major', 'severe'] as const;
export type Impact = (typeof IMPACTS)[number];
const TABLE: Record<Impact, readonly [number, number, number, number]> = { severe: [1, 1, 2, 3], major: [1, 2, 3, 3], moderate: [2, 3, 3, 4], minor: [3, 3, 4, 4] };
export function priorityOf(impact: Impact, minutes: number): number {
  return TABLE[impact][minutes < 3 ? 0 : minutes < 10 ? 1 : minutes < 30 ? 2 : 3];
}
