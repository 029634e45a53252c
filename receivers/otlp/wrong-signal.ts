/**
 * @module Requests of one signal that came to the path of another: known by their beginning, so that their sender can be told.
 *
 * Sources: open-telemetry/opentelemetry-proto `collector/*\/v1/*_service.proto` for the names, `trace.proto`, `metrics.proto`
 * and `logs.proto` for the fields. Each request is { 1: resources { 2: scopes { 2: items } } }, so that only the items differ.
 */
import { Buffer } from 'node:buffer';
import type { Signal } from '../../pipeline/component.ts';
import { FIXED32, FIXED64, LENGTH_DELIMITED, VARINT } from '../../pipeline/wire/protobuf/message-builder.ts';

/** Signals that OTLP has a request for; only the first two are taken. */
export type OtlpSignal = Signal | 'logs' | 'profiles';

/** Names of the requests' only lists in OTLP/JSON. */
const LISTS: ReadonlyMap<string, OtlpSignal> = new Map([
  ['resourceSpans', 'traces'],
  ['resourceMetrics', 'metrics'],
  ['resourceLogs', 'logs'],
  ['resourceProfiles', 'profiles'],
]);

/** What the items of a signal are called. */
export const ITEMS_OF: Readonly<Record<OtlpSignal, string>> = {
  traces: 'spans',
  metrics: 'metrics',
  logs: 'logs',
  profiles: 'profiles',
};

/** As much of a request in JSON as tells what it is, bytes. */
const LOOKED_AT_BYTES = 1024;

/** What is looked at of a request in JSON, kept aside: the body itself is freed once it is read. */
export function beginningOf(json: Uint8Array): Uint8Array {
  // A slice of a Buffer would be no copy.
  return new Uint8Array(json.subarray(0, LOOKED_AT_BYTES));
}

/**
 * What a request in JSON has that begins with `start`: the list of `signal`, no matter what stands beside it; that of another
 * signal; names that OTLP does not have; or nothing. O(length).
 */
export function jsonSignal(start: Uint8Array, signal: Signal): OtlpSignal | 'unknown' | 'nothing' {
  const names = topLevelNames(start);
  const found = names.flatMap((name) => LISTS.get(name) ?? []);
  if (found.includes(signal)) return signal;
  return found[0] ?? (names.length > 0 ? 'unknown' : 'nothing');
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPENING: ReadonlySet<number> = new Set(Buffer.from('{['));
const CLOSING: ReadonlySet<number> = new Set(Buffer.from('}]'));

/** Names of the outermost object, those with escapes as they stand there. */
function topLevelNames(json: Uint8Array): string[] {
  const names: string[] = [];
  let text = '';
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!;
    if (byte === QUOTE) {
      const end = textEnd(json, at + 1);
      text = Buffer.from(json.subarray(at + 1, end)).toString('latin1');
      at = end;
    } else if (byte === COLON && depth === 1) names.push(text);
    else if (OPENING.has(byte)) depth += 1;
    else if (CLOSING.has(byte)) depth -= 1;
  }
  return names;
}

function textEnd(json: Uint8Array, from: number): number {
  let at = from;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** Tags: number · 8 + wire type. */
const RESOURCES = 0x0a;
const SCOPES = 0x12;
const ITEMS = 0x12;
/** Fields that are passed on the way to the first item. */
const MOST_PASSED = 64;

/** What a request in protobuf seems to have, by the first fields of its first item; null where that is not told. O(1). */
export function protobufSignal(bytes: Uint8Array): OtlpSignal | null {
  const glance = new Glance(bytes);
  for (const tag of [RESOURCES, SCOPES, ITEMS]) if (!glance.enter(tag)) return null;
  return itemSignal(glance);
}

/** Field 1 of a span, its id; of a metric, its name. */
const ID_OR_NAME = 0x0a;
const SPAN_ID = 0x12;
const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
/** Fields that only spans have with these wire types: kind and both times. */
const SPAN_FIELDS: ReadonlySet<number> = new Set([0x30, 0x39, 0x41]);
/** A metric's gauge, sum, histogram, exponential histogram and summary, each with data points as field 1. */
const METRIC_DATA: ReadonlySet<number> = new Set([0x2a, 0x3a, 0x4a, 0x52, 0x5a]);
const DATA_POINTS = 0x0a;
/** Times of a log and of its observation. */
const LOG_TIMES: ReadonlySet<number> = new Set([0x09, 0x59]);

function itemSignal(glance: Glance): OtlpSignal | null {
  if (!glance.next()) return null;
  if (LOG_TIMES.has(glance.tag)) return 'logs';
  if (glance.tag !== ID_OR_NAME) return null;
  const mayBeId = glance.length === TRACE_ID_BYTES;
  if (!glance.next()) return null;
  if (mayBeId && isSpanId(glance)) return 'traces';
  return hasMetricData(glance) ? 'metrics' : null;
}

function isSpanId({ tag, length }: Glance): boolean {
  return tag === SPAN_ID && length === SPAN_ID_BYTES;
}

/** From the present field on. */
function hasMetricData(glance: Glance): boolean {
  let isFound = false;
  for (let passed = 0; passed < MOST_PASSED; passed++) {
    if (SPAN_FIELDS.has(glance.tag)) return false;
    isFound ||= METRIC_DATA.has(glance.tag) && glance.firstByte === DATA_POINTS;
    if (!glance.next()) break;
  }
  return isFound;
}

const MOST_VARINT_BYTES = 10;

/** Field after field as far as bytes are there, without the checks of who takes them: a tenth of a microsecond, and made for each request. */
class Glance {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** Where the message ends that it is in. */
  #end: number;
  /** Where the field that `next` found begins behind its tag and length. */
  #from = 0;
  tag = 0;
  /** Of the field, bytes. */
  length = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** Of what the field holds; 0 where that is nothing. */
  get firstByte(): number {
    return this.length === 0 ? 0 : (this.#bytes[this.#from] ?? 0);
  }

  /** Goes into the next field of this tag; false where it is not among the next ones. */
  enter(tag: number): boolean {
    for (let passed = 0; passed < MOST_PASSED && this.next(); passed++) {
      if (this.tag !== tag) continue;
      this.#end = Math.min(this.#end, this.#at);
      this.#at = this.#from;
      return true;
    }
    return false;
  }

  /** Goes to the next field, past the present one; false at the end, and at what is no field. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    this.tag = this.#varint();
    const wireType = this.tag % 8;
    if (this.tag < 8) return false;
    if (wireType === VARINT) this.#varint();
    this.length =
      wireType === LENGTH_DELIMITED ? this.#varint() : wireType === FIXED64 ? 8 : wireType === FIXED32 ? 4 : 0;
    this.#from = this.#at;
    this.#at += this.length;
    return true;
  }

  /** 0 for what is longer than a number may be, which is no tag. */
  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let length = 0; length < MOST_VARINT_BYTES; length++) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    return 0;
  }
}
