/** What lies inside a machine that is not listened to yet, and how picks become the options of a source. */
import { ask, newKey, post } from './client';
import type { Options } from './discovery';

export interface Pick { option: string; value: unknown; sets: Options }
export interface Inside { id: string; parent: string; name: string; kind: 'branch' | 'value'; type: string; value: string; unit: string; more: boolean; pick: Pick | null }
export interface Remark { code: string; text: string; params: Record<string, unknown> }
export interface Seen { items: Inside[]; remarks: Remark[] }
export interface Wish { below?: string; find?: string; deep?: boolean; seconds?: number }
interface Columns { from: string; time: string; columns: string[] }

export const newTicket = (): string => newKey();
export const lookInside = (source: { name: string; type: string; options: Options }, wish: Wish, ticket: string, signal: AbortSignal): Promise<Seen> => ask<Seen>('sources/browse', { method: 'POST', body: { ...source, ...wish, ticket }, signal });
export const stopLooking = (ticket: string): Promise<unknown> => post('sources/browse/cancel', { ticket }).catch(() => undefined);

/** The same thing in the machine, whatever a person noted about it since. */
function same(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || one === null || typeof other !== 'object' || other === null) return one === other;
  const [a, b] = [one as Options, other as Options];
  if ('at' in a || 'at' in b) return a.at === b.at && a.unit === b.unit && (a.type === b.type || b.type === undefined || a.type === undefined);
  return a.filter === b.filter && JSON.stringify(a.fields ?? []) === JSON.stringify(b.fields ?? []);
}

const list = (options: Options, name: string): unknown[] => (Array.isArray(options[name]) ? (options[name] as unknown[]) : []);
const equal = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
const without = (options: Options, names: readonly string[]): Options => Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name)));

/** `SELECT a, b FROM t`, taken apart again as far as it was put together here. */
function columnsOf(options: Options, wanted: Columns): string[] {
  const [, columns, from] = /^SELECT (.+) FROM (.+)$/.exec(typeof options.query === 'string' ? options.query : '') ?? [];
  return columns !== undefined && columns !== '*' && from === wanted.from ? columns.split(', ') : [];
}

export function isPicked(options: Options, pick: Pick): boolean {
  if (pick.option === 'query') {
    const wanted = pick.value as Columns;
    return columnsOf(options, wanted).includes(wanted.columns[1] ?? '');
  }
  if (pick.option) return list(options, pick.option).some((one) => same(one, pick.value));
  const sets = Object.entries(pick.sets);
  return sets.length > 0 && sets.every(([name, value]) => equal(options[name], value));
}

/** The options with a pick taken, or let go. */
export function picking(options: Options, pick: Pick, taken: boolean): Options {
  if (pick.option === 'query') {
    const wanted = pick.value as Columns;
    const [time = '', own = ''] = wanted.columns;
    const before = columnsOf(options, wanted).filter((one) => one !== own && one !== time);
    const columns = taken ? [...before, own] : before;
    if (columns.length === 0) return without(options, ['query', 'layout', 'time']);
    return { ...without(options, ['tag', 'value']), query: `SELECT ${[time, ...columns].join(', ')} FROM ${wanted.from}`, layout: 'wide', time: wanted.time };
  }
  if (!pick.option) return taken ? { ...without(options, ['tag', 'value', 'layout', 'time']), ...pick.sets } : without(options, Object.keys(pick.sets));
  const others = list(options, pick.option).filter((one) => !same(one, pick.value));
  const next = taken ? [...others, pick.value] : others;
  const kept = pick.option === 'nodes' && taken ? without(options, ['browse']) : options;
  return next.length > 0 ? { ...kept, [pick.option]: next } : without(kept, [pick.option]);
}
