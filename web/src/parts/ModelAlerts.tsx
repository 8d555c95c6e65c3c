import { Button, Group, Text } from '@mantine/core';
import { IconChartLine, IconTag } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { ModelAlert } from '../api/models';
import { around } from '../app/alarmSearch';
import { useFormat } from '../format/useFormat';

const MOST = 12;

/** A property as seen from its asset. */
export const short = (path: string, asset: string): string => (path.startsWith(`${asset}/`) ? path.slice(asset.length + 1) : path);

/** How long the machine ran: whole days, hours where it is less than two. */
export const running = (days: number | undefined, f: { span: (seconds: number) => string }): string => f.span((days ?? 0) < 2 ? Math.max(1, Math.round((days ?? 0) * 1440)) * 60 : Math.round(days ?? 0) * 86_400);

/** Alerts of a model with the sensors that made them; each leads to its signals, and may be taken as something known of the past. */
export function AlertList({ items, asset, onTake }: { items: readonly ModelAlert[]; asset: string; onTake?: ((alert: ModelAlert) => void) | undefined }) {
  const { t } = useTranslation();
  const f = useFormat();
  const paths = (one: ModelAlert): string[] => one.sensors.slice(0, 4).map((each) => each.property ?? each.name ?? '').filter((path) => path !== '');
  return (
    <ul className="plain" data-alerts>
      {items.slice(0, MOST).map((one) => (
        <li key={one.start}>
          <Group gap="xs">
            <Text size="sm" component="span" className="wrap">{f.when(one.start)} – {one.end ? f.when(one.end) : t('models.lasting')}: {one.sensors.slice(0, 3).map((each) => `${short(each.property ?? each.name ?? '', asset)} ${f.percent(each.share, 0)}`).join(', ')}</Text>
            <Link className="tap" to="/trends" search={{ p: paths(one), ...around(one.start, one.end) }}><IconChartLine size={14} aria-hidden /> {t('word.inTrends')}</Link>
            {onTake && <Button size="compact-xs" variant="default" leftSection={<IconTag size={14} aria-hidden />} onClick={() => onTake(one)}>{t('models.take')}</Button>}
          </Group>
        </li>
      ))}
      {items.length > MOST && <li><Text size="sm" component="span">{t('models.more', { count: items.length - MOST })}</Text></li>}
    </ul>
  );
}
