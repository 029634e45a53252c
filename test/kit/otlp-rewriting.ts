/**
 * @module Messages written in another of the forms that protobuf allows: fields in any order, lists packed or not and in
 * pieces, unknown fields between them, long numbers. What they say stays the same.
 */
import protobuf from 'protobufjs';

const [VARINT, FIXED64, LENGTH_DELIMITED, FIXED32] = [0, 1, 2, 5];
/** A field that no message of the schema has. */
const UNKNOWN_FIELD = 5000;

/** Numbers from 0 up to `below`, the same for the same seed. */
export type Dice = (below: number) => number;

export function dice(seed: number): Dice {
  let state = (Math.abs(seed) % 0x7fff_fffe) + 1;
  return (below) => {
    state = (state * 48_271) % 0x7fff_ffff;
    return Math.floor((state / 0x7fff_ffff) * below);
  };
}

interface Piece {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** `bytes`, which protobufjs has encoded as `type`, in another form. */
export function rewritten(type: protobuf.Type, bytes: Uint8Array, roll: Dice): Uint8Array {
  const pieces = fieldsOf(bytes).flatMap((field) => piecesOf(type, field, roll));
  for (let i = roll(3); i > 0; i--) pieces.push({ number: -pieces.length, bytes: unknownField(roll) });
  return Buffer.concat(shuffled(pieces, roll).map((piece) => piece.bytes));
}

interface RawField {
  readonly number: number;
  readonly wireType: number;
  /** Of length-delimited fields what they hold, of others the bytes of the number. */
  readonly content: Uint8Array;
}

function fieldsOf(bytes: Uint8Array): RawField[] {
  const reader = protobuf.Reader.create(bytes);
  const fields: RawField[] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const [number, wireType] = [tag >>> 3, tag & 7];
    const from = reader.pos;
    if (wireType === LENGTH_DELIMITED) fields.push({ number, wireType, content: reader.bytes() });
    else {
      reader.skipType(wireType);
      fields.push({ number, wireType, content: bytes.subarray(from, reader.pos) });
    }
  }
  return fields;
}

function piecesOf(type: protobuf.Type, field: RawField, roll: Dice): Piece[] {
  const { number, wireType, content } = field;
  const known = type.fieldsById[number]?.resolve();
  const piece = (bytes: Uint8Array): Piece => ({ number, bytes });
  if (known?.resolvedType instanceof protobuf.Type)
    return [piece(delimited(number, rewritten(known.resolvedType, content, roll), roll))];
  if (wireType !== LENGTH_DELIMITED) return [piece(Buffer.concat([varint(number * 8 + wireType, roll), content]))];
  const width = known?.repeated === true ? widthOf(known.type) : 0;
  return width === 0 ? [piece(delimited(number, content, roll))] : unpacked(number, content, width, roll).map(piece);
}

/** Bytes of a number that is always as long; 0 for texts. */
function widthOf(type: string): number {
  return type === 'double' || type.endsWith('64') ? (type.startsWith('u') || type.startsWith('i') ? 0 : 8) : 0;
}

/** A packed list in runs, each packed or number by number. */
function unpacked(number: number, content: Uint8Array, width: number, roll: Dice): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < content.length; ) {
    const to = Math.min(content.length, at + width * (1 + roll(4)));
    if (roll(2) === 0) pieces.push(delimited(number, content.subarray(at, to), roll));
    else
      for (let one = at; one < to; one += width)
        pieces.push(Buffer.concat([varint(number * 8 + FIXED64, roll), content.subarray(one, one + width)]));
    at = to;
  }
  return pieces;
}

function delimited(number: number, content: Uint8Array, roll: Dice): Uint8Array {
  return Buffer.concat([varint(number * 8 + LENGTH_DELIMITED, roll), varint(content.length, roll), content]);
}

/** A number, now and then in more bytes than it needs. */
function varint(value: number, roll: Dice): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  for (let more = roll(12) === 0 ? 1 : 0; more > 0 && bytes.length < 5; more--) {
    bytes[bytes.length - 1]! |= 0x80;
    bytes.push(0);
  }
  return Uint8Array.from(bytes);
}

function unknownField(roll: Dice): Uint8Array {
  const number = UNKNOWN_FIELD + roll(100);
  const head = (wireType: number) => varint(number * 8 + wireType, roll);
  const forms = [
    () => Buffer.concat([head(VARINT), varint(roll(1000), roll)]),
    () => Buffer.concat([head(FIXED64), Buffer.alloc(8, roll(256))]),
    () => Buffer.concat([head(FIXED32), Buffer.alloc(4, roll(256))]),
    () => delimited(number, Buffer.alloc(roll(20), roll(256)), roll),
    () => Buffer.concat([head(3), varint(1 * 8 + VARINT, roll), varint(roll(300), roll), head(4)]),
  ];
  return forms[roll(forms.length)]!();
}

/** In another order, in which the pieces of each field follow one another as they did. */
function shuffled(pieces: readonly Piece[], roll: Dice): Piece[] {
  const order = pieces.map(({ number }) => number);
  for (let i = order.length - 1; i > 0; i--) {
    const other = roll(i + 1);
    [order[i], order[other]] = [order[other]!, order[i]!];
  }
  const left = new Map<number, Piece[]>();
  for (const piece of pieces) left.set(piece.number, [...(left.get(piece.number) ?? []), piece]);
  return order.map((number) => left.get(number)!.shift()!);
}
