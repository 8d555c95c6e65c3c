import { queryOptions } from '@tanstack/react-query';
import { ask } from './client';
import type { Page, SourceHealth } from './types';

export type EdgeState = 'invited' | 'online' | 'silent' | 'revoked';
export interface EdgeSource { name: string; state: SourceHealth['state']; message: string; bad: number }
export interface EdgeRule { name: string; target: string[]; expires: string; writes: number; refusals: number; said: string }
export interface Edge {
  name: string; state: EdgeState; version: string | null; config: number; wanted: number; trial: boolean;
  refused: { number: number; reason: string } | null;
  seen: string | null; enrolled: string | null; expires: string | null; invited_until: string | null; revoked: string | null; reason: string;
  clock_offset_ms: number | null; waiting_values: number; waiting_bytes: number; waiting_since: string | null; lost_values: number;
  sources: EdgeSource[]; rules: EdgeRule[]; events: { key: string; message: string; severity: string; at: string | null }[];
}
export interface EdgeConfiguration { number: number; at: string; by: string | null; approved_by: string | null; waits: boolean; mine: boolean; note: string; text: string }
export interface Invitation { name: string; code: string; until: string; port: number; listening: boolean }
export interface Configured { name: string; number: number; waits: boolean }
export interface Bound { source: string; tag: string; path: string; unit: string }

const at = (name: string): string => `edges/${encodeURIComponent(name)}`;
export const edgePath = at;
export const edges = queryOptions({ queryKey: ['edges'], queryFn: ({ signal }) => ask<Page<Edge>>('edges', { signal }), refetchInterval: 3_000 });
export const configurations = (name: string) => queryOptions({ queryKey: ['edges', name, 'configs'], queryFn: ({ signal }) => ask<Page<EdgeConfiguration>>(`${at(name)}/configs`, { signal }) });
export const bound = (name: string): Promise<Page<Bound>> => ask<Page<Bound>>(`${at(name)}/bindings`);
