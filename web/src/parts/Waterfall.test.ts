import { describe, expect, it } from 'vitest';
import { steps, waterfall } from './Waterfall';

const oee = { elements: { calendar: 3600 }, losses: [{ name: 'planned_stop', seconds: 600 }, { name: 'unknown', seconds: 0 }, { name: 'down', seconds: 900 }, { name: 'speed', seconds: -100 }, { name: 'quality', seconds: 200 }] };

describe('the waterfall', () => {
  it('leads from calendar time to what good parts earned', () => {
    expect(steps(oee).map(({ name, from, seconds }) => [name, from, seconds])).toEqual([
      ['calendar', 0, 3600],
      ['planned_stop', 3000, 600],
      ['planned_busy', 0, 3000],
      ['down', 2100, 900],
      ['speed', 2100, -100],
      ['quality', 2000, 200],
      ['productive', 0, 2000],
    ]);
  });
  it('adds up to the calendar', () => {
    expect(waterfall(oee).reduce((sum, part) => sum + part.seconds, 0)).toBe(3600);
    expect(steps(oee).at(-1)?.seconds).toBe(waterfall(oee)[0]?.seconds);
  });
});
