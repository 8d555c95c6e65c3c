/** Numbers, times and spans as the reader writes them. What is not known is a dash, never a zero. */
export const DASH = '–';

/** Units are kept in the words of pint and shown in the words of the shop floor. */
const UNIT_TEXT: Record<string, string> = { degC: '°C', delta_degC: 'K', degF: '°F', percent: '%', 'm**3': 'm³', 'm**3/h': 'm³/h', 'm/s**2': 'm/s²', ohm: 'Ω' };
export const unitText = (unit: string | null | undefined): string => (unit ? (UNIT_TEXT[unit] ?? unit) : '');

const numbers = new Map<string, Intl.NumberFormat>();
function numberFormat(language: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = language + JSON.stringify(options);
  let format = numbers.get(key);
  if (!format) numbers.set(key, (format = new Intl.NumberFormat(language, options)));
  return format;
}
const times = new Map<string, Intl.DateTimeFormat>();
function timeFormat(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = language + JSON.stringify(options);
  let format = times.get(key);
  if (!format) times.set(key, (format = new Intl.DateTimeFormat(language, options)));
  return format;
}

const known = (value: number | null | undefined): value is number => value !== null && value !== undefined && Number.isFinite(value);

export function formatNumber(language: string, value: number | null | undefined, digits?: number): string {
  if (!known(value)) return DASH;
  const places = digits ?? (Number.isInteger(value) ? 0 : Math.abs(value) >= 100 ? 1 : 2);
  return numberFormat(language, { minimumFractionDigits: places, maximumFractionDigits: places }).format(value);
}

export function formatPercent(language: string, value: number | null | undefined, digits = 1): string {
  return known(value) ? numberFormat(language, { style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value) : DASH;
}

export function formatMoney(language: string, value: number | null | undefined, currency = 'EUR'): string {
  return known(value) ? numberFormat(language, { style: 'currency', currency }).format(value) : DASH;
}

/** Bytes in the largest unit that leaves a whole number before the comma: GB are 10^9 bytes, as disks and clouds are sold. */
export function formatBytes(language: string, bytes: number | null | undefined): string {
  if (!known(bytes)) return DASH;
  const steps = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
  const step = Math.min(steps.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, Math.abs(bytes))) / 3)));
  const value = bytes / 1000 ** step;
  if (step === 0) return `${numberFormat(language, { maximumFractionDigits: 0 }).format(value)} B`;
  return numberFormat(language, { style: 'unit', unit: steps[step] ?? 'byte', unitDisplay: 'short', maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 }).format(value);
}

/** A value of any type; a number that is not finite has no meaning to show. */
export function formatValue(language: string, value: unknown, digits?: number): string {
  if (value === null || value === undefined) return DASH;
  if (typeof value === 'number') return formatNumber(language, value, digits);
  return String(value);
}

export function instant(when: string | number | null | undefined): number | null {
  if (when === null || when === undefined || when === '') return null;
  const ms = typeof when === 'number' ? when : Date.parse(when);
  return Number.isFinite(ms) ? ms : null;
}

export function formatClock(language: string, when: string | number | null | undefined, zone?: string): string {
  const ms = instant(when);
  return ms === null ? DASH : timeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', ...(zone ? { timeZone: zone } : {}) }).format(ms);
}

/** Today only the clock, any other day with its date. */
export function formatWhen(language: string, when: string | number | null | undefined, now: number = Date.now(), zone?: string): string {
  const ms = instant(when);
  if (ms === null) return DASH;
  const at: Intl.DateTimeFormatOptions = zone ? { timeZone: zone } : {};
  const day = timeFormat('en-CA', { dateStyle: 'short', ...at });
  if (day.format(ms) === day.format(now)) return formatClock(language, ms, zone);
  return timeFormat(language, { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...at }).format(ms);
}

const UNITS: readonly [Intl.NumberFormatOptions['unit'], number][] = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]];

/** A day as people write it; for a time of day see `formatWhen`. */
export function formatDay(language: string, when: string | number | null | undefined): string {
  const ms = instant(when);
  return ms === null ? DASH : timeFormat(language, { dateStyle: 'medium' }).format(ms);
}

const LENGTH: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** The seconds of a span as files write it (`90s`, `1h30m`, `7d`); null for anything else. */
export function secondsOf(text: string): number | null {
  if (!/^(\d+(\.\d+)?[smhd])+$/.test(text)) return null;
  return [...text.matchAll(/([\d.]+)([smhd])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * (LENGTH[unit ?? ''] ?? 0), 0);
}

/** A span by its two largest units: `2 h 5 min`. */
export function formatSpan(language: string, seconds: number | null | undefined): string {
  if (!known(seconds)) return DASH;
  let left = Math.round(Math.abs(seconds));
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    if (count === 0 && !(unit === 'second' && parts.length === 0)) {
      if (parts.length) break;
      continue;
    }
    parts.push(numberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(count));
    left -= count * size;
    if (parts.length === 2) break;
  }
  return (seconds < 0 ? '−' : '') + parts.join(' ');
}
