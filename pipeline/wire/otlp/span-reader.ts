/**
 * @module Trace requests read once from end to end: everything that can be wrong with them is found here, and the places of
 * their spans are noted.
 *
 * One loop walks the bytes with a stack of the messages it is in, so that it can stop and go on anywhere. Encoding: protobuf
 * encoding specification; tags and lengths have at most 5 bytes, numbers at most 10. Refused beyond that: a known field
 * with another wire type and ids of other lengths than theirs, as a Collector refuses them; and texts that are not UTF-8.
 * Unknown fields, groups among them, are checked for their form and passed on.
 */
import type { SpanLayout, Spans } from '../../model/spans.ts';
import { END_GROUP, START_GROUP } from '../protobuf/message-builder.ts';
import { MalformedProtobuf } from '../protobuf/reader.ts';
import { AsciiScanner, isUtf8Between, utf8Until } from '../protobuf/utf8.ts';
import type { RequestLimits } from './limits.ts';
import { plainTextEnd } from './plain-attribute.ts';
import { KeyValue, ResourceSpans, ScopeSpans, Span, TraceRequest } from './schema.ts';
import {
  ACTIONS,
  actionOf,
  BEGAN,
  EMBEDDED,
  ENDED,
  fieldOf,
  GROUP,
  GROUP_END,
  GROUP_START,
  nameOf,
  SKIP_FIXED32,
  SKIP_VARINT,
  skipOf,
  TEXT,
  TRACE_ID,
  UNKNOWN,
} from './span-actions.ts';
import { SpanColumns } from './span-columns.ts';
import { SpanDoubts } from './span-doubts.ts';

const ATTRIBUTE = EMBEDDED + KeyValue.index;
const SPAN = Span.index;
const SCOPE_SPANS = ScopeSpans.index;
const RESOURCE_SPANS = ResourceSpans.index;
/** Texts that are longer are checked in parts of so many bytes, some 0.2 ms each. */
const LONG_TEXT_BYTES = 1024 * 1024;
/** How far beyond a text is looked whether all is ASCII. */
const ASCII_AHEAD_BYTES = 16 * 1024;
/** As many plain bytes take the time that a field takes whose tag is long or unknown. */
const LONG_ACTION_BYTES = 16;
/** Reads one request in steps. After an error it is of no use. */
export class SpanReader {
  readonly #bytes: Uint8Array;
  readonly #ascii: AsciiScanner;
  readonly #columns: SpanColumns;
  readonly #maxDepth: number;
  /** Of the messages around the present one: what they are and where they end. */
  readonly #states: Uint8Array;
  readonly #ends: Uint32Array;
  /** Numbers of the groups around, at their depth. */
  readonly #groups: Uint32Array;
  #depth = 0;
  #state = TraceRequest.index;
  #end: number;
  #at = 0;
  /** To here all is ASCII, when it is not behind `at`. */
  #asciiTo = 0;
  /** Where the long text ends that is being checked, and where it begins; 0 for none. */
  #textTo = 0;
  #textFrom = 0;
  /** What is doubtful about the spans. */
  readonly #doubts: SpanDoubts;
  #assembly: Generator<void, SpanLayout, void> | null = null;
  #layout: SpanLayout | null = null;

  constructor(bytes: Uint8Array, limits: RequestLimits) {
    this.#bytes = bytes;
    this.#ascii = new AsciiScanner(bytes);
    this.#doubts = new SpanDoubts(bytes);
    this.#columns = new SpanColumns(bytes.length, limits.maxItems);
    this.#maxDepth = limits.maxDepth;
    this.#states = new Uint8Array(limits.maxDepth + 1);
    this.#ends = new Uint32Array(limits.maxDepth + 1);
    this.#groups = new Uint32Array(limits.maxDepth + 1);
    this.#end = bytes.length;
  }

