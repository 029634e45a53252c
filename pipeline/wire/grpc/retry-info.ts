/**
 * @module RetryInfo of a refusal: how long the peer asks to be left alone.
 *
 * Sources: googleapis `google/rpc/status.proto`, `google/rpc/error_details.proto`, protobuf's `any.proto` and
 * `duration.proto`. Its writer is `rpc-status.ts`.
 */
import { MalformedProtobuf, ProtobufReader } from '../protobuf/reader.ts';

/** What follows the last `/` of the type's URL; whatever stands before it says who serves the type's definition. */
const RETRY_INFO = 'google.rpc.RetryInfo';

/** Tags: number · 8 + wire type. Status.details; Any.type_url and Any.value; RetryInfo.retry_delay. */
const DETAILS = 0x1a;
const TYPE_URL = 0x0a;
const VALUE = 0x12;
const RETRY_DELAY = 0x0a;
/** Duration.seconds and Duration.nanos. */
const SECONDS = 0x08;
const NANOS = 0x10;
/** A signed number below 0 is told as one from here on. */
const NEGATIVE = 2 ** 63;

/**
 * Milliseconds, a whole number from 0, that the first RetryInfo among the details of a `google.rpc.Status` asks for; a
 * negative delay, and none in it, count as 0. Null when the details hold no RetryInfo or the bytes are no message. O(bytes).
 */
export function retryDelayMs(status: Uint8Array): number | null {
  try {
    return delayInStatus(new ProtobufReader(status));
  } catch (error) {
    if (error instanceof MalformedProtobuf) return null;
    throw error;
  }
}

function delayInStatus(reader: ProtobufReader): number | null {
  while (reader.next()) {
    if (reader.tag !== DETAILS) {
      reader.skip();
      continue;
    }
    const outer = reader.enter();
    const delayMs = delayInDetail(reader);
    reader.leave(outer);
    if (delayMs !== null) return delayMs;
  }
  return null;
}

/** The type may stand behind the value, so that both are found before either is read. */
function delayInDetail(reader: ProtobufReader): number | null {
  let type = '';
  let value: { readonly from: number; readonly to: number } | null = null;
  while (reader.next()) {
    if (reader.tag === TYPE_URL) type = reader.text();
    else if (reader.tag === VALUE) value = contentOf(reader);
    else reader.skip();
  }
  if (type.slice(type.lastIndexOf('/') + 1) !== RETRY_INFO) return null;
  return value === null ? 0 : delayInRetryInfo(new ProtobufReader(reader.bytes.subarray(value.from, value.to)));
}

function contentOf(reader: ProtobufReader): { readonly from: number; readonly to: number } {
  const outer = reader.enter();
  const from = reader.position;
  reader.leave(outer);
  return { from, to: reader.position };
}

function delayInRetryInfo(reader: ProtobufReader): number {
  let delayMs = 0;
  while (reader.next()) {
    if (reader.tag !== RETRY_DELAY) {
      reader.skip();
      continue;
    }
    const outer = reader.enter();
    delayMs = durationMs(reader);
    reader.leave(outer);
  }
  return delayMs;
}

function durationMs(reader: ProtobufReader): number {
  let ms = 0;
  while (reader.next()) {
    if (reader.tag === SECONDS) ms += positive(reader.varint()) * 1000;
    else if (reader.tag === NANOS) ms += Math.ceil(positive(reader.varint()) / 1e6);
    else reader.skip();
  }
  return ms;
}

function positive(value: number): number {
  return value >= NEGATIVE ? 0 : value;
}
