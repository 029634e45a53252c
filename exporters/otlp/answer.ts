/**
 * @module What a backend's answer says: ExportMetricsServiceResponse of a success, `google.rpc.Status` of a refusal.
 *
 * Source: open-telemetry/opentelemetry-proto `collector/metrics/v1/metrics_service.proto` and `docs/specification.md`
 * (OTLP/HTTP response), googleapis `google/rpc/status.proto`. Both as protobuf and as OTLP's JSON.
 */
import { Buffer } from 'node:buffer';

/** How an answer's body is written; null for a kind that OTLP does not have. */
export type AnswerForm = 'proto' | 'json' | null;

/** What of a request a backend did not take. */
export interface PartialSuccess {
  /** Data points, a whole number from 0. */
  readonly rejectedPoints: number;
  /** Text for people, '' for none. With 0 points it is a warning. */
  readonly message: string;
}

const NOTHING_REJECTED: PartialSuccess = { rejectedPoints: 0, message: '' };

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
  const rejectedPoints = wholeNumber(partial.rejectedDataPoints ?? 0);
  const message = partial.errorMessage ?? '';
  return rejectedPoints === null || typeof message !== 'string' ? null : { rejectedPoints, message };
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

type Field = readonly [number: number, value: bigint | Uint8Array];

function partialSuccessOfProto(body: Uint8Array): PartialSuccess | null {
  const fields = fieldsOf(body);
  if (fields === null) return null;
  let found = NOTHING_REJECTED;
  for (const [number, value] of fields) {
    if (number !== 1) continue;
    const inner = value instanceof Uint8Array ? fieldsOf(value) : null;
    if (inner === null) return null;
    found = { rejectedPoints: countOf(inner, 1), message: textOf(inner, 2) };
  }
  return found;
}

function statusOfProto(body: Uint8Array): RpcStatus | null {
  const fields = fieldsOf(body);
  return fields === null ? null : { code: countOf(fields, 1), message: textOf(fields, 2) };
}

/** The last value of a varint field as a signed number, at least 0. */
function countOf(fields: readonly Field[], wanted: number): number {
  const value = fields.findLast(([number]) => number === wanted)?.[1];
  return typeof value === 'bigint' ? Math.max(0, Number(BigInt.asIntN(64, value))) : 0;
}

function textOf(fields: readonly Field[], wanted: number): string {
  const value = fields.findLast(([number]) => number === wanted)?.[1];
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : '';
}

/** Varints and byte strings of a message, others skipped; null when it is no message. */
function fieldsOf(bytes: Uint8Array): Field[] | null {
  const fields: Field[] = [];
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const tag = varint(bytes, cursor);
    if (tag === null || tag >> 3n === 0n || tag > 0xffff_ffffn) return null;
    const value = valueAt(bytes, cursor, Number(tag & 7n));
    if (value === null) return null;
    fields.push([Number(tag >> 3n), value]);
  }
  return fields;
}

function valueAt(bytes: Uint8Array, cursor: { at: number }, wireType: number): bigint | Uint8Array | null {
  if (wireType === 0) return varint(bytes, cursor);
  const length = wireType === 1 ? 8 : wireType === 5 ? 4 : wireType === 2 ? lengthAt(bytes, cursor) : null;
  if (length === null || length > bytes.length - cursor.at) return null;
  cursor.at += length;
  return bytes.subarray(cursor.at - length, cursor.at);
}

function lengthAt(bytes: Uint8Array, cursor: { at: number }): number | null {
  const length = varint(bytes, cursor);
  return length === null ? null : Number(length);
}

/** At most ten bytes, as the format has it; null when they end too early. */
function varint(bytes: Uint8Array, cursor: { at: number }): bigint | null {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = bytes[cursor.at];
    if (byte === undefined) return null;
    cursor.at += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  return null;
}
