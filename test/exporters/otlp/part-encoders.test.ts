/** @module Encoders by the place of a part: each remembers its own, their number is bounded. */
import test from 'ava';
import { deltaEncoding, protoWriter } from '../../../exporters/otlp/encoding.ts';
import { PartEncoders } from '../../../exporters/otlp/part-encoders.ts';
import { slot } from '../../kit/slots.ts';

const EDGES = [1, 2, 3].map((n) => ({ source: `web-${n}`, destination: 'api', successes: n, failures: 0 }));
const SUM = slot(1_700_000_010_000, 1_700_000_020_000, EDGES);
const ORIGIN = { source: 'weir-1', epoch: 'e1' };

test('a place has its own encoder while there is room, those behind share one that keeps nothing', (t) => {
  for (const [maxItems, maxCachedItems, own] of [
    [2000, 100_000, 25],
    [2000, 4000, 1],
    [2000, 1000, 1],
    [500, 3999, 3],
    [2000, 0, 0],
  ] as const) {
    const encoders = new PartEncoders({ maxItems, maxCachedItems });
    const places = Array.from({ length: 40 }, (_, index) => encoders.at(index));
    t.is(new Set(places).size, own + 1, `${maxItems} of ${maxCachedItems}`);
    t.deepEqual(
      places,
      Array.from({ length: 40 }, (_, index) => encoders.at(index)),
    );
  }
});

test('the memory of a body that is done goes to the next one, of whatever place, and no other body is touched', (t) => {
  const encoding = deltaEncoding(protoWriter(new PartEncoders({ maxItems: 5, maxCachedItems: 10 })), ORIGIN);
  const plain = deltaEncoding(protoWriter(new PartEncoders({ maxItems: 5, maxCachedItems: 0 })), ORIGIN);
  const parts = [0, 1, 2].map((index) => ({ from: 0, to: 5 - index, seq: index, index }));
  const encode = (i: number) => encoding.begin(SUM).encode(parts[i]!, false);
  const wanted = parts.map((part) => plain.begin(SUM).encode(part, false));
  const [first, second] = [encode(0), encode(1)];
  t.not(second.buffer, first.buffer);
  encoding.giveBack(first, parts[0]!);
  // The third place is beyond those that keep anything.
  const third = encode(2);
  t.is(third.buffer, first.buffer);
  t.not(encode(0).buffer, first.buffer);
  t.deepEqual([second, third], wanted.slice(1));
  encoding.giveBack(third, parts[2]!);
  const again = encode(0);
  t.is(again.buffer, first.buffer);
  t.deepEqual([second, again], [wanted[1], wanted[0]]);
});

test('of all bodies of a sum in parts one piece of memory is kept, and each sum is told with the same one', (t) => {
  const encoding = deltaEncoding(protoWriter(new PartEncoders({ maxItems: 2, maxCachedItems: 100 })), ORIGIN);
  const parts = [0, 1, 2].map((index) => ({ from: index * 2, to: index * 2 + 2, seq: index, index }));
  const used = new Set<ArrayBufferLike>();
  for (let round = 0; round < 3; round++)
    for (const part of parts) {
      const body = encoding.begin(SUM).encode(part, false);
      used.add(body.buffer);
      encoding.giveBack(body, part);
    }
  t.true(used.size <= parts.length, `${used.size}: it grows to the largest part`);
  const [last] = [...used].slice(-1);
  t.is(encoding.begin(SUM).encode(parts[0]!, false).buffer, last!);
});

test('a part is the same bytes whether its place keeps encodings or not', (t) => {
  const [kept, unkept] = [1000, 0].map((maxCachedItems) =>
    deltaEncoding(protoWriter(new PartEncoders({ maxItems: 5, maxCachedItems })), ORIGIN),
  );
  for (const part of [0, 1, 0, 1].map((index) => ({ from: index * 5, to: index * 5 + 5, seq: index, index })))
    t.deepEqual(kept!.begin(SUM).encode(part, true), unkept!.begin(SUM).encode(part, true));
});

test('a part is the same bytes whether its encodings were made ready before or not, and then they are all kept', (t) => {
  for (const maxCachedItems of [1000, 7, 0]) {
    const encoders = new PartEncoders({ maxItems: 6, maxCachedItems });
    const plain = deltaEncoding(protoWriter(new PartEncoders({ maxItems: 6, maxCachedItems })), ORIGIN);
    const encoding = deltaEncoding(protoWriter(encoders), ORIGIN);
    for (const index of [0, 1, 1, 0]) {
      const part = { from: index * 6, to: index * 6 + 6, seq: index, index };
      const bodies = encoding.begin(SUM);
      for (const _ of bodies.warmInSteps(part));
      const { records, targets } = encoders.at(index).figures;
      const kept = records.kept + targets.kept;
      const body = bodies.encode(part, true);
      t.deepEqual(body, plain.begin(SUM).encode(part, true), `${maxCachedItems}, part ${index}`);
      const after = encoders.at(index).figures;
      t.is(after.records.kept + after.targets.kept, kept, 'nothing was left to be kept');
    }
  }
});

test('encodings are made ready in steps of 128, those that are kept in none', (t) => {
  const many = Array.from({ length: 150 }, (_, n) => ({
    source: `a-${n}`,
    destination: 'b',
    successes: n,
    failures: 0,
  }));
  const sum = slot(1_700_000_010_000, 1_700_000_020_000, many);
  const items = sum.records.length + sum.coverage.length;
  const encoding = deltaEncoding(protoWriter(new PartEncoders({ maxItems: items, maxCachedItems: 2 * items })), ORIGIN);
  const part = { from: 0, to: items, seq: 0, index: 0 };
  t.is([...encoding.begin(sum).warmInSteps(part)].length, Math.floor(items / 128));
  t.is([...encoding.begin(sum).warmInSteps(part)].length, 0);
  encoding.begin(sum).encode(part, false);
  t.is([...encoding.begin(sum).warmInSteps(part)].length, 0);
});
