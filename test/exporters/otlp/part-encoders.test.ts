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

test('the memory of a body goes to the next one of its place, and to no other', (t) => {
  const encoding = deltaEncoding(protoWriter(new PartEncoders({ maxItems: 5, maxCachedItems: 100 })), ORIGIN);
  const parts = [0, 1].map((index) => ({ from: index * 5, to: index * 5 + 5, seq: index, index }));
  const bodies = encoding.begin(SUM);
  const [first, second] = parts.map((part) => bodies.encode(part, false));
  encoding.giveBack(first!, parts[0]!);
  t.not(bodies.encode(parts[1]!, false).buffer, first!.buffer);
  t.is(bodies.encode(parts[0]!, false).buffer, first!.buffer);
  t.not(bodies.encode(parts[0]!, false).buffer, first!.buffer);
  t.not(second!.buffer, first!.buffer);
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
