/** Sources as they are written, tried and compared; discovery, its inventory and what it proposes. */
import { queryOptions } from '@tanstack/react-query';
import { ask } from './client';
import type { SourceHealth } from './types';

export type Options = Record<string, unknown>;
export interface SourceLine extends SourceHealth { id: string | null; type: string; written: 'settings.toml' | 'here'; options: Options; paused: boolean; by: string | null; at: string | null; version: number | null }
export interface Schema { $ref?: string; type?: string; title?: string; description?: string; default?: unknown; enum?: readonly unknown[]; const?: unknown; anyOf?: Schema[]; items?: Schema; properties?: Record<string, Schema>; required?: string[]; additionalProperties?: unknown; $defs?: Record<string, Schema>; minimum?: number; maximum?: number }
export interface SourceKind { type: string; about: string; options: Schema; problem: string; browse: boolean }
export interface Tried { state: SourceHealth['state']; message: string; rows: number; items: { tag: string; timestamp: string | null; value: unknown; quality: string }[]; bad: Record<string, string> }
export interface TagCompared { old: string; new: string; old_rows: number; new_rows: number; compared: number; equal: number; largest: number | null; mean: number | null; apart_at: string | null; late_s: number | null; verdict: 'same' | 'apart' | 'only-old' | 'only-new' | 'silent' }
export interface Look { id: string; network: string; protocols: string[]; state: 'running' | 'done' | 'cancelled' | 'failed'; message: string; by: string; asked: number; total: number; found: number; started: string; ended: string | null }
export interface Discovery { networks: string[]; per_second: number; look: Look | null }
export interface System { id: string; protocol: string; address: string; name: string; maker: string; model: string; owner: string; status: string; note: string; gaps: string[]; facts: Record<string, unknown>; first_seen: string; last_seen: string; silent_since: string | null; version: number }
export interface ProposedModel { model: string; looks_like: string; text: string; machines: { node: string; name: string; tags: Record<string, string> }[] }
export interface Proposal { source: string; entry: ({ name: string; type: string } & Options) | null; models: ProposedModel[]; remark: string }
export interface Adopted { files: string[]; added: string[]; bound: number; problems: string[] }
export interface Compared { old: string; new: string; start: string; end: string; items: TagCompared[] }

export const STATUSES = ['new', 'known', 'connected', 'ignored', 'retired'] as const;
export const PROTOCOLS = ['opcua', 'ethernet_ip', 'modbus', 'sparkplug'] as const;

export const sources = queryOptions({ queryKey: ['sources'], queryFn: ({ signal }) => ask<{ items: SourceLine[] }>('sources', { signal }), refetchInterval: 4_000 });
export const kinds = queryOptions({ queryKey: ['sources', 'kinds'], queryFn: ({ signal }) => ask<{ items: SourceKind[] }>('sources/kinds', { signal }), staleTime: Infinity });
export const discovery = queryOptions({ queryKey: ['discovery'], queryFn: ({ signal }) => ask<Discovery>('discovery', { signal }), refetchInterval: (query) => (query.state.data?.look?.state === 'running' ? 700 : 15_000) });
export const systems = queryOptions({ queryKey: ['discovery', 'systems'], queryFn: ({ signal }) => ask<{ items: System[] }>('discovery/systems', { signal }), refetchInterval: 5_000 });
export const compare = (old: string, fresh: string, start: string, within: number): Promise<Compared> => ask<Compared>('sources/compare', { query: { old, new: fresh, start, within } });

/** A schema without references: what a field really is, an optional one as what it is when given. */
export function resolved(schema: Schema, root: Schema): Schema {
  const at = schema.$ref ? { ...(root.$defs?.[schema.$ref.replace('#/$defs/', '')] ?? {}), ...schema, $ref: undefined } : schema;
  const given = at.anyOf?.find((one) => one.type !== 'null');
  return given ? { ...resolved(given, root), description: at.description ?? given.description, default: at.default } : at;
}

/** What is sent: fields that were filled in, in the type the schema asks for. */
export function filled(values: Options): Options {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)));
}
