/** @module What the reader of spans does with each field of each message, looked up by the tag's byte. */
import { FIXED32, FIXED64, LENGTH_DELIMITED, tagOf, VARINT } from '../protobuf/message-builder.ts';
import { type Field, MESSAGES, Span } from './schema.ts';

/** Not in the table: a field of a long tag, or none that the message has. */
export const UNKNOWN = 0;
export const SKIP_VARINT = 1;
export const SKIP_FIXED64 = 2;
/** When a span began and ended: numbers of 64 bits too, which are from SKIP_FIXED64 to ENDED. */
export const BEGAN = 3;
export const ENDED = 4;
export const SKIP_FIXED32 = 5;
export const TEXT = 6;
export const SKIP_BYTES = 7;
/** Ids of 16 and of 8 bytes that are looked at no further. */
export const TRACE_ID = 8;
export const SPAN_ID = 9;
/** The ids that a span must have. */
export const OWN_TRACE_ID = 10;
export const OWN_SPAN_ID = 11;
export const GROUP_START = 12;
export const GROUP_END = 13;
/** Goes into an embedded message, whose index is added. */
export const EMBEDDED = 16;

/** The state within an unknown group, beside those of the messages, which are their indexes. */
export const GROUP = MESSAGES.length;

/** Actions of fields 1 to 15, by state · 128 + tag. */
export const ACTIONS: Uint8Array = actionTable();

function actionTable(): Uint8Array {
  const table = new Uint8Array((MESSAGES.length + 1) * 128);
  for (const { index, fields } of MESSAGES) {
    for (const field of fields) {
      const tag = tagOf(field.number, field.wireType);
      if (tag < 0x80) table[index * 128 + tag] = actionOf(field);
    }
  }
  return table;
}

/** The field of `number` in the message of `state`; undefined for an unknown one. */
export function fieldOf(state: number, number: number): Field | undefined {
  return MESSAGES[state]?.fields.find((field) => field.number === number);
}

export function actionOf(field: Field): number {
  if (field.message !== null) return EMBEDDED + field.message.index;
  if (field.type === 'string') return TEXT;
  if (field === Span.fields[0]) return OWN_TRACE_ID;
  if (field === Span.fields[1]) return OWN_SPAN_ID;
  if (field === Span.fields[6]) return BEGAN;
  if (field === Span.fields[7]) return ENDED;
  if (field.type === 'id') return field.idBytes === 16 ? TRACE_ID : SPAN_ID;
  return skipOf(field.wireType);
}

/** How a field of `wireType`, none of a group, is skipped. */
export function skipOf(wireType: number): number {
  if (wireType === VARINT) return SKIP_VARINT;
  if (wireType === FIXED64) return SKIP_FIXED64;
  if (wireType === FIXED32) return SKIP_FIXED32;
  return wireType === LENGTH_DELIMITED ? SKIP_BYTES : UNKNOWN;
}

/** Names the message of `state` for people. */
export function nameOf(state: number): string {
  return MESSAGES[state]?.name ?? 'a group';
}
