import { useTranslation } from 'react-i18next';
import { said } from '../locales/sentences';

/** A sentence of the server in the page's language; one that nobody translated is marked as the English it is. */
export function Said({ text }: { text: string }) {
  const { i18n } = useTranslation();
  const told = said(text, i18n.language);
  return i18n.language !== 'en' && told === text ? <span lang="en">{text}</span> : <>{told}</>;
}
