/** Every visible text comes from the catalogue; both languages have the same keys (tested). */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import de from '../locales/de.json';
import en from '../locales/en.json';

export const LANGUAGES = ['en', 'de'] as const;
export type Language = (typeof LANGUAGES)[number];
const KEPT = 'lineshaft.language';

function preferred(): Language {
  if (typeof localStorage === 'undefined') return 'en'; // in a test without a browser
  const asked = localStorage.getItem(KEPT) ?? navigator.language.slice(0, 2);
  return asked === 'de' ? 'de' : 'en';
}

export const i18n = i18next.createInstance();
void i18n.use(initReactI18next).init({
  lng: preferred(),
  fallbackLng: 'en',
  nsSeparator: false,
  initAsync: false,
  interpolation: { escapeValue: false },
  resources: { en: { translation: en }, de: { translation: de } },
});
if (typeof document !== 'undefined') document.documentElement.lang = i18n.language;

export function speak(language: Language): void {
  localStorage.setItem(KEPT, language);
  document.documentElement.lang = language;
  void i18n.changeLanguage(language);
}
