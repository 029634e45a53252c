/** @module Scalars of OTLP/JSON read from the text and written as fields; what a field's default is, is not written. */
import { LENGTH_DELIMITED, tagOf } from '../protobuf/message-builder.ts';
import { ESCAPED, type JsonScanner, LONG, NONE, PLAIN, QUOTE } from './json-scanner.ts';
import { expectedOf, textToBytes, writeNumber } from './json-values.ts';
import type { MessageOutput } from './message-output.ts';
import type { Field } from './schema.ts';

/** Below this many bytes a loop is faster than `set`. */
const LOOP_BYTES = 48;
/** What `write` gives for a long text, of which nothing is read then. */
export const LONG_TEXT = '';

/** Reads one value at a time. */
export class JsonScalars {
  readonly #json: JsonScanner;
  readonly #output: MessageOutput;

  constructor(json: JsonScanner, output: MessageOutput) {
    this.#json = json;
    this.#output = output;
  }

  /**
   * Writes the value of `field` that begins here; without tag when it is `packed`. Returns what was expected when it is
   * none, LONG_TEXT for a text or bytes that are to be read in steps, else null. Throws MalformedJson for what is no JSON.
   */
  write(field: Field, packed: boolean): string | null {
    const { type } = field;
    if (type === 'string' || type === 'id' || type === 'bytes') return this.#text(field);
    return type === 'bool' ? this.#boolean(field) : this.#number(field, packed);
  }

  #text(field: Field): string | null {
    const json = this.#json;
    const output = this.#output;
    const place = json.at;
    if (json.bytes[place] !== QUOTE) return 'a text';
    const token = json.text();
    if (token === LONG) return field.type === 'id' ? `${field.idBytes * 2} hexadecimal digits` : LONG_TEXT;
    output.reserve(json.at - place);
    const start = output.size;
    output.varint(tagOf(field.number, LENGTH_DELIMITED));
    const begun = output.begin();
    const from = output.size;
    if (token === PLAIN) copyText(json.bytes, place + 1, json.at - 1, output);
    else json.unescape(place + 1, json.at - 1, output);
    const expected = field.type === 'string' ? null : textToBytes(output, field, from);
    if (output.size === from && !field.presence && !field.repeated) output.size = start;
    else output.end(begun);
    return expected;
  }

  #boolean(field: Field): string | null {
    const word = this.#json.literal();
    if (word !== 'true' && word !== 'false') return 'true or false';
    if (word === 'false' && !field.presence) return null;
    this.#output.reserve(0);
    this.#output.varint(tagOf(field.number, field.wireType));
    this.#output.varint(word === 'true' ? 1 : 0);
    return null;
  }

  #number(field: Field, packed: boolean): string | null {
    const json = this.#json;
    const output = this.#output;
    const place = json.at;
    const quoted = json.bytes[place] === QUOTE;
    const token = quoted ? json.text() : json.number();
    if (token === NONE) return 'a number';
    if (token === LONG) return expectedOf(field);
    output.reserve(json.at - place);
    const start = output.size;
    if (!packed) output.varint(tagOf(field.number, field.wireType));
    const from = output.size;
    const expected = token === ESCAPED ? this.#escapedNumber(field, place) : this.#plainNumber(field, place, quoted);
    if (!packed && !field.presence && isZero(output, from)) output.size = start;
    return expected;
  }

  #plainNumber(field: Field, place: number, quoted: boolean): string | null {
    const { bytes, at } = this.#json;
    return quoted
      ? writeNumber(this.#output, field, bytes, place + 1, at - 1, true)
      : writeNumber(this.#output, field, bytes, place, at, false);
  }

  /** Digits may be told by escapes too. */
  #escapedNumber(field: Field, place: number): string | null {
    const output = this.#output;
    const from = output.size;
    this.#json.unescape(place + 1, this.#json.at - 1, output);
    const to = output.size;
    output.size = from;
    // The digits are read before the number is written in their place.
    return writeNumber(output, field, output.bytes, from, to, true);
  }
}

function isZero({ bytes, size }: MessageOutput, from: number): boolean {
  for (let at = from; at < size; at++) if (bytes[at] !== 0) return false;
  return true;
}

function copyText(source: Uint8Array, from: number, to: number, output: MessageOutput): void {
  const { bytes, size } = output;
  if (to - from > LOOP_BYTES) bytes.set(source.subarray(from, to), size);
  else for (let at = from; at < to; at++) bytes[size + at - from] = source[at]!;
  output.size = size + to - from;
}
