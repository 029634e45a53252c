/** @module Repeats and gaps of numbered requests, against a model that remembers everything. */
import test from 'ava';
import fc from 'fast-check';
import { Repeats, type RequestNumber } from '../../../receivers/otlp/repeats.ts';

const LIMITS = { window: 64, maxEpochs: 2, maxSources: 3 };
const numbered = (seq: number, replaces: number[] = [], epoch = 'e', source = 's'): RequestNumber => ({
  ...{ source, epoch, seq, replaces },
});

/** What each request of `sent` was: `gap` where something before it never came. */
function fates(sent: readonly RequestNumber[], repeats = new Repeats(LIMITS)): string[] {
  return sent.map((number) => {
    const standing = repeats.standing(number);
    if (standing !== 'new') {
      repeats.pass(number);
      return standing;
    }
    return repeats.claim(number).gap ? 'gap' : 'new';
  });
}

const TABLE: readonly (readonly [title: string, sent: readonly RequestNumber[], fates: readonly string[]])[] = [
  ['requests in a row', [numbered(0), numbered(1), numbered(2)], ['new', 'new', 'new']],
  [
    'a request that comes again',
    [numbered(0), numbered(1), numbered(1), numbered(0)],
    ['new', 'new', 'repeat', 'repeat'],
  ],
  ['a request that never came', [numbered(0), numbered(2), numbered(3)], ['new', 'gap', 'new']],
  ['one that comes late after all is taken', [numbered(0), numbered(2), numbered(1)], ['new', 'gap', 'new']],
  [
    'halves have new numbers and come before lower ones',
    [numbered(3, [0]), numbered(4, [0]), numbered(1), numbered(2), numbered(5)],
    ['new', 'new', 'new', 'new', 'new'],
  ],
  [
    'halves of halves',
    [numbered(0), numbered(5, [1, 3]), numbered(6, [1, 3]), numbered(4, [1]), numbered(2), numbered(7)],
    ['new', 'new', 'new', 'new', 'new', 'new'],
  ],
  [
    'a half that never came shows with the next sum',
    [numbered(0), numbered(4, [1]), numbered(2), numbered(3), numbered(6)],
    ['new', 'new', 'new', 'new', 'gap'],
  ],
  ['a part after halves that never came', [numbered(3, [0]), numbered(4, [0]), numbered(2)], ['new', 'new', 'gap']],
  [
    'the whole of which halves were taken is a repeat',
    [numbered(1, [0]), numbered(2, [0]), numbered(0)],
    ['new', 'new', 'repeat'],
  ],
  [
    'halves of what was taken whole, because its answer was lost, are repeats, and leave no gap',
    [numbered(0), numbered(2, [0]), numbered(3, [0]), numbered(1), numbered(4)],
    ['new', 'repeat', 'repeat', 'new', 'new'],
  ],
  [
    'halves of a half that was taken',
    [numbered(2, [0]), numbered(4, [0, 2]), numbered(5, [0, 2]), numbered(3, [0]), numbered(1), numbered(6)],
    ['new', 'repeat', 'repeat', 'new', 'new', 'new'],
  ],
  ['a source that is met in its midst', [numbered(57), numbered(58), numbered(56)], ['new', 'new', 'new']],
  ['a known source whose new life is met in its midst', [numbered(0), numbered(2, [], 'f')], ['new', 'gap']],
  [
    'a new life numbers anew',
    [numbered(0), numbered(1), numbered(0, [], 'f'), numbered(1)],
    ['new', 'new', 'new', 'repeat'],
  ],
  [
    'what lies below the window',
    [numbered(0), numbered(1), numbered(100), numbered(36), numbered(37)],
    ['new', 'new', 'gap', 'too_old', 'new'],
  ],
  [
    'the epoch longest silent is forgotten',
    [numbered(0), numbered(0, [], 'f'), numbered(1), numbered(0, [], 'g'), numbered(1), numbered(0, [], 'f')],
    ['new', 'new', 'new', 'new', 'repeat', 'new'],
  ],
  ['sources know nothing of each other', [numbered(0), numbered(0, [], 'e', 't')], ['new', 'new']],
  ['numbers that it says to replace but are above it are ignored', [numbered(0, [5]), numbered(5)], ['new', 'gap']],
  [
    'and make no repeat of it when they were taken, nor does its own number',
    [numbered(5), numbered(3, [5]), numbered(4, [4]), numbered(4, [4, 7])],
    ['new', 'new', 'new', 'repeat'],
  ],
];

for (const [title, sent, expected] of TABLE) {
  test(title, (t) => {
    t.deepEqual(fates(sent), expected);
  });
}

/** Numbers [from, to), each taken. */
function taken(from: number, to: number, repeats = new Repeats(LIMITS)): Repeats {
  for (let seq = from; seq < to; seq++) repeats.claim(numbered(seq));
  return repeats;
}

