import { describe, expect, it } from 'vitest';
import { delivered, said } from './sentences';
import german from './sentences.de.json';

describe("the server's sentences", () => {
  it('are known by their pattern, with what fills them', () => {
    expect(said('listening to opc.tcp://10.0.0.5:4840', 'de')).toBe('hört opc.tcp://10.0.0.5:4840 zu');
    expect(said('6.4 mm/s is in zone C (pumps of category I to 200 kW; ISO 10816-7:2009)', 'de')).toBe('6,4 mm/s liegt in Zone C (Pumpen der Kategorie I bis 200 kW; ISO 10816-7:2009)');
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
  it('write shares as Germans do, and leave the words of the plant alone', () => {
    expect(said('Line 1/State: 76% missing; Line 1/Speed: always 117.6', 'de')).toBe('Line 1/State: 76 % fehlen; Line 1/Speed: immer 117,6');
    expect(said('0 of 2 sensors can be used (Line 1/State: 76% missing; Line 1/Speed: no value at all) - train a version first', 'de')).toBe('0 von 2 Sensoren sind brauchbar (Line 1/State: 76 % fehlen; Line 1/Speed: gar kein Wert) - trainieren Sie zuerst eine Version');
    expect(said("'temperature' is scored", 'de')).toBe('„temperature“ bekommt Vorhersagen');
    expect(delivered('Guards back in place', 'de')).toBe('Schutzeinrichtungen wieder angebracht');
    expect(delivered('Close valve V3', 'de')).toBe('Close valve V3');
  });
  it('fill every blank that the English one has', () => {
    const blanks = (text: string): string => [...new Set([...text.matchAll(/\{\d+\}/g)].map(([one]) => one))].sort().join();
    const lost = Object.entries(german).filter(([english, told]) => blanks(told) !== blanks(english)).map(([english]) => english);
    expect(lost).toEqual(['it {0}offers connections without security: everything can be read and changed on the way', 'this model would have raised {0} alert{1} in {2} days of running']);
  });
});
