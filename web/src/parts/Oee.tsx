/** What every OEE on every page shares: the target, the span of time, the three ratios. */
import { Box, Group, SegmentedControl, Text } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import { useFormat } from '../format/useFormat';

export const TARGET = 0.85;
const WINDOWS = [['5m', 300_000], ['1h', 3_600_000], ['8h', 28_800_000], ['24h', 86_400_000]] as const;

export function useWindow(): [number, string, (key: string) => void] {
  const health = useQuery(q.health).data;
  const fresh = health !== undefined && health.uptime_s < 1800;
  const [kept, setKey] = useLocalStorage<string | null>({ key: 'lineshaft.window', defaultValue: null, getInitialValueInEffect: false });
  // A node that has just started has little to tell about the last hour.
  const key = kept ?? (fresh ? '5m' : '1h');
  return [WINDOWS.find(([name]) => name === key)?.[1] ?? 3_600_000, key, setKey];
}

export function WindowChoice({ value, onChange }: { value: string; onChange: (key: string) => void }) {
  const { t } = useTranslation();
  return <SegmentedControl size="sm" aria-label={t('window.label')} value={value} onChange={onChange} data={WINDOWS.map(([name]) => ({ value: name, label: t(`window.${name}`) }))} />;
}

export function Ratios({ of }: { of: { availability: number | null; performance: number | null; quality: number | null } | undefined }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Group gap="xs" wrap="nowrap" justify="space-between">
      {(['availability', 'performance', 'quality'] as const).map((name) => (
        <Box key={name}><Text size="xs" c="dimmed">{t(`oee.${name}`)}</Text><Text size="sm" fw={600}>{f.percent(of?.[name])}</Text></Box>
      ))}
    </Group>
  );
}

/** A figure made from part of the time says so. */
export function Coverage({ of: share, before = '' }: { of: number | null | undefined; before?: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  return share === null || share === undefined || share > 0.98 ? null : <span>{before}{t('oee.covered', { share: f.percent(share, 0) })}</span>;
}
