import { describe, expect, it } from 'vitest';
import { may, ROLES } from './permissions';

describe('what a role may ask for', () => {
  it('lets a viewer look and nothing else', () => {
    expect(may(['viewer'], 'read')).toBe(true);
    expect(may(['viewer'], 'alarms.acknowledge')).toBe(false);
  });
  it('gives every role the rights of those before it', () => {
    expect(may(['planner'], 'alarms.acknowledge')).toBe(true);
    expect(may(['planner'], 'work-orders.done')).toBe(true);
    expect(may(['technician'], 'approvals.decide')).toBe(false);
    expect(may(['engineer'], 'simulator.fault')).toBe(true);
    expect(may(['planner'], 'simulator.fault')).toBe(false);
  });
  it('lets an admin do everything and a stranger nothing', () => {
    expect(may(['admin'], 'users.edit')).toBe(true);
    expect(may([], 'read')).toBe(false);
    expect(may(['king'], 'read')).toBe(false);
    expect(ROLES).toHaveLength(6);
  });
  it('takes a pattern as a whole room, not as a beginning of its name', () => {
    expect(may(['operator'], 'alarms')).toBe(false);
    expect(may(['operator'], 'alarmsx.acknowledge')).toBe(false);
  });
});
