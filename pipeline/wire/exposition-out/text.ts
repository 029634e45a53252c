/**
 * @module The words of an exposition: labels, escaped; bounds in seconds; help.
 *
 * Sources: Prometheus text format 0.0.4 (prometheus/docs: content/docs/instrumenting/exposition_formats.md) and
 * OpenMetrics 1.0 (prometheus/OpenMetrics: specification/OpenMetrics.md, "Text format").
 */
import { murmur2 } from '../murmur2.ts';

const ESCAPED = /[\\"\n\0]/;

/**
 * A label's value as it stands between quotes. Every text gives a value that readers take: half a surrogate pair becomes
 * U+FFFD, because it has no UTF-8, and so does NUL, at which Prometheus' lexer ends.
 */
export function escapeLabelValue(value: string): string {
  const text = value.isWellFormed() ? value : value.toWellFormed();
  if (!ESCAPED.test(text)) return text;
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"').replaceAll('\0', '\ufffd');
}

/** `name="value",name="value"`, without the braces; names are taken as they are. */
export function labelsText(labels: Iterable<readonly [name: string, value: string]>): string {
  const parts: string[] = [];
  for (const [name, value] of labels) parts.push(`${name}="${escapeLabelValue(value)}"`);
  return parts.join(',');
}

/** The exact decimal of a bound in milliseconds, as seconds: 5 → `0.005`, 1000 → `1.0`, Infinity → `+Inf`. */
export function secondsText(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return '+Inf';
  const [digits, point] = decimalDigits(Math.abs(ms));
  const at = point - 3;
  const whole = at <= 0 ? '0' : digits.slice(0, at).padEnd(at, '0');
  const rest = at <= 0 ? `${'0'.repeat(-at)}${digits}` : digits.slice(at);
  const fraction = rest.replace(/0+$/, '');
  return `${ms < 0 ? '-' : ''}${whole}.${fraction === '' ? '0' : fraction}`;
}

/** Digits of a number that is not negative, and the place of its decimal point among them. */
function decimalDigits(value: number): [digits: string, point: number] {
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  const [first = '', rest = ''] = mantissa.split('.');
  return [first + rest, 1 + Number(exponent)];
}

/** Seconds since the epoch with milliseconds, from milliseconds: 1700000010000 → `1700000010.000`. */
export function timestampText(ms: number): string {
  const whole = Math.floor(ms / 1000);
  return `${whole}.${String(Math.floor(ms - whole * 1000)).padStart(3, '0')}`;
}

/** A short name of a set of bounds, the same in every Weir: how many are finite, and a digest of them. */
export function boundsName(boundsMs: readonly number[]): string {
  const digest = murmur2(Buffer.from(boundsMs.map(secondsText).join(' '))) >>> 0;
  return `${boundsMs.length}-${digest.toString(16).padStart(8, '0')}`;
}

/** The help of a family as it stands behind its name; both formats read it. */
export function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
