/** @module Valid JSON made wrong, or otherwise right, in its tokens and in its bytes. */
import { tokensOf } from './json-tree.ts';
import type { Dice } from './otlp-rewriting.ts';

/** Values and marks that mean something in one place and nothing in another. */
const TOKENS = [
  ...'{ } [ ] , : null true false {} [] "" "a" "7" "\\u00e9" "\\ud83d" "\\x" "NaN" "-Infinity" "AQI=" "_-8"'.split(' '),
  ...'0 -0 1 7 -1 01 1. .5 +1 1.5 1.0 1e2 -2E+1 1e-1 120e-1 1e19 1e20 1e999 0e-99999 0.1e1'.split(' '),
  ...'"1.0" "1e2" "007" " 1" "0x1" "1e" "-0" "" "1.5" "1e17" 1.0000000000000000001 9007199254740990.7'.split(' '),
  ...'9007199254740993 9007199254740993.0 2147483647 2147483648 4294967295 4294967296 -2147483648'.split(' '),
  ...'9223372036854775807 9223372036854775808 -9223372036854775808 18446744073709551615 18446744073709551616'.split(
    ' ',
  ),
  ...'"18446744073709551615" "-9223372036854775809" "000000000000000000001" 1.8446744073709551615e19'.split(' '),
  ...'"0123456789abcdef" "0123456789ABCDEF0123456789abcdef" "0123456789abcdeg" SPAN_KIND_SERVER'.split(' '),
  ...'"SPAN_KIND_SERVER" "STATUS_CODE_ERROR" "AGGREGATION_TEMPORALITY_DELTA" "SERVER" "__proto__" "constructor"'.split(
    ' ',
  ),
  ...'"name" "key" "value" "stringValue" "intValue" "doubleValue" "boolValue" "arrayValue" "kind" "flags" "asInt"'.split(
    ' ',
  ),
  ...'"asDouble" "count" "sum" "gauge" "attributes" "time_unix_nano" "start_time_unix_nano"'.split(' '),
];
const BYTES = Buffer.from('"\\{}[],:0159-+.eEtfnu= \n/\0\xff\xc3', 'latin1');
/** A member more than this many tokens long is not copied. */
const MOST_COPIED = 8;
const MOST_EDITS = 3;

type Edit = (tokens: string[], at: number, roll: Dice) => void;

function pick<T>(all: ArrayLike<T>, roll: Dice): T {
  return all[roll(all.length)]!;
}

/** Each edit changes the tokens at a place; what stands in the place of a value is changed more often, as it is read then. */
const EDITS: readonly Edit[] = [
  (tokens, at, roll) => replace(tokens, at, pick(TOKENS, roll)),
  (tokens, at, roll) => replace(tokens, valueAt(tokens, at), pick(TOKENS, roll)),
  (tokens, at, roll) => replaceValue(tokens, at, [pick(TOKENS, roll)]),
  (tokens, at, roll) => {
    const other = valueAt(tokens, roll(tokens.length));
    replaceValue(tokens, at, tokens.slice(other, endOf(tokens, other)));
  },
  (tokens, at) => replace(tokens, at, requoted(tokens[at]!)),
  (tokens, at) => replace(tokens, at, escaped(tokens[at]!)),
  (tokens, at) => void tokens.splice(at, 1),
  (tokens, at, roll) => void tokens.splice(at, 0, pick(TOKENS, roll)),
  copyRun,
  (tokens, at, roll) => {
    const other = roll(tokens.length);
    const token = tokens[other]!;
    replace(tokens, other, tokens[at]!);
    replace(tokens, at, token);
  },
  addMember,
  addMember,
  addElement,
  tellAgain,
];

const NAMES = [
  'x',
  'name',
  'key',
  'value',
  'histogram',
  'flags',
  'kind',
  '\\u006eame',
  'stringValue',
  'asDouble',
  'intValue',
  'asInt',
  'sum',
  'gauge',
];

