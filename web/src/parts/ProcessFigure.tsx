import { Box, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { ProcessKpi } from '../api/processes';
import { useFormat } from '../format/useFormat';
import { Facts } from './Page';

/** By how much the figure is better or worse than before, where less is better if the target says so. */
export function change(kpi: Pick<ProcessKpi, 'baseline' | 'target' | 'now'>): number | null {
  if (kpi.baseline === null || kpi.now === null || kpi.baseline === 0) return null;
  const less = kpi.target !== null && kpi.target < kpi.baseline;
  const share = (kpi.now - kpi.baseline) / kpi.baseline;
  return less ? -share : share;
}

/** The figure a process exists for: before, wanted, now, and month by month. */
export function ProcessFigure({ of: kpi }: { of: ProcessKpi }) {
  const { t } = useTranslation();
  const f = useFormat();
  const share = kpi.unit === 'share';
  const say = (value: number | null): string => (value === null ? '–' : share ? f.percent(value) : `${f.number(value, 1)} ${t(`kpiUnit.${kpi.unit}`, { defaultValue: kpi.unit })}`);
  const better = change(kpi);
  return (
    <Box>
      <Text size="sm" fw={600} mb={6}>{t(`kpiName.${kpi.name}`, { defaultValue: kpi.name })}</Text>
      <Facts of={[
        [t('map.before'), say(kpi.baseline)],
        [t('map.target'), say(kpi.target)],
        [t('map.now'), kpi.measured ? (kpi.now === null ? t('map.noCases') : `${say(kpi.now)} (${t('map.ofCases', { count: kpi.cases })})`) : t('map.notMeasured')],
        ...(better === null ? [] : [[t('map.change'), t(better >= 0 ? 'map.better' : 'map.worse', { by: f.percent(Math.abs(better)) })] as const]),
      ]} />
      {kpi.months.some((month) => month.value !== null) && <Months of={kpi} say={say} />}
    </Box>
  );
}

function Months({ of: kpi, say }: { of: ProcessKpi; say: (value: number | null) => string }) {
  const { t } = useTranslation();
  const f = useFormat();
  const top = Math.max(kpi.baseline ?? 0, kpi.target ?? 0, ...kpi.months.map((month) => month.value ?? 0)) || 1;
  const y = (value: number): number => 78 - (value / top) * 70;
  return (
    <svg viewBox="0 0 300 96" width="100%" style={{ maxWidth: 420, marginTop: 8 }} role="img" aria-label={t('map.months', { values: kpi.months.map((month) => say(month.value)).join(', ') })}>
      {kpi.baseline !== null && <line x1="0" x2="300" y1={y(kpi.baseline)} y2={y(kpi.baseline)} className="flow-was" />}
      {kpi.target !== null && <line x1="0" x2="300" y1={y(kpi.target)} y2={y(kpi.target)} className="flow-aim" />}
      {kpi.months.map((month, at) => (
        <g key={month.end}>
          {month.value !== null && <rect x={at * 50 + 8} width="34" y={y(month.value)} height={Math.max(1, 78 - y(month.value))} className="flow-bar"><title>{`${f.day(month.end)}: ${say(month.value)}`}</title></rect>}
          <text x={at * 50 + 25} y="92" textAnchor="middle" className="flow-month">{f.day(month.end).slice(0, 6)}</text>
        </g>
      ))}
    </svg>
  );
}
