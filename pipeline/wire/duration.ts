/**
 * @module Durations as Go writes and reads them (`1m30s`), in nanoseconds as BigInt.
 *
 * Source: Go standard library, package `time`, `Duration.String` and `ParseDuration`; vectors in
 * `test/data/smi/duration-vectors.json`.
 */

const UNIT_NS = new Map<string, bigint>([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);
const MAX_NS = 2n ** 63n - 1n;
const PART = /^(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/;

/** Nanoseconds of a Go duration text, or null when Go would refuse it. */
export function parseGoDuration(text: string): bigint | null {
  let rest = text;
  let negative = false;
  if (rest.startsWith('-') || rest.startsWith('+')) {
    negative = rest.startsWith('-');
    rest = rest.slice(1);
  }
  if (rest === '0') return 0n;
  if (rest === '') return null;
  let total = 0n;
  while (rest !== '') {
    const part = PART.exec(rest);
    if (part === null) return null;
    const [whole, integer = '', fraction = '', unit = ''] = part;
    if (integer === '' && fraction === '') return null;
    const unitNs = UNIT_NS.get(unit)!;
    total += BigInt(integer || '0') * unitNs;
    if (fraction !== '') total += (BigInt(fraction) * unitNs) / 10n ** BigInt(fraction.length);
    if (total > MAX_NS + (negative ? 1n : 0n)) return null;
    rest = rest.slice(whole.length);
  }
  return negative ? -total : total;
}

/** Go's text of a duration: `0s`, `1.5µs`, `30s`, `1m0s`, `25h0m0s`, `-30s`. */
export function formatGoDuration(ns: bigint): string {
  if (ns === 0n) return '0s';
  const sign = ns < 0n ? '-' : '';
  const abs = ns < 0n ? -ns : ns;
  if (abs < 1_000n) return `${sign}${abs}ns`;
  if (abs < 1_000_000n) return `${sign}${decimal(abs, 1_000n)}µs`;
  if (abs < 1_000_000_000n) return `${sign}${decimal(abs, 1_000_000n)}ms`;
  const hours = abs / 3_600_000_000_000n;
  const minutes = (abs / 60_000_000_000n) % 60n;
  const seconds = `${decimal(abs % 60_000_000_000n, 1_000_000_000n)}s`;
  if (hours > 0n) return `${sign}${hours}h${minutes}m${seconds}`;
  if (minutes > 0n) return `${sign}${minutes}m${seconds}`;
  return `${sign}${seconds}`;
}

/** Go's text of a length in milliseconds; fractions below a nanosecond are cut. */
export function formatMilliseconds(ms: number): string {
  return formatGoDuration(BigInt(Math.trunc(ms * 1e6)));
}

function decimal(value: bigint, unit: bigint): string {
  const digits = unit.toString().length - 1;
  const fraction = (value % unit).toString().padStart(digits, '0').replace(/0+$/, '');
  return fraction === '' ? `${value / unit}` : `${value / unit}.${fraction}`;
}
