/** Every question a page asks, named once; the live stream says which answers are out of date. */
import { keepPreviousData, QueryClient, queryOptions, useMutation, useQueryClient, type QueryKey, type UseMutationResult } from '@tanstack/react-query';
import { complain } from '../app/notices';
import { ApiProblem, ask } from './client';
import type * as T from './types';

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      refetchOnWindowFocus: true,
      retry: (count, error) => count < 2 && !(error instanceof ApiProblem && error.problem.status >= 400 && error.problem.status < 500),
    },
  },
});

const list = <R>(room: string, query: Record<string, string | number | undefined> = {}, every: number | false = 30_000) =>
  queryOptions({ queryKey: [room, query], queryFn: ({ signal }) => ask<T.Page<R>>(room, { query: { limit: 500, ...query }, signal }), refetchInterval: every, placeholderData: keepPreviousData });
const one = <R>(room: string, id: string) => queryOptions({ queryKey: [room, 'one', id], queryFn: ({ signal }) => ask<R>(`${room}/${encodeURIComponent(id)}`, { signal }), refetchInterval: 30_000 });

export const q = {
  me: queryOptions({ queryKey: ['me'], queryFn: ({ signal }) => ask<T.User>('me', { signal }), staleTime: Infinity, retry: false }),
  health: queryOptions({ queryKey: ['health'], queryFn: ({ signal }) => ask<T.Health>('health', { signal }), refetchInterval: 5_000 }),
  assets: list<T.Asset>('assets', {}, 60_000),
  propertiesLike: (search: string) => list<T.Property>('properties', { search, limit: 60 }, false),
  asset: (id: string) => one<T.AssetDetail>('assets', id),
  latest: (paths: readonly string[]) => queryOptions({ queryKey: ['latest', paths], queryFn: ({ signal }) => ask<{ items: T.Latest[] }>('latest', { query: { property: paths }, signal }), enabled: paths.length > 0, staleTime: 0, refetchInterval: 60_000 }),
  oee: (asset: string, window: number, explain = false) =>
    queryOptions({
      queryKey: ['oee', asset, window, explain],
      queryFn: ({ signal }) => {
        const end = Date.now();
        return ask<T.Oee>('oee', { query: { asset, start: new Date(end - window).toISOString(), end: new Date(end).toISOString(), explain: explain || undefined }, signal });
      },
      refetchInterval: window > 3_600_000 ? 20_000 : 5_000,
      placeholderData: keepPreviousData,
    }),
  downtime: (asset: string, window: number) =>
    queryOptions({
      queryKey: ['downtime', asset, window],
      queryFn: ({ signal }) => {
        const end = Date.now();
        return ask<T.Page<T.Stop>>('downtime', { query: { asset, start: new Date(end - window).toISOString(), end: new Date(end).toISOString() }, signal });
      },
      refetchInterval: 10_000,
      placeholderData: keepPreviousData,
    }),
  figures: (asset: string, period: T.Period, model: string | null) => queryOptions({ queryKey: ['oee', asset, period, model], queryFn: ({ signal }) => ask<T.Oee>('oee', { query: { asset, ...period, model: model ?? undefined }, signal }), placeholderData: keepPreviousData }),
  explained: (asset: string, period: T.Period, model: string | null) => queryOptions({ queryKey: ['oee', 'explain', asset, period, model], queryFn: ({ signal }) => ask<T.Oee>('oee', { query: { asset, ...period, model: model ?? undefined, explain: true }, signal }), placeholderData: keepPreviousData }),
  timeModels: queryOptions({ queryKey: ['time-models'], queryFn: ({ signal }) => ask<Record<string, string>>('time-models', { signal }), staleTime: Infinity }),
  stops: (asset: string, period: T.Period) => list<T.Stop>('downtime', { asset, ...period }),
  badActors: (under: string, period: T.Period) => list<T.Actor>('bad-actors', { under, ...period }, false),
  replaced: (asset: string, period: T.Period) => queryOptions({ queryKey: ['recompute', 'changes', asset, period], queryFn: ({ signal }) => ask<T.Page<T.Replaced>>('recompute/changes', { query: { asset, ...period, limit: 500 }, signal }) }),
  recompute: (id: string) => queryOptions({ queryKey: ['recompute', 'one', id], queryFn: ({ signal }) => ask<T.Recompute>(`recompute/${encodeURIComponent(id)}`, { signal }), refetchInterval: ({ state }) => (state.data && !['waiting', 'running'].includes(state.data.state) ? false : 500) }),
  alarms: (state: 'active' | 'all') => list<T.Alarm>('alarms', { state, kind: 'all' }, 10_000),
  findings: list<T.Finding>('findings'),
  orders: list<T.WorkOrder>('work-orders', {}, 10_000),
  order: (id: string) => one<T.WorkOrder>('work-orders', id),
  spares: list<T.Spare>('spares'),
  purchases: list<T.Purchase>('purchases'),
  webhooks: list<T.Webhook>('webhooks'),
  deliveries: (state: string | undefined) => queryOptions({ queryKey: ['webhooks', 'deliveries', state], queryFn: ({ signal }) => ask<T.Page<T.Delivery>>('webhooks/deliveries', { query: { state, limit: 200 }, signal }), refetchInterval: 10_000, placeholderData: keepPreviousData }),
  cases: list<T.Case>('cases', {}, 10_000),
  case: (id: string) => one<T.CaseDetail>('cases', id),
  writes: list<T.MachineWrite>('writes', {}, 5_000),
  writeTargets: list<T.WriteTarget>('writes/targets', {}, 5_000),
  approvals: (state: 'open' | undefined) => list<T.Approval>('approvals', { state }, 10_000),
  tower: list<T.TowerEntry>('tower', { limit: 200 }, 10_000),
  ledger: queryOptions({ queryKey: ['ledger'], queryFn: ({ signal }) => ask<T.Ledger>('ledger', { query: { limit: 1000 }, signal }), refetchInterval: 5_000 }),
  audit: list<T.AuditRow>('audit', { limit: 200 }, 15_000),
  users: list<T.Person>('users'),
  tokens: list<T.Token>('tokens'),
  productionOrders: list<T.ProductionOrder>('production/orders'),
  lots: list<T.Lot>('production/lots'),
  quality: list<T.QualityResult>('production/quality'),
  documents: list<T.DocumentInfo>('documents'),
  questions: queryOptions({ queryKey: ['sql', 'questions'], queryFn: ({ signal }) => ask<{ items: { name: string; sql: string }[] }>('sql/questions', { signal }), staleTime: Infinity }),
  catalog: queryOptions({ queryKey: ['catalog'], queryFn: ({ signal }) => ask<T.Catalog>('catalog', { signal }), refetchInterval: 60_000 }),
  table: (name: string) => one<T.CatalogDetail>('catalog', name),
};

