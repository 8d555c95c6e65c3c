/** Agents: who there is, what they use and did; the assistant; a case step by step. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { ask } from './client';
import type { ActorKind, Id, Iso, Page } from './types';

export interface Agent {
  name: string; job: string; title: string; endpoint: string; model: string; role: string; scope: string[]; tools: string[]; state: string; dry_run: boolean; expires: Iso | null; why: string; version: number;
  calls_a_day: number | null; tokens_a_day: number | null; money_a_day: number | null; used: { calls: number; tokens: number; money: number; refused: number };
}
export interface Agents extends Page<Agent> { stopped: boolean; stopped_why: string; jobs: { name: string; title: string; role: string }[]; endpoints: string[] }
export interface Diff { field: string; before: unknown; after: unknown }
export interface Run { id: Id; agent: string; job: string; case_id: Id | null; process: string; task: string; asset: string; state: string; dry_run: boolean; alone: boolean; why: string; asked_by: string | null; opened: Iso; closed: Iso | null; tokens: number; money: number; output: Record<string, unknown>; diff: Diff[] }
export interface Call { id: Id; agent: string; run_id: Id | null; case_id: Id | null; kind: 'model' | 'tool'; name: string; state: string; why: string; at: Iso; seconds: number | null; tokens_in: number; tokens_out: number; money: number; arguments: Record<string, unknown> | null; answer: unknown }
export interface Trust { process: string; task: string; state: string; level: number; confidence: number; least: number; check_every: number; agreed: number; count: number; lower: number; since: Iso; why: string }
export interface Step { number: number; at: Iso; kind: string; actor: string; actor_kind: ActorKind; mode: string; task: string; what: string; outcome: string; tokens: number; money: number; tasks: Record<string, string> }
export interface Passage { number: number; kind: 'document' | 'order' | 'instruction'; id: string; name: string; place: string; asset: string; here: boolean; text: string }
export interface Line { text: string; cites: number | null; source: string; safety: boolean }
export interface Advice {
  asset: string; question: string; passages: Passage[]; checklist: Line[]; ready: boolean; guide: string | null;
  values: { property: string; value: unknown; unit: string; quality: number; time: Iso }[];
  alarms: { name: string; active?: boolean; state: string; value?: number | null; unit?: string | null; priority?: number }[];
  orders: { id: Id; number: string; title: string; state: string; failure_mode?: string; closing?: Record<string, string>; notes?: string[] }[];
}
export interface Answered { id: Id; state: string; why: string; agent: string; answer: string; steps: string[]; cites: number[]; passages: Passage[] }

const listed = <R>(room: string, query: Record<string, string | number | undefined>, every: number) => queryOptions({ queryKey: [room, query], queryFn: ({ signal }) => ask<Page<R>>(room, { query: { limit: 200, ...query }, signal }), refetchInterval: every, placeholderData: keepPreviousData });
const UNDER_WAY = ['queued', 'running'];

export const a = {
  agents: queryOptions({ queryKey: ['agents'], queryFn: ({ signal }) => ask<Agents>('agents', { query: { limit: 500 }, signal }), refetchInterval: 5_000, placeholderData: keepPreviousData }),
  trust: (name: string) => queryOptions({ queryKey: ['agents', 'trust', name], queryFn: ({ signal }) => ask<Page<Trust>>(`agents/${encodeURIComponent(name)}/trust`, { signal }), refetchInterval: 30_000 }),
  runs: (case_id?: Id) => listed<Run>('agent-runs', { case_id }, 5_000),
  calls: (case_id?: Id) => listed<Call>('agent-calls', { case_id }, 5_000),
  replay: (id: Id) => queryOptions({ queryKey: ['cases', 'replay', id], queryFn: ({ signal }) => ask<Page<Step>>(`cases/${encodeURIComponent(id)}/replay`, { signal }) }),
  advice: (asset: string, question: string) => queryOptions({ queryKey: ['assistant', asset, question], queryFn: ({ signal }) => ask<Advice>('assistant', { query: { asset, question }, signal }), enabled: Boolean(asset || question), staleTime: 30_000, retry: false, refetchInterval: ({ state }) => (state.data && !state.data.ready ? 2_000 : false) }),
  answer: (id: Id | null) => queryOptions({ queryKey: ['assistant', 'answer', id], queryFn: ({ signal }) => ask<Answered>(`assistant/answers/${id}`, { signal }), enabled: id !== null, refetchInterval: ({ state }) => (state.data && !UNDER_WAY.includes(state.data.state) ? false : 700) }),
};
