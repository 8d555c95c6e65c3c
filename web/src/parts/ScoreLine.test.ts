import { describe, expect, it } from 'vitest';
import { spansFor } from './ModelPast';
import { nearest, stepTo } from './ScoreLine';

const rows = ['2026-11-20T06:00:00Z', '2026-11-20T06:01:00Z', '2026-11-20T06:02:00Z'].map((timestamp) => ({ timestamp }));

describe('a moment of the scores', () => {
  it('is the nearest row, the last without a choice', () => {
    expect(nearest(rows, '2026-11-20T06:00:40Z')).toBe(1);
    expect(nearest(rows, '2026-11-19T00:00:00Z')).toBe(0);
    expect(nearest(rows, null)).toBe(2);
    expect(nearest([], null)).toBe(-1);
  });
  it('moves with the keys and stays within the rows', () => {
    expect(stepTo('ArrowRight', 0, 3)).toBe(1);
    expect(stepTo('ArrowLeft', 0, 3)).toBe(0);
    expect(stepTo('PageUp', 0, 3)).toBe(2);
    expect(stepTo('Home', 2, 3)).toBe(0);
    expect(stepTo('End', 0, 3)).toBe(2);
    expect(stepTo('a', 0, 3)).toBeNull();
    expect(stepTo('End', -1, 0)).toBeNull();
  });
});

describe('how far back a model can be tried', () => {
  it('is less where its rows are finer', () => {
    expect(spansFor(60)).toEqual(['1d', '7d', '30d', '90d', '365d']);
    expect(spansFor(1)).toEqual(['1d', '7d']);
  });
});
