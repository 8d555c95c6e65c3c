import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Curve } from '../api/condition';
import { useFormat } from '../format/useFormat';

export interface Mark { label: string; at: number; of: number }
const [LEFT, RIGHT, TOP, BOTTOM] = [44, 20, 34, 24];

/** Round steps of an axis: 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, most: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? 10 * power;
  const found: number[] = [];
  for (let n = Math.ceil(low / step); n * step <= high * 1.0001; n += 1) found.push(Number((n * step).toPrecision(12)));
  return found;
}

/** The marks that find room for their label, the strongest claim (the fundamental) first. */
export function labelled(marks: readonly Mark[], place: (x: number) => number, width: number): Set<Mark> {
  const kept = new Set<Mark>();
  const taken: [number, number][] = [];
  for (const mark of [...marks].sort((a, b) => a.of - b.of)) {
    const half = (mark.label.length * 7) / 2 + 2;
    const x = Math.min(Math.max(place(mark.at), half), width - half);
    if (taken.some(([from, to]) => x + half > from && x - half < to)) continue;
    taken.push([x - half, x + half]);
    kept.add(mark);
  }
  return kept;
}

/** A curve over frequency or time, drawn at the size it has, with the frequencies to look for marked by dashed lines and words. */
export function Spectrum({ of, xUnit, yUnit, label, marks = [], height = 220 }: { of: Curve; xUnit: string; yUnit: string; label: string; marks?: readonly Mark[]; height?: number }) {
  const { t } = useTranslation();
  const f = useFormat();
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const at = box.current;
    if (!at) return undefined;
    const measure = new ResizeObserver(() => setWidth(Math.max(240, at.clientWidth)));
    measure.observe(at);
    return () => measure.disconnect();
  }, []);
  const end = of.x.at(-1) ?? 1;
  const low = Math.min(0, ...of.y);
  const high = Math.max(1e-9, ...of.y);
  const x = (value: number): number => LEFT + (value / end) * (width - LEFT - RIGHT);
  const y = (value: number): number => height - BOTTOM - ((value - low) / (high - low)) * (height - TOP - BOTTOM);
  const inside = marks.filter((mark) => mark.at <= end);
  const named = labelled(inside, x, width);
  const path = of.x.map((value, n) => `${n ? 'L' : 'M'}${x(value).toFixed(1)},${y(of.y[n] ?? 0).toFixed(1)}`).join('');
  const top = of.y.indexOf(Math.max(...of.y));
  const words = t('condition.curve', { label, high: f.number(of.y[top], 3), unit: yUnit, at: f.number(of.x[top], 1), xUnit });
  return (
    <div ref={box} style={{ width: '100%', minWidth: 0 }}>
      <svg width={width} height={height} role="img" aria-label={words} style={{ display: 'block', maxWidth: '100%' }} fontSize={11} fill="currentColor">
        {ticks(0, end, Math.max(2, width / 90)).map((value) => <g key={value}><line x1={x(value)} x2={x(value)} y1={height - BOTTOM} y2={height - BOTTOM + 4} stroke="currentColor" opacity={0.5} /><text x={x(value)} y={height - 8} textAnchor="middle">{f.number(value)}</text></g>)}
        {ticks(low, high, 4).map((value) => <g key={value}><line x1={LEFT} x2={width - RIGHT} y1={y(value)} y2={y(value)} stroke="var(--line)" /><text x={LEFT - 5} y={y(value) + 4} textAnchor="end">{f.number(value, value !== 0 && Math.abs(high) < 0.1 ? 3 : 2)}</text></g>)}
        {inside.map((mark) => (
          <g key={`${mark.label}${mark.at}`}>
            <line x1={x(mark.at)} x2={x(mark.at)} y1={TOP - 6} y2={height - BOTTOM} stroke="currentColor" strokeDasharray={mark.of === 1 ? '5 3' : '2 4'} opacity={0.65} />
            {named.has(mark) && <text x={Math.min(Math.max(x(mark.at), mark.label.length * 3.5), width - mark.label.length * 3.5)} y={TOP - 10} textAnchor="middle" fontWeight={mark.of === 1 ? 700 : 400}>{mark.label}</text>}
          </g>
        ))}
        <path d={path} fill="none" stroke="currentColor" strokeWidth={1.2} strokeLinejoin="round" />
        <text x={4} y={12}>{yUnit}</text>
        <text x={width - 4} y={12} textAnchor="end">{xUnit}</text>
      </svg>
    </div>
  );
}
