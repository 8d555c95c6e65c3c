import { useTranslation } from 'react-i18next';
import { useFormat } from '../format/useFormat';

/** An analogue bar with the target as a mark; above 100 % it is shown, never clamped away silently. */
export function Bullet({ value, target, label }: { value: number | null | undefined; target: number; label: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  if (value === null || value === undefined) return <div className="bullet unknown" role="img" aria-label={`${label}: ${t('word.unknown')}`} />;
  return (
    <div className={value > 1 ? 'bullet over' : 'bullet'} role="img" aria-label={`${label} ${f.percent(value)}, ${t('oee.target')} ${f.percent(target, 0)}`}>
      <i style={{ width: `${Math.max(0, Math.min(1, value)) * 100}%` }} />
      <b style={{ left: `${target * 100}%` }} />
    </div>
  );
}
