/**
 * @module Sound messages of OTLP written as JSON, field by field as they stand in the bytes.
 *
 * Rules: OTLP specification, "JSON Protobuf Encoding", and the protobuf specification's "ProtoJSON Format". Unknown fields
 * have no name and are left out. What has its default and cannot be told apart from absent is left out too.
 */
import { Buffer } from 'node:buffer';
import { LENGTH_DELIMITED, tagOf } from '../protobuf/message-builder.ts';
import { JsonText } from './json-text.ts';
import { type Field, MESSAGES, type Message } from './schema.ts';
import { SoundFields } from './sound-fields.ts';
import { unifiedMessage } from './unified-message.ts';

const OPEN = 0x7b;
const CLOSE = 0x7d;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
/** JSON is about this many times as long as what it tells. */
const GROWTH = 2.5;

interface WrittenField {
  readonly field: Field;
  /** Its bit among those of its message, and for a member of a `oneof` those of all members. */
  readonly bits: number;
  /** `,"name":` */
  readonly prefix: Uint8Array;
}

/** Fields of each message by tag. */
const WRITTEN: readonly (readonly (WrittenField | undefined)[])[] = MESSAGES.map(({ fields }) => {
  const byTag: (WrittenField | undefined)[] = [];
  const oneof = fields.reduce((bits, field, i) => (field.oneof ? bits | (1 << i) : bits), 0);
  fields.forEach((field, i) => {
    const prefix = Buffer.from(`,"${field.name}":`);
    byTag[tagOf(field.number, field.wireType)] = { field, bits: field.oneof ? oneof : 1 << i, prefix };
  });
  return byTag;
});

/** `message` at [from, to) of `bytes`, which was found sound and has no packed fields, as JSON. */
export function messageJson(bytes: Uint8Array, from: number, to: number, message: Message): Uint8Array {
  const json = new JsonText(Math.ceil((to - from) * GROWTH) + 64);
  if (new MessageWriter(bytes, json, message, from, to).step(Number.POSITIVE_INFINITY) === 'parted') {
    json.size = 0;
    writeUnified(json, bytes, from, to, message);
  }
  return json.take();
}

/** Fields and bytes written in one step, some 1 ms. */
const STEP_UNITS = 256 * 1024;
/** What one field weighs beside the bytes that are written of it. */
const FIELD_UNITS = 16;

/** As `messageJson` of all of `bytes`, in steps, unless a field is told in parts. One text is written in one step. */
export function* messageJsonSteps(bytes: Uint8Array, message: Message): Generator<void, Uint8Array, void> {
  const json = new JsonText(Math.ceil(bytes.length * GROWTH) + 2 * STEP_UNITS);
  const writer = new MessageWriter(bytes, json, message, 0, bytes.length);
  const pieces: Uint8Array[] = [];
  for (;;) {
    const state = writer.step(STEP_UNITS);
    if (state === 'parted') return messageJson(bytes, 0, bytes.length, message);
    if (state === 'done') break;
    // Growing copies all there is.
    if (json.room < 2 * STEP_UNITS) pieces.push(json.cut());
    yield;
  }
  return pieces.length === 0 ? json.take() : yield* joined([...pieces, json.take()]);
}

/** Copied in one step; some 1 ms. */
const COPIED_BYTES = 4 * 1024 * 1024;

function* joined(pieces: readonly Uint8Array[]): Generator<void, Uint8Array, void> {
  const whole = new Uint8Array(pieces.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const piece of pieces) {
    for (let from = 0; from < piece.length; from += COPIED_BYTES) {
      whole.set(piece.subarray(from, from + COPIED_BYTES), at + from);
      yield;
    }
    at += piece.length;
  }
  return whole;
}

/** A message that is being written. */
interface Frame {
  readonly fields: SoundFields;
  byTag: readonly (WrittenField | undefined)[];
  /** Bits of the fields told. */
  seen: number;
  /** The list that was told last and is not closed. */
  list: WrittenField | null;
  isEmpty: boolean;
}

/** Writes messages in which each field is told once and lists in one piece, as all senders write them. */
class MessageWriter {
  readonly #bytes: Uint8Array;
  readonly #json: JsonText;
  /** One for each depth, kept for later messages of that depth. */
  readonly #frames: Frame[] = [];
  #depth = -1;

  constructor(bytes: Uint8Array, json: JsonText, message: Message, from: number, to: number) {
    this.#bytes = bytes;
    this.#json = json;
    this.#enter(message, from, to);
  }

