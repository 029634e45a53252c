/** @module Bytes that come in pieces come out as they were, and what they take while they come is in proportion to them. */
import test from 'ava';
import fc from 'fast-check';
import { Gathered } from '../../../pipeline/wire/gathered.ts';

/** A piece of `length` bytes in a buffer that is `slack` bytes longer. */
function pieceOf(length: number, slack: number, first: number): Uint8Array {
  const buffer = new Uint8Array(length + slack);
  for (let i = 0; i < length; i++) buffer[slack + i] = (first + i) % 251;
  return buffer.subarray(slack);
}

const LENGTHS = fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 300 }), fc.integer({ min: 4000, max: 70_000 }));
const PIECES = fc.array(fc.record({ length: LENGTHS, slack: fc.constantFrom(0, 10, 65_536) }), { maxLength: 60 });

test('what comes out is what came, whatever the pieces', (t) => {
  fc.assert(
    fc.property(PIECES, fc.integer({ min: 0, max: 20 }), (pieces, count) => {
      const gathered = new Gathered();
      let sum = 0;
      for (const { length, slack } of pieces) {
        gathered.add(pieceOf(length, slack, sum));
        sum += length;
      }
      t.is(gathered.bytes, sum);
      const expected = Buffer.from(Array.from({ length: sum }, (_, i) => i % 251));
      t.true(gathered.head(count).equals(expected.subarray(0, count)));
      const whole = gathered.take();
      t.true(expected.equals(whole));
      t.true(whole.buffer.byteLength <= 2 * sum + 1024, 'nothing else is kept alive');
    }),
    { numRuns: 200 },
  );
});

test('what comes out is what came, whatever was said to come, and whether or not pieces are freed', (t) => {
  const said = fc.oneof(fc.constant(1), fc.double({ min: 0, max: 5, noNaN: true }));
  fc.assert(
    fc.property(PIECES, fc.boolean(), said, fc.integer({ min: 0, max: 20 }), (pieces, owns, share, count) => {
      const gathered = new Gathered(owns);
      const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
      let sum = 0;
      for (const [i, { length, slack }] of pieces.entries()) {
        // The length may be known from the first bytes on, or earlier.
        if (i === pieces.length % 3) gathered.expect(Math.floor(bytes * share));
        const piece = pieceOf(length, slack, sum);
        gathered.add(piece);
        sum += length;
        t.is(gathered.bytes, sum);
        t.true(gathered.heldBytes <= 4 * sum + 1536, `${gathered.heldBytes} for ${sum}`);
        if (!owns || slack > 0) t.is(piece.length, length, 'not freed');
      }
      const expected = Buffer.from(Array.from({ length: sum }, (_, i) => i % 251));
      t.true(gathered.head(count).equals(expected.subarray(0, count)));
      const whole = gathered.take();
      t.true(expected.equals(whole));
      t.true(whole.buffer.byteLength <= 2 * sum + 1024, 'nothing else is kept alive');
    }),
    { numRuns: 200 },
  );
});

test('what came is put where it stays as soon as a quarter is here, and its own buffers are freed at once', (t) => {
  const gathered = new Gathered(true);
  gathered.expect(100_000);
  const pieces = Array.from({ length: 10 }, (_, i) => pieceOf(10_000, 0, i * 10_000));
  for (const [i, piece] of pieces.entries()) {
    gathered.add(piece);
    const left = pieces.map(({ length }) => length);
    t.deepEqual(left, i < 2 ? Array(10).fill(10_000) : [...Array(i + 1).fill(0), ...Array(9 - i).fill(10_000)]);
    t.is(gathered.heldBytes, i < 2 ? (i + 1) * 10_000 : 100_000);
  }
  const whole = gathered.take();
  t.is(whole.length, 100_000);
  t.is(whole.buffer.byteLength, 100_000);
  const [alone] = [pieceOf(100_000, 0, 0)];
  const single = new Gathered(true);
  single.expect(100_000);
  single.add(alone!);
  t.is(single.take(), alone, 'one piece stays as it is');
  t.is(alone!.length, 100_000);
});

test('what is let go is freed at once where it is its own', (t) => {
  for (const owns of [true, false]) {
    const gathered = new Gathered(owns);
    const [own, part] = [pieceOf(10_000, 0, 0), pieceOf(10_000, 10, 0)];
    gathered.add(own);
    gathered.add(part);
    gathered.clear();
    t.deepEqual([own.length, part.length], [owns ? 0 : 10_000, 10_000]);
  }
});

test('what it takes is in proportion to its bytes at any time', (t) => {
  fc.assert(
    fc.property(PIECES, (pieces) => {
      const gathered = new Gathered();
      for (const { length, slack } of pieces) {
        gathered.add(pieceOf(length, slack, 0));
        t.true(gathered.heldBytes <= 4 * gathered.bytes + 1536, `${gathered.heldBytes} for ${gathered.bytes}`);
      }
    }),
    { numRuns: 200 },
  );
});

test('very many pieces of one byte, alone or between long ones, are put together', (t) => {
  for (const between of [0, 4096]) {
    const gathered = new Gathered();
    const long = new Uint8Array(between);
    for (let i = 0; i < 20_000; i++) {
      gathered.add(pieceOf(1, 65_535, i));
      if (between > 0) gathered.add(long);
    }
    t.true(gathered.heldBytes <= 4 * gathered.bytes + 1536, `${gathered.heldBytes} for ${gathered.bytes}`);
    t.is(gathered.take().length, 20_000 * (1 + between));
  }
});

test('pieces one behind the other in one buffer are not copied before they are put together', (t) => {
  const buffer = new Uint8Array(65_536);
  const gathered = new Gathered();
  for (let at = 0; at < buffer.length; at += 32_768) gathered.add(buffer.subarray(at, at + 32_768));
  t.is(gathered.heldBytes, 65_536);
  const alone = new Gathered();
  alone.add(buffer);
  t.is(alone.take(), buffer);
});

test('what was let go is held no longer, and is still counted', (t) => {
  const gathered = new Gathered();
  gathered.add(new Uint8Array(5000));
  gathered.add(new Uint8Array(10));
  gathered.clear();
  t.is(gathered.heldBytes, 0);
  t.is(gathered.bytes, 5010);
});
