/**
 * @module OTLP/JSON requests turned into protobuf in one pass over their bytes, by the tables of the schema.
 *
 * One loop with a stack of the objects and lists it is in, so that it can stop and go on anywhere. No `JSON.parse`: that
 * rounds 64-bit integers that stand there as numbers, and makes an object of everything.
 *
 * | What | Rule |
 * |---|---|
 * | unknown names, snake_case ones too | ignored, whatever their value; an object in a metric stays as an empty unknown field |
 * | the same known name twice, two members of a `oneof` | refused |
 * | `null` | as if absent; within a list refused |
 * | integers as numbers or text, doubles as text, ids, bytes, enumerations | see json-values.ts |
 * | a number or `"true"` where a text or boolean is expected, and the reverse | refused |
 * | \uXXXX of half a character | U+FFFD, as protobuf's text cannot tell it |
 * | a byte order mark, comments, commas at the end, anything behind the request | refused |
 * | messages deeper than a limit, as in protobuf; objects and lists deeper than twice that | refused |
 */

import { LENGTH_DELIMITED, tagOf } from '../protobuf/message-builder.ts';
import { utf8Until } from '../protobuf/utf8.ts';
import { MalformedJson } from './json-fields.ts';
import { FieldOrder, fieldIndex } from './json-keys.ts';
import { JsonLongValues, type LongValue } from './json-long.ts';
import { CONTAINERS_PER_MESSAGE, type Container, emptyContainer, pathOf } from './json-place.ts';
import { JsonScalars, LONG_TEXT } from './json-scalars.ts';
import {
  CLOSE,
  CLOSE_LIST,
  COLON,
  COMMA,
  ESCAPED,
  JsonScanner,
  LONG,
  MORE,
  NONE,
  OPEN,
  OPEN_LIST,
  PLAIN,
  QUOTE,
} from './json-scanner.ts';
import { type RequestLimits, TooManyItems } from './limits.ts';
import { MessageOutput } from './message-output.ts';
import { UNKNOWN_DATA } from './metric-tags.ts';
import { type Field, ITEMS, type Message, Metric, Span } from './schema.ts';
import { WrongIdInJson } from './wrong-id.ts';

/** Bytes that are moved in the time in which one is read. */
const MOVED_PER_READ = 32;
/** The first letter of `null`. */
const NULL = 0x6e;
/** Bytes of which it is found out in one go whether they are UTF-8, which takes some 0.2 ms. */
const UTF8_BYTES = 1024 * 1024;

/** Places in a member or an element: before its comma, before and behind its name, before its value. */
const BEFORE = 0;
const NAME = 1;
const AFTER_NAME = 2;
const VALUE = 3;
type Stage = typeof BEFORE | typeof NAME | typeof AFTER_NAME | typeof VALUE;

/** Reads one request in steps. After an error it is of no use. */
export class OtlpJsonReader {
  readonly #json: JsonScanner;
  readonly #output: MessageOutput;
  readonly #scalars: JsonScalars;
  readonly #longValues: JsonLongValues;
  readonly #maxItems: number;
  readonly #maxDepth: number;
  readonly #request: Message;
  readonly #order = new FieldOrder();
  /** From 1 on; the place of the depth is used again. */
  readonly #containers: Container[] = [emptyContainer()];
  #depth = 0;
  /** Messages among the objects around. */
  #messages = 0;
  #items = 0;
  #begun = false;
  /** Bytes that were found to be UTF-8. */
  #checked = 0;
  /** Where within a member or element it goes on, and the field that is named there. */
  #stage: Stage = BEFORE;
  #named: Field | null = null;
  /** What is on its way in steps of its own, before anything else goes on. */
  #long: LongValue | null = null;

  constructor(bytes: Uint8Array, request: Message, limits: RequestLimits) {
    this.#json = new JsonScanner(bytes);
    this.#output = new MessageOutput(bytes.length);
    this.#scalars = new JsonScalars(this.#json, this.#output);
    this.#longValues = new JsonLongValues(this.#json, this.#output);
    this.#request = request;
    this.#maxItems = limits.maxItems;
    this.#maxDepth = limits.maxDepth;
  }

