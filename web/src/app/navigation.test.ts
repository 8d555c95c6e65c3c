import { describe, expect, it } from 'vitest';
import { groupOf, isHere, ROOMS, rooms } from './navigation';

describe('the rooms', () => {
  it('are offered to those who may enter', () => {
    const names = (roles: string[]): string[] => rooms(roles).flatMap(([, pages]) => pages.map(([, name]) => name));
    expect(names(['viewer'])).not.toContain('users');
    expect(names(['viewer'])).not.toContain('webhooks');
    expect(names(['admin'])).toHaveLength(ROOMS.flatMap(([, pages]) => [...pages]).length);
    expect(rooms([])).toEqual([]);
  });
  it('know where one is', () => {
    expect(groupOf('/machines/12')).toBe('operate');
    expect(groupOf('/orders/7')).toBe('maintain');
    expect(isHere('/alarms', '/alarm-kpis')).toBe(false);
    expect(groupOf('/nowhere')).toBeUndefined();
  });
  it('stand in one group each', () => {
    const all = ROOMS.flatMap(([, pages]) => pages.map(([to]) => to as string));
    expect(new Set(all).size).toBe(all.length);
  });
});
