/** Titles the house makes of what happened, in the reader's words; what somebody wrote stays as it is. */
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';

/** `say` gives a text of the catalogue by its key, null where there is none. */
export function titled(title: string, say: (key: string, what?: string) => string | null): string {
  const [, what = '', where = ''] = /^(.+?)( \(.+\))$/s.exec(title) ?? [];
  if (!what) return title;
  const kind = say(`findingKind.${what}`);
  if (kind !== null) return kind + where;
  const [, late] = /^(.+) will be late$/.exec(what) ?? [];
  const [, low] = /^(.+) is low$/.exec(what) ?? [];
  const told = late ? say('caseTitle.late', late) : low ? say('caseTitle.low', low) : null;
  return told === null ? title : told + where;
}

export function useTitle(): (title: string) => string {
  const { t, i18n } = useTranslation();
  return useCallback((title: string) => titled(title, (key, what) => (i18n.exists(key) ? t(key, { what }) : null)), [t, i18n]);
}
