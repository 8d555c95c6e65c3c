/**
 * What the REST door says, written by hand from its contract.
 * Later this file is generated from `/api/openapi.json`; until then a change at the door is a change here.
 */
export type Id = string;
export type Iso = string;
export type Quality = 'good' | 'uncertain' | 'bad';
export type Scalar = number | string | boolean | null;
export type ActorKind = 'person' | 'token' | 'rule' | 'script' | 'agent' | 'system';

export interface Page<T> { items: T[]; next: string | null }
export interface User { id: Id; name: string; roles: string[]; display: string; kind?: ActorKind }

export interface SourceHealth { since?: Iso; name: string; state: 'connecting' | 'connected' | 'degraded' | 'down'; message: string; tags_ok: number; tags_bad: Record<string, string> }
export interface SystemEvent { key: string; message: string; severity: string; at: Iso; hint: string }
export interface Health { status: 'ok' | 'degraded'; version: string; started: Iso; uptime_s: number; sources: SourceHealth[]; system_events: SystemEvent[]; demo: boolean; simulator: boolean }

export interface OeeMapping { state?: string; states?: Record<string, string>; good?: string; bad?: string }
export interface Asset {
  id: Id; path: string; name: string; level: string; model: string | null; parent_id: Id | null;
  thing: Record<string, Scalar> | null; attributes: Record<string, Scalar>; version: number;
  oee: boolean; oee_mapping?: OeeMapping | null; constraint: string | null;
}
export interface Property { id: Id; path: string; name: string; kind: 'attribute' | 'measurement' | 'transform' | 'metric'; type: string; unit: string; formula: string | null }
export interface AlarmDefinition { name: string; property: string; operator: string; limit: number; priority: number; kind: string }
export interface AssetDetail extends Asset { properties: Property[]; alarms: AlarmDefinition[]; limits?: AlarmDefinition[]; children: Asset[] }

export interface Latest { property: string; timestamp: Iso | null; value: Scalar; quality: Quality; unit: string }
export interface HistoryRow { timestamp: Iso; value: Scalar; quality: Quality }
export interface History { property: string; unit: string; type: string; rows: HistoryRow[]; next: string | null }
export interface AggregateRow { timestamp: Iso; count: number; average: number | null; minimum: number | null; maximum: number | null }
export interface Aggregates { property: string; window: string; rows: AggregateRow[] }

export interface Oee {
  asset: string; start: Iso; end: Iso;
  availability: number | null; performance: number | null; quality: number | null; oee: number | null; teep: number | null;
  elements: Record<string, number>; counts: { good: number | null; bad: number | null }; ideal_cycle_s: number | null;
  model: string; versions: Record<string, Scalar> | null; losses: { name: string; seconds: number }[];
  bands: { world_class?: number; typical?: [number, number] };
  gain_per_10_points: { money_per_hour?: number | null; currency?: string } | number | null;
  coverage: number | null; constraint?: string | null; explain?: Explained[] | null;
  as_of?: Iso | null; waiting?: number; parts?: { machine: string; start: Iso; end: Iso; oee: number | null }[];
  corrections?: { parts: number; reason: string; recorded: Iso; recompute?: Id | null }[];
}
export type Explained = {
  element: string; start?: Iso; end?: Iso; seconds?: number | null; property?: string; state?: string; value?: Scalar; calendar?: string; reason?: string;
  parts?: number; readings?: number; samples?: { timestamp: Iso; value: Scalar }[]; ideal_cycle_s?: number | null; product?: string; order?: string;
};
export interface Period { start: Iso; end: Iso }
export interface Actor { asset: string; down_s: number; failures: number; mtbf_s: number | null; mttr_s: number | null; rate_per_hour: number | null; cost: number | null; assumption: string; oee: number | null; reasons: [string, number][] }
export interface Change { path: string; at: Iso; old: Scalar; new: Scalar; old_version: number; new_version: number }
export interface Replaced extends Change { recompute_id: Id; created: Iso; by: string | null; reason: string; note: string }
export interface Recompute {
  id: Id; preview: boolean; state: string; paths: string[]; start: Iso; end: Iso; reason: string; note: string; formula: string; by: string | null; created: Iso; ended: Iso | null;
  share: number; windows: number; changed: number; capped: boolean; error: string; changes: Change[]; edits: { property: string; start: Iso; end: Iso; value: Scalar }[];
  figures: { asset: string; old: Record<string, number | null>; new: Record<string, number | null> }[];
}
export interface Stop { id: Id; asset: string; start: Iso; end: Iso | null; state: string; reason: string | null; micro: boolean; code: string | null; by: string; version: number }

