/**
 * @module How figures read in tables: `99.73%`, `12.3`, `12ms`, `1.2s`, and `-` for none. JSON output is never formatted.
 */

/** A quantile with the bucket it lies in, milliseconds; `hi` null: the open last bucket. */
export interface Quantile {
  readonly value: number;
  readonly lo: number;
  readonly hi: number | null;
}

/** A part written for none. */
export const NONE = '-';

/**
 * Ratio 0..1 → percent with two decimals. Never rounds up to `100.00%` while something failed, nor down to `0.00%`
 * while something succeeded.
 */
export function formatSuccess(ratio: number | null): string {
  if (ratio === null) return NONE;
  const percent = ratio * 100;
  if (ratio < 1 && percent >= 99.995) return '99.99%';
  if (ratio > 0 && percent < 0.005) return '0.01%';
  return `${percent.toFixed(2)}%`;
}

/** Events per second with three significant digits up to 99.9, whole above; `<0.01` for a trickle. */
export function formatRate(perSecond: number | null): string {
  if (perSecond === null) return NONE;
  if (perSecond > 0 && perSecond < 0.005) return '<0.01';
  if (perSecond < 9.995) return perSecond.toFixed(2);
  return perSecond < 99.95 ? perSecond.toFixed(1) : perSecond.toFixed(0);
}

/** A length of time: `<1ms`, `4.5ms`, `12ms`, `1.2s`, `45s`, `5m20s`, `3h2m`. */
export function formatMs(ms: number): string {
  if (ms === 0) return '0ms';
  if (ms < 1) return '<1ms';
  if (ms < 9.95) return `${trimZero(ms.toFixed(1))}ms`;
  if (ms < 999.5) return `${ms.toFixed(0)}ms`;
  if (ms < 9_950) return `${trimZero((ms / 1000).toFixed(1))}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes}m${seconds % 60}s` : `${Math.floor(minutes / 60)}h${minutes % 60}m`;
}

/** A quantile; one in the open last bucket reads `>10s`, because nothing more is known. */
export function formatQuantile(quantile: Quantile | null | undefined): string {
  if (quantile === null || quantile === undefined) return NONE;
  return quantile.hi === null ? `>${formatMs(quantile.lo)}` : formatMs(quantile.value);
}

function trimZero(text: string): string {
  return text.endsWith('.0') ? text.slice(0, -2) : text;
}
