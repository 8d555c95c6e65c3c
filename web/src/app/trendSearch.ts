/** The view of the trend explorer as its address says it: which properties, which time, beside which earlier time. */
export const HOUR = 3_600_000;
export const SPANS: Record<string, number> = { '15m': HOUR / 4, '1h': HOUR, '8h': 8 * HOUR, '24h': 24 * HOUR, '7d': 168 * HOUR, '30d': 720 * HOUR };
export const EARLIER: Record<string, number> = { '1h': HOUR, '8h': 8 * HOUR, '24h': 24 * HOUR, '7d': 168 * HOUR };
export const MOST = 8;

export interface TrendSearch { p?: string[]; w?: string; from?: number; to?: number; cmp?: string }
export function trendSearch(search: Record<string, unknown>): TrendSearch {
  const paths = Array.isArray(search.p) ? search.p.filter((one): one is string => typeof one === 'string').slice(0, MOST) : undefined;
  const number = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? Math.round(value) : undefined);
  const [from, to] = [number(search.from), number(search.to)];
  return {
    ...(paths?.length ? { p: paths } : {}),
    ...(typeof search.w === 'string' && search.w in SPANS ? { w: search.w } : {}),
    ...(from !== undefined && to !== undefined && from < to ? { from, to } : {}),
    ...(typeof search.cmp === 'string' && search.cmp in EARLIER ? { cmp: search.cmp } : {}),
  };
}
