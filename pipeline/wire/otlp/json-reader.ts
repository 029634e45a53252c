/**
 * @module OTLP/JSON requests turned into protobuf in one pass over their bytes, by the tables of the schema.
 *
 * One loop with a stack of the objects and lists it is in, so that it can stop and go on anywhere. No `JSON.parse`: that
 * rounds 64-bit integers that stand there as numbers, and makes an object of everything.
 *
 * | What | Rule |
 * |---|---|
 * | unknown names, snake_case ones too | ignored, whatever their value |
 * | the same known name twice, two members of a `oneof` | refused |
 * | `null` | as if absent; within a list refused |
 * | integers as numbers or text, doubles as text, ids, bytes, enumerations | see json-values.ts |
 * | a number or `"true"` where a text or boolean is expected, and the reverse | refused |
 * | \uXXXX of half a character | U+FFFD, as protobuf's text cannot tell it |
 * | a byte order mark, comments, commas at the end, anything behind the request | refused |
 * | more than 64 objects and lists within each other | refused |
 */

import { LENGTH_DELIMITED, tagOf } from '../protobuf/message-builder.ts';
import { MalformedJson } from './json-fields.ts';
import { FieldOrder, fieldIndex } from './json-keys.ts';
import { type Container, emptyContainer, MAX_JSON_DEPTH, pathOf } from './json-place.ts';
import { JsonScalars } from './json-scalars.ts';
import { CLOSE, CLOSE_LIST, COLON, COMMA, JsonScanner, OPEN, OPEN_LIST, QUOTE } from './json-scanner.ts';
import { type RequestLimits, TooManyItems } from './limits.ts';
import { MessageOutput } from './message-output.ts';
import { type Field, ITEMS, type Message, Span } from './schema.ts';
import { WrongIdInJson } from './wrong-id.ts';

/** Bytes that are moved in the time in which one is read. */
const MOVED_PER_READ = 32;
/** The first letter of `null`. */
const NULL = 0x6e;

/** Reads one request in steps. After an error it is of no use. */
export class OtlpJsonReader {
  readonly #json: JsonScanner;
  readonly #output: MessageOutput;
  readonly #scalars: JsonScalars;
  readonly #maxItems: number;
  readonly #request: Message;
  readonly #order = new FieldOrder();
  /** From 1 on; the place of the depth is used again. */
  readonly #containers: Container[] = [emptyContainer()];
  #depth = 0;
  #items = 0;
  #begun = false;

  /** Throws MalformedJson when `bytes` are not UTF-8. */
  constructor(bytes: Uint8Array, request: Message, limits: Pick<RequestLimits, 'maxItems'>) {
    this.#json = new JsonScanner(bytes);
    this.#output = new MessageOutput(bytes.length);
    this.#scalars = new JsonScalars(this.#json, this.#output);
    this.#request = request;
    this.#maxItems = limits.maxItems;
  }

  /**
   * Reads on for about `budgetBytes`, from 1; true when the request is read. One long text is read in one go. Throws
   * MalformedJson and TooManyItems.
   */
  step(budgetBytes: number): boolean {
    const stop = this.#work + budgetBytes;
    if (!this.#begun) this.#begin();
    while (this.#depth > 0) {
      if (this.#work >= stop) return false;
      const container = this.#containers[this.#depth]!;
      if (container.isList) this.#element(container);
      else this.#member(container);
    }
    if (this.#json.peek() !== -1) this.#json.fail('more than one request');
    return true;
  }

  /** The request in protobuf, once `step` has said that it is read; belongs to the caller. */
  protobuf(): Uint8Array {
    return this.#output.bytes.subarray(0, this.#output.size);
  }

  /** Bytes read, and those moved for lengths, which take a small part of the time. */
  get #work(): number {
    return this.#json.at + this.#output.moved / MOVED_PER_READ;
  }

  #begin(): void {
    this.#begun = true;
    if (this.#json.peek() !== OPEN) this.#refuse(null, 'an object', this.#json.at);
    this.#push(null, this.#request, false);
  }

  // --- Objects and lists ---------------------------------------------------------------------------------------------

  #member(container: Container): void {
    const json = this.#json;
    const byte = json.peek();
    if (byte === CLOSE) {
      this.#close(container);
      return;
    }
    if (container.values > 0) json.take(COMMA, 'a comma or the end of the object');
    container.values += 1;
    if (json.peek() !== QUOTE) json.fail('expected a name in quotes');
    const field = this.#key(container);
    json.take(COLON, 'a colon');
    json.peek();
    if (field === null) this.#unknown();
    else this.#knownMember(container, field);
  }

  #element(container: Container): void {
    const json = this.#json;
    if (json.peek() === CLOSE_LIST) {
      this.#close(container);
      return;
    }
    if (container.values > 0) json.take(COMMA, 'a comma or the end of the list');
    container.values += 1;
    json.peek();
    if (container.field === null) this.#unknown();
    else this.#value(container.field, isPacked(container.field));
  }

