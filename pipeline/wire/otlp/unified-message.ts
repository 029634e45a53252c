/**
 * @module A message that tells fields in parts, brought into the form in which each is told once.
 *
 * Protobuf encoding specification, "Last One Wins": of scalars told twice the last one counts, embedded messages are
 * merged, of the members of a `oneof` the last one counts. Concatenating the content of embedded messages merges them.
 */
import { LENGTH_DELIMITED, tagOf } from '../protobuf/message-builder.ts';
import { varintLength, writeVarint } from '../protobuf/varint.ts';
import type { Field, Message } from './schema.ts';
import { SoundFields } from './sound-fields.ts';

/** `bytes`, a sound `message` without packed fields, with each field once and lists in one piece; unknown fields left out. */
export function unifiedMessage(bytes: Uint8Array, message: Message): Uint8Array {
  const parts = new Map<Field, Uint8Array[]>();
  const fields = new SoundFields(bytes).visit(0, bytes.length);
  while (fields.next()) {
    const field = message.fields.find(({ number, wireType }) => tagOf(number, wireType) === fields.tag);
    if (field !== undefined) take(parts, field, fields);
  }
  return joined([...parts].flatMap(([field, pieces]) => (isMerged(field) ? [merged(field, pieces)] : pieces)));
}

function isMerged(field: Field): boolean {
  return field.message !== null && !field.repeated;
}

function take(parts: Map<Field, Uint8Array[]>, field: Field, { bytes, start, from, to }: SoundFields): void {
  if (field.oneof) for (const other of parts.keys()) if (other.oneof && other !== field) parts.delete(other);
  const piece = bytes.subarray(isMerged(field) ? from : start, to);
  const known = parts.get(field);
  if (known !== undefined && (field.repeated || isMerged(field))) known.push(piece);
  else parts.set(field, [piece]);
}

/** One field of all contents. */
function merged({ number }: Field, contents: readonly Uint8Array[]): Uint8Array {
  const content = joined(contents);
  const head = new Uint8Array(5 + varintLength(content.length));
  const tagEnd = writeVarint(head, 0, tagOf(number, LENGTH_DELIMITED));
  return joined([head.subarray(0, writeVarint(head, tagEnd, content.length)), content]);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
