/**
 * @module Values of OTLP/JSON as protobuf: each type's forms in JSON and what is refused.
 *
 * Rules: OTLP specification, "JSON Protobuf Encoding", and the protobuf specification's "ProtoJSON Format". Integers may be
 * numbers or decimal text of up to 20 digits, also with a fraction or exponent while they are whole and no longer than 64
 * characters; doubles may be numbers, decimal text, or "NaN", "Infinity", "-Infinity"; enumerations are integers, and for
 * lenience the schema's names, as a Collector takes them; ids are hexadecimal digits of either case; bytes are base64, also
 * its URL form, padded or not.
 */
import { Buffer } from 'node:buffer';
import { Base64InPlace } from './base64.ts';
import { Decimal64 } from './decimal.ts';
import { hexDigit } from './json-scanner.ts';
import type { MessageOutput } from './message-output.ts';
import type { Field } from './schema.ts';

/** Sign, digits, fraction, exponent. */
const SCIENTIFIC = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/;
const NUMBER = /^-?\d{1,400}(?:\.\d{1,400})?(?:[eE][-+]?\d{1,4})?$/;
const WORDS = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

/** Characters of an integer that has a fraction of zeros or an exponent, and its digits without them. */
const MOST_INTEGER_BYTES = 64;
const MOST_DIGITS = 20;

const decimal = new Decimal64();
const double = new DataView(new ArrayBuffer(8));

/**
 * Writes the number or text at [from, to) of `bytes` as the content of `field`, a number of any kind; `quoted` when it stood in quotes.
 * Returns what was expected when it is none, else null.
 */
export function writeNumber(
  output: MessageOutput,
  field: Field,
  bytes: Uint8Array,
  from: number,
  to: number,
  quoted: boolean,
): string | null {
  if (field.type === 'double') return writeDouble(output, latin1(bytes, from, to), quoted);
  if (!readInteger(field, bytes, from, to, quoted)) return expectedOf(field);
  return writeInteger(output, field.type);
}

const EXPECTED = new Map<Field['type'], string>([
  ['enum', 'the number of an enumeration'],
  ['int32', 'an integer of 32 bits'],
  ['sint32', 'an integer of 32 bits'],
  ['uint32', 'an integer of 32 bits without sign'],
  ['fixed32', 'an integer of 32 bits without sign'],
  ['int64', 'an integer of 64 bits'],
  ['sfixed64', 'an integer of 64 bits'],
  ['uint64', 'an integer of 64 bits without sign'],
  ['fixed64', 'an integer of 64 bits without sign'],
]);

/** What is expected where a number of `field` is none. */
export function expectedOf({ type, values }: Field): string {
  const expected = EXPECTED.get(type) ?? 'a number';
  // The first one of each enumeration stands for none.
  const [none, example = none] = values?.keys() ?? [];
  return example === undefined ? expected : `${expected} or its name, such as ${example},`;
}

function readInteger(field: Field, bytes: Uint8Array, from: number, to: number, quoted: boolean): boolean {
  if (decimal.read(bytes, from, to)) return true;
  if (to - from > MOST_INTEGER_BYTES) return false;
  const text = latin1(bytes, from, to);
  if (quoted && readName(field, text)) return true;
  const digits = wholeDigits(text);
  return digits !== '' && decimal.read(Buffer.from(digits, 'latin1'), 0, digits.length);
}

/** The digits of a decimal number with a fraction or an exponent, exactly; '' when it is not whole or has more than 20. */
function wholeDigits(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = ''] = SCIENTIFIC.exec(text) ?? [];
  if (fraction === '' && exponent === '') return '';
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  if (digits === '') return '0';
  const zeros = Number(exponent) - fraction.length;
  if (digits.length + zeros > MOST_DIGITS) return '';
  if (zeros >= 0) return `${sign}${digits}${'0'.repeat(zeros)}`;
  return /^0*$/.test(digits.slice(zeros)) ? `${sign}${digits.slice(0, zeros)}` : '';
}

function readName({ values }: Field, text: string): boolean {
  const value = values?.get(text);
  if (value !== undefined) decimal.set(value);
  return value !== undefined;
}

function writeInteger(output: MessageOutput, type: Field['type']): string | null {
  const signed = type === 'int64' || type === 'sfixed64' || type === 'int32' || type === 'sint32' || type === 'enum';
  const bits = type.endsWith('64') ? 64 : 32;
  if (!decimal.fits(bits, signed)) return EXPECTED.get(type) ?? 'a number';
  if (type === 'sint32') {
    output.varint(decimal.negative && decimal.low > 0 ? decimal.low * 2 - 1 : decimal.low * 2);
    return null;
  }
  decimal.complement();
  if (type === 'fixed64' || type === 'sfixed64') {
    output.fixed32(decimal.low);
    output.fixed32(decimal.high);
  } else if (type === 'fixed32') output.fixed32(decimal.low);
  else output.varint64(decimal.high, decimal.low);
  return null;
}

function writeDouble(output: MessageOutput, text: string, quoted: boolean): string | null {
  const word = quoted ? WORDS.get(text) : undefined;
  const value = word ?? (NUMBER.test(text) ? Number(text) : Number.NaN);
  if (word === undefined && !Number.isFinite(value)) return 'a number';
  double.setFloat64(0, value, true);
  output.fixed32(double.getUint32(0, true));
  output.fixed32(double.getUint32(4, true));
  return null;
}

/** Makes bytes of the text that `output` ends with from `from` on. Returns what was expected when it is none, else null. */
export function textToBytes(output: MessageOutput, field: Field, from: number): string | null {
  return field.type === 'id' ? hexToBytes(output, field.idBytes, from) : base64ToBytes(output, from);
}

function hexToBytes(output: MessageOutput, idBytes: number, from: number): string | null {
  const { bytes, size } = output;
  const length = (size - from) / 2;
  if (length !== 0 && length !== idBytes) return `${idBytes * 2} hexadecimal digits`;
  for (let i = 0; i < length; i++) {
    const [upper, lower] = [hexDigit(bytes[from + i * 2]!), hexDigit(bytes[from + i * 2 + 1]!)];
    if (upper < 0 || lower < 0) return `${idBytes * 2} hexadecimal digits`;
    bytes[from + i] = upper * 16 + lower;
  }
  output.size = from + length;
  return null;
}

function base64ToBytes(output: MessageOutput, from: number): string | null {
  return new Base64InPlace(output, from).step(Number.POSITIVE_INFINITY) ? null : 'base64';
}

/** For text that was found to be ASCII, or is refused for not being so. */
function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
}
