/** The workshop: what belongs to an order, who does it, when it is due, how it is done, and the figures. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { ask } from './client';
import type { ChecklistStep, Id, Iso, Page, Spare, WorkOrder } from './types';

export interface Permit { id: Id; kind: string; text: string; points: string[]; state: string; applied_by: string | null; applied: Iso | null; released_by: string | null; released: Iso | null; reason: string; version: number }
export interface Labour { id: Id; person: string | null; start: Iso; end: Iso; hours: number; cost: number | null; note: string }
export interface Standstill { id: Id; start: Iso; end: Iso | null; planned: boolean; note: string; version: number }
export interface Attachment { id: Id; document_id: Id; name: string; mime: string; kind: string; by: string | null; at: Iso }
export interface Joined { type: string; id: string; at: Iso; score: number | null; failure_mode: string; sensors: { property: string; share: number }[] }
export interface Avoided { hours: number; rate_per_hour: number | null; stood_h: number; value: number | null; assumption: string; confirmed: boolean }
export interface CheckStep extends ChecklistStep { version?: number; image?: Id | null; warning?: string | null }
export interface FullOrder extends WorkOrder {
  criticality: number | null; urgency: number | null; score: number | null; hours: number | null; skills: Record<string, number>; planned_for: Iso | null; waiting_for?: string;
  instruction: string | null; instruction_number: number | null; permits: Permit[]; labour: Labour[]; downtime: Standstill[]; attachments: Attachment[]; findings: Joined[];
  cost: { labour: number | null; parts: number } | null; avoided: Avoided | null; locked_out: string; checklist: CheckStep[];
}
export interface AtPartner { system: string; reference: string; state: string; text: string; error: string; next_at: Iso | null }
export interface Candidate { login: string; name: string; account: boolean; score: number; fits: boolean; reasons: { name: string; weight: number; share: number; points: number; why: string; says: string; values: Record<string, string | number> }[] }
export interface Alike { id: Id; number: string; asset: string; title: string; done: Iso | null; likeness: number; why: string[]; closing: Record<string, string>; parts: { part: string; quantity: number }[]; notes: string[] }
export interface Technician { id: Id; login: string; name: string; skills: Record<string, number>; line: string; shifts: string[]; hours_per_week: number; hourly_cost: number | null; active: boolean; on_shift: boolean | null; open: number; unestimated: number; hours: number; share: number; version: number }
export interface Came { due: Iso; order_id: Id | null; number: string | null; outcome: string }
export interface Trigger { every?: string; from?: string; floating?: boolean; meter?: string; every_units?: number | null; alarm?: string; when?: string; inputs?: Record<string, string> }
export interface Plan { id: Id; name: string; asset: string; title: string; kind: string; trigger: Trigger; trigger_kind: 'time' | 'meter' | 'condition'; lead: string; grace: string; priority: number; hours: number | null; own_hours: number | null; skills: Record<string, number>; parts: { part: string; quantity: number }[]; checklist: object[]; permits: object[]; instruction: string; next_due: Iso | null; next_known: string; used: number | null; paused: boolean; occurrences: Came[]; version: number }
export interface PlanDate { plan: string; asset: string; title: string; due: Iso; hours: number | null; order_id: Id | null; number: string | null; outcome: string }
export interface Month { month: string; orders: number; hours: number; unestimated: number; parts: Record<string, number>; capacity_hours: number }
export interface Demand { part: string; name: string; quantity: number; available: number | null; short_on: Iso | null; order_by: Iso | null }
export interface Forecast { months: Month[]; parts: Demand[]; unforeseen: string[] }
export interface Instruction { id: Id; name: string; number: number; title: string; content: { hours?: number; skills?: Record<string, number>; model?: string; permits?: { kind?: string; text: string; points?: string[] }[]; steps: { text: string; kind: string; lower?: number; upper?: number; unit?: string; image?: Id; warning?: string }[] }; at: Iso; by: string | null; versions: { number: number; title: string; at: Iso; by: string | null }[] }
export interface Why { why?: string }
export interface Figures {
  start: Iso; end: Iso; asset: string | null;
  mttr: Why & { value_s: number | null; active_s: number | null; waiting_s: number | null; orders: number };
  mtbf: Why & { value_s: number | null; failures: number };
  pm_compliance: Why & { value: number | null; in_time: number; late: number; missed: number; overdue: number };
  backlog: Why & { orders: number; hours: number | null; weeks: number | null; unestimated: number; weekly_hours: number | null };
  planned_share: Why & { value: number | null; planned: number; orders: number };
  first_time_fix: Why & { value: number | null; fixed: number; orders: number };
  stock_outs: { value: number; events: { part: string; name: string; at: Iso }[]; out_now: string[] };
  late: { value: number; orders: string[]; open: number };
}
export interface Move { at: Iso; by: string | null; kind: string; quantity: number; order_id: Id | null; note: string; on_hand: number; reserved: number }
export interface SpareDetail extends Spare { used_by: { asset: string; quantity: number; failure_mode?: string }[]; alternatives: string[] | null; counted: Iso | null; moves: Move[]; instead: { part: string; name: string; bin: string; available: number }[] }

const every = <T,>(key: readonly unknown[], path: string, query: Record<string, string | number | undefined> = {}, ms: number | false = 30_000) =>
  queryOptions({ queryKey: key, queryFn: ({ signal }) => ask<T>(path, { query, signal }), refetchInterval: ms, placeholderData: keepPreviousData });

export const w = {
  order: (id: string) => queryOptions({ queryKey: ['work-orders', 'one', id], queryFn: ({ signal }) => ask<FullOrder>(`work-orders/${encodeURIComponent(id)}`, { signal }), refetchInterval: 30_000 }),
  candidates: (id: string) => every<Page<Candidate>>(['work-orders', 'candidates', id], `work-orders/${id}/candidates`),
  partner: (id: string) => every<AtPartner | null>(['work-orders', 'partner', id], `work-orders/${id}/partner`),
  similar: (id: string) => every<Page<Alike>>(['work-orders', 'similar', id], `work-orders/${id}/similar`, {}, false),
  technicians: every<Page<Technician>>(['technicians'], 'technicians'),
  plans: every<Page<Plan>>(['plans'], 'plans'),
  forecast: every<Forecast>(['plans', 'forecast'], 'maintenance/forecast', { months: 12 }, 120_000),
  calendar: (start: string, end: string) => every<Page<PlanDate>>(['plans', 'calendar', start, end], 'maintenance/calendar', { start, end }, 120_000),
  figures: (days: number, asset: string | null) => every<Figures>(['work-orders', 'figures', days, asset], 'maintenance/figures', { start: new Date(Math.floor(Date.now() / 60_000) * 60_000 - days * 86_400_000).toISOString(), asset: asset ?? undefined }, 60_000),
  instructions: every<Page<Instruction>>(['instructions'], 'instructions', {}, false),
  instruction: (name: string, number?: number) => every<Instruction>(['instructions', name, number], `instructions/${encodeURIComponent(name)}`, { number }, false),
  codes: every<{ lists: Record<string, Record<string, string>> }>(['codes'], 'codes', {}, false),
  spare: (part: string) => every<SpareDetail>(['spares', 'one', part], `spares/${encodeURIComponent(part)}`),
};
