/** From calendar time down to the time good parts earned: every step says what was lost and what is left. */
import { Box, Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Oee } from '../api/types';
import { useFormat } from '../format/useFormat';

const ORDER = ['productive', 'quality', 'speed', 'micro_stop', 'setup', 'starved', 'blocked', 'idle', 'down', 'planned_stop', 'unknown'];

/** The waterfall from calendar time down to the time good parts earned; what is left at the end is the machine's worth. */
export function waterfall(oee: Pick<Oee, 'elements' | 'losses'>): { name: string; seconds: number }[] {
  const total = oee.elements.calendar ?? 0;
  const losses = oee.losses.filter((loss) => loss.seconds !== 0);
  const productive = total - losses.reduce((sum, loss) => sum + loss.seconds, 0);
  return [{ name: 'productive', seconds: productive }, ...losses].sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name));
}

export interface Step { name: string; from: number; seconds: number; level: boolean }

/** The steps with where each begins: levels (calendar, busy, what is left) stand on the ground, losses hang below the last. */
export function steps(oee: Pick<Oee, 'elements' | 'losses'>): Step[] {
  const total = oee.elements.calendar ?? 0;
  const found: Step[] = [{ name: 'calendar', from: 0, seconds: total, level: true }];
  let left = total;
  let busy = false;
  for (const loss of oee.losses) {
    if (!busy && !['planned_stop', 'unknown'].includes(loss.name)) {
      busy = true;
      found.push({ name: 'planned_busy', from: 0, seconds: left, level: true });
    }
    left -= loss.seconds;
    if (loss.seconds !== 0) found.push({ name: loss.name, from: Math.min(left, left + loss.seconds), seconds: loss.seconds, level: false });
  }
  return [...found, { name: 'productive', from: 0, seconds: left, level: true }];
}

export function Waterfall({ oee }: { oee: Oee }) {
  const { t } = useTranslation();
  const f = useFormat();
  const total = oee.elements.calendar ?? 0;
  if (!total) return <Text size="sm" c="dimmed">{t('oee.noTime')}</Text>;
  const share = (seconds: number): string => `${Math.max(0, Math.min(100, (seconds / total) * 100))}%`;
  return (
    <Box component="dl" className="waterfall" aria-label={t('oee.waterfall')}>
      {steps(oee).map((step) => (
        <div key={step.name} className={step.level ? 'fall level' : 'fall'}>
          <dt><Group gap={8} wrap="nowrap">{!step.level && <span className={`swatch el-${step.name}`} aria-hidden />}{t(`element.${step.name}`)}</Group></dt>
          <dd className="fall-bar" aria-hidden><i className={step.level ? 'fall-level' : `el-${step.name}`} style={{ left: share(step.from), width: share(Math.abs(step.seconds)) }} /></dd>
          <dd className="fall-figure">{step.level ? '' : step.seconds > 0 ? '−' : '+'}{f.span(step.seconds)}</dd>
          <dd className="fall-share">{f.percent(Math.abs(step.seconds) / total)}</dd>
        </div>
      ))}
    </Box>
  );
}