  /**
   * Reads on for about `budgetBytes`, from 1, or for a part of a long value, some ten thousand bytes; true when the request
   * is read. Throws MalformedJson and TooManyItems.
   */
  step(budgetBytes: number): boolean {
    if (this.#checked < this.#json.bytes.length && !this.#check()) return false;
    if (!this.#begun && !this.#begin()) return false;
    const stop = this.#work + budgetBytes;
    while (this.#depth > 0 || this.#long !== null) {
      if (this.#work >= stop) return false;
      if (this.#long !== null) {
        if (!this.#goOn(this.#long)) return false;
        continue;
      }
      const container = this.#containers[this.#depth]!;
      if (!(container.isList ? this.#element(container) : this.#member(container))) return false;
    }
    return this.#ended();
  }

  /** Bytes of protobuf that are written so far; a value that turns out to be shorter may take some back. */
  get size(): number {
    return this.#output.length;
  }

  /**
   * The request in protobuf, once `step` has said that it is read, in steps of some 0.2 ms; to be asked for once. Belongs to
   * the caller, as does the buffer behind it, which holds nothing else. Reads nothing of the JSON any more.
   */
  protobuf(): Generator<void, Uint8Array, void> {
    return this.#output.take();
  }

  /** Frees what was written; of no use from then on. */
  clear(): void {
    this.#output.clear();
  }

  /** Bytes read, and those moved for lengths, which take a small part of the time. */
  get #work(): number {
    return this.#json.at + this.#output.moved / MOVED_PER_READ;
  }

  /** Checks a part; true when all is UTF-8. */
  #check(): boolean {
    const { bytes } = this.#json;
    this.#checked = utf8Until(bytes, this.#checked, bytes.length, UTF8_BYTES);
    if (this.#checked < 0) throw new MalformedJson('this is no JSON: it is not UTF-8');
    return this.#checked === bytes.length;
  }

  /** False while only white space was there. */
  #begin(): boolean {
    const found = this.#json.peek();
    if (found === MORE) return false;
    this.#begun = true;
    if (found !== OPEN) this.#refuse(null, 'an object', this.#json.at);
    this.#push(null, this.#request, false);
    return true;
  }

  /** Whether the end is reached; false while only white space was there. */
  #ended(): boolean {
    const found = this.#json.peek();
    if (found >= 0) this.#json.fail('more than one request');
    return found !== MORE;
  }

  /** Goes on with what is long; true when it is done. */
  #goOn(long: LongValue): boolean {
    if (long.next().done !== true) return false;
    this.#long = null;
    return true;
  }

  // --- Objects and lists ---------------------------------------------------------------------------------------------

  /** Reads one member, or the end of the object; false when that has to go on in another step. */
  #member(container: Container): boolean {
    const json = this.#json;
    let field = this.#named;
    let stage = this.#stage;
    if (stage === BEFORE) {
      const found = json.peek();
      if (found === MORE) return false;
      if (found === CLOSE) return this.#close(container);
      if (container.values > 0) json.take(found, COMMA, 'a comma or the end of the object');
      container.values += 1;
      stage = NAME;
    }
    if (stage === NAME) {
      const found = json.peek();
      if (found === MORE) return this.#pause(NAME, null);
      if (found !== QUOTE) json.fail('expected a name in quotes');
      field = this.#key(container);
      stage = AFTER_NAME;
    }
    if (stage === AFTER_NAME) {
      const found = this.#long === null ? json.peek() : MORE;
      if (found === MORE) return this.#pause(AFTER_NAME, field);
      json.take(found, COLON, 'a colon');
    }
    if (json.peek() === MORE) return this.#pause(VALUE, field);
    if (this.#stage !== BEFORE) this.#stage = BEFORE;
    if (field === null) this.#unknownMember(container);
    else this.#knownMember(container, field);
    return true;
  }

  #pause(stage: Stage, field: Field | null): false {
    this.#stage = stage;
    this.#named = field;
    return false;
  }

  #element(container: Container): boolean {
    const json = this.#json;
    if (this.#stage === BEFORE) {
      const found = json.peek();
      if (found === MORE) return false;
      if (found === CLOSE_LIST) return this.#close(container);
      if (container.values > 0) json.take(found, COMMA, 'a comma or the end of the list');
      container.values += 1;
    }
    if (json.peek() === MORE) return this.#pause(VALUE, null);
    if (this.#stage !== BEFORE) this.#stage = BEFORE;
    if (container.field === null) this.#unknown();
    else this.#value(container.field, isPacked(container.field));
    return true;
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
    const token = json.text();
    if (token === LONG) return this.#longKey();
    const index =
      token === PLAIN
        ? fieldIndex(message, json.bytes, from + 1, json.at - 1)
        : this.#escapedIndex(message, from, json.at);
    if (index >= 0) this.#order.note(message, last, index);
    return index;
  }

  /** No field has such a name. */
  #longKey(): number {
    this.#long = this.#longValues.unknownText();
    return -1;
  }

