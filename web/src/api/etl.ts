import { queryOptions } from '@tanstack/react-query';
import { ask } from './client';

export interface EtlRun { id: string; job: string; job_version: string; state: string; why: string; by: string | null; until: string; started: string; ended: string | null; attempt: number; step: string; steps_done: number; steps: number; rows: number; error: string; reads: string[]; writes: string[] }
export interface EtlStep { name: string; kind: string; text: string; table: string; mode: string }
export interface EtlJob { job: string; description: string; owner: string; schedule: string; next: string | null; file: string; version: string; steps: EtlStep[]; last: EtlRun | null }
export interface EtlBook { items: EtlJob[]; problems: { where: string; problem: string; hint: string }[] }
export interface ImageInfo { id: string; asset: string; lot: string | null; timestamp: string; station: string; result: string; name: string; mime: string; size: number; width: number | null; height: number | null; sha256: string; path: string; version: number; score: number | null; model: string | null }
export interface Rule { id: string; who: string; tables: string; columns: string[]; effect: string; assets: string[]; note: string; created: string; created_by: string | null; version: number }

const SHORT = 3_000;

export const etl = {
  jobs: queryOptions({ queryKey: ['etl'], queryFn: ({ signal }) => ask<EtlBook>('etl', { signal }), refetchInterval: SHORT }),
  runs: queryOptions({ queryKey: ['etl', 'runs'], queryFn: ({ signal }) => ask<{ items: EtlRun[] }>('etl/runs', { query: { limit: 50 }, signal }), refetchInterval: SHORT }),
  judges: queryOptions({ queryKey: ['images', 'judges'], queryFn: ({ signal }) => ask<{ items: { source: string; model: string }[] }>('images/judges', { signal }) }),
  images: (lot: string, asset: string | null) => queryOptions({ queryKey: ['images', lot, asset], queryFn: ({ signal }) => ask<{ items: ImageInfo[]; next: string | null }>('images', { query: { limit: 60, lot, asset }, signal }) }),
  rules: queryOptions({ queryKey: ['permissions'], queryFn: ({ signal }) => ask<{ items: Rule[] }>('permissions', { query: { limit: 500 }, signal }) }),
};
