import { describe, expect, it } from 'vitest';
import { namesOf, pairsOf, readNames, readPairs } from './pairs';

describe('pairs', () => {
  it('reads again what it writes', () => {
    const skills = { mechanical: 2, 'hot work': 1 };
    expect(readPairs(pairsOf(skills))).toEqual(skills);
    expect(readPairs('BRG-6205*2; SEAL-32')).toEqual({ 'BRG-6205': 2, 'SEAL-32': 1 });
    expect(readPairs('')).toEqual({});
  });
  it('keeps the paths of names', () => {
    const names = { v: 'Bakery/Line 1/Oven/Power', t: 'Bakery/Line 1/Oven/a=b' };
    expect(readNames(namesOf(names))).toEqual(names);
  });
});
