import { describe, expect, it, vi } from 'vitest';
import { TagStore } from './store';

const at = '2026-11-20T06:00:00Z';
const later = '2026-11-20T06:00:01Z';

describe('the tag store', () => {
  it('tells only those who watch the path that changed', () => {
    const store = new TagStore();
    const oven = vi.fn();
    const pump = vi.fn();
    store.subscribe('Oven/Temperature', oven);
    store.subscribe('Pump/Vibration', pump);
    store.take({ 'Oven/Temperature': [228, 'good', at] });
    expect(oven).toHaveBeenCalledTimes(1);
    expect(pump).not.toHaveBeenCalled();
  });
  it('keeps the object of a value that did not change, so that nothing repaints', () => {
    const store = new TagStore();
    store.take({ a: [1, 'good', at] });
    const first = store.get('a');
    const tell = vi.fn();
    store.subscribe('a', tell);
    store.take({ a: [1, 'good', at] });
    expect(store.get('a')).toBe(first);
    expect(tell).not.toHaveBeenCalled();
  });
  it('never goes back in time: an answer of yesterday does not hide the value of now', () => {
    const store = new TagStore();
    store.take({ a: [2, 'good', later] });
    store.prime([{ property: 'a', value: 1, quality: 'good', timestamp: at, unit: '' }]);
    expect(store.get('a')?.value).toBe(2);
  });
  it('hands every new moment to charts, also when the value is the same', () => {
    const store = new TagStore();
    const seen: unknown[] = [];
    const stop = store.follow('a', (tag) => seen.push(tag.value));
    store.take({ a: [1, 'good', at] });
    store.take({ a: [1, 'good', later] });
    stop();
    store.take({ a: [3, 'good', '2026-11-20T06:00:02Z'] });
    expect(seen).toEqual([1, 1]);
  });
  it('does not invent a value where there is none', () => {
    const store = new TagStore();
    store.prime([{ property: 'a', value: null, quality: 'bad', timestamp: null, unit: '' }]);
    expect(store.get('a')).toBeUndefined();
  });
  it('forgets everything at sign-out and tells those who watched', () => {
    const store = new TagStore();
    const tell = vi.fn();
    store.take({ a: [1, 'good', at] });
    const stop = store.subscribe('a', tell);
    store.clear();
    expect(store.get('a')).toBeUndefined();
    expect(tell).toHaveBeenCalledTimes(1);
    stop();
  });
});
