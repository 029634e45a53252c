/** @module Attributes as they stand in OTLP messages. */
import { Buffer } from 'node:buffer';
import { fieldLength, MessageBuilder } from '../protobuf/message-builder.ts';
import type { Attribute } from '../traffic-attributes.ts';
import { ANY_VALUE, KEY_VALUE } from './fields.ts';

const builders = { list: new MessageBuilder(), pair: new MessageBuilder(), value: new MessageBuilder() };

/** `attributes` as repeated field `field`. The caller owns the bytes. */
export function encodeAttributes(field: number, attributes: Iterable<Attribute>): Uint8Array {
  const { list } = builders;
  for (const [name, value] of attributes) {
    const any = fieldLength(ANY_VALUE.string, Buffer.byteLength(value));
    const pair = fieldLength(KEY_VALUE.key, Buffer.byteLength(name)) + fieldLength(KEY_VALUE.value, any);
    list.begin(field, pair).text(KEY_VALUE.key, name).begin(KEY_VALUE.value, any).text(ANY_VALUE.string, value);
  }
  return list.take();
}

/** One attribute with a safe integer from 0, as field `field`. */
export function encodeIntAttribute(field: number, name: string, value: number): Uint8Array {
  return encodeAttribute(field, name, builders.value.varint(ANY_VALUE.int, value).take());
}

/** One attribute that is true, as field `field`. */
export function encodeTrueAttribute(field: number, name: string): Uint8Array {
  return encodeAttribute(field, name, builders.value.varint(ANY_VALUE.bool, 1).take());
}

function encodeAttribute(field: number, name: string, any: Uint8Array): Uint8Array {
  const pair = builders.pair.text(KEY_VALUE.key, name).message(KEY_VALUE.value, any).take();
  return builders.list.message(field, pair).take();
}
