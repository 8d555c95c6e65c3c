import { describe, expect, it } from 'vitest';
import type { Cost } from '../api/cost';
import { inBytes, inMoney, layer, series, ticks } from './Growth';

const cost = {
  at: '2026-11-20T00:00:00Z',
  sizes: { hot: 1e9, local: 4e9 },
  history: [{ at: '2026-11-19T00:00:00Z', sizes: { hot: 1e9, local: 3e9 } }],
  months: [30, 60, 90].map((days) => ({ days, at: new Date(Date.UTC(2026, 10, 20 + days)).toISOString(), sizes: { hot: 1e9, local: 4e9, object: days * 1e7 }, money: 0 })),
} as unknown as Cost;

describe('the growth of what is stored', () => {
  it('leads from what was noted over now to what is expected, as far as asked', () => {
    const { past, future } = series(cost, inBytes, 60);
    expect(past.map((point) => point.parts)).toEqual([[1e9, 3e9, 0], [1e9, 4e9, 0]]);
    expect(future.map((point) => point.parts[2])).toEqual([0, 3e8, 6e8]);
    expect(series({ ...cost, months: [] }, inBytes, 60).future).toEqual([]);
  });
  it('is money at the price of each tier', () => {
    expect(inMoney({ hot: 1, local: 0.5, object: 0.1 })({ hot: 2e9, local: 4e9 })).toEqual([2, 2, 0]);
  });
  it('stacks a layer on those below it', () => {
    const points = [{ at: 0, parts: [1, 2] }, { at: 10, parts: [2, 3] }];
    expect(layer(points, 1, (at) => at, (value) => value)).toBe('M0.0,3.0L10.0,5.0L10.0,2.0L0.0,1.0Z');
    expect(layer([], 0, (at) => at, (value) => value)).toBe('');
  });
  it('has round figures at its axis', () => {
    expect(ticks(0)).toEqual([0]);
    expect(ticks(10)).toEqual([0, 2.5, 5, 7.5, 10]);
    expect(ticks(0.43)[1]).toBeCloseTo(0.2);
  });
});