  #enter(message: Message, from: number, to: number): Frame {
    const depth = ++this.#depth;
    this.#frames[depth] ??= frameOf(this.#bytes);
    const frame = this.#frames[depth];
    frame.fields.visit(from, to);
    frame.byTag = WRITTEN[message.index]!;
    frame.seen = 0;
    frame.list = null;
    frame.isEmpty = true;
    return frame;
  }

  /**
   * Goes on for about `units`. `parted`: a field is told in parts, so that what was written is of no use, nor this any more.
   */
  step(units: number): 'more' | 'done' | 'parted' {
    const json = this.#json;
    let left = units + json.size;
    let frame = this.#frames[this.#depth]!;
    while (left > json.size) {
      left -= FIELD_UNITS;
      const { fields } = frame;
      if (!fields.next()) {
        close(json, frame);
        if (--this.#depth < 0) return 'done';
        frame = this.#frames[this.#depth]!;
        continue;
      }
      const written = frame.byTag[fields.tag];
      if (written === undefined) continue;
      const begun = begin(json, frame, written);
      if (begun === 'again') return 'parted';
      if (begun === 'default') continue;
      if (written.field.message === null) writeScalar(json, written.field, fields);
      else frame = this.#enter(written.field.message, fields.from, fields.to);
    }
    return 'more';
  }
}

function frameOf(bytes: Uint8Array): Frame {
  return { fields: new SoundFields(bytes), byTag: [], seen: 0, list: null, isEmpty: true };
}

/** Writes what stands before a value; nothing before a default, which is left out, nor where its field is told again. */
function begin(json: JsonText, frame: Frame, written: WrittenField): 'value' | 'default' | 'again' {
  if (written === frame.list) {
    json.byte(COMMA);
    return 'value';
  }
  if (frame.list !== null) json.byte(CLOSE_LIST);
  frame.list = null;
  if ((frame.seen & written.bits) !== 0) return 'again';
  frame.seen |= written.bits;
  const { field } = written;
  if (!field.presence && !field.repeated && isDefault(frame.fields)) return 'default';
  const start = json.size;
  json.raw(written.prefix);
  if (frame.isEmpty) json.bytes[start] = OPEN;
  frame.isEmpty = false;
  if (field.repeated) {
    frame.list = written;
    json.byte(OPEN_LIST);
  }
  return 'value';
}

function close(json: JsonText, { list, isEmpty }: Frame): void {
  if (list !== null) json.byte(CLOSE_LIST);
  if (isEmpty) json.byte(OPEN);
  json.byte(CLOSE);
}

/** As MessageWriter, but first brings each message into the form that it needs. Slow, linear in bytes times depth. */
function writeUnified(json: JsonText, bytes: Uint8Array, from: number, to: number, message: Message): void {
  const unified = unifiedMessage(bytes.subarray(from, to), message);
  const fields = new SoundFields(unified).visit(0, unified.length);
  const start = json.size;
  let last: WrittenField | undefined;
  while (fields.next()) {
    const written = WRITTEN[message.index]![fields.tag]!;
    const { field, prefix } = written;
    if (!field.presence && !field.repeated && isDefault(fields)) continue;
    if (last === written) json.byte(COMMA);
    else {
      if (last?.field.repeated === true) json.byte(CLOSE_LIST);
      json.raw(prefix);
      if (field.repeated) json.byte(OPEN_LIST);
    }
    last = written;
    if (field.message === null) writeScalar(json, field, fields);
    else writeUnified(json, unified, fields.from, fields.to, field.message);
  }
  if (last?.field.repeated === true) json.byte(CLOSE_LIST);
  closeObject(json, start);
}

/** Ends an object whose fields, each with a comma before it, were written from `start` on. */
function closeObject(json: JsonText, start: number): void {
  if (json.size === start) json.byte(OPEN);
  else json.bytes[start] = OPEN;
  json.byte(CLOSE);
}

function writeScalar(json: JsonText, { type }: Field, fields: SoundFields): void {
  if (type === 'string') json.text(fields.bytes, fields.from, fields.to);
  else if (type === 'id') json.hex(fields.bytes, fields.from, fields.to);
  else if (type === 'bytes') json.base64(fields.bytes, fields.from, fields.to);
  else if (type === 'bool') json.boolean(fields.low !== 0 || fields.high !== 0);
  else if (type === 'uint32' || type === 'fixed32') json.integer(fields.low);
  else if (type === 'enum' || type === 'int32') json.integer(fields.low | 0);
  else if (type === 'fixed64' || type === 'uint64') json.unsigned64(fields.high, fields.low);
  else if (type === 'int64' || type === 'sfixed64') json.signed64(fields.high, fields.low);
  else if (type === 'double') json.double(fields.double);
  else json.integer((fields.low >>> 1) ^ -(fields.low & 1));
}

function isDefault(fields: SoundFields): boolean {
  if ((fields.tag & 7) === LENGTH_DELIMITED) return fields.from === fields.to;
  return fields.low === 0 && fields.high === 0;
}
