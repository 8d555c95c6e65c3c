import { describe, expect, it } from 'vitest';
import { priorityOf } from '../api/alarms';
import { gathered } from './AlarmKpis';

describe('the bars of alarm figures', () => {
  it('keep every peak however many periods fall together', () => {
    expect(gathered([1, 0, 9, 2, 0], 2)).toEqual([9, 2]);
    expect(gathered([1, 2, 3], 10)).toEqual([1, 2, 3]);
    expect(gathered([], 10)).toEqual([]);
  });
});

describe('the priority of a decision', () => {
  it('follows from consequence and time, as the node counts it', () => {
    expect([priorityOf('severe', 2), priorityOf('severe', 10), priorityOf('major', 5), priorityOf('minor', 60)]).toEqual([1, 2, 2, 4]);
  });
});
