import { describe, expect, it } from 'vitest';
import { labelled, ticks, type Mark } from './Spectrum';

describe('axes of a spectrum', () => {
  it('has round steps', () => {
    expect(ticks(0, 1000, 6)).toEqual([0, 200, 400, 600, 800, 1000]);
    expect(ticks(0, 0.034, 4)).toEqual([0, 0.01, 0.02, 0.03]);
    expect(ticks(-2, 2, 4)).toEqual([-2, -1, 0, 1, 2]);
    expect(ticks(1, 1, 4)).toEqual([1]);
  });

  it('names the fundamental where labels would cover each other', () => {
    const marks: Mark[] = [{ label: '2×BPFO', at: 200, of: 2 }, { label: 'BPFI', at: 205, of: 1 }, { label: 'BPFO', at: 100, of: 1 }];
    const kept = [...labelled(marks, (x) => x, 600)].map((mark) => mark.label);
    expect(kept.sort()).toEqual(['BPFI', 'BPFO']);
  });
});
