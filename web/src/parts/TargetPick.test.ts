import { describe, expect, it } from 'vitest';
import { sorted } from './TargetPick';

const free = (property: string) => ({ property, free: true, why: '' });
const not = (property: string) => ({ property, free: false, why: `'${property}' is delivered by 'plc'` });

describe('where a score may go', () => {
  it('offers what is free and says why the others are not', () => {
    expect(sorted([free('A/Score'), not('A/Flow'), free('A/In')], [])).toEqual({ free: ['A/Score', 'A/In'], others: [not('A/Flow')] });
  });
  it('never offers an input of the model: the score would feed itself', () => {
    expect(sorted([free('A/In'), not('A/Flow')], ['A/In', 'A/Flow'])).toEqual({ free: [], others: [] });
  });
});
