import { describe, expect, it } from 'vitest';
import { word, widths } from './Grid';

describe('a result', () => {
  it('writes every value as one line', () => {
    expect([word(null), word(1.5), word(true), word('x'), word([1, { a: 2 }])]).toEqual(['', '1.5', 'true', 'x', '[1,{"a":2}]']);
  });
  it('gives a column the width of what it holds, within limits', () => {
    const columns = [{ name: 'n', type: 'bigint' }, { name: 'property', type: 'text' }];
    const [narrow, wide] = widths(columns, [[1, 'x'.repeat(500)]]);
    expect(narrow).toBe(70);
    expect(wide).toBe(420);
  });
});