export interface Alarm {
  id: Id; asset: string; name: string; priority: number; kind: 'alarm' | 'alert'; state: string; raised: Iso | null; cleared: Iso | null; hidden_until?: Iso | null; hidden_reason?: string; failure_mode?: string;
  acknowledged: Iso | null; acknowledged_by: string | null; value: number | null; limit: number | null; unit: string; property: string; operator: string;
  cause: string | null; consequence: string | null; action: string | null; case_id: Id | null; version: number;
}
/** What a finding rests on: a model's, a position's or a forecast's own words and times. */
export interface FindingEvidence {
  property?: string; start?: Iso; end?: Iso; value?: number | null; limit?: number | null; says?: string; text?: string;
  model?: string; model_id?: Id; version?: number; position?: string; position_id?: Id; fleet?: string; fleet_id?: Id;
  explanation?: SensorPart[]; explained_at?: Iso; strongest?: StrongestStep; lasts?: boolean; edge?: string;
}
export interface SensorPart { sensor: string; share: number; observed: number | null; expected: number | null; marginal_z: number | null }
/** The step of an alert that was furthest beyond the threshold so far; no parts where an edge told no more than its score. */
export interface StrongestStep { at?: Iso; score: number; explanation: SensorPart[]; rest?: number }
export interface Finding { id: Id; asset: string; kind: string; score: number | null; failure_mode: string | null; label: string | null; raised?: Iso; by?: string | null; sensors?: { property: string; share: number }[]; evidence?: FindingEvidence; case_id?: Id | null; version: number }

export interface Evidence { property: string; start: Iso; end: Iso; value: number | null; limit: number | null }
export interface Reserved { part: string; name: string; bin: string; quantity: number; issued?: number }
export interface ChecklistStep { id: Id; text: string; kind: string; limits: { min: number | null; max: number | null; unit: string } | null; passed?: boolean | null; result: Scalar; done_by: string | null }
export interface HistoryEntry { at: Iso; by: string; what: string; note: string | null }
export interface WorkOrder {
  id: Id; number: string | number; asset: string; title: string; kind: string; state: string; priority: number; failure_mode: string | null; created: Iso; due: Iso | null;
  case_id: Id | null; source: { type: string; id: Id } | null; evidence: Evidence | null; reserved: Reserved[]; checklist: ChecklistStep[]; history: HistoryEntry[];
  assigned_to: string | null; waiting_for?: string; closing?: Record<string, string>; version: number;
}

export interface Spare { id: Id; part: string; name: string; bin: string; on_hand: number; reserved: number; available: number; minimum: number; target: number; unit_cost: number | null; lead_time_days: number | null; version: number }
export interface AtErp { system: string; state: string; text: string; asked: Iso | null; attempts: number; error: string; code: string; hint: string; next_at: Iso | null }
export interface Purchase { id: Id; number: string | number; part: string; name: string; quantity: number; cost: number | null; state: string; proposed_by: string; approved_by: string | null; case_id: Id | null; reference?: string; received?: number; erp?: AtErp | null; created: Iso; version: number }
export interface Webhook { name: string; url: string; events: string[]; asset: string }
export interface Delivery { id: Id; hook: string; event_id: Id; type: string; subject: string; created: Iso; state: string; status: number | null; delivered: Iso | null; attempts: number; next_at: Iso | null; error: string }

