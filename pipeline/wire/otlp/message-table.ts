/** @module What a table of a protobuf message holds, and how one is put together. */
import { FIXED32, FIXED64, LENGTH_DELIMITED, VARINT } from '../protobuf/message-builder.ts';

/** Types of scalars, protobuf's own; `id` is `bytes` that JSON writes as hexadecimal digits. */
export type ScalarType =
  | 'string'
  | 'bytes'
  | 'id'
  | 'bool'
  | 'enum'
  | 'int32'
  | 'uint32'
  | 'sint32'
  | 'int64'
  | 'uint64'
  | 'double'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed64';

export interface Field {
  readonly number: number;
  /** In JSON. */
  readonly name: string;
  /** `message` has a `message`, all others are scalars. */
  readonly type: ScalarType | 'message';
  readonly message: Message | null;
  readonly repeated: boolean;
  /** Is told apart from absent even when it has its type's default: members of a `oneof`, and `optional` fields. */
  readonly presence: boolean;
  /** Is one of several of which a message has one at most. */
  readonly oneof: boolean;
  /** Bytes that an id has if it has any; 0 for all other fields. */
  readonly idBytes: number;
  /** Numbers of the names that an `enum` has, null for all others. */
  readonly values: ReadonlyMap<string, number> | null;
  readonly wireType: number;
}

export interface Message {
  /** As the schema has it. */
  readonly name: string;
  /** Place in MESSAGES. */
  readonly index: number;
  /** By number. */
  readonly fields: readonly Field[];
}

/** All messages, each once; whole when the schema is loaded, which gives them to others. */
export const MESSAGES: readonly Message[] = [];

const WIRE_TYPES: Readonly<Record<Field['type'], number>> = {
  string: LENGTH_DELIMITED,
  bytes: LENGTH_DELIMITED,
  id: LENGTH_DELIMITED,
  message: LENGTH_DELIMITED,
  bool: VARINT,
  enum: VARINT,
  int32: VARINT,
  uint32: VARINT,
  sint32: VARINT,
  int64: VARINT,
  uint64: VARINT,
  double: FIXED64,
  fixed64: FIXED64,
  sfixed64: FIXED64,
  fixed32: FIXED32,
};

/** What a field is beside its type; a scalar that may be absent unless told otherwise. */
export interface Traits {
  readonly repeated?: boolean;
  readonly presence?: boolean;
  readonly oneof?: boolean;
  readonly idBytes?: number;
  readonly values?: ReadonlyMap<string, number>;
}

/** A field of numbers, texts or bytes. */
export function scalar(number: number, name: string, type: ScalarType, traits: Traits = {}): Field {
  return fieldOf(number, name, type, null, traits);
}

/** A field of messages. */
export function embedded(number: number, name: string, message: Message, traits: Traits = {}): Field {
  return fieldOf(number, name, 'message', message, traits);
}

function fieldOf(number: number, name: string, type: Field['type'], message: Message | null, traits: Traits): Field {
  const { repeated = false, oneof = false, presence = oneof || message !== null, idBytes = 0, values = null } = traits;
  return { number, name, type, message, repeated, presence, oneof, idBytes, values, wireType: WIRE_TYPES[type] };
}

/** Adds a message to MESSAGES; `fields` may be given later, for those that contain themselves. */
export function message(name: string, ...fields: Field[]): Message & { readonly fields: Field[] } {
  const made = { name, index: MESSAGES.length, fields };
  (MESSAGES as Message[]).push(made);
  return made;
}
