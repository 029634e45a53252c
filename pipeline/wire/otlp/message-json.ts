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
  if (!new MessageWriter(bytes, json).write(message, from, to)) {
    json.size = 0;
    writeUnified(json, bytes, from, to, message);
  }
  return json.take();
}

/** Writes messages in which each field is told once and lists in one piece, as all senders write them. */
class MessageWriter {
  readonly #bytes: Uint8Array;
  readonly #json: JsonText;
  /** One for each depth. */
  readonly #fields: SoundFields[] = [];
  #depth = 0;

  constructor(bytes: Uint8Array, json: JsonText) {
    this.#bytes = bytes;
    this.#json = json;
  }

  /** False, and of no use any more, when a field of it or within it is told in parts. */
  write(message: Message, from: number, to: number): boolean {
    const json = this.#json;
    const start = json.size;
    const fields = this.#fieldsAt(this.#depth++).visit(from, to);
    const byTag = WRITTEN[message.index]!;
    let seen = 0;
    let list: WrittenField | undefined;
    while (fields.next()) {
      const written = byTag[fields.tag];
      if (written === undefined) continue;
      if (written === list) {
        json.byte(COMMA);
      } else {
        if (list !== undefined) json.byte(CLOSE_LIST);
        list = undefined;
        if ((seen & written.bits) !== 0) return false;
        seen |= written.bits;
        if (!written.field.presence && !written.field.repeated && isDefault(fields)) continue;
        json.raw(written.prefix);
        if (written.field.repeated) {
          list = written;
          json.byte(OPEN_LIST);
        }
      }
      if (written.field.message === null) writeScalar(json, written.field, fields);
      else if (!this.write(written.field.message, fields.from, fields.to)) return false;
    }
    if (list !== undefined) json.byte(CLOSE_LIST);
    closeObject(json, start);
    this.#depth -= 1;
    return true;
  }

  #fieldsAt(depth: number): SoundFields {
    this.#fields[depth] ??= new SoundFields(this.#bytes);
    return this.#fields[depth];
  }
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
