/** A result of any length: only the rows in sight are in the page. */
import { useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { SqlColumn } from '../api/types';

const ROW = 30;
const SPARE = 12;
const HEIGHT = 480;
const NUMERIC = /^(double|float|u?int|decimal|tinyint|smallint|bigint|hugeint)/;

/** A cell as one line of text; what is no plain value is written as JSON. */
export const word = (value: unknown): string => (value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value));

/** Widths by the heading and the first rows, between 70 and 420 px. */
export function widths(columns: readonly SqlColumn[], rows: readonly (readonly unknown[])[]): number[] {
  return columns.map((column, at) => {
    const longest = rows.slice(0, 200).reduce((most, row) => Math.max(most, word(row[at]).length), column.name.length + 2);
    return Math.round(Math.min(420, Math.max(70, longest * 7.4 + 26)));
  });
}

export function Grid({ columns, rows }: { columns: readonly SqlColumn[]; rows: readonly (readonly unknown[])[] }) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const wide = useMemo(() => widths(columns, rows), [columns, rows]);
  const first = Math.max(0, Math.floor(top / ROW) - SPARE);
  const last = Math.min(rows.length, Math.ceil((top + HEIGHT) / ROW) + SPARE);
  const total = wide.reduce((sum, one) => sum + one, 0);
  return (
    <div ref={box} className="grid-box" style={{ maxHeight: HEIGHT }} tabIndex={0} role="region" aria-label={t('sql.result')} onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
      <table className="grid" style={{ width: total, minWidth: '100%' }} aria-rowcount={rows.length + 1} aria-colcount={columns.length}>
        <colgroup>{wide.map((width, at) => <col key={at} style={{ width }} />)}</colgroup>
        <thead><tr aria-rowindex={1}>{columns.map((column, at) => <th key={at} scope="col" className={NUMERIC.test(column.type) ? 'figure' : undefined} title={column.type}>{column.name}</th>)}</tr></thead>
        <tbody>
          {first > 0 && <tr aria-hidden style={{ height: first * ROW }}><td colSpan={columns.length} /></tr>}
          {rows.slice(first, last).map((row, n) => (
            <tr key={first + n} aria-rowindex={first + n + 2}>
              {columns.map((column, at) => <td key={at} className={NUMERIC.test(column.type) ? 'figure' : undefined} title={word(row[at])}>{row[at] === null ? <span className="null">{t('sql.null')}</span> : word(row[at])}</td>)}
            </tr>
          ))}
          {last < rows.length && <tr aria-hidden style={{ height: (rows.length - last) * ROW }}><td colSpan={columns.length} /></tr>}
        </tbody>
      </table>
    </div>
  );
}
