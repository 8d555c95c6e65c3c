/** The signal behind an alarm or a finding, drawn around the time it stood, and the way to the trends with all of it. */
import { Box, Button, Text } from '@mantine/core';
import { IconChartLine } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { lazy, Suspense, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import { around } from '../app/alarmSearch';
import { unitText } from '../format/format';
import { useFormat } from '../format/useFormat';

const Trend = lazy(() => import('../charts/Trend'));

interface Props { paths: readonly string[]; start: string; end: string | null; limit?: number | null; below?: boolean; height?: number }

export function Signal({ paths, start, end, limit = null, below = false, height = 150 }: Props) {
  const { t } = useTranslation();
  const f = useFormat();
  const [first] = paths;
  const unit = unitText(useQuery({ ...q.latest(paths.slice(0, 1)), refetchInterval: false }).data?.items[0]?.unit);
  const span = useMemo(() => around(start, end), [start, end]);
  if (!first) return null;
  const name = first.split('/').at(-1) ?? first;
  return (
    <Box mt="sm" data-signal={first}>
      <Text size="sm" fw={600} className="wrap">{name}{unit && ` (${unit})`}{limit !== null && ` · ${t('trend.limit')} ${f.number(limit)} ${unit}`}</Text>
      <Suspense fallback={<Box h={height} />}><Trend path={first} label={name} unit={unit} height={height} limit={limit} below={below} {...(end === null ? { window: span.to - span.from } : { span: { start: span.from, end: span.to }, live: false })} /></Suspense>
      <Text size="xs" c="dimmed">{f.when(span.from)} – {end === null ? t('word.now') : f.when(span.to)}</Text>
      <Button renderRoot={(props) => <Link {...props} to="/trends" search={{ p: paths.slice(0, 4), ...span }} />} size="compact-sm" mt={4} leftSection={<IconChartLine size={16} aria-hidden />}>{t('word.inTrends')}</Button>
    </Box>
  );
}
