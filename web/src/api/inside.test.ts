import { describe, expect, it } from 'vitest';
import { isPicked, picking, type Pick } from './inside';

const node = (id: string): Pick => ({ option: 'nodes', value: id, sets: {} });
const register: Pick = { option: 'tags', value: { name: 'holding:10', at: 'holding:10' }, sets: {} };
const column = (name: string): Pick => ({ option: 'query', value: { from: 'oven', time: 'ts', columns: ['ts', name] }, sets: {} });

describe('a pick', () => {
  it('joins a list once and leaves it again', () => {
    const one = picking({ url: 'x', browse: true }, node('a'), true);
    expect(one).toEqual({ url: 'x', nodes: ['a'] });
    const two = picking(picking(one, node('b'), true), node('a'), true);
    expect(two.nodes).toEqual(['b', 'a']);
    expect(picking(picking(two, node('a'), false), node('b'), false)).toEqual({ url: 'x' });
  });
  it('is still there when a person gave it a name and a scale', () => {
    const options = { tags: [{ name: 'Pressure', at: 'holding:10', scale: 0.1 }] };
    expect(isPicked(options, register)).toBe(true);
    expect(isPicked({ tags: [{ name: 'x', at: 'holding:10', unit: 2 }] }, register)).toBe(false);
    expect(picking(options, register, false)).toEqual({});
  });
  it('of columns makes one query of one table', () => {
    const both = picking(picking({}, column('heat'), true), column('"belt speed"'), true);
    expect(both).toEqual({ query: 'SELECT ts, heat, "belt speed" FROM oven', layout: 'wide', time: 'ts' });
    expect(isPicked(both, column('heat'))).toBe(true);
    expect(picking(both, column('heat'), false).query).toBe('SELECT ts, "belt speed" FROM oven');
    expect(picking(picking(both, column('heat'), false), column('"belt speed"'), false)).toEqual({});
  });
  it('of a whole table or file takes its options', () => {
    const pick: Pick = { option: '', value: null, sets: { query: 'SELECT * FROM samples', layout: 'long', tag: ['tag'] } };
    expect(isPicked(picking({ timezone: 'UTC' }, pick, true), pick)).toBe(true);
    expect(picking(picking({ timezone: 'UTC' }, pick, true), pick, false)).toEqual({ timezone: 'UTC' });
  });
});
