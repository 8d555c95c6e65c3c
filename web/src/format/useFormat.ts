import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes, formatClock, formatDay, formatMoney, formatNumber, formatPercent, formatSpan, formatValue, formatWhen } from './format';

/** The page's language as the reader's region writes it: 20/11/2026 in London, 11/20/2026 in Chicago. */
const regional = (language: string): string => navigator.languages.find((one) => one.slice(0, 2) === language) ?? language;

/** The formatters, already speaking the page's language. */
export function useFormat() {
  const { i18n, t } = useTranslation();
  const language = regional(i18n.language);
  return useMemo(
    () => ({
      number: (value: number | null | undefined, digits?: number) => formatNumber(language, value, digits),
      percent: (value: number | null | undefined, digits?: number) => formatPercent(language, value, digits),
      money: (value: number | null | undefined, currency?: string) => formatMoney(language, value, currency),
      bytes: (value: number | null | undefined) => formatBytes(language, value),
      value: (value: unknown, digits?: number) => (typeof value === 'boolean' ? t(value ? 'word.yes' : 'word.no') : formatValue(language, value, digits)),
      day: (when: string | number | null | undefined) => formatDay(language, when),
      clock: (when: string | number | null | undefined) => formatClock(language, when),
      when: (when: string | number | null | undefined) => formatWhen(language, when),
      span: (seconds: number | null | undefined) => formatSpan(language, seconds),
    }),
    [language, t],
  );
}