  #escapedIndex(message: Message | null, from: number, to: number): number {
    const output = this.#output;
    output.reserve(to - from);
    const start = output.size;
    this.#json.unescape(from + 1, to - 1, output);
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
    const maxContainers = this.#maxDepth * CONTAINERS_PER_MESSAGE;
    if (this.#depth === maxContainers) json.fail(`objects and lists nested deeper than ${maxContainers}`);
    this.#depth += 1;
    if (message !== null) this.#goDeeper();
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

  #goDeeper(): void {
    if (this.#messages === this.#maxDepth) this.#json.fail(`messages nested deeper than ${this.#maxDepth}`);
    this.#messages += 1;
  }

  #beginField(container: Container, field: Field): void {
    const output = this.#output;
    output.reserve(0);
    const start = output.size;
    output.varint(tagOf(field.number, LENGTH_DELIMITED));
    container.outputFrom = output.begin();
    container.headBytes = output.size - start;
    container.lateBytes = output.lateBytes;
  }

  #count(message: Message): void {
    this.#items += 1;
    if (this.#items > this.#maxItems)
      throw new TooManyItems(message === Span ? 'spans' : 'data points', this.#maxItems);
  }

  #close({ message, field, isList, values, outputFrom, headBytes, lateBytes }: Container): true {
    const output = this.#output;
    this.#json.at += 1;
    this.#depth -= 1;
    if (message !== null) this.#messages -= 1;
    if (field === null || (isList && !isPacked(field))) return true;
    if (isList && values === 0) output.size -= headBytes;
    else output.end(outputFrom, lateBytes);
    return true;
  }

  // --- Values ----------------------------------------------------------------------------------------------------------

  /** That a metric has data of an unknown kind is told on, so that somebody can count it. */
  #unknownMember({ message }: Container): void {
    if (message === Metric && this.#json.bytes[this.#json.at] === OPEN) {
      this.#output.reserve(0);
      this.#output.varint(tagOf(UNKNOWN_DATA, LENGTH_DELIMITED));
      this.#output.varint(0);
    }
    this.#unknown();
  }

  /** A value that nobody asks for. */
  #unknown(): void {
    const json = this.#json;
    const byte = json.bytes[json.at];
    if (byte === OPEN) this.#push(null, null, false);
    else if (byte === OPEN_LIST) this.#push(null, null, true);
    else if (byte === QUOTE) this.#unknownText();
    else this.#unknownScalar();
  }

  #unknownScalar(): void {
    const json = this.#json;
    const token = json.number();
    if (token === LONG) this.#long = this.#longValues.unknownNumber();
    else if (token === NONE && json.literal() === '') json.fail('expected a value');
  }

  /** Looks only whether its escapes are some. */
  #unknownText(): void {
    const from = this.#json.at;
    const token = this.#json.text();
    if (token === LONG) this.#long = this.#longValues.unknownText();
    else if (token === ESCAPED) this.#escapedIndex(null, from, this.#json.at);
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
    if (expected === LONG_TEXT) {
      this.#long = this.#longValues.text(field, (wanted) => this.#refuse(field, wanted, place));
      return;
    }
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
