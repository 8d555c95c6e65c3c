import { queryOptions } from '@tanstack/react-query';
import { ask } from './client';

export interface Flaw { code: string; what: string; action: string; figure: number }
export interface SensorQuality { name: string; role: string; used: boolean; missing: number; flaws: Flaw[] }
export interface Quality { rows: number; start: string; end: string; every_s: number; table: Flaw[]; sensors: SensorQuality[] }
export interface ModelAlert { start: string; end: string | null; peak: number; sensors: { property?: string; name?: string; share: number }[] }
export interface HeardModel { source: string; number: number; at: string }
/** A finding nobody has judged in the time a training would learn from; without an end it still lasts. */
export interface UnjudgedFinding { id: string; asset: string; kind: string; start: string; end: string | null }
export interface ModelVersion {
  number: number; state: string; share: number; step: string; error: string; start: string; end: string; begun: string; ended: string | null; forgotten: string | null; by: string | null; alerts: number; place: string;
  now: { at?: string; score?: number | null; reason?: string };
  about: { where?: string; rows?: number; quality?: Quality; thresholds?: { warnings?: string[] }; promotion?: { taken_over: boolean; why: string }; taken_in?: boolean };
  verdict: { quality: string; why: string[] } | null;
  backtest: { days?: number; alerts?: ModelAlert[] };
}
export interface MachineModel { id: string; name: string; asset: string; properties: string[]; settings: Record<string, unknown>; every_s: number; lookback_s: number; retrain_s: number; next_training: string | null; delay_s: number; failure_mode: string; promote: string; fleet: string; together: boolean; active: number | null; shadow: number | null; previous: number | null; heard: HeardModel[]; unjudged: UnjudgedFinding[]; versions: ModelVersion[]; version: number }
export interface Part { sensor: string; share: number; observed: number | null; expected: number | null; marginal_z: number | null; residual: number | null }
export interface Scores { number: number; rows: { timestamp: string; score: number | null; reason: string }[]; alerts: ModelAlert[]; time_in: Record<string, number>; at: string | null; explanation: Part[] }

export interface Backtest { number: number; days: number; alerts: ModelAlert[]; labels: { start: string; end: string; code: string; raised: string | null; lead: number | null }[]; anomalies: number; found: number; false_alarms: number }
export interface PastLabel { id: string; asset: string; start: string; end: string; kind: string; code: string; note: string; by: string | null }

const DAY = 86_400_000;

export const models = {
  fetchBacktest: (id: string, number: number, days: number, signal?: AbortSignal) => ask<Backtest>(`anomaly-models/${id}/backtest`, { query: { number, start: new Date(Date.now() - days * DAY).toISOString(), end: new Date().toISOString() }, signal }),
  backtest: (id: string, number: number, days: number) => queryOptions({ queryKey: ['anomaly-models', 'backtest', id, number, days], queryFn: ({ signal }) => models.fetchBacktest(id, number, days, signal), retry: false, staleTime: 300_000 }),
  labels: (asset: string) => queryOptions({ queryKey: ['anomaly-labels', asset], queryFn: ({ signal }) => ask<{ items: PastLabel[] }>('anomaly-labels', { query: { asset, limit: 200 }, signal }) }),
  list: queryOptions({ queryKey: ['anomaly-models'], queryFn: ({ signal }) => ask<{ items: MachineModel[] }>('anomaly-models', { query: { limit: 500 }, signal }), refetchInterval: ({ state }) => (state.data?.items.some((one) => one.versions[0]?.state === 'training') ? 1_000 : 15_000) }),
  scores: (id: string, number: number, hours: number, at: string | null) =>
    queryOptions({
      queryKey: ['anomaly-models', 'scores', id, number, hours, at],
      queryFn: ({ signal }) => ask<Scores>(`anomaly-models/${id}/scores`, { query: { number, at: at ?? undefined, start: new Date(Date.now() - hours * 3_600_000).toISOString(), end: new Date().toISOString() }, signal }),
      retry: false,
      staleTime: 30_000,
      refetchInterval: at === null && hours <= 24 ? 60_000 : false,
      placeholderData: (old: Scores | undefined, last) => (last?.queryKey[2] === id && last.queryKey[3] === number ? old : undefined),
    }),
};
