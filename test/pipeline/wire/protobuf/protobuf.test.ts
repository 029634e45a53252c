/** @module Protobuf's own forms of numbers and texts, against protobufjs. */
import test from 'ava';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { MessageBuilder } from '../../../../pipeline/wire/protobuf/message-builder.ts';
import { ProtobufReader } from '../../../../pipeline/wire/protobuf/reader.ts';
import { varintLength, writeVarint } from '../../../../pipeline/wire/protobuf/varint.ts';

const anyWhole = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.nat(53).map((bits) => 2 ** bits - 1),
  fc.nat(52).map((bits) => 2 ** bits),
);

test('any whole number is written as protobufjs writes it, as long as announced, and read back', (t) => {
  fc.assert(
    fc.property(anyWhole, (value) => {
      const bytes = new Uint8Array(10);
      const length = writeVarint(bytes, 0, value);
      t.is(varintLength(value), length);
      t.deepEqual([...bytes.slice(0, length)], [...protobuf.Writer.create().uint64(value).finish()]);
      t.is(new ProtobufReader(bytes.slice(0, length)).varint(), value);
    }),
    { numRuns: 500 },
  );
});

test('any text in a field is written as protobufjs writes it, also a long one, and read back', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.integer({ min: 1, max: 2000 }), (text, field) => {
      const bytes = new MessageBuilder().text(field, text).varint(1, 7).take();
      t.deepEqual(
        [...bytes],
        [
          ...protobuf.Writer.create()
            .uint32(field * 8 + 2)
            .string(text)
            .uint32(8)
            .uint32(7)
            .finish(),
        ],
      );
      const reader = new ProtobufReader(bytes);
      t.true(reader.next());
      t.is(reader.tag, field * 8 + 2);
      t.is(reader.text(), text);
      t.true(reader.next());
      t.is(reader.varint(), 7);
      t.false(reader.next());
    }),
    { numRuns: 500 },
  );
});

test('64-bit numbers and doubles read as protobufjs writes them', (t) => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.double(), (whole, double) => {
      const bytes = protobuf.Writer.create().uint32(9).sfixed64(whole).uint32(17).double(double).finish();
      const reader = new ProtobufReader(bytes);
      reader.next();
      t.is(reader.signed64(), whole === 0 ? 0 : whole);
      reader.next();
      t.is(reader.double(), double);
    }),
    { numRuns: 500 },
  );
});

test('a reader sees only the bytes it was given, also inside larger ones', (t) => {
  const bytes = Uint8Array.of(0x08, 0x01, 0x10, 0x02, 0x18, 0x03).subarray(2, 4);
  const reader = new ProtobufReader(bytes);
  t.true(reader.next());
  t.is(reader.varint(), 2);
  t.false(reader.next());
});
