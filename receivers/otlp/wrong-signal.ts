/**
 * @module Requests of one signal that came to the path of another: known by their beginning, so that their sender can be told.
 *
 * Sources: open-telemetry/opentelemetry-proto `collector/*\/v1/*_service.proto` for the names, `trace.proto`, `metrics.proto`
 * and `logs.proto` for the fields. Each request is { 1: resources { 2: scopes { 2: items } } }, so that only the items differ.
 */
import { Buffer } from 'node:buffer';
import type { Signal } from '../../pipeline/component.ts';
import { MalformedProtobuf, ProtobufReader } from '../../pipeline/wire/protobuf/reader.ts';

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
  const reader = new ProtobufReader(bytes);
  try {
    for (const tag of [RESOURCES, SCOPES, ITEMS]) {
      if (!isAt(reader, tag)) return null;
      reader.enter();
    }
    return itemSignal(reader);
  } catch (error) {
    if (error instanceof MalformedProtobuf) return null;
    throw error;
  }
}

function isAt(reader: ProtobufReader, tag: number): boolean {
  for (let passed = 0; passed < MOST_PASSED && reader.next(); passed++) {
    if (reader.tag === tag) return true;
    reader.skip();
  }
  return false;
}

/** Field 1, or the first where it is absent: an id of a span; the name of a metric; the time, or time of observation, of a log. */
const ID_OR_NAME = 0x0a;
const SPAN_ID = 0x12;
const LOG_TIMES: ReadonlySet<number> = new Set([0x09, 0x59]);
const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

function itemSignal(reader: ProtobufReader): OtlpSignal | null {
  if (!reader.next()) return null;
  if (LOG_TIMES.has(reader.tag)) return 'logs';
  if (reader.tag !== ID_OR_NAME) return null;
  const isId = reader.length() === TRACE_ID_BYTES;
  reader.skip();
  return isId && nextIsSpanId(reader) ? 'traces' : 'metrics';
}

function nextIsSpanId(reader: ProtobufReader): boolean {
  return reader.next() && reader.tag === SPAN_ID && reader.length() === SPAN_ID_BYTES;
}
