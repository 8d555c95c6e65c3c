import { describe, expect, it } from 'vitest';
import { opened, summary, windowFor } from './tracks';

describe('tracks', () => {
  it('takes a round window that fits the screen', () => {
    expect(windowFor(3_600_000, 600)).toBe(10);
    expect(windowFor(30 * 86_400_000, 600)).toBe(7_200);
    expect(windowFor(10, 600)).toBe(1);
  });
  it('leaves a hole open; a missing window or two is none', () => {
    expect(opened([0, 10, 20, 90, 100], 10)).toEqual([3]);
    expect(opened([0, 10, 40], 10)).toEqual([]);
  });
  it('counts nothing for what is not known', () => {
    const track = { path: 'p', unit: '', ink: 0, earlier: false, recorded: true, x: [1, 2, 3], low: [1, null, 5], high: [2, null, 9], mean: [1.5, null, 7] };
    expect(summary(track)).toEqual({ low: 1, high: 9, mean: 4.25 });
    expect(summary({ ...track, low: [null], high: [null], mean: [null] })).toEqual({ low: null, high: null, mean: null });
  });
});
