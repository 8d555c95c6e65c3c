import { describe, expect, it } from 'vitest';
import de from '../locales/de.json';
import { titled } from './titles';

const say = (key: string, what = ''): string | null => {
  const [family = '', name = ''] = key.split('.');
  return (de as unknown as Record<string, Record<string, string>>)[family]?.[name]?.replace('{{what}}', what) ?? null;
};

describe('a title', () => {
  it('that the house made of a finding is in the words of the reader', () => {
    expect(titled('anomaly (Oven)', say)).toBe('Anomalie (Oven)');
    expect(titled('remaining life (Coolant pump)', say)).toBe('Restlebensdauer (Coolant pump)');
    expect(titled('A-1007 will be late (Line 1)', say)).toBe('A-1007 wird zu spät (Line 1)');
    expect(titled('Bearing 6205 is low (Pump)', say)).toBe('Bearing 6205 geht zur Neige (Pump)');
  });
  it('that somebody wrote stays as it is', () => {
    for (const one of ['Coolant pump vibration high (Coolant pump)', 'vibration', 'Change the bearing', 'the oil is low']) expect(titled(one, say)).toBe(one);
  });
});