/** Which answers an event of the stream makes old. */
const TOUCHES: Record<string, readonly string[]> = {
  alarm: ['alarms', 'cases', 'tower'],
  case: ['cases', 'tower', 'work-orders', 'processes'],
  'work-order': ['work-orders', 'cases', 'spares', 'approvals', 'tower'],
  approval: ['approvals', 'cases', 'tower', 'purchases', 'writes'],
  purchase: ['purchases', 'spares', 'approvals', 'cases', 'tower'],
  finding: ['findings'],
  system: ['health'],
  tower: ['tower', 'agent-runs', 'agent-calls'],
  agent: ['agents', 'agent-runs', 'agent-calls', 'tower'],
  assets: ['assets'],
  recompute: ['recompute', 'oee', 'bad-actors'],
};

export function outdate(types: Iterable<string>): void {
  const rooms = new Set<string>();
  for (const type of types) for (const room of TOUCHES[type] ?? [type]) rooms.add(room);
  for (const room of rooms) void client.invalidateQueries({ queryKey: [room] });
}

/** A command: run it, say what went wrong in the reader's language, refresh what it touched. */
export function useCommand<V, R = unknown>(run: (input: V) => Promise<R>, touches: readonly string[], done?: (result: R) => void): UseMutationResult<R, Error, V> {
  const queries = useQueryClient();
  return useMutation<R, Error, V>({
    mutationFn: run,
    onSuccess: (result) => done?.(result),
    onError: (error) => complain(error),
    onSettled: () => Promise.all(touches.map((room) => queries.invalidateQueries({ queryKey: [room] }))),
  });
}

/** Something is gone: it leaves its list at once, and the list alone is asked for again; what was asked of it would not be found. */
export function useGone(): (list: QueryKey, id: string) => void {
  const queries = useQueryClient();
  return (list, id) => {
    queries.setQueryData<{ items: { id: string }[] }>(list, (old) => old && { ...old, items: old.items.filter((one) => one.id !== id) });
    void queries.invalidateQueries({ queryKey: list, exact: true });
  };
}
