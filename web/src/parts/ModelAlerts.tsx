import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { ModelAlert } from '../api/models';
import { useFormat } from '../format/useFormat';

const MOST = 12;

/** A property as seen from its asset. */
export const short = (path: string, asset: string): string => (path.startsWith(`${asset}/`) ? path.slice(asset.length + 1) : path);

/** Alerts of a model with the sensors that made them. */
export function AlertList({ items, asset }: { items: readonly ModelAlert[]; asset: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <ul className="plain">
      {items.slice(0, MOST).map((one) => <li key={one.start}><Text size="sm" component="span">{f.when(one.start)} – {one.end ? f.when(one.end) : t('models.lasting')}: {one.sensors.slice(0, 3).map((each) => `${short(each.property ?? each.name ?? '', asset)} ${f.percent(each.share, 0)}`).join(', ')}</Text></li>)}
      {items.length > MOST && <li><Text size="sm" component="span">{t('models.more', { count: items.length - MOST })}</Text></li>}
    </ul>
  );
}