export interface Task { id: Id; name: string; mode: string | null; state: string; actor: string | null; actor_kind: ActorKind | null; opened: Iso | null; closed: Iso | null; input: unknown; output: unknown }
export interface Case { id: Id; number: string | number; process: string; asset: string | null; title: string; state: string; opened: Iso; closed: Iso | null; current_task: string | null; work_order_id: Id | null; version: number }
export interface CaseDetail extends Case { alarm_id?: Id | null; tasks: Task[]; definition: { process?: string; title?: string; tasks?: { id: string; title?: string; when?: string | null; blocks?: boolean; does?: string; with?: { answers?: string[] } }[] } | null }
export interface Approval {
  id: Id; case_id: Id | null; task: string; what: string; proposal: Record<string, unknown>; proposed_by: string; proposed_by_id?: Id; edited_by?: Id[]; state: string;
  decided_by: string | null; decided: Iso | null; reason: string | null; expires: Iso | null; created: Iso; version: number;
}
export interface TowerEntry { at: Iso; actor: string; actor_kind: ActorKind; mode: string | null; what: string; case_id: Id | null; task: string | null; asset: string | null; outcome: string | null }

export interface LedgerRow { source: string; tag: string; received: number; stored: number; duplicate: number; filtered: number; rejected: Record<string, number> | number; pending: number; balance: number }
export interface Ledger extends Page<LedgerRow> { totals?: Record<string, number | Record<string, number>> }
export interface AuditRow { seq: number; at: Iso; subject: string; subject_kind: ActorKind; action: string; resource: string; outcome: 'ok' | 'refused' | 'failed'; hash: string }
export interface AuditReport { rows: number; ok: boolean; first_bad: number | null }
export interface Person { id: Id; name: string; display: string; roles: string[]; disabled?: Iso | null; created?: Iso; version?: number }
export interface Token { id: Id; name: string; role: string; created: Iso; expires: Iso | null; disabled: Iso | null; version: number }
export interface NewToken { id: Id; secret: string | null }

export interface OrderLine { line: number; product: string; quantity: number; due: Iso | null; delivered: number; delivered_at: Iso | null }
export interface ProductionOrder { id: Id; number: string; customer: string; state: string; created: Iso; lines: OrderLine[]; version: number }
export interface QualityResult { id: Id; check: string; at: Iso; machine: string | null; lot: string | null; order: string | null; value: number | null; unit: string; low: number | null; high: number | null; passed: boolean; by: string | null; note: string }
export interface Lot { id: Id; number: string; material: string; quantity: number | null; unit: string; state: string; parents: string[]; created: Iso | null }
export interface DocumentInfo { id: Id; name: string; mime: string; size: number; about: string | null; created: Iso }

export interface StreamEvent { type: string; id?: Id; [key: string]: unknown }
export interface Frame { t?: Iso; values?: Record<string, [Scalar, Quality, Iso]>; events?: StreamEvent[] }

export interface SqlColumn { name: string; type: string }
export interface SqlAnswer { columns: SqlColumn[]; rows: unknown[][]; truncated: boolean; elapsed_ms: number }
export interface CatalogColumn { name: string; type: string; unit: string; description: string }
export interface CatalogTable {
  name: string; kind: 'values' | 'room' | 'lake' | 'file'; job?: string; room: string; description: string; owner: string; tags: string[];
  columns: CatalogColumn[]; rows: number | null; newest: Iso | null; made_of: string[]; file: string; size: number | null; version: number;
}
export interface LineageRow { property: string; kind: string; formula: string; inputs: string[]; unit: string }
export interface CatalogDetail extends CatalogTable { lineage: LineageRow[] }
export interface Catalog { items: CatalogTable[]; problems: { file: string; problem: string; hint: string }[] }

/** A value for a machine: proposed by one, decided by another, written once and read back. */
export interface MachineWrite { id: string; property: string; value: unknown; unit: string; reason: string; state: string; outcome: string | null; before: unknown; readback: unknown; why: string; proposed_by: string | null; decided_by: string | null; decided: string | null; created: string; version: number }
export interface WriteTarget { property: string; unit: string; type: string; now: unknown; minimum: number | null; maximum: number | null; values: (string | number | boolean)[]; every: string; permissive: string; locked: string; dry_run: boolean }
export interface WriteCheck { property: string; now: unknown; value: unknown; unit: string; allowed: boolean; why: string; hint: string }