const standings = (repeats: Repeats, numbers: readonly number[]) =>
  numbers.map((seq) => repeats.standing(numbered(seq)));

test('as the window goes on, all in it is known and nothing else', (t) => {
  const repeats = taken(0, 71);
  t.deepEqual(standings(repeats, [6, 7, 40, 69, 70, 71]), ['too_old', 'repeat', 'repeat', 'repeat', 'repeat', 'new']);
  t.false(repeats.claim(numbered(71)).gap);
  t.true(repeats.claim(numbered(73)).gap, 'one that never came, where another lay a window before');
  t.deepEqual(standings(repeats, [72, 9, 8]), ['new', 'too_old', 'too_old']);
  repeats.claim(numbered(136));
  t.deepEqual(standings(repeats, [73, 72, 100, 136]), ['repeat', 'too_old', 'new', 'repeat']);
});

test('a number below the window that is replaced says nothing of the one a window above it', (t) => {
  const repeats = taken(0, 1);
  repeats.claim(numbered(100));
  repeats.claim(numbered(101, [2]));
  t.deepEqual(standings(repeats, [66, 101]), ['new', 'repeat']);
  repeats.claim(numbered(67));
  t.is(repeats.standing(numbered(102, [3])), 'new');
});

test('a half that is taken back leaves known what the other half has told', (t) => {
  const repeats = new Repeats(LIMITS);
  repeats.claim(numbered(3, [0]));
  repeats.claim(numbered(4, [0])).undo();
  t.deepEqual(standings(repeats, [0, 3, 4]), ['repeat', 'repeat', 'new']);
});

test('what is put back after a restart is what was known, wherever the window begins', (t) => {
  const before = taken(0, 32);
  taken(64, 70, before);
  const after = new Repeats(LIMITS);
  for (const state of before.states()) after.restore(state);
  const all = Array.from({ length: 72 }, (_, seq) => seq);
  t.deepEqual(standings(after, all), standings(before, all));
  t.deepEqual(standings(after, [5, 6, 31, 32, 37, 63, 64, 69, 70]), [
    ...['too_old', 'repeat', 'repeat', 'new', 'new', 'new', 'repeat', 'repeat', 'new'],
  ]);
});

test('the source longest silent is forgotten, and counted', (t) => {
  const repeats = new Repeats(LIMITS);
  const of = (source: string) => numbered(0, [], 'e', source);
  t.deepEqual(fates([of('a'), of('b'), of('c')], repeats), ['new', 'new', 'new']);
  repeats.claim(numbered(1, [], 'e', 'a'));
  t.is(repeats.forgottenSources, 0);
  t.deepEqual(fates([of('d'), of('a'), of('b')], repeats), ['new', 'repeat', 'new']);
  t.is(repeats.sources, 3);
  t.is(repeats.forgottenSources, 2);
  t.is(repeats.forgottenEpochs, 0);
});

test('what is taken back is new again, and the gap that it would have told of is told by the next', (t) => {
  const repeats = new Repeats(LIMITS);
  repeats.claim(numbered(0));
  const claim = repeats.claim(numbered(2));
  t.true(claim.gap);
  claim.undo();
  t.is(repeats.standing(numbered(2)), 'new');
  const again = repeats.claim(numbered(2));
  t.true(again.gap);
  t.false(repeats.claim(numbered(3)).gap);
});

test('a loss that was found otherwise is told once', (t) => {
  const repeats = new Repeats(LIMITS);
  repeats.claim(numbered(0));
  repeats.lose(numbered(0));
  const claim = repeats.claim(numbered(1));
  t.true(claim.gap);
  claim.undo();
  t.true(repeats.claim(numbered(1)).gap);
  t.false(repeats.claim(numbered(2)).gap);
  t.notThrows(() => repeats.lose(numbered(0, [], 'never seen')));
});

/** What a sender does with the parts of a sum: each is taken, comes again, is halved, or is given up. */
const anyPart = fc.constantFrom('taken', 'taken', 'taken', 'repeated', 'halved', 'lost', 'refused, then taken');

interface Sent {
  readonly number: RequestNumber;
  readonly fate: string;
}

/** Sums in parts, as the exporter numbers and sends them: halves at the end of the numbers, at their place in the order. */
function sending(sums: readonly (readonly string[])[]): Sent[] {
  let next = 0;
  const sent: Sent[] = [];
  for (const sum of sums) {
    const parts = sum.map((fate) => ({ seq: next++, replaces: [] as number[], fate }));
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      const { seq, replaces, fate } = part;
      if (fate !== 'halved') {
        sent.push({ number: numbered(seq, replaces), fate });
        continue;
      }
      const halves = ['taken', seq % 2 === 0 ? 'taken' : 'lost'].map((fate) => ({
        ...{ seq: next++, replaces: [...replaces, seq], fate },
      }));
      parts.unshift(...halves);
    }
  }
  return sent;
}

