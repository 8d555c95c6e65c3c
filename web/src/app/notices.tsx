/** Short messages at the edge of the page: what was done, what was refused and what to do about it. */
import { Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { ApiProblem } from '../api/client';
import { said } from '../locales/sentences';
import { i18n } from './i18n';

/** The catalogue's sentence for a problem's code when it has one, else the server's own words. */
export function explain(error: unknown): { title: string; detail: string; hint: string } {
  if (!(error instanceof ApiProblem)) return { title: i18n.t('error.title'), detail: String(error), hint: '' };
  const { code, detail, hint, status, where } = error.problem;
  const file = code?.startsWith('record.') && where ? `${where}: ` : '';
  const known = code && i18n.exists(`error.code.${code}.text`) ? i18n.t(`error.code.${code}.text`) : '';
  const help = code && i18n.exists(`error.code.${code}.hint`) ? i18n.t(`error.code.${code}.hint`) : '';
  return { title: known || i18n.t(status === 0 ? 'error.unreachable' : 'error.refused'), detail: file + said(detail ?? '', i18n.language), hint: help || said(hint ?? '', i18n.language) };
}

export function complain(error: unknown): void {
  const { title, detail, hint } = explain(error);
  const code = error instanceof ApiProblem ? error.problem.code : undefined;
  notifications.show({
    title,
    color: 'var(--alarm-1-fill)',
    autoClose: 12_000,
    withBorder: true,
    closeButtonProps: { 'aria-label': i18n.t('action.close') },
    message: (
      <>
        {detail && <Text size="sm" c="var(--mantine-color-text)">{detail}</Text>}
        {hint && <Text size="sm" fw={600} c="var(--mantine-color-text)">{hint}</Text>}
        {code && <Text size="xs" c="dimmed">{code}</Text>}
      </>
    ),
  });
}

export function report(message: string): void {
  notifications.show({ message, autoClose: 5_000, withBorder: true, closeButtonProps: { 'aria-label': i18n.t('action.close') } });
}
