/**
 * @module Kubernetes quantities (`1500m`, `1k`, `64Mi`): numbers as the SMI API writes them, and their parser.
 *
 * Source: kubernetes/apimachinery v0.20.2, package `pkg/api/resource`; vectors in `test/data/smi/quantity-vectors.json`.
 */

/** Powers of ten by suffix, largest first. */
const DECIMAL: readonly (readonly [string, number])[] = [
  ['E', 18],
  ['P', 15],
  ['T', 12],
  ['G', 9],
  ['M', 6],
  ['k', 3],
  ['', 0],
  ['m', -3],
  ['u', -6],
  ['n', -9],
];
/** Powers of two by suffix, largest first. */
const BINARY: readonly (readonly [string, number])[] = [
  ['Ei', 60],
  ['Pi', 50],
  ['Ti', 40],
  ['Gi', 30],
  ['Mi', 20],
  ['Ki', 10],
  ['', 0],
];
const GRAMMAR = /^([+-]?)(\d*)(?:\.(\d*))?([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?$/;
const NANO = -9;
/** Apimachinery keeps the text of a literal with so many digits or fewer when it is canonical enough. */
const FAST_DIGITS = 18;

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** A parsed quantity: exactly `nanos` × 10⁻⁹. */
export interface Quantity {
  readonly nanos: bigint;
  readonly format: QuantityFormat;
  /** What Kubernetes prints for it. */
  readonly text: string;
}

/**
 * Quantity text of `value`, rounded half up to 1/1000: 1 → `1`, 1.5 → `1500m`, 1000 → `1k`. NaN and infinities read
 * `0`, for SMI has no way to say "none".
 */
export function quantityText(value: number): string {
  if (!Number.isFinite(value)) return '0';
  const milli = Math.floor(value * 1000 + 0.5);
  return Number.isSafeInteger(milli) ? smallMilliText(milli) : milliQuantityText(BigInt(milli));
}

/** Quantity text of a number of thousandths. */
export function milliQuantityText(milli: bigint): string {
  return decimalText(milli, -3);
}

/** The quantity a text means, or null when Kubernetes refuses it. Below 10⁻⁹ it rounds away from zero, as there. */
export function parseQuantity(text: string): Quantity | null {
  const match = GRAMMAR.exec(text);
  if (match === null) return null;
  const [, sign = '', whole = '', fraction = '', suffix = ''] = match;
  if (whole === '' && fraction === '') return null;
  const digits = BigInt(sign + whole + fraction);
  const binary = BINARY.find(([name]) => name !== '' && name === suffix);
  if (binary !== undefined) return binaryQuantity(digits, fraction.length, binary[1]);
  const exponential = /^[eE][+-]?\d/.test(suffix);
  const power = exponential ? Number(suffix.slice(1)) : DECIMAL.find(([name]) => name === suffix)?.[1];
  if (power === undefined || Math.abs(power) > 1000) return null;
  const scale = power - fraction.length;
  const format = exponential ? 'DecimalExponent' : 'DecimalSI';
  const nanos = scaleUp(digits, scale - NANO);
  const echoed = isEchoed(digits, scale, whole.length + fraction.length);
  return { nanos, format, text: echoed ? text : canonicalText(nanos, format) };
}

/** `quantity` in units of 10^`scale`, rounded away from zero: scale 0 is Kubernetes' `Value()`, −3 its `MilliValue()`. */
export function roundedUp({ nanos }: Quantity, scale: number): bigint {
  return scaleUp(nanos, NANO - scale);
}

/** The hot case: thousandths that a number holds exactly. */
function smallMilliText(milli: number): string {
  if (milli === 0) return '0';
  if (milli % 1000 !== 0) return `${milli}m`;
  let value = milli / 1000;
  let suffix = 6;
  while (value % 1000 === 0 && suffix > 0) {
    value /= 1000;
    suffix -= 1;
  }
  return `${value}${DECIMAL[suffix]![0]}`;
}

/** Text of `unscaled` × 10^`scale` with the largest suffix that leaves a whole number. */
function decimalText(unscaled: bigint, scale: number): string {
  if (unscaled === 0n) return '0';
  const [mantissa, power] = wholeThousands(unscaled, scale);
  return `${mantissa}${DECIMAL.find(([, candidate]) => candidate === power)?.[0] ?? ''}`;
}

/** Mantissa without factors of 1000 where a suffix exists, and the suffix's power of ten. */
function wholeThousands(unscaled: bigint, scale: number): [bigint, number] {
  while (scale < 18 && unscaled % 1000n === 0n) {
    unscaled /= 1000n;
    scale += 3;
  }
  return [unscaled, scale];
}

function canonicalText(nanos: bigint, format: QuantityFormat): string {
  if (nanos === 0n) return '0';
  if (format !== 'DecimalExponent') return decimalText(nanos, NANO);
  const [mantissa, power] = wholeThousands(nanos, NANO);
  return power === 0 ? `${mantissa}` : `${mantissa}e${power}`;
}

function binaryQuantity(digits: bigint, decimals: number, power: number): Quantity {
  const nanos = scaleUp(digits * 2n ** BigInt(power), -decimals - NANO);
  const whole = nanos % 1_000_000_000n === 0n;
  if (!whole) return { nanos, format: 'DecimalSI', text: canonicalText(nanos, 'DecimalSI') };
  let value = nanos / 1_000_000_000n;
  let suffix = BINARY.length - 1;
  while (value !== 0n && value % 1024n === 0n && suffix > 0) {
    value /= 1024n;
    suffix -= 1;
  }
  return { nanos, format: 'BinarySI', text: `${value}${BINARY[suffix]![0]}` };
}

/** Kubernetes repeats a whole number instead of rewriting it when it already stands at a suffix's scale. */
function isEchoed(digits: bigint, scale: number, length: number): boolean {
  return digits % 1000n !== 0n && scale % 3 === 0 && scale >= 0 && length <= FAST_DIGITS;
}

/** `value` × 10^`power`, rounded away from zero. */
function scaleUp(value: bigint, power: number): bigint {
  if (power >= 0) return value * 10n ** BigInt(power);
  const divisor = 10n ** BigInt(-power);
  const rest = value % divisor;
  return value / divisor + (rest === 0n ? 0n : rest > 0n ? 1n : -1n);
}
