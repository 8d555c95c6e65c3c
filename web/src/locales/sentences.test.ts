import { describe, expect, it } from 'vitest';
import { said } from './sentences';
import german from './sentences.de.json';

describe("the server's sentences", () => {
  it('are known by their pattern, with what fills them', () => {
    expect(said('listening to opc.tcp://10.0.0.5:4840', 'de')).toBe('hört opc.tcp://10.0.0.5:4840 zu');
    expect(said('6.4 mm/s is in zone C (ISO 20816-3, group 2)', 'de')).toBe('6,4 mm/s liegt in Zone C (ISO 20816-3, group 2)');
    expect(said('the server is on fire', 'de')).toBe('the server is on fire');
    expect(said('no tag works', 'en')).toBe('no tag works');
  });
  it('may stand in one another and behind one another', () => {
    expect(said('nobody answers at tcp://10.0.0.7:502; calling again', 'de')).toBe('niemand antwortet unter tcp://10.0.0.7:502; ruft erneut an');
    expect(said('the server refuses us: BadUserAccessDenied - check user, password_env or user_certificate, and that the server trusts our certificate', 'de')).toMatch(/^der Server lässt uns nicht ein: .* - prüfen Sie user/);
    expect(said('rig: the environment variable X is not set - it holds the password', 'de')).toBe('rig: die Umgebungsvariable X ist nicht gesetzt - sie enthält das Passwort');
  });
  it('may have something added after a comma', () => {
    expect(said('3 pictures taken in from /a/b, 2 judged by seals since the start', 'de')).toBe('3 Bilder aufgenommen aus /a/b, 2 seit dem Start von seals beurteilt');
  });
  it('fill every blank that the English one has', () => {
    const blanks = (text: string): string => [...new Set([...text.matchAll(/\{\d+\}/g)].map(([one]) => one))].sort().join();
    const lost = Object.entries(german).filter(([english, told]) => blanks(told) !== blanks(english)).map(([english]) => english);
    expect(lost).toEqual(['it {0}offers connections without security: everything can be read and changed on the way', 'this model would have raised {0} alert{1} in {2} days of running']);
  });
});
