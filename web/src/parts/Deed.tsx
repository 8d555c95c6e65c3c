import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { TowerEntry } from '../api/types';
import { said } from '../locales/sentences';
import { useTitle } from './titles';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

/** What was done, in the reader's words where the step is one we know, else in the server's own. */
export function Deed({ of: entry }: { of: TowerEntry }) {
  const { t, i18n } = useTranslation();
  const task = entry.task && i18n.exists(`task.${entry.task}`) ? t(`task.${entry.task}`) : null;
  const [, before] = /^(approved|rejected|edited|expired|taken back): /.exec(entry.what) ?? [];
  const [, after] = /: (waits|failed|retried|expired|skipped|proposed|still open|falls to a person|handed to the agent|not handed to the agent)$/.exec(entry.what) ?? [];
  const rest = before ?? after;
  const text = task ? `${task}${rest ? `: ${t(`deed.${rest.replaceAll(' ', '-')}`)}` : ''}` : t(`did.${entry.what.replaceAll(' ', '-')}`, { defaultValue: said(entry.what, i18n.language) });
  return <Text size="sm" span className="wrap" title={i18n.language === 'en' ? entry.what : text}>{text}</Text>;
}

/** How it ended; ids that only machines read are left out. */
export function Outcome({ of: outcome }: { of: string | null }) {
  const { t, i18n } = useTranslation();
  const title = useTitle();
  const parts = (outcome ?? '').split('; ').filter((part) => part && !UUID.test(part) && !/: \d{16,}$/.test(part));
  if (parts.length === 0) return '–';
  return parts.map((part, at) => {
    const [field] = part.split(': ');
    const whole = i18n.exists(`field.${field}`) ? part : said(part, i18n.language);
    if (whole !== part) return <Text key={part} size="sm" span className="wrap">{at > 0 ? ' · ' : ''}{whole}</Text>;
    const [name, value] = part.split(': ');
    const text = value === undefined ? t(`outcome.${part}`, { defaultValue: title(said(part, i18n.language)) }) : `${t(`field.${name}`, { defaultValue: name ?? '' })} ${t(`said.${value}`, { defaultValue: value })}`;
    return <Text key={part} size="sm" span className="wrap">{at > 0 ? ' · ' : ''}{text}</Text>;
  });
}
