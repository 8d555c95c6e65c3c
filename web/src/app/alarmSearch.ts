/** What of the page Alarms its address says: the part of it, the filter, and the alarm or finding that is open. */
export interface AlarmSearch { filter?: string; tab?: 'alerts' | 'system'; alarm?: string; finding?: string }

export function alarmSearch(search: Record<string, unknown>): AlarmSearch {
  const text = (name: 'filter' | 'alarm' | 'finding'): AlarmSearch => (typeof search[name] === 'string' && search[name] ? { [name]: search[name] } : {});
  return { ...text('filter'), ...(search.tab === 'alerts' || search.tab === 'system' ? { tab: search.tab } : {}), ...text('alarm'), ...text('finding') };
}

/** Where an alarm is shown: operators' alarms in the first part, maintenance's alerts in the second. */
export const toAlarm = (one: { id: string; kind?: string }): AlarmSearch => ({ ...(one.kind === 'alert' ? { tab: 'alerts' as const } : {}), alarm: one.id });
export const toFinding = (id: string): AlarmSearch => ({ tab: 'alerts', finding: id });

const HOUR = 3_600_000;
/** The span of a trend around something that began and perhaps ended: half as long again before and after it, half an hour at least (in ms). */
export function around(start: string | number, end?: string | number | null, now = Date.now()): { from: number; to: number } {
  const from = new Date(start).getTime();
  const to = end ? new Date(end).getTime() : now;
  const air = Math.max(HOUR / 2, (to - from) * 0.5);
  return { from: Math.round(from - air), to: Math.round(Math.min(to + air, Math.max(now, to))) };
}
