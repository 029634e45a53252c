/** @module Texts remembered by their bytes: always those that stand there, however they collide. */
import test from 'ava';
import fc from 'fast-check';
import { TextMemory } from '../../../../pipeline/wire/protobuf/text-memory.ts';

test('any texts in a row are those that stand there', (t) => {
  const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.constantFrom('mesh', 'side', 'é', ''));
  fc.assert(
    fc.property(fc.array(anyText, { maxLength: 40 }), (texts) => {
      const parts = texts.map((text) => Buffer.from(text));
      const bytes = Buffer.concat(parts);
      const memory = new TextMemory(bytes);
      let from = 0;
      for (const [i, { length }] of parts.entries()) {
        t.is(
          memory.text(from, from + length, (a, b) => bytes.toString('utf8', a, b)),
          texts[i]!,
        );
        from += length;
      }
    }),
    { numRuns: 300 },
  );
});

test('a short text that was read is not read again, a long one and one with accents are', (t) => {
  const bytes = Buffer.from(`web${'x'.repeat(60)}webéé`);
  const memory = new TextMemory(bytes);
  const read: string[] = [];
  const text = (from: number, to: number) =>
    memory.text(from, to, (a, b) => {
      read.push(bytes.toString('utf8', a, b));
      return read.at(-1)!;
    });
  text(0, 3);
  text(63, 66);
  t.deepEqual(read, ['web']);
  text(3, 63);
  text(3, 63);
  text(66, 68);
  text(68, 70);
  t.is(read.length, 5);
});
