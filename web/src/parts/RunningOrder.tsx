import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Running } from '../api/production';
import { useFormat } from '../format/useFormat';

/** Which order ran when, under what the time was planned for. */
export function RunningOrder({ of: running, window }: { of: Running; window: number }) {
  const { t } = useTranslation();
  const f = useFormat();
  const end = Math.max(...running.planned.map((one) => Date.parse(one.end)), Date.now() - window + 1);
  const start = end - window;
  const place = (one: { start: string; end: string }) => ({ left: `${(Math.max(0, Date.parse(one.start) - start) / window) * 100}%`, width: `${((Date.parse(one.end) - Math.max(start, Date.parse(one.start))) / window) * 100}%` });
  const until = (one: { start: string; end: string }): string => `${f.when(one.start)} – ${f.when(one.end)}`;
  return (
    <div role="group" aria-label={t('production.timeline')}>
      <div className="lane" aria-hidden>{running.planned.map((one) => <span key={one.start} className={`plan-${one.kind}`} style={place(one)} title={`${t(`planned.${one.kind}`)} ${one.shift} ${until(one)}`}>{one.kind === 'shift' ? one.shift : ''}</span>)}</div>
      <div className="lane" aria-hidden>{running.runs.map((one) => <span key={one.start} className="run" style={place(one)} title={`${one.order} ${one.product} ${until(one)}`}>{one.order} · {one.product}</span>)}</div>
      <div className="lane-axis" aria-hidden><span>{f.when(start)}</span><span>{f.when(end)}</span></div>
      <ul className="visually-hidden">{running.runs.map((one) => <li key={one.start}>{`${one.order}, ${one.product}: ${until(one)}`}</li>)}</ul>
      {running.runs.length === 0 && <Text size="sm" c="dimmed">{t('production.noRun')}</Text>}
    </div>
  );
}