function replace(tokens: string[], at: number, token: string): void {
  tokens.splice(at, 1, token);
}

function copyRun(tokens: string[], at: number, roll: Dice): void {
  const from = roll(tokens.length);
  const run = tokens.slice(from, from + 1 + roll(MOST_COPIED));
  tokens.splice(at, 0, ...run, ...(roll(2) === 0 ? [','] : []));
}

function addMember(tokens: string[], at: number, roll: Dice): void {
  const brace = tokens.indexOf('{', at);
  if (brace < 0) return;
  const name = `"${pick(NAMES, roll)}"`;
  const comma = tokens[brace + 1] === '}' ? [] : [','];
  tokens.splice(brace + 1, 0, name, ':', pick(TOKENS, roll), ...comma);
}

function addElement(tokens: string[], at: number, roll: Dice): void {
  const bracket = tokens.indexOf('[', at);
  if (bracket >= 0) tokens.splice(bracket + 1, 0, pick(TOKENS, roll), ...(tokens[bracket + 1] === ']' ? [] : [',']));
}

/** Puts something in the place of a whole value. */
function replaceValue(tokens: string[], at: number, value: readonly string[]): void {
  const from = valueAt(tokens, at);
  tokens.splice(from, endOf(tokens, from) - from, ...value);
}

/** Where the value ends that begins at a place. */
function endOf(tokens: readonly string[], from: number): number {
  let depth = 0;
  for (let at = from; at < tokens.length; at++) {
    if (tokens[at] === '{' || tokens[at] === '[') depth += 1;
    else if (tokens[at] === '}' || tokens[at] === ']') depth -= 1;
    if (depth <= 0) return at + 1;
  }
  return tokens.length;
}

function tellAgain(tokens: string[], at: number): void {
  const colon = valueAt(tokens, at) - 1;
  if (tokens[colon] === ':') tokens.splice(colon - 1, 0, ...tokens.slice(colon - 1, colon + 2), ',');
}

/** The place of the next value of a member, the same place when none follows. */
function valueAt(tokens: readonly string[], at: number): number {
  const colon = tokens.indexOf(':', at);
  return colon < 0 || colon + 1 >= tokens.length ? at : colon + 1;
}

function requoted(token: string): string {
  return token.startsWith('"') ? token.slice(1, -1) : `"${token}"`;
}

function escaped(token: string): string {
  return token.length > 2 && token.startsWith('"') && token[1] !== '\\'
    ? `"\\u${token.charCodeAt(1).toString(16).padStart(4, '0')}${token.slice(2)}`
    : token;
}

/** `json` with up to three edits of its tokens or bytes; always the same for the same numbers. */
export function mutatedJson(json: string, roll: Dice): Uint8Array {
  const tokens = tokensOf(json);
  const edits = 1 + roll(MOST_EDITS);
  for (let i = 0; i < edits && tokens.length > 0; i++) pick(EDITS, roll)(tokens, roll(tokens.length), roll);
  const space = roll(4) === 0 ? ' \n' : '';
  const bytes = Buffer.from(tokens.join(space));
  return roll(4) === 0 ? withByteChanged(bytes, roll) : bytes;
}

function withByteChanged(bytes: Uint8Array, roll: Dice): Uint8Array {
  const at = roll(bytes.length + 1);
  const added = roll(3) === 0 ? [] : [pick(BYTES, roll)];
  return Buffer.concat([bytes.subarray(0, at), Uint8Array.from(added), bytes.subarray(at + roll(2))]);
}

/** `json` with each byte changed to each of those that mean something in JSON, in turn. One buffer, valid until the next. */
export function* withAnyByteMeaningful(json: Uint8Array): Generator<Uint8Array> {
  const changed = new Uint8Array(json);
  for (const [at, right] of json.entries()) {
    for (const byte of BYTES) {
      changed[at] = byte;
      yield changed;
    }
    changed[at] = right;
  }
}
