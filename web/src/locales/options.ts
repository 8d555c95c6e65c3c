/** What an option of a plugin means, in the language of the page: plugins say it in English, here by that very sentence. */
import german from './options.de.json';

const GERMAN = german as Record<string, string>;

/** The sentence in a language; that of a plugin nobody here knows stays as it is. */
export const spoken = (sentence: string | undefined, language: string): string => (language === 'de' && sentence ? (GERMAN[sentence] ?? sentence) : (sentence ?? ''));
