import { useTranslation } from 'react-i18next';

const SHAPES = {
  1: <rect x="2" y="2" width="20" height="20" />,
  2: <polygon points="12,1 23,22 1,22" />,
  3: <polygon points="12,0.5 23.5,12 12,23.5 0.5,12" />,
  4: <circle cx="12" cy="12" r="11" />,
} as const;
export type Priority = keyof typeof SHAPES;
export const PRIORITIES: readonly Priority[] = [1, 2, 3, 4];
export const asPriority = (p: number): Priority => (p <= 1 ? 1 : p === 2 ? 2 : p === 3 ? 3 : 4);

/** A priority as ISA-18.2 wants it: shape, number and colour; the text stands beside it or in its label. */
export function Prio({ p, asks = false, size = 24, silent = false, none = false }: { p: number; asks?: boolean; size?: number; silent?: boolean; none?: boolean }) {
  const { t } = useTranslation();
  const priority = asPriority(p);
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" className={asks ? 'asks' : undefined} style={{ flex: 'none' }} {...(silent ? { 'aria-hidden': true } : { role: 'img', 'aria-label': t(`priority.${Math.min(5, Math.max(1, p))}`) })}>
      <g fill={none ? '#5f707d' : `var(--alarm-${priority}-fill)`} stroke="rgba(0,0,0,.45)" strokeWidth="0.75">{SHAPES[priority]}</g>
      <text x="12" y={priority === 2 ? 19.5 : 16.8} textAnchor="middle" fontSize="13" fontWeight="700" fill={none ? '#ffffff' : `var(--alarm-${priority}-ink)`}>{p}</text>
    </svg>
  );
}