  /** Reads a name; null for an unknown one. Refuses what came before. */
  #key(container: Container): Field | null {
    const { message } = container;
    const from = this.#json.at;
    const index = message === null ? this.#unknownKey() : this.#fieldIndex(message, container.last);
    if (message === null || index < 0) return null;
    const field = message.fields[index]!;
    if ((container.seen & (1 << index)) !== 0) this.#refuse(field, 'to be told once', from);
    container.seen |= 1 << index;
    container.last = index + 1;
    return field;
  }

  #unknownKey(): number {
    this.#unknownText();
    return -1;
  }

  #fieldIndex(message: Message, last: number): number {
    const json = this.#json;
    const from = json.at;
    const end = this.#order.expectedEnd(message, last, json.bytes, from + 1);
    if (end >= 0) {
      json.at = end + 1;
      return this.#order.expected(message, last);
    }
    const index = json.text()
      ? fieldIndex(message, json.bytes, from + 1, json.at - 1)
      : this.#escapedIndex(message, from, json.at);
    if (index >= 0) this.#order.note(message, last, index);
    return index;
  }

  #escapedIndex(message: Message | null, from: number, to: number): number {
    const output = this.#output;
    const start = output.size;
    output.reserve(to - from);
    this.#json.unescape(from, to, output);
    const index = message === null ? -1 : fieldIndex(message, output.bytes, start, output.size);
    output.size = start;
    return index;
  }

  #knownMember(container: Container, field: Field): void {
    const json = this.#json;
    const from = json.at;
    if (json.bytes[from] === NULL && json.literal() === 'null') return;
    if (field.oneof) this.#takeOneof(container, field, from);
    if (!field.repeated) this.#value(field, false);
    else if (json.bytes[from] === OPEN_LIST) this.#push(field, null, true);
    else this.#refuse(field, 'a list', from);
  }

  /** Bit 31 of `seen` tells that a member of the `oneof` came. No message has two of them. */
  #takeOneof(container: Container, field: Field, from: number): void {
    if (container.seen < 0) this.#refuse(field, 'no other value beside it', from);
    container.seen |= 1 << 31;
  }

  #push(field: Field | null, message: Message | null, isList: boolean): void {
    const json = this.#json;
    if (this.#depth === MAX_JSON_DEPTH) json.fail(`objects and lists nested deeper than ${MAX_JSON_DEPTH}`);
    this.#depth += 1;
    this.#containers[this.#depth] ??= emptyContainer();
    const container = this.#containers[this.#depth]!;
    container.message = message;
    container.field = field;
    container.isList = isList;
    container.values = 0;
    container.last = 0;
    container.seen = 0;
    if (message !== null && ITEMS.has(message)) this.#count(message);
    if (field !== null && (!isList || isPacked(field))) this.#beginField(container, field);
    json.at += 1;
  }

  #beginField(container: Container, field: Field): void {
    const output = this.#output;
    output.reserve(0);
    container.outputStart = output.size;
    output.varint(tagOf(field.number, LENGTH_DELIMITED));
    container.outputFrom = output.begin();
  }

  #count(message: Message): void {
    this.#items += 1;
    if (this.#items > this.#maxItems)
      throw new TooManyItems(message === Span ? 'spans' : 'data points', this.#maxItems);
  }

  #close({ field, isList, outputStart, outputFrom }: Container): void {
    const output = this.#output;
    this.#json.at += 1;
    this.#depth -= 1;
    if (field === null || (isList && !isPacked(field))) return;
    if (isList && output.size === outputFrom) output.size = outputStart;
    else output.end(outputFrom);
  }

  // --- Values ----------------------------------------------------------------------------------------------------------

  /** A value that nobody asks for. */
  #unknown(): void {
    const json = this.#json;
    const byte = json.bytes[json.at];
    if (byte === OPEN) this.#push(null, null, false);
    else if (byte === OPEN_LIST) this.#push(null, null, true);
    else if (byte === QUOTE) this.#unknownText();
    else if (!json.number() && json.literal() === '') json.fail('expected a value');
  }

  /** Looks only whether its escapes are some. */
  #unknownText(): void {
    const from = this.#json.at;
    if (!this.#json.text()) this.#escapedIndex(null, from, this.#json.at);
  }

  /** One value of `field`; without tag when it is part of a packed list. */
  #value(field: Field, packed: boolean): void {
    if (field.message !== null) {
      this.#message(field, field.message);
      return;
    }
    const place = this.#json.at;
    const expected = this.#scalars.write(field, packed);
    if (expected === null) return;
    if (field.type === 'id') throw new WrongIdInJson(this.#problem(field, expected, place));
    this.#refuse(field, expected, place);
  }

  #message(field: Field, message: Message): void {
    const { bytes, at } = this.#json;
    if (bytes[at] !== OPEN) this.#refuse(field, 'an object', at);
    this.#push(field, message, false);
  }

  #refuse(field: Field | null, expected: string, place: number): never {
    throw new MalformedJson(this.#problem(field, expected, place));
  }

  #problem(field: Field | null, expected: string, place: number): string {
    const path = pathOf(this.#containers, this.#depth, field);
    return `${path}: expected ${expected} at byte ${place}, where ${this.#json.shown(place)} stands`;
  }
}

/** Lists of numbers are written as one field. */
function isPacked(field: Field): boolean {
  return field.repeated && field.wireType !== LENGTH_DELIMITED;
}
