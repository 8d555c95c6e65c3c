/** Notifications: channels of the node, routes, one's own choice, and what became of every message. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { ask } from './client';
import type { Id, Iso, Page } from './types';

export const NOTICE_KINDS = ['alarm', 'approval', 'order', 'case', 'system'] as const;
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

export interface Quiet { start: string; end: string; timezone: string; days: string[] }
export interface Channel { name: string; personal: boolean }
export interface NoticeRoute { id: Id; name: string; who: string; kinds: string[]; asset: string; priority: number; channels: string[]; quiet: Partial<Quiet>; through: number; gather_s: number; steps: { after_s: number; who: string }[]; active: boolean; version: number }
export interface Choice { channels: Record<string, string>; quiet: Partial<Quiet>; language: string; version: number }
export interface Message { id: Id; created: Iso; channel: string; person: string | null; title: string; lines: number; step: number; held: boolean; state: string; attempts: number; next_at: Iso | null; sent: Iso | null; error: string }

const every = <T,>(name: string, query: Record<string, string | number | undefined> = {}, ms: number | false = 30_000) =>
  queryOptions({ queryKey: ['notifications', name, query], queryFn: ({ signal }) => ask<T>(`notifications/${name}`, { query, signal }), refetchInterval: ms, placeholderData: keepPreviousData });

export const n = {
  channels: every<Page<Channel>>('channels', {}, false),
  routes: every<Page<NoticeRoute>>('routes'),
  choice: every<Choice>('choice', {}, false),
  deliveries: (state: string | undefined) => every<Page<Message>>('deliveries', { state, limit: 200 }, 5_000),
};
