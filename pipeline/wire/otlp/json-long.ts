/**
 * @module Long texts and numbers of a JSON text read step by step, each step some ten thousand bytes, so that no value holds
 * up others, whatever its length.
 */
import { LENGTH_DELIMITED, tagOf } from '../protobuf/message-builder.ts';
import { Base64InPlace } from './base64.ts';
import { isExponent, type JsonScanner, MINUS, PLUS, POINT, SHORT_BYTES } from './json-scanner.ts';
import type { MessageOutput } from './message-output.ts';
import type { Field } from './schema.ts';

/** Bytes that an escape may have beyond the step it begins in, as it is written. */
const ESCAPE_BYTES = 12;

/** A long value on its way: each `next` reads a part of it. */
export type LongValue = Generator<void, void, void>;

/** Reads the long value that begins where the scanner is. */
export class JsonLongValues {
  readonly #json: JsonScanner;
  readonly #output: MessageOutput;

  constructor(json: JsonScanner, output: MessageOutput) {
    this.#json = json;
    this.#output = output;
  }

  /** Goes behind a text that nobody asks for; its escapes have to be some. */
  *unknownText(): LongValue {
    const from = this.#json.at;
    yield* this.#textEnd();
    if (!this.#json.isPlain) yield* this.#checkEscapes(from + 1, this.#json.at - 1);
  }

  /** Goes behind a number that nobody asks for. */
  *unknownNumber(): LongValue {
    const json = this.#json;
    if (json.bytes[json.at] === MINUS) json.at += 1;
    yield* this.#digits();
    if (json.bytes[json.at] === POINT) {
      json.at += 1;
      yield* this.#digits();
    }
    if (!isExponent(json.bytes[json.at])) return;
    json.at += 1;
    if (json.bytes[json.at] === MINUS || json.bytes[json.at] === PLUS) json.at += 1;
    yield* this.#digits();
  }

  /** Writes a text as `field`, a text or bytes; `refuse` is told what was expected where it is none. */
  *text(field: Field, refuse: (expected: string) => never): LongValue {
    const json = this.#json;
    const output = this.#output;
    const place = json.at;
    yield* this.#textEnd();
    output.reserve(json.at - place);
    output.varint(tagOf(field.number, LENGTH_DELIMITED));
    const begun = output.begin();
    const from = output.size;
    if (json.isPlain) yield* this.#copy(place + 1, json.at - 1);
    else yield* this.#unescape(place + 1, json.at - 1);
    if (field.type === 'bytes') yield* this.#fromBase64(from, refuse);
    output.end(begun);
  }

  *#textEnd(): LongValue {
    const json = this.#json;
    json.isPlain = true;
    let end = json.textEnd(json.at + 1, SHORT_BYTES);
    while (end < 0) {
      yield;
      end = json.textEnd(~end, SHORT_BYTES);
    }
    json.at = end;
  }

  *#copy(from: number, to: number): LongValue {
    const output = this.#output;
    for (let at = from; at < to; at += SHORT_BYTES) {
      const part = this.#json.bytes.subarray(at, Math.min(to, at + SHORT_BYTES));
      output.bytes.set(part, output.size);
      output.size += part.length;
      yield;
    }
  }

  *#unescape(from: number, to: number): LongValue {
    for (let at = from; at < to; yield) at = this.#json.unescape(at, Math.min(to, at + SHORT_BYTES), this.#output);
  }

  /** Unescapes behind what is written, to nobody's use. */
  *#checkEscapes(from: number, to: number): LongValue {
    const output = this.#output;
    for (let at = from; at < to; yield) {
      output.reserve(SHORT_BYTES + ESCAPE_BYTES);
      const { size } = output;
      at = this.#json.unescape(at, Math.min(to, at + SHORT_BYTES), output);
      output.size = size;
    }
  }

  *#fromBase64(from: number, refuse: (expected: string) => never): LongValue {
    const base64 = new Base64InPlace(this.#output, from);
    do {
      if (!base64.step(SHORT_BYTES)) refuse('base64');
      yield;
    } while (!base64.isDone);
  }

  *#digits(): LongValue {
    const json = this.#json;
    const from = json.at;
    for (let count = SHORT_BYTES + 1; count > SHORT_BYTES; ) {
      const end = json.digitsEnd(json.at);
      count = end - json.at;
      json.at = end;
      yield;
    }
    if (json.at === from) json.fail('expected a digit');
  }
}
