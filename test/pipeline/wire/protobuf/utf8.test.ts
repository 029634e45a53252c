/** @module Texts within bytes found to be UTF-8 or not, against Node's own check of each. */
import { isUtf8 } from 'node:buffer';
import test from 'ava';
import fc from 'fast-check';
import { AsciiScanner, isUtf8Between } from '../../../../pipeline/wire/protobuf/utf8.ts';

/** Bytes where sequences begin, go on and end, and their neighbours. */
const anyByte = fc.oneof(
  fc.constantFrom(
    0x61,
    0x7f,
    0x80,
    0x8f,
    0x90,
    0x9f,
    0xa0,
    0xbf,
    0xc0,
    0xc1,
    0xc2,
    0xdf,
    0xe0,
    0xed,
    0xef,
    0xf0,
    0xf4,
    0xf5,
    0xff,
  ),
  fc.nat(255),
);
const anyText = fc.oneof(
  fc.array(anyByte, { maxLength: 8 }).map((bytes) => Uint8Array.from(bytes)),
  fc.string({ unit: 'binary', maxLength: 60 }).map((text) => new Uint8Array(Buffer.from(text))),
);

test('any bytes are UTF-8 when Node says so, wherever they stand', (t) => {
  fc.assert(
    fc.property(anyText, fc.nat(5), (bytes, before) => {
      const around = new Uint8Array(before + bytes.length + 3).fill(0xff);
      around.set(bytes, before);
      t.is(isUtf8Between(around, before, before + bytes.length), isUtf8(bytes));
    }),
    { numRuns: 5000 },
  );
});

test('every sequence of up to three bytes of the table of well-formed UTF-8 and its neighbours', (t) => {
  const places = [
    0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1,
    0xf3, 0xf4, 0xf5,
  ];
  let wrong = 0;
  for (const first of places)
    for (const second of places)
      for (const third of places)
        for (const fourth of places) {
          const bytes = Uint8Array.of(first, second, third, fourth);
          for (let length = 1; length <= 4; length++)
            if (isUtf8Between(bytes, 0, length) !== isUtf8(bytes.subarray(0, length))) wrong += 1;
        }
  t.is(wrong, 0);
});

test('the next byte above 0x7f is found from any place to any other, in bytes at any place of their memory', (t) => {
  const anyLimit = fc.oneof(fc.nat(70), fc.constant(Number.POSITIVE_INFINITY));
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60, max: 0x85 }),
      fc.nat(7),
      fc.nat(70),
      anyLimit,
      (values, offset, from, limit) => {
        const bytes = new Uint8Array(new ArrayBuffer(offset + values.length + 5), offset, values.length);
        bytes.set(values.map((value) => (value < 0x7c ? 0x61 : value)));
        const found = bytes.findIndex((byte, at) => at >= from && byte >= 0x80);
        const expected = Math.max(from, Math.min(limit, found < 0 ? bytes.length : found));
        t.is(new AsciiScanner(bytes).next(from, limit), expected);
      },
    ),
    { numRuns: 3000 },
  );
});
