/**
 * @module What a backend's answer says: Export…ServiceResponse of a success, `google.rpc.Status` of a refusal.
 *
 * Source: open-telemetry/opentelemetry-proto `collector/{metrics,trace}/v1/*_service.proto` and
 * `docs/specification.md` (OTLP/HTTP response), googleapis `google/rpc/status.proto`. Both as protobuf and as OTLP's JSON.
 */
import { Buffer } from 'node:buffer';
import { MalformedProtobuf, ProtobufReader } from '../../pipeline/wire/protobuf/reader.ts';

/** How an answer's body is written; null for a kind that OTLP does not have. */
export type AnswerForm = 'proto' | 'json' | null;

/** What of a request a backend did not take. */
export interface PartialSuccess {
  /** Data points or spans, as the request had them; a whole number from 0. */
  readonly rejected: number;
  /** Text for people, '' for none. With nothing rejected it is a warning. */
  readonly message: string;
}

const NOTHING_REJECTED: PartialSuccess = { rejected: 0, message: '' };

/** The form that a `content-type` names, parameters and case aside. */
export function answerForm(contentType: string): AnswerForm {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase();
  if (type === 'application/x-protobuf' || type === 'application/protobuf') return 'proto';
  return type === 'application/json' ? 'json' : null;
}

/** What a success rejects; null when the body cannot be read. An empty body rejects nothing. O(bytes). */
export function readPartialSuccess(body: Uint8Array, form: 'proto' | 'json'): PartialSuccess | null {
  if (body.length === 0) return NOTHING_REJECTED;
  return form === 'json' ? partialSuccessOfJson(body) : partialSuccessOfProto(body);
}

/** Code and message of a `google.rpc.Status`, as one line of text; '' when the body holds none. O(bytes). */
export function readStatusText(body: Uint8Array, form: 'proto' | 'json'): string {
  const status = form === 'json' ? statusOfJson(body) : statusOfProto(body);
  if (status === null || (status.code === 0 && status.message === '')) return '';
  return status.code === 0 ? status.message : `${status.message} (rpc code ${status.code})`.trim();
}

interface RpcStatus {
  readonly code: number;
  readonly message: string;
}

// --- JSON ------------------------------------------------------------------------------------------------------------

function parseObject(body: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    return asObject(JSON.parse(Buffer.from(body).toString('utf8')));
  } catch {
    return null;
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
}

/** Unknown fields are ignored, as OTLP asks. */
function partialSuccessOfJson(body: Uint8Array): PartialSuccess | null {
  const answer = parseObject(body);
  if (answer === null) return null;
  const { partialSuccess = null } = answer;
  if (partialSuccess === null) return NOTHING_REJECTED;
  const partial = asObject(partialSuccess);
  if (partial === null) return null;
  // Each answer has the field of its own signal alone.
  const rejected = wholeNumber(partial.rejectedDataPoints ?? partial.rejectedSpans ?? 0);
  const message = partial.errorMessage ?? '';
  return rejected === null || typeof message !== 'string' ? null : { rejected, message };
}

/** A 64-bit number is text in OTLP's JSON, but a plain one is readable as well. Below 0 counts as 0. */
function wholeNumber(value: unknown): number | null {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || !/^-?\d{1,20}$/.test(text)) return null;
  return Math.max(0, Number(text));
}

function statusOfJson(body: Uint8Array): RpcStatus | null {
  const status = parseObject(body);
  if (status === null) return null;
  const { code, message } = status;
  return { code: typeof code === 'number' ? code : 0, message: typeof message === 'string' ? message : '' };
}

// --- Protobuf --------------------------------------------------------------------------------------------------------

/** Tags of the fields: number · 8 + wire type. */
const PARTIAL_SUCCESS = 0x0a;
const COUNT = 0x08;
const TEXT = 0x12;
/** A signed number below 0 is told as one above this, but the lowest; the highest ones are rounded to it. */
const HIGHEST = 2 ** 63;

/** A number in field 1 and a text in field 2, as both messages have them. */
interface CountAndText {
  count: number;
  text: string;
}

function partialSuccessOfProto(body: Uint8Array): PartialSuccess | null {
  return read(body, (reader) => {
    const found: CountAndText = { count: 0, text: '' };
    while (reader.next()) {
      if (reader.tag === PARTIAL_SUCCESS) {
        const outer = reader.enter();
        readCountAndText(reader, found);
        reader.leave(outer);
      } else reader.skip();
    }
    return { rejected: found.count, message: found.text };
  });
}

function statusOfProto(body: Uint8Array): RpcStatus | null {
  return read(body, (reader) => {
    const found: CountAndText = { count: 0, text: '' };
    readCountAndText(reader, found);
    return { code: found.count, message: found.text };
  });
}

function readCountAndText(reader: ProtobufReader, found: CountAndText): void {
  while (reader.next()) {
    if (reader.tag === COUNT) {
      const value = reader.varint();
      found.count = value > HIGHEST ? 0 : value;
    } else if (reader.tag === TEXT) found.text = reader.text();
    else reader.skip();
  }
}

function read<Value>(body: Uint8Array, reading: (reader: ProtobufReader) => Value): Value | null {
  try {
    return reading(new ProtobufReader(body));
  } catch (error) {
    if (error instanceof MalformedProtobuf) return null;
    throw error;
  }
}
