/** @module Attributes as nearly all are, recognised at a glance: nine of ten bytes of a request are theirs. */
import { FIXED64, LENGTH_DELIMITED, tagOf, VARINT } from '../protobuf/message-builder.ts';

const KEY = tagOf(1, LENGTH_DELIMITED);
const VALUE = tagOf(2, LENGTH_DELIMITED);
const STRING_VALUE = tagOf(1, LENGTH_DELIMITED);
const BOOL_VALUE = tagOf(2, VARINT);
const INT_VALUE = tagOf(3, VARINT);
const DOUBLE_VALUE = tagOf(4, FIXED64);

/**
 * Whether the KeyValue at [from, to) is a key and then a value that is a text, an integer below 128, a boolean or a double,
 * all of it shorter than 128 bytes. Then it is sound if what is before the place returned is ASCII. −1 for all others, which
 * may be sound too.
 */
export function plainTextEnd(bytes: Uint8Array, from: number, to: number): number {
  if (to - from < 4 || to - from >= 0x80 || bytes[from] !== KEY) return -1;
  // A key of 128 bytes or more has a length of two bytes, whose first one leads behind `to`.
  const value = from + 2 + bytes[from + 1]!;
  const content = value + 2;
  if (content >= to || bytes[value] !== VALUE || bytes[value + 1] !== to - content) return -1;
  const member = bytes[content]!;
  if (member === STRING_VALUE) return bytes[content + 1] === to - content - 2 ? to : -1;
  if (member === INT_VALUE || member === BOOL_VALUE)
    return content + 2 === to && bytes[content + 1]! < 0x80 ? value : -1;
  return member === DOUBLE_VALUE && content + 9 === to ? value : -1;
}
