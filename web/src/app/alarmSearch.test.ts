import { describe, expect, it } from 'vitest';
import { alarmSearch, around, toAlarm, toFinding } from './alarmSearch';

describe('the address of the page Alarms', () => {
  it('keeps what it knows and nothing else', () => {
    expect(alarmSearch({ filter: 'p1', tab: 'alerts', alarm: 'a', finding: 'f', other: 'x' })).toEqual({ filter: 'p1', tab: 'alerts', alarm: 'a', finding: 'f' });
    expect(alarmSearch({ filter: 1, tab: 'elsewhere', alarm: '' })).toEqual({});
  });
  it('leads to where an alarm or a finding stands', () => {
    expect(toAlarm({ id: 'a', kind: 'alarm' })).toEqual({ alarm: 'a' });
    expect(toAlarm({ id: 'a', kind: 'alert' })).toEqual({ tab: 'alerts', alarm: 'a' });
    expect(toFinding('f')).toEqual({ tab: 'alerts', finding: 'f' });
  });
});

describe('the span of a trend around something', () => {
  const now = Date.parse('2026-11-20T12:00:00Z');
  it('shows half an hour at least before and after, never the future of what is over', () => {
    expect(around('2026-11-20T06:00:00Z', '2026-11-20T06:10:00Z', now)).toEqual({ from: Date.parse('2026-11-20T05:30:00Z'), to: Date.parse('2026-11-20T06:40:00Z') });
    expect(around('2026-11-20T06:00:00Z', '2026-11-20T11:50:00Z', now).to).toBe(now);
  });
  it('ends now while it lasts', () => expect(around('2026-11-20T10:00:00Z', null, now)).toEqual({ from: Date.parse('2026-11-20T09:00:00Z'), to: now }));
});
