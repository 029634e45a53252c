/** @module Some spans of a request as a request of their own, copied as bytes with everything that is told around them. */
import type { Spans } from '../../model/spans.ts';
import { LENGTH_DELIMITED, tagOf } from '../protobuf/message-builder.ts';
import { varintLength, writeVarint } from '../protobuf/varint.ts';
import { readSpans } from './span-reader.ts';

const RESOURCE_SPANS = tagOf(1, LENGTH_DELIMITED);
const SCOPE_SPANS = tagOf(2, LENGTH_DELIMITED);
const NO_LIMITS = { maxItems: Number.POSITIVE_INFINITY, maxDepth: 128 };

/**
 * The spans from index `from` to below `to` with their scopes and resources, unknown fields included; `spans` itself when
 * that is all of them. Slices one after another hold all spans once, and scopes and resources that have no span are in
 * one of them. Unknown fields of the request itself go with each. Costs a copy and a reading of what is copied.
 */
export function sliceSpans(spans: Spans, from: number, to: number): Spans {
  return from <= 0 && to >= spans.count ? spans : readSpans(sliceSpanBytes(spans, from, to), NO_LIMITS);
}

/** The bytes of such a slice; those of `spans` itself when it is all of them. Costs a copy. */
export function sliceSpanBytes(spans: Spans, from: number, to: number): Uint8Array {
  if (from <= 0 && to >= spans.count) return spans.bytes;
  const pieces = new Pieces(spans.bytes);
  addRequest(pieces, spans, Math.max(0, from), Math.min(to, spans.count));
  return pieces.join();
}

/** Pieces of bytes one behind another, and messages around them; a message's length is known when it ends. */
class Pieces {
  readonly #source: Uint8Array;
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  constructor(source: Uint8Array) {
    this.#source = source;
  }

  copy(from: number, to: number): void {
    if (from < to) this.#add(this.#source.subarray(from, to));
  }

  /** The message that `write` writes, as a field. */
  message(tag: number, write: () => void): void {
    const place = this.#parts.length;
    const before = this.#size;
    this.#parts.push(NOTHING);
    write();
    const length = this.#size - before;
    const head = new Uint8Array(1 + varintLength(length));
    head[0] = tag;
    writeVarint(head, 1, length);
    this.#parts[place] = head;
    this.#size += head.length;
  }

  join(): Uint8Array {
    const joined = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#parts) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  }

  #add(part: Uint8Array): void {
    this.#parts.push(part);
    this.#size += part.length;
  }
}

const NOTHING = new Uint8Array();

function addRequest(pieces: Pieces, { bytes, count, layout }: Spans, from: number, to: number): void {
  const { resourceStart, resourceTo } = layout;
  addBetween(pieces, 0, bytes.length, resourceStart, resourceTo, 0, resourceStart.length);
  for (let resource = 0; resource < resourceStart.length; resource++)
    if (resourceMeets(layout, resource, from, to, count)) addResource(pieces, layout, resource, from, to, count);
}

type Layout = Spans['layout'];

function addResource(pieces: Pieces, layout: Layout, resource: number, from: number, to: number, count: number): void {
  const { resourceFrom, resourceTo, resourceScope, scopeStart, scopeTo } = layout;
  const first = resourceScope[resource]!;
  const end = resourceScope[resource + 1]!;
  pieces.message(RESOURCE_SPANS, () => {
    addBetween(pieces, resourceFrom[resource]!, resourceTo[resource]!, scopeStart, scopeTo, first, end);
    for (let scope = first; scope < end; scope++)
      if (scopeMeets(layout, scope, from, to, count)) addScope(pieces, layout, scope, from, to);
  });
}

function addScope(pieces: Pieces, layout: Layout, scope: number, from: number, to: number): void {
  const { scopeFrom, scopeTo, scopeSpan, spanStart, spanTo } = layout;
  const first = scopeSpan[scope]!;
  const end = scopeSpan[scope + 1]!;
  pieces.message(SCOPE_SPANS, () => {
    addBetween(pieces, scopeFrom[scope]!, scopeTo[scope]!, spanStart, spanTo, first, end);
    addRuns(pieces, spanStart, spanTo, Math.max(first, from), Math.min(end, to));
  });
}

/** Whether a slice has the resource: with one of its scopes, or, when it has none, by its place. */
function resourceMeets(layout: Layout, resource: number, from: number, to: number, count: number): boolean {
  const { resourceScope, scopeSpan } = layout;
  const first = resourceScope[resource]!;
  const end = resourceScope[resource + 1]!;
  if (first === end) return holdsPlace(scopeSpan[first]!, from, to, count);
  for (let scope = first; scope < end; scope++) if (scopeMeets(layout, scope, from, to, count)) return true;
  return false;
}

function scopeMeets({ scopeSpan }: Layout, scope: number, from: number, to: number, count: number): boolean {
  const first = scopeSpan[scope]!;
  const end = scopeSpan[scope + 1]!;
  return first < end ? first < to && end > from : holdsPlace(first, from, to, count);
}

/** Whether what has no spans and stands before span `place` goes with the slice; the last one has what is behind all. */
function holdsPlace(place: number, from: number, to: number, count: number): boolean {
  return place >= from && (place < to || (place === count && to === count));
}

/** Copies what of [from, to) the rows [first, end) leave out. */
function addBetween(
  pieces: Pieces,
  from: number,
  to: number,
  starts: Uint32Array,
  ends: Uint32Array,
  first: number,
  end: number,
): void {
  let at = from;
  for (let row = first; row < end; row++) {
    pieces.copy(at, starts[row]!);
    at = ends[row]!;
  }
  pieces.copy(at, to);
}

/** Copies rows, those that touch in one go. */
function addRuns(pieces: Pieces, starts: Uint32Array, ends: Uint32Array, first: number, end: number): void {
  for (let row = first; row < end; ) {
    const start = starts[row]!;
    while (row + 1 < end && starts[row + 1] === ends[row]) row += 1;
    pieces.copy(start, ends[row]!);
    row += 1;
  }
}