  /**
   * Reads on for about `budgetBytes`, from 1, for a part of a long text, or for some ten thousand rows of the columns once all
   * is read; true when the request is read. Throws MalformedProtobuf and TooManyItems.
   */
  step(budgetBytes: number): boolean {
    if (this.#textTo > 0 && !this.#goOnText()) return false;
    const bytes = this.#bytes;
    let stop = this.#at + budgetBytes;
    let at = this.#at;
    let end = this.#end;
    let state = this.#state;
    while (true) {
      while (at === end) {
        if (this.#depth === 0) {
          this.#at = at;
          return this.#assemble();
        }
        this.#leave(state, at);
        end = this.#end;
        state = this.#state;
      }
      if (at >= stop) {
        this.#at = at;
        return false;
      }
      const start = at;
      let action = bytes[at]! < 0x80 ? ACTIONS[state * 128 + bytes[at]!]! : UNKNOWN;
      at += 1;
      if (action === UNKNOWN) {
        action = this.#longAction(start);
        at = this.#at;
        stop -= LONG_ACTION_BYTES;
      }
      if (action === SKIP_VARINT) {
        at = at < end && bytes[at]! < 0x80 ? at + 1 : this.#afterVarint(at);
      } else if (action <= ENDED) {
        // Of a time that comes twice the last one counts.
        if (action === BEGAN) this.#doubts.beganAt = at;
        else if (action === ENDED) this.#doubts.endedAt = at;
        at += 8;
        if (at > end) this.#fail('a number that is cut off', start);
      } else if (action === SKIP_FIXED32) {
        at += 4;
        if (at > end) this.#fail('a number that is cut off', start);
      } else if (action === GROUP_START || action === GROUP_END) {
        end = this.#end;
        state = this.#state;
      } else {
        if (at === end) this.#fail('a length that is cut off', at);
        let length = bytes[at++]!;
        if (length >= 0x80) {
          length = this.#longLength(at - 1);
          at = this.#at;
        }
        const to = at + length;
        if (to > end) this.#fail(`a length of ${length} where ${end - at} are left`, start);
        if (action === ATTRIBUTE && this.#isPlainAttribute(bytes, at, to)) {
          at = this.#afterPlainAttributes(bytes[start]!, to, end < stop ? end : stop);
        } else if (action >= EMBEDDED) {
          this.#enter(action - EMBEDDED, start, at, to);
          end = to;
          state = action - EMBEDDED;
        } else {
          if (action === TEXT) {
            if (to - at > LONG_TEXT_BYTES) return this.#beginText(at, to);
            this.#checkText(at, to);
          } else if (action >= TRACE_ID) this.#doubts.id(action, at, to);
          at = to;
        }
      }
    }
  }

  /** What was read, once `step` has said that it is. */
  spans(): Spans {
    if (this.#layout === null) throw new Error('the request is not read to its end');
    return {
      bytes: this.#bytes,
      count: this.#columns.count,
      invalidIds: this.#doubts.invalidIds,
      backwards: this.#doubts.backwards,
      layout: this.#layout,
    };
  }

  /** True when the columns are the caller's. */
  #assemble(): boolean {
    this.#assembly ??= this.#columns.assemble();
    const step = this.#assembly.next();
    if (step.done === true) this.#layout = step.value;
    return step.done === true;
  }

  #enter(state: number, start: number, from: number, to: number): void {
    if (state === SPAN) {
      this.#columns.span(start, from, to);
      this.#doubts.begin();
    } else if (state === SCOPE_SPANS) this.#columns.scope(start, from, to);
    else if (state === RESOURCE_SPANS) this.#columns.resource(start, from, to);
    this.#push(state, start, to);
  }

  /** Goes over more plain attributes whose tag is the byte `tag`; returns where others begin, or about at `limit`. */
  #afterPlainAttributes(tag: number, from: number, limit: number): number {
    const bytes = this.#bytes;
    let at = from;
    while (tag < 0x80 && at + 2 < limit && bytes[at] === tag) {
      const to = at + 2 + bytes[at + 1]!;
      if (to > this.#end || !this.#isPlainAttribute(bytes, at + 2, to)) break;
      at = to;
    }
    return at;
  }

