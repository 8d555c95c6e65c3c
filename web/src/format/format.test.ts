import { describe, expect, it } from 'vitest';
import { DASH, formatClock, formatNumber, formatPercent, formatSpan, formatValue, formatWhen, secondsOf, unitText } from './format';

const plain = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ');

describe('numbers', () => {
  it('shows what is not known as a dash, never as zero', () => {
    for (const value of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(formatNumber('en', value)).toBe(DASH);
      expect(formatPercent('de', value)).toBe(DASH);
    }
    expect(formatNumber('en', 0)).toBe('0');
    expect(formatValue('en', null)).toBe(DASH);
    expect(formatValue('en', Number.NaN)).toBe(DASH);
  });
  it('writes them as the reader does', () => {
    expect(plain(formatPercent('de', 0.86))).toBe('86,0 %');
    expect(plain(formatPercent('en', 0.86))).toBe('86.0%');
    expect(formatNumber('de', 84_123)).toBe('84.123');
    expect(formatNumber('en', 7.1)).toBe('7.10');
    expect(formatNumber('en', 231.44)).toBe('231.4');
  });
  it('never clamps a performance above 100 %', () => expect(plain(formatPercent('en', 1.04))).toBe('104.0%'));
  it('writes units as the shop floor does', () => expect([unitText('degC'), unitText('mm/s'), unitText(null)]).toEqual(['°C', 'mm/s', '']));
});

describe('times', () => {
  const now = Date.parse('2026-11-20T12:00:00Z');
  it('gives today only its clock, another day its date', () => {
    expect(formatWhen('de', '2026-11-20T06:05:09Z', now, 'Europe/Berlin')).toBe('07:05:09');
    expect(formatWhen('de', '2026-11-18T06:05:09Z', now, 'Europe/Berlin')).toBe('18.11.2026, 07:05');
  });
  it('knows the day of the plant, not of the server', () => expect(formatWhen('de', '2026-11-19T23:30:00Z', now, 'Europe/Berlin')).toBe('00:30:00'));
  it('shows no time as a dash', () => expect([formatClock('en', null), formatWhen('en', 'nonsense')]).toEqual([DASH, DASH]));
});

describe('spans', () => {
  it('names the two largest units', () => {
    expect(['90s', '1h30m', '7d', '0.5h', 'soon', ''].map(secondsOf)).toEqual([90, 5_400, 604_800, 1_800, null, null]);
    expect(plain(formatSpan('en', 95))).toBe('1 min 35 sec');
    expect(plain(formatSpan('en', 7_505))).toBe('2 hr 5 min');
    expect(plain(formatSpan('en', 3_600))).toBe('1 hr');
    expect(plain(formatSpan('en', 0))).toBe('0 sec');
    expect(formatSpan('en', null)).toBe(DASH);
  });
});
