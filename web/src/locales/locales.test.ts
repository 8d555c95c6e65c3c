import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import de from './de.json';
import en from './en.json';
import options from './options.de.json';
import sentences from './sentences.de.json';

type Tree = { [key: string]: string | Tree };
const flat = (tree: Tree, under = ''): Map<string, string> =>
  new Map(Object.entries(tree).flatMap(([key, value]) => (typeof value === 'string' ? [[under + key, value] as [string, string]] : [...flat(value, `${under}${key}.`)])));
const english = flat(en as Tree);
const german = flat(de as Tree);

const SOURCE = join(import.meta.dirname, '..');
const files = (folder: string): string[] => readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? files(join(folder, entry.name)) : /\.tsx?$/.test(entry.name) && !entry.name.includes('.test.') ? [join(folder, entry.name)] : []));
const text = files(SOURCE).map((file) => readFileSync(file, 'utf8')).join('\n');
const known = (key: string): boolean => english.has(key) || english.has(`${key}_other`);

describe('the catalogue', () => {
  it('has the same keys in both languages', () => expect([...german.keys()].sort()).toEqual([...english.keys()].sort()));
  it('has no empty text and the same blanks to fill', () => {
    const blanks = (value: string): string[] => [...value.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name ?? '').sort();
    for (const [key, value] of english) {
      expect(value.trim(), key).not.toBe('');
      expect(german.get(key)?.trim(), key).not.toBe('');
      expect(blanks(german.get(key) ?? ''), key).toEqual(blanks(value));
    }
  });
  it('calls a version the same everywhere in German', () => {
    const said = [...german.values(), ...Object.values(options as Record<string, string>), ...Object.values(sentences as Record<string, string>)];
    expect(said.filter((one) => /fassung(en)?\b/i.test(one))).toEqual([]);
  });
  it('knows every text the pages ask for', () => {
    const asked = new Set([...text.matchAll(/\bt\('([\w.-]+)'/g)].map(([, key]) => key ?? ''));
    for (const [, one] of text.matchAll(/\bt\([^'"`\n]*\? ?'([\w.-]+)' : '[\w.-]+'/g)) asked.add(one ?? '');
    for (const [, one] of text.matchAll(/\bt\([^'"`\n]*\? ?'[\w.-]+' : '([\w.-]+)'/g)) asked.add(one ?? '');
    expect([...asked].filter((key) => !known(key))).toEqual([]);
    expect(asked.size).toBeGreaterThan(150);
  });
  it('knows every family of texts that is asked for by name', () => {
    const families = new Set([...text.matchAll(/\bt\(`([\w.]+)\.\$\{/g)].map(([, family]) => family ?? ''));
    expect([...families].filter((family) => ![...english.keys()].some((key) => key.startsWith(`${family}.`)))).toEqual([]);
  });
});
