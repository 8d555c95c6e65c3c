import { expect, test } from 'vitest';
import { change } from './ProcessFigure';
import { path, spot } from './ProcessFlow';

test('tasks lie to the right on a desk and downwards on a phone', () => {
  expect(spot({ column: 2, row: 0 }, false).y).toBe(0);
  expect(spot({ column: 2, row: 0 }, false).x).toBeGreaterThan(spot({ column: 1, row: 0 }, false).x);
  expect(spot({ column: 2, row: 1 }, true).y).toBe(spot({ column: 2, row: 0 }, true).y);
  expect(path({ x: 0, y: 0 }, { x: 300, y: 0 }, false)).toMatch(/^M\d+,54 C/);
});

test('better than before means less where the target is less, and more where it is more', () => {
  expect(change({ baseline: 10, target: 5, now: 5 })).toBe(0.5);
  expect(change({ baseline: 0.3, target: 0.8, now: 0.6 })).toBeCloseTo(1);
  expect(change({ baseline: 10, target: 5, now: 12 })).toBeCloseTo(-0.2);
  expect(change({ baseline: null, target: 5, now: 12 })).toBeNull();
});
