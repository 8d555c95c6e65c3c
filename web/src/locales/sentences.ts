/**
 * The server's own sentences in the language of the page: it says and keeps them in English (logs, audit, other programs), here they
 * are known by their pattern. What fills a blank may be such a sentence itself; what nobody knows stays as it is.
 */
import { useTranslation } from 'react-i18next';
import german from './sentences.de.json';

const BLANK = /\{(\d+)\}/g;
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

interface Pattern { regex: RegExp; blanks: string[]; told: string }
let patterns: Pattern[] | null = null;
const known = new Map<string, string>();

/** Those that say most come first, so that a general one does not swallow a particular one. */
function all(): Pattern[] {
  patterns ??= Object.entries(german as Record<string, string>)
    .filter(([english]) => english.includes('{'))
    .sort(([one], [other]) => other.replace(BLANK, '').length - one.replace(BLANK, '').length)
    .map(([english, told]) => ({ regex: new RegExp(`^${english.split(BLANK).map((part, at) => (at % 2 ? '(.*?)' : escaped(part))).join('')}$`, 's'), blanks: [...english.matchAll(BLANK)].map(([, blank]) => blank ?? ''), told }));
  return patterns;
}

function whole(text: string): string | null {
  const plain = (german as Record<string, string>)[text];
  if (plain !== undefined) return plain;
  for (const { regex, blanks, told } of all()) {
    const match = regex.exec(text);
    if (match) return told.replace(BLANK, (_, blank: string) => part(match[blanks.indexOf(blank) + 1] ?? ''));
  }
  return null;
}

const share = (text: string): string | null => (/^\d+(\.\d+)?%$/.test(text) ? text.replace('.', ',').replace('%', ' %') : null);

/** What stands in a blank: a sentence, a number, or a name that is nobody's to translate. */
const part = (text: string): string => (/^-?\d+\.\d+$/.test(text) ? text.replace('.', ',') : (share(text) ?? whole(text) ?? several(text) ?? text));

/** Sentences that were put together: by a semicolon, or with how to mend it in brackets or after a dash. */
function several(text: string): string | null {
  if (text.endsWith(')') && text.split(')').length > text.split('(').length) { // the last of what stood in brackets
    const inner = whole(text.slice(0, -1)) ?? several(text.slice(0, -1));
    return inner === null ? null : `${inner})`;
  }
  for (const joint of ['; ', ' - ', ': ', ' (']) {
    const at = text.indexOf(joint);
    if (at < 0) continue;
    const first = whole(text.slice(0, at)) ?? several(text.slice(0, at));
    const rest = text.slice(at + joint.length);
    const second = joint === ' (' && rest.endsWith(')') ? whole(rest.slice(0, -1)) : (whole(rest) ?? share(rest) ?? several(rest));
    if (first === null && second === null) continue;
    const end = joint === ' (' && rest.endsWith(')') && second !== null ? `${second})` : (second ?? rest);
    return `${first ?? text.slice(0, at)}${joint}${end}`;
  }
  const tail = text.indexOf(', '); // what is added to a sentence is known with its comma
  const added = tail > 0 ? whole(text.slice(tail)) : null;
  return added === null ? null : `${part(text.slice(0, tail))}${added}`;
}

/** A text that is delivered with the house, as it stands; anything else is somebody's own and stays. */
export const delivered = (text: string, language: string): string => (language === 'de' ? ((german as Record<string, string>)[text] ?? text) : text);

export function said(text: string, language: string): string {
  if (language !== 'de' || !text) return text;
  let told = known.get(text);
  if (told === undefined) {
    told = whole(text) ?? several(text) ?? text;
    if (known.size > 2_000) known.clear();
    known.set(text, told);
  }
  return told;
}

export function useSentence(): (text: string) => string {
  const { i18n } = useTranslation();
  return (text) => said(text, i18n.language);
}
