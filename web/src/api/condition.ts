import { queryOptions } from '@tanstack/react-query';
import { ask } from './client';

export interface Zones { group: string; name: string; standard: string; source: string; limits: [number, number, number] }
export interface JudgedBy { measure: string; unit: string; zones: Zones | null; frequencies: Record<string, number> }
export interface Measured { at: string; taken: string; by: string | null; running: boolean; level: number | null; temperature: number | null; zone: string | null; vibration_z: number | null; temperature_z: number | null; says: string[] }
export interface Resolution { id: string; position_id: string; asset: string; position: string; at: string; by: string | null; state: string; since: string; mode: string; cause: string; remedy: string; label: string; note: string; findings: string[] }
export interface Noticed { at: string; cause: string; severity: string; scope: string; value: number; limit: number; says: string; zone: string | null; finding?: string; late?: boolean }
export interface Position {
  id: string; path: string; asset: string; name: string; state: string; since: string; zone: string | null; level: number | null; unit: string; temperature: number | null; at: string | null; running: boolean | null;
  learned: number; usual: number | null; usual_temperature: number | null; vibration_z: number | null; temperature_z: number | null; bearing: string | null; recorded: string | null; trouble: string;
  battery: number | null; battery_unit: string; battery_low: boolean; signal: number | null; signal_unit: string; measured: Measured | null; late: { steps: number; step: string | null; values: number; value: string | null };
  settings: { vibration: string; temperature: string; running: string; speed?: string; battery?: string; signal?: string; power_kw: number | null; rpm: number | null; mounting: string; kind?: string; group?: string | null; bearing: string | ((Geometry | Factors) & { name?: string }) | null; temperature_limit: number | null; every: string; learn: number };
  judged_by: JudgedBy; noticed: Noticed[]; created: string; by: string | null; version: number;
}
export interface StreamFound { path: string; asset: string; unit: string; likely: boolean; measure: string; temperature: string; running: string; speed: string; battery: string; signal: string; power_kw: number | null; source: string; tag: string; serial: string; value: number | null; timestamp: string | null; position: string | null }
export interface ZoneRow { group: string; kind: string; name: string; standard: string; source: string; kw: [number, number | null]; limits: Record<string, [number, number, number]> }
export interface Evidence { fault: string; frequency: number; strength: number; ratios: number[]; band: [number, number] }
export interface VibrationRecord { id: string; position_id: string; at: string; file: string; channel: string; document: string; rate: number; unit: string; rpm: number | null; seconds: number; figures: Record<string, number | null>; refused: Record<string, string>; zone: string | null; diagnosis: { fault?: string | null; confidence?: string; says?: string; evidence?: Evidence[] }; judged: boolean; by: string | null }
export interface Curve { x: number[]; y: number[] }
export interface Spectra { spectrum: Curve; envelope: Curve | null; samples: Curve; band: [number, number] | null; unit: string; turning_hz: number | null; marks: Record<string, number> }
export interface Channel { name: string; samples: number; rate: number | null; unit: string | null; rpm: number | null }
/** Multiples of the shaft's speed, of a bearing's sheet. */
export interface Factors { bpfo: number; bpfi: number; bsf: number; ftf: number }
export interface Geometry { rollers: number; roller_diameter: number; pitch_diameter: number; contact_angle: number }
export interface Commission { asset: string; name: string; vibration: string; temperature: string; running: string; speed: string; power_kw: number | null; mounting: string; kind: string; group: string | null; rpm: number | null; bearing: string | Geometry | Factors | null; temperature_limit: number | null; every: string; learn: number }

export const condition = {
  resolutions: (asset: string) => queryOptions({ queryKey: ['condition', 'resolutions', asset], queryFn: ({ signal }) => ask<{ items: Resolution[] }>('condition/resolutions', { query: { asset, limit: 50 }, signal }) }),
  list: queryOptions({ queryKey: ['condition', 'positions'], queryFn: ({ signal }) => ask<{ items: Position[] }>('condition/positions', { query: { limit: 1000 }, signal }), refetchInterval: 5_000 }),
  streams: (search: string) => queryOptions({ queryKey: ['condition', 'streams', search], queryFn: ({ signal }) => ask<{ items: StreamFound[] }>('condition/streams', { query: { search, limit: 60 }, signal }) }),
  tables: queryOptions({ queryKey: ['condition', 'tables'], queryFn: ({ signal }) => ask<{ zones: ZoneRow[]; bearings: string[]; own: boolean }>('condition/tables', { signal }), staleTime: 60_000 }),
  records: (id: string) => queryOptions({ queryKey: ['condition', 'records', id], queryFn: ({ signal }) => ask<{ items: VibrationRecord[] }>(`condition/positions/${id}/records`, { query: { limit: 50 }, signal }) }),
  spectra: (id: string) => queryOptions({ queryKey: ['condition', 'spectra', id], queryFn: ({ signal }) => ask<Spectra>(`condition/records/${id}/spectra`, { signal }), staleTime: Infinity }),
  channels: (file: File) => ask<{ items: Channel[] }>('condition/channels', { method: 'POST', query: { file: file.name }, body: file }),
  take: (id: string, file: File, how: Record<string, string | number | null>) => ask<VibrationRecord>(`condition/positions/${id}/records`, { method: 'POST', query: { ...how, file: file.name }, body: file }),
};
