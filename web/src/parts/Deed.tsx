import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { TowerEntry } from '../api/types';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

/** What was done, in the reader's words where the step is one we know, else in the server's own. */
export function Deed({ of: entry }: { of: TowerEntry }) {
  const { t, i18n } = useTranslation();
  const task = entry.task && i18n.exists(`task.${entry.task}`) ? t(`task.${entry.task}`) : null;
  const rest = /: (waits|failed|retried|expired|skipped)$/.exec(entry.what)?.[1];
  const text = task ? `${task}${rest ? `: ${t(`deed.${rest}`)}` : ''}` : t(`did.${entry.what.replaceAll(' ', '-')}`, { defaultValue: entry.what });
  return <Text size="sm" span className="wrap" title={entry.what}>{text}</Text>;
}

/** How it ended; ids that only machines read are left out. */
export function Outcome({ of: outcome }: { of: string | null }) {
  const { t } = useTranslation();
  const parts = (outcome ?? '').split('; ').filter((part) => part && !UUID.test(part) && !/: \d{16,}$/.test(part));
  if (parts.length === 0) return '–';
  return parts.map((part, at) => {
    const [name, value] = part.split(': ');
    const text = value === undefined ? t(`outcome.${part}`, { defaultValue: part }) : `${t(`field.${name}`, { defaultValue: name ?? '' })} ${t(`said.${value}`, { defaultValue: value })}`;
    return <Text key={part} size="sm" span className="wrap">{at > 0 ? ' · ' : ''}{text}</Text>;
  });
}
