import { queryOptions } from '@tanstack/react-query';
import { ask } from './client';

export const TIERS = ['hot', 'local', 'object'] as const;
export type Tier = (typeof TIERS)[number];
export type Sizes = Partial<Record<Tier, number>>;
export interface CostTerms { currency: string; prices: Record<Tier, number>; budget_money: number | null; budget_gb: Record<Tier, number | null>; version: number }
export interface CostLine { table: string; tier: Tier; rows: number | null; now: number; months_1: number | null; months_3: number | null; months_12: number | null; per_day: number | null; money: number }
export interface CostMonth { days: number; at: string; sizes: Sizes; money: number }
export interface CostBudget { what: 'money' | Tier; limit: number; used: number; exceeded_in_days: number | null; exceeded_at: string | null }
export interface Cost {
  at: string; terms: CostTerms; money: number; sizes: Sizes; lines: CostLine[]; months: CostMonth[];
  pace: { rows_per_s: number | null; bytes_per_row: number | null; measured_s: number; rows: number };
  history: { at: string; sizes: Sizes }[];
  what_if: { older_than_days: number; money: number; moved: number }[];
  rules: Record<string, number>; budget: CostBudget[]; unmeasured: string[]; kept_days: number;
}

export const cost = (days: number) => queryOptions({ queryKey: ['cost', days], queryFn: ({ signal }) => ask<Cost>('cost', { query: { days }, signal }), refetchInterval: 60_000 });