  #isPlainAttribute(bytes: Uint8Array, from: number, to: number): boolean {
    const textEnd = plainTextEnd(bytes, from, to);
    return textEnd >= 0 && this.#depth + 2 < this.#maxDepth && this.#isAscii(from, textEnd);
  }

  #isAscii(from: number, to: number): boolean {
    if (this.#asciiTo < to) this.#asciiTo = this.#ascii.next(Math.max(from, this.#asciiTo), to + ASCII_AHEAD_BYTES);
    return this.#asciiTo >= to;
  }

  #push(state: number, start: number, to: number): void {
    const depth = this.#depth + 1;
    if (depth >= this.#maxDepth) this.#fail(`messages nested deeper than ${this.#maxDepth}`, start);
    this.#states[depth] = this.#state;
    this.#ends[depth] = this.#end;
    this.#depth = depth;
    this.#state = state;
    this.#end = to;
  }

  /** Ends the present message. */
  #leave(state: number, at: number): void {
    if (state === GROUP) this.#fail('a group that does not end', at);
    if (state === SPAN) this.#doubts.end();
    this.#pop();
  }

  #pop(): void {
    this.#state = this.#states[this.#depth]!;
    this.#end = this.#ends[this.#depth]!;
    this.#depth -= 1;
  }

  /** What is to be done with a field that is not in the table; `#at` is then behind its tag. */
  #longAction(start: number): number {
    const tag = this.#longTag(start);
    const number = tag >>> 3;
    const wireType = tag & 7;
    if (number === 0) this.#fail('a field of number 0', start);
    if (wireType === START_GROUP) return this.#enterGroup(number, start);
    if (wireType === END_GROUP) return this.#leaveGroup(number, start);
    const field = fieldOf(this.#state, number);
    if (field !== undefined) return this.#knownAction(field, wireType, start);
    const skip = skipOf(wireType);
    return skip === UNKNOWN ? this.#fail(`a wire type of ${wireType}`, start) : skip;
  }

  #knownAction(field: NonNullable<ReturnType<typeof fieldOf>>, wireType: number, start: number): number {
    if (field.wireType === wireType) return actionOf(field);
    const name = `${nameOf(this.#state)}.${field.name}`;
    return this.#fail(`${name} with wire type ${wireType}, expected ${field.wireType}`, start);
  }

  #enterGroup(number: number, start: number): number {
    const field = fieldOf(this.#state, number);
    if (field !== undefined) this.#knownAction(field, START_GROUP, start);
    this.#push(GROUP, start, this.#end);
    this.#groups[this.#depth] = number;
    return GROUP_START;
  }

  #leaveGroup(number: number, start: number): number {
    if (this.#state !== GROUP || this.#groups[this.#depth] !== number)
      this.#fail('the end of a group that did not begin', start);
    this.#pop();
    return GROUP_END;
  }

  /** A tag of any length, from 0 to 2³² − 1; `#at` is then behind it. */
  #longTag(start: number): number {
    let tag = 0;
    for (let i = 0; i < 5; i++) {
      if (start + i >= this.#end) this.#fail('a tag that is cut off', start);
      const byte = this.#bytes[start + i]!;
      if (i === 4 && byte > 0x0f) break;
      tag = (tag | ((byte & 0x7f) << (7 * i))) >>> 0;
      if (byte < 0x80) {
        this.#at = start + i + 1;
        return tag;
      }
    }
    return this.#fail('a tag that no field has', start);
  }

  /** A length below 2³¹; `#at` is then behind it. */
  #longLength(start: number): number {
    let length = 0;
    for (let i = 0; i < 5; i++) {
      if (start + i >= this.#end) this.#fail('a length that is cut off', start);
      const byte = this.#bytes[start + i]!;
      if (i === 4 && byte > 0x07) break;
      length |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        this.#at = start + i + 1;
        return length;
      }
    }
    return this.#fail('a length of 2 GiB or more', start);
  }

  #afterVarint(start: number): number {
    const limit = Math.min(this.#end, start + 10);
    for (let at = start; at < limit; at++) if (this.#bytes[at]! < 0x80) return at + 1;
    return this.#fail(limit === this.#end ? 'a number that is cut off' : 'a number of more than 10 bytes', start);
  }

  #checkText(from: number, to: number): void {
    if (!this.#isAscii(from, to) && !isUtf8Between(this.#bytes, from, to)) this.#fail('a text that is not UTF-8', from);
  }

  /** Leaves a long text to the steps that follow. */
  #beginText(from: number, to: number): false {
    this.#at = from;
    this.#textFrom = from;
    this.#textTo = to;
    return false;
  }

  /** Checks a part of the long text; true when that was the last one. */
  #goOnText(): boolean {
    const at = utf8Until(this.#bytes, this.#at, this.#textTo, LONG_TEXT_BYTES);
    if (at < 0) this.#fail('a text that is not UTF-8', this.#textFrom);
    this.#at = at;
    if (at < this.#textTo) return false;
    this.#textTo = 0;
    return true;
  }

  #fail(problem: string, offset: number): never {
    throw new MalformedProtobuf(problem, offset);
  }
}

/**
 * Reads a whole request; `bytes` belong to the spans from then on. About 1 µs a span of 500 bytes; no object is made of a
 * span. Throws MalformedProtobuf, with the place, for what is no ExportTraceServiceRequest, and TooManyItems.
 */
export function readSpans(bytes: Uint8Array, limits: RequestLimits): Spans {
  const reader = new SpanReader(bytes, limits);
  while (!reader.step(Number.POSITIVE_INFINITY));
  return reader.spans();
}