test('nothing is doubled or lost, and a gap is told by the first request after each run of lost ones, and by no other', (t) => {
  let gaps = 0;
  fc.assert(
    fc.property(fc.array(fc.array(anyPart, { minLength: 1, maxLength: 6 }), { maxLength: 12 }), (sums) => {
      const repeats = new Repeats({ window: 4096, maxEpochs: 2, maxSources: 2 });
      const sent = sending(sums);
      // A number that was given up shows as soon as something is sent whose place lies above it.
      const lost = new Set<number>();
      let met = false;
      for (const { number, fate } of sent) {
        if (fate === 'lost') {
          if (met) lost.add(number.seq);
          continue;
        }
        t.is(repeats.standing(number), 'new');
        const place = Math.min(number.seq, ...number.replaces);
        const expected = [...lost].filter((seq) => seq < place);
        const claim = repeats.claim(number);
        if (fate.startsWith('refused')) {
          claim.undo();
          t.is(repeats.claim(number).gap, expected.length > 0);
        } else t.is(claim.gap, expected.length > 0);
        gaps += Number(claim.gap);
        for (const seq of expected) lost.delete(seq);
        met = true;
        t.is(repeats.standing(number), 'repeat');
      }
    }),
    { numRuns: 500 },
  );
  t.true(gaps > 100, `${gaps}`);
});

/** How often a source is found to be several Weirs, while requests come at the times told (ms). */
function shared(sent: readonly (readonly [atMs: number, number: RequestNumber])[], limits = LIMITS): number {
  let nowMs = 0;
  const repeats = new Repeats(limits, () => nowMs);
  return sent.filter(([atMs, number]) => {
    nowMs = atMs;
    return repeats.standing(number) === 'new' && repeats.claim(number).isShared;
  }).length;
}

const MINUTE_MS = 60_000;
/** Weirs that send by turns, one each second, from their first request on. */
const turns = (epochs: number, rounds: number) =>
  Array.from({ length: rounds * epochs }, (_, i) => {
    const number = numbered(Math.floor(i / epochs), [], `e${i % epochs}`);
    return [i * 1000 * 60, number] as const;
  });

const ALARMS: readonly (readonly [title: string, sent: Parameters<typeof shared>[0], expected: boolean])[] = [
  ['two Weirs of one name are found', turns(2, 20), true],
  ['and many of them, of which each is forgotten before it comes again', turns(9, 4), true],
  [
    'a restart is none: the old life may go on while it drains',
    [
      [0, numbered(0)],
      [1000, numbered(0, [], 'f')],
      [2000, numbered(1)],
      [3000, numbered(1, [], 'f')],
      [4000, numbered(2)],
      [200_000, numbered(3)],
      [210_000, numbered(2, [], 'f')],
    ],
    false,
  ],
  [
    'repeats of an old life are none, whenever they come',
    [
      [0, numbered(0)],
      [1000, numbered(0, [], 'f')],
      [60 * MINUTE_MS, numbered(0)],
      [61 * MINUTE_MS, numbered(1, [], 'f')],
      [62 * MINUTE_MS, numbered(0)],
    ],
    false,
  ],
  [
    'one request of an old life that was held up on the way is none',
    [
      [0, numbered(0)],
      [1000, numbered(0, [], 'f')],
      [20 * MINUTE_MS, numbered(1)],
      [20 * MINUTE_MS, numbered(2)],
      [21 * MINUTE_MS, numbered(1, [], 'f')],
    ],
    false,
  ],
  [
    'nor are two, hours apart',
    [
      [0, numbered(0)],
      [1000, numbered(0, [], 'f')],
      [20 * MINUTE_MS, numbered(1)],
      [21 * MINUTE_MS, numbered(1, [], 'f')],
      [200 * MINUTE_MS, numbered(2)],
      [201 * MINUTE_MS, numbered(2, [], 'f')],
    ],
    false,
  ],
  [
    'a Weir that is restarted over and over is none',
    Array.from({ length: 30 }, (_, i) => [i * 10_000, numbered(0, [], `e${i}`)] as const),
    false,
  ],
  [
    'a load balancer that gives us some of the requests is none',
    Array.from({ length: 30 }, (_, i) => [i * MINUTE_MS, numbered(3 * i, [], i < 15 ? 'e' : 'f')] as const),
    false,
  ],
];

for (const [title, sent, expected] of ALARMS) {
  test(`several Weirs of one name: ${title}`, (t) => {
    t.is(shared(sent) > 0, expected);
  });
}
