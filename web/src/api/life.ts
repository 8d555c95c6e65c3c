import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { ask } from './client';

export interface Reason { sensor: string; adds_h?: number; now?: number; limit?: number; slope?: number; since?: number; shape?: number; scale?: number }
export interface LifeForecast { fleet_id: string; fleet: string; asset: string; at: string; begin: string; age_h: number; remaining_h: number | null; low_h: number | null; high_h: number | null; more_than: boolean; due: string | null; method: string; number: number; why: Reason[]; error: string; finding: string | null }
export interface FleetVersion {
  number: number; state: string; share: number; step: string; error: string; method: string; cap_h: number | null; why: string[]; start: string; end: string; begun: string; ended: string | null; forgotten: string | null; by: string | null;
  about: { where?: string; lives?: number; failures?: number; records?: number; records_failed?: number; usual_life_h?: number; shape?: number; scale_h?: number; sensors?: string[]; left_out?: Record<string, string>; notes?: string[]; quality?: { rmse_h: number; mean_error_h: number; coverage: number; late: number } };
}
export interface LifeFleet { id: string; name: string; assets: string[]; properties: string[]; every_h: number; lookback_h: number; cap_h: number | null; low_h: number; index: { property: string; limit: number; rising: boolean } | null; method: string; lives: number; failure_mode: string; active: number | null; through: string | null; versions: FleetVersion[]; version: number }

export const life = {
  fleets: queryOptions({ queryKey: ['life'], queryFn: ({ signal }) => ask<{ items: LifeFleet[] }>('life', { query: { limit: 500 }, signal }), refetchInterval: ({ state }) => (state.data?.items.some((one) => one.versions[0]?.state === 'training') ? 1_000 : 15_000) }),
  forecasts: queryOptions({ queryKey: ['life', 'forecasts'], queryFn: ({ signal }) => ask<{ items: LifeForecast[] }>('life/forecasts', { query: { limit: 1000 }, signal }), refetchInterval: 10_000 }),
};

export interface OwnVersion { number: number; kind: string; stage: string; inputs: string[]; outputs: string[]; library: string; sha256: string; size: number; start: string | null; end: string | null; metrics: Record<string, number>; lineage: Record<string, unknown>; trusted_by: string | null; created: string; forgotten: string | null; by: string | null }
export interface Scorer { id: string; property: string; inputs: Record<string, string>; output: string; mode: string; every_s: number; number: number | null; through: string | null; rows: number; skipped: number; error: string; by: string | null }
export interface OwnModel { id: string; name: string; asset: string; about: string; created: string; by: string | null; production: number | null; versions: OwnVersion[]; scorers: Scorer[]; version: number }
export interface Target { property: string; free: boolean; why: string }
export const own = {
  targets: (name: string, search: string) => queryOptions({ queryKey: ['models', name, 'targets', search], queryFn: ({ signal }) => ask<{ items: Target[]; next: string | null }>(`models/${name}/targets`, { query: { limit: 200, search: search || undefined }, signal }), placeholderData: keepPreviousData }),
  models: queryOptions({ queryKey: ['models'], queryFn: ({ signal }) => ask<{ items: OwnModel[] }>('models', { query: { limit: 500 }, signal }), refetchInterval: 10_000 }),
};
