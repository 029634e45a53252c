/** @module A gateway: traffic of other Weirs goes to the slots it belongs to, whenever it comes. */
import test from 'ava';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { type Meters, NO_METERS, type Observation } from '../../../pipeline/telemetry/meters.ts';
import { counter, identity, START, TestTarget, workload } from '../../kit/mesh.ts';
import { own, peer, record } from '../../kit/traffic.ts';
import {
  calls,
  coverageOf,
  ends,
  gateway,
  SLOT_MS,
  slots,
  successes,
  T0,
  traffic,
  watched,
} from './gateway-harness.ts';

const oneSlot = (at: number, requests: number, name = 'web') =>
  traffic(slots(at), [calls(name, requests)], [watched(name)]);
const counts = (told: readonly TrafficSum[]) => told.map(successes);

test('a slot closes one slot after its end, with what came for it until then', async (t) => {
  const { smi, send, until, told, books } = gateway();
  await smi.start();
  until(11);
  send(oneSlot(0, 3));
  t.is(books.held, 2);
  until(19.9);
  t.deepEqual(told, []);
  until(20);
  t.deepEqual(ends(told), [1]);
  t.deepEqual(counts(told), [3]);
  t.deepEqual(told[0]!.interval, slots(0));
  t.false('late' in told[0]!);
  t.like(books, { accepted: 2, delivered: 2, held: 0, merged: 0, unaccounted: 0 });
});

test('without traffic among what is received slots close at their end, as ever', async (t) => {
  const { smi, until, told } = gateway({ receives: ['samples'] });
  await smi.start();
  until(10);
  t.deepEqual(ends(told), [1]);
});

/** When slot 2 is told by one sender, and where that goes: counts of the slots told, and of the parts. */
const ARRIVALS: readonly (readonly [what: string, second: number, sum: TrafficSum, told: number[], parts: object[]])[] =
  [
    ['in time', 31, oneSlot(2, 7), [0, 0, 7, 0, 0, 0, 0], []],
    ['at the last moment', 39.9, oneSlot(2, 7), [0, 0, 7, 0, 0, 0, 0], []],
    ['as its slot has closed', 40, oneSlot(2, 7), [0, 0, 0, 7, 0, 0, 0], [{ slot: 2, requests: 7 }]],
    ['late', 65, oneSlot(2, 7), [0, 0, 0, 0, 0, 7, 0], [{ slot: 2, requests: 7 }]],
    ['early, by a clock ahead', 5, oneSlot(2, 7), [0, 0, 7, 0, 0, 0, 0], []],
    [
      'coalesced, in the slot in which it ends',
      45,
      traffic(slots(0, 4), [calls('web', 7)], []),
      [0, 0, 0, 7, 0, 0, 0],
      [],
    ],
    [
      'coalesced and late',
      55,
      traffic(slots(0, 3), [calls('web', 7)], []),
      [0, 0, 0, 0, 7, 0, 0],
      [{ slot: 2, requests: 7 }],
    ],
    ['cut within a slot', 31, traffic(slots(2.25, 2.5), [calls('web', 7)], [], true), [0, 0, 7, 0, 0, 0, 0], []],
    ['across two slots', 45, traffic(slots(2.5, 3.5), [calls('web', 7)], []), [0, 0, 0, 7, 0, 0, 0], []],
  ];

for (const [what, second, sum, expected, parts] of ARRIVALS) {
  test(`one sum, ${what}`, async (t) => {
    const { smi, send, until, told, books } = gateway();
    await smi.start();
    until(second);
    t.deepEqual(send(sum, null), { kind: 'taken' });
    until(80);
    t.deepEqual(counts(told), expected);
    const late = told.flatMap((each) => (each.late === true ? (each.parts ?? []) : []));
    t.deepEqual(
      late.filter((part) => successes(part) > 0).map((part) => ({ slot: slotOf(part), requests: successes(part) })),
      parts,
    );
    t.is(books.unaccounted, 0);
    t.is(books.held, 0);
  });
}

const slotOf = ({ interval }: TrafficSum) => (interval.startMs - T0) / SLOT_MS;

test('a clock too far ahead is not believed: its traffic goes to the newest open slot, flagged', async (t) => {
  const { smi, send, until, told, log } = gateway({ written: { max_clock_ahead: '20s' } });
  await smi.start();
  until(5);
  send(oneSlot(2, 1), { source: 'near' });
  send(oneSlot(3, 2), { source: 'far' });
  until(50);
  t.deepEqual(counts(told), [2, 0, 1, 0]);
  t.deepEqual(
    told.map(({ clockAhead }) => clockAhead),
    [true, false, false, false],
  );
  t.is(log.lines.filter(({ level, fields }) => level === 'warn' && fields.source === 'far').length, 1);
});

test('traffic of several senders is one sum: equal keys add, with bounds and bytes', async (t) => {
  const { smi, send, until, told, books } = gateway();
  await smi.start();
  until(12);
  const tcp = { opened: 1, closed: 0, readBytes: 10, writtenBytes: 20 };
  const shared = (requests: number) => record('client', own('x/web'), peer('x/api'), requests, 1, { tcp });
  const sums = [1, 2, 4].map((requests) => traffic(slots(0), [shared(requests)], [watched(`node-${requests}`)]));
  sums.forEach((sum, i) => {
    send(sum, { source: `agent-${i}` });
  });
  until(20);
  t.is(told[0]!.records.length, 1);
  t.like(told[0]!.records[0], {
    successes: 7,
    failures: 3,
    tcp: { opened: 3, readBytes: 30, writtenBytes: 60, closed: 0 },
  });
  t.is(told[0]!.coverage.length, 3);
  t.like(books, { accepted: 6, merged: 2, delivered: 4, held: 0, unaccounted: 0 });
  t.deepEqual(
    sums.map(({ records }) => records[0]!.successes),
    [1, 2, 4],
    'what was given is not written',
  );
});

test('what is scraped here and what others send are one sum per slot', async (t) => {
  const { smi, send, source, until, told, samples, books } = gateway({ receives: ['samples', 'traffic'] });
  await smi.start();
  const target = new TestTarget(identity('web', 'web-1', 'x', '')).series(
    'ok',
    counter('success', workload('api'), 'server'),
  );
  target.series('start', START);
  const scrape = (at: number, ok: number) =>
    source.next(
      target.page(
        [
          ['ok', ok],
          ['start', T0 / 1000],
        ],
        { scheduledMs: T0 + at * 1000, nextDueMs: T0 + (at + 10) * 1000 },
      ),
    );
  until(3);
  scrape(3, 5);
  until(12);
  send(oneSlot(0, 2));
  until(13);
  scrape(13, 9);
  until(21);
  send(oneSlot(1, 1));
  until(30);
  t.deepEqual(counts(told), [7, 5]);
  t.deepEqual(
    told.map(({ coverage }) => coverage.length),
    [2, 2],
  );
  t.is(samples.unaccounted, 0);
  t.is(books.unaccounted, 0);
});

test('a silent sender is missed: its targets are expected in the slot, and taken back when it tells after all', async (t) => {
  const { smi, send, until, told, model, log } = gateway();
  await smi.start();
  until(11);
  send(oneSlot(0, 1));
  until(30);
  t.deepEqual(told.map(coverageOf), [
    [1, 0, 10, 10],
    [1, 1, 0, 10],
  ]);
  t.false(model.read()!.edges[0]!.figures.complete);
  t.is(log.lines.filter(({ level }) => level === 'warn').length, 1);
  until(35);
  send(oneSlot(1, 2));
  send(oneSlot(2, 4));
  until(40);
  t.deepEqual(coverageOf(told[2]!), [1, -1, 20, 10], 'both slots, less what was said of the first');
  t.true(told[2]!.late);
  t.deepEqual(told[2]!.parts?.map(coverageOf), [
    [1, 0, 10, 10],
    [0, -1, 10, 0],
  ]);
  t.deepEqual(told[2]!.parts?.map(slotOf), [2, 1]);
  const reading = model.read()!;
  t.true(reading.edges[0]!.figures.complete);
  t.is(reading.edges[0]!.figures.successes, 7);
  t.is(reading.edges[0]!.figures.ratePerSecond, 7 / 30);
  t.is(reading.revision, 1);
});

test('an overflow that tells several slots at once settles what was missed in them', async (t) => {
  const { smi, send, until, told, model } = gateway();
  await smi.start();
  until(11);
  send(oneSlot(0, 1));
  until(45);
  send(traffic(slots(1, 4), [calls('web', 6)], [{ ...watched('web', 30), scrapesDue: 3 }]));
  until(50);
  t.deepEqual(told.map(coverageOf), [
    [1, 0, 10, 10],
    [1, 1, 0, 10],
    [1, 1, 0, 10],
    [1, -2, 30, 10],
  ]);
  const whole = model.read(40_000)!.edges[0]!.figures;
  t.like(whole, { successes: 7, complete: true, coveredSeconds: 40, expectedSeconds: 40, ratePerSecond: 7 / 40 });
  t.false(model.read(20_000)!.edges[0]!.figures.complete, 'a window of a part of it');
});

test('a sender that said farewell is not missed, nor before it is back', async (t) => {
  const { smi, send, until, told } = gateway();
  await smi.start();
  until(11);
  send(oneSlot(0, 1));
  until(14);
  send(traffic(slots(1, 1.4), [calls('web', 2)], [watched('web', 4)], true));
  until(40);
  t.deepEqual(told.map(coverageOf), [
    [1, 0, 10, 10],
    [2, 1, 4, 4],
    [0, 0, 0, 0],
  ]);
  t.deepEqual(
    told.map(({ partial }) => partial),
    [false, false, false],
  );
  send(traffic(slots(3.5, 4), [calls('web', 4)], [watched('web', 5)], true), { epoch: '2' });
  until(60);
  t.deepEqual(told.slice(3).map(coverageOf), [
    [2, 1, 5, 5],
    [1, 1, 0, 10],
  ]);
});

test('a restart in the middle of a slot: both lives are in it, and each was not seen for a part of it', async (t) => {
  const { smi, send, until, told } = gateway();
  await smi.start();
  until(13);
  send(traffic(slots(1, 1.3), [calls('web', 1)], [watched('web', 3)], true));
  until(20);
  send(traffic(slots(1.6, 2), [calls('web', 2)], [watched('web', 4)], true), { epoch: '2' });
  until(31);
  send(oneSlot(2, 4), { epoch: '2' });
  until(40);
  t.deepEqual(counts(told), [0, 3, 4]);
  t.deepEqual(told.map(coverageOf), [
    [0, 0, 0, 0],
    [4, 2, 7, 7],
    [1, 0, 10, 10],
  ]);
});

test('a farewell that comes late takes back what was missed after it, each in its slot', async (t) => {
  const { smi, send, until, told, model } = gateway();
  await smi.start();
  until(11);
  send(oneSlot(0, 1));
  until(45);
  send(traffic(slots(1, 1.4), [calls('web', 2)], [watched('web', 4)], true));
  until(60);
  const total = [0, 1, 2, 3].map((i) => told.reduce((sum, each) => sum + coverageOf(each)[i]!, 0));
  t.deepEqual(total, [3, 1, 14, 14], 'one for the rest of the slot in which it left');
  t.is(model.read(10_000)!.workloads.length, 1, 'nothing but a peer is left of slot 4');
  t.like(model.read(60_000)!.edges[0]!.figures, { successes: 3, missed: 1, coveredSeconds: 14, expectedSeconds: 14 });
});

const firstSight = { ...watched('web', 0), firstSight: true };
const reset = { ...watched('web'), resets: 1 };
const failed = { ...watched('web', 0), scrapesMissed: 1 };

/** A partial sum of `web` for slot 1: what its slot then says of its target, and whether the slot says it of everybody. */
const PARTIAL: readonly (readonly [
  what: string,
  sum: TrafficSum,
  coverage: readonly (readonly [due: number, missed: number])[],
  partial: boolean,
])[] = [
  ['a farewell', traffic(slots(1, 1.4), [calls('web', 2)], [watched('web')], true), [[2, 1]], false],
  ['a start', traffic(slots(1.6, 2), [calls('web', 2)], [watched('web')], true), [[2, 1]], false],
  ['a start, at first sight', traffic(slots(1.6, 2), [calls('web', 2)], [firstSight], true), [[1, 0]], false],
  ['a window cut at the edge of a slot', traffic(slots(1), [calls('web', 2)], [watched('web')], true), [[2, 1]], false],
  ['a farewell after a reset', traffic(slots(1, 1.4), [calls('web', 2)], [reset], true), [[1, 0]], false],
  ['a farewell after a failed scrape', traffic(slots(1, 1.4), [calls('web', 2)], [failed], true), [[1, 1]], false],
  ['a farewell without traffic', traffic(slots(1, 1.4), [], [watched('web')], true), [[2, 1]], false],
  ['a farewell without coverage', traffic(slots(1, 1.4), [calls('web', 2)], [], true), [], true],
  [
    'a farewell that covers some of its workloads',
    traffic(slots(1, 1.4), [calls('web', 2), calls('cart', 1)], [watched('web')], true),
    [[2, 1]],
    true,
  ],
];

for (const [what, sum, coverage, partial] of PARTIAL) {
  test(`${what}: only what its own agent watches is incomplete, where coverage tells what that is`, async (t) => {
    for (const second of [21, 33]) {
      const { smi, send, until, model } = gateway();
      await smi.start();
      until(19);
      send(oneSlot(0, 1, 'other'), { source: 'b' });
      until(20.5);
      send(oneSlot(1, 1, 'other'), { source: 'b' });
      until(second);
      send(sum);
      until(30.5);
      send(oneSlot(2, 1, 'other'), { source: 'b' });
      until(40);
      const slot = model.slotsOf(60_000).find((each) => slotOf(each) === 1);
      const own = slot?.coverage.filter(({ own: { workload } }) => workload.name === 'web') ?? [];
      const found = own.map(({ scrapesDue, scrapesMissed }) => [scrapesDue, scrapesMissed]);
      t.deepEqual([found, slot?.partial], [coverage, partial], `at ${second} s`);
      const complete = (name: string) =>
        model.read()!.edges.find(({ source }) => source?.name === name)?.figures.complete;
      t.is(complete('other'), !partial);
      if (sum.records.length > 0) t.false(complete('web'));
    }
  });
}

test('records and coverage of a farewell may come in several requests', async (t) => {
  const { smi, send, until, told } = gateway();
  await smi.start();
  until(15);
  send(traffic(slots(1, 1.4), [calls('web', 2)], [], true));
  send(traffic(slots(1, 1.4), [], [watched('web')], true));
  send(traffic(slots(1, 1.4), [calls('cart', 2)], [watched('cart')], true), { source: 'b' });
  until(30);
  t.like(told[1], { partial: false });
  t.deepEqual(coverageOf(told[1]!), [4, 2, 20, 20]);
  const others = gateway();
  await others.smi.start();
  others.until(15);
  others.send(traffic(slots(1, 1.4), [calls('web', 2)], [], true));
  others.send(traffic(slots(1, 1.4), [], [watched('web')], true), { source: 'b' });
  others.until(30);
  t.true(others.told[1]!.partial, 'coverage of another sender does not vouch');
});

test('a farewell that follows what was taken back in another slot makes its slot incomplete for all', async (t) => {
  const { smi, send, until, model } = gateway();
  await smi.start();
  until(11);
  send(oneSlot(0, 1));
  until(35);
  send(traffic(slots(1, 3), [calls('web', 6)], [{ ...watched('web', 20), scrapesDue: 2 }]));
  until(36);
  send(traffic(slots(3, 3.5), [calls('web', 1)], [watched('web', 5)], true));
  until(50);
  const [, , after] = [0, 1, 2].map(() => model.read(20_000)!.edges[0]!.figures);
  t.like(after, { complete: false, successes: 7 }, 'slot 2 took back a miss of slot 1, slot 3 has one: not none');
  t.true(model.slotsOf(10_000)[0]!.partial);
});

test('requests that were lost make the slots at both sides incomplete for what their sender watches', async (t) => {
  for (const second of [31, 55]) {
    const { smi, send, until, model } = gateway();
    await smi.start();
    for (const at of [0, 1]) {
      until(at * 10 + 11);
      send(oneSlot(at, 1));
    }
    until(second);
    send(oneSlot(2, 1), { gap: true });
    until(56);
    send(oneSlot(3, 1));
    until(60);
    const held = model.slotsOf(60_000);
    t.true(held.every(({ partial }) => !partial));
    const missed = [0, 1, 2, 3].map((at) => coverageOf(held.find((sum) => slotOf(sum) === at)!)[1]);
    t.deepEqual(missed, [0, 1, 1, 0], `at ${second} s`);
    t.false(model.read(60_000)!.edges[0]!.figures.complete);
  }
});

test('after a loss, whoever is told of for the first time may have been in what was lost', async (t) => {
  const { smi, send, until, told } = gateway();
  await smi.start();
  const tell = (at: number, names: readonly string[], sender = {}) => {
    until(at * 10 + 11);
    send(
      traffic(
        slots(at),
        [],
        names.map((name) => watched(name)),
      ),
      sender,
    );
  };
  tell(0, ['a']);
  tell(1, ['a']);
  send(traffic(slots(1), [], [watched('b')]), { gap: true });
  tell(2, ['a', 'b', 'c']);
  tell(3, ['a', 'b', 'c', 'd']);
  until(50);
  const missed = told.map(({ coverage }) =>
    coverage.filter(({ scrapesMissed }) => scrapesMissed > 0).map(({ own: { workload } }) => workload.name),
  );
  t.deepEqual(missed, [[], ['a', 'b'], ['b', 'c'], []]);
});

test('what was lost of a sender whose targets are not all known makes its slots incomplete for all', async (t) => {
  const unknown = gateway();
  await unknown.smi.start();
  unknown.until(11);
  unknown.send(oneSlot(0, 1), { gap: true });
  const crowded = gateway({ written: { max_sender_targets: 1 } });
  await crowded.smi.start();
  crowded.until(11);
  crowded.send(traffic(slots(0), [], [watched('a'), watched('b')]));
  crowded.until(21);
  crowded.send(traffic(slots(1), [], [watched('a'), watched('b')]), { gap: true });
  for (const { until, told } of [unknown, crowded]) {
    until(30);
    t.true(told[0]!.partial || told[1]!.partial);
  }
  t.deepEqual(
    unknown.told.map(({ partial }) => partial),
    [true, false],
  );
});

test('a sender that tells longer intervals is missed only when one of them is over', async (t) => {
  const { smi, send, until, told } = gateway();
  await smi.start();
  until(31);
  send(traffic(slots(0, 3), [calls('web', 6)], [{ ...watched('web', 30), scrapesDue: 3 }]));
  until(80);
  t.deepEqual(told.map(coverageOf), [
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [3, 0, 30, 30],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [1, 1, 0, 30],
    [0, 0, 0, 0],
  ]);
});

test('after sender_expiration a silent sender is forgotten', async (t) => {
  const { smi, send, until, told } = gateway({ written: { sender_expiration: '30s' } });
  await smi.start();
  until(11);
  send(oneSlot(0, 1));
  until(80);
  t.deepEqual(
    told.map((sum) => coverageOf(sum)[1]),
    [0, 1, 1, 1, 0, 0, 0],
  );
});

test('the limits of what is remembered of senders hold', async (t) => {
  const { smi, send, until, told } = gateway({ written: { max_senders: 2, max_sender_targets: 1 } });
  await smi.start();
  until(11);
  send(oneSlot(0, 1, 'a'), { source: 'a' });
  send(oneSlot(0, 1, 'b'), { source: 'b' });
  send(traffic(slots(0), [], [watched('c'), watched('d')]), { source: 'c' });
  until(30);
  t.deepEqual(
    told[1]!.coverage.map(
      ({
        own: {
          workload: { name },
        },
      }) => name,
    ),
    ['b', 'c'],
  );
});

test('closed slots of which nothing is told but that they were take room, too, as four records do', (t) => {
  const { send, until } = gateway({ written: { max_received: 11 } });
  const empty = (slot: number) => send(traffic(slots(slot), [], []));
  const taken = [0, -10, -20, -30].map((slot) => empty(slot)?.kind);
  t.deepEqual(taken, ['taken', 'taken', 'taken', 'taken']);
  t.deepEqual(empty(-40), { kind: 'retry', reason: 'max_received', afterMs: 10_000 });
  until(21);
  t.is(empty(-40)?.kind, 'taken');
});

test('what max_received has no room for is refused and may come again', async (t) => {
  const { smi, send, until, told, books } = gateway({ written: { max_received: 3 } });
  await smi.start();
  until(11);
  t.deepEqual(send(oneSlot(0, 1)), { kind: 'taken' });
  t.deepEqual(send(oneSlot(0, 2, 'other')), { kind: 'retry', reason: 'max_received', afterMs: 10_000 });
  t.is(books.refused, 2);
  until(20);
  t.deepEqual(send(oneSlot(1, 2, 'other')), { kind: 'taken' });
  t.deepEqual(send(traffic(slots(1), [], [])), { kind: 'taken' }, 'no items need no room');
  until(30);
  t.deepEqual(counts(told), [1, 2]);
  const large = gateway({ written: { max_received: 1 } });
  await large.smi.start();
  large.until(11);
  t.deepEqual(large.send(oneSlot(0, 1)), { kind: 'taken' }, 'what is larger than the limit has room alone');
});

test('what is later than anybody looks back is told of one slot together, and all of it is counted', async (t) => {
  const { smi, send, until, told, model, books } = gateway({ written: { max_received: 1450 } });
  await smi.start();
  until(11);
  // An hour of slots apart, each as four records and its own two items.
  for (let i = 1; i <= 1000; i++) t.deepEqual(send(traffic(slots(-100 * i), [calls('web', 1)], [])), { kind: 'taken' });
  t.like(books, { accepted: 1000, held: 1 + 3, merged: 996 });
  until(20);
  t.is(successes(told[0]!), 1000);
  t.deepEqual(
    told[0]!.parts!.map((part) => [part.interval, successes(part)]),
    [
      [slots(0), 0],
      [slots(-100), 1],
      [slots(-200), 1],
      [slots(-300), 1],
      [slots(-361), 997],
    ],
  );
  t.is(model.forgottenItems, 4, 'beyond the retention');
  t.like(books, { accepted: 1000, delivered: 4, held: 0, unaccounted: 0 });
});

test('agents that are all late by slots have room', async (t) => {
  const { smi, send, until, told } = gateway();
  await smi.start();
  until(95);
  for (let agent = 0; agent < 50; agent++)
    for (const slot of [6, 7, 8]) t.is(send(oneSlot(slot, 1, `web-${agent}`), { source: `a${agent}` })?.kind, 'taken');
  until(130);
  t.is(
    counts(told).reduce((sum, count) => sum + count, 0),
    150,
  );
});

test('a slot that nobody took is added into the next one, and its items stay in the books', async (t) => {
  const retry = { kind: 'retry', afterMs: 1, reason: 'full' } as const;
  const { smi, send, until, told, books } = gateway({ answer: (n) => (n === 0 ? retry : { kind: 'taken' }) });
  await smi.start();
  until(11);
  send(oneSlot(0, 1));
  until(21);
  t.like(books, { accepted: 2, held: 2, delivered: 0 });
  send(oneSlot(1, 2));
  until(30);
  t.deepEqual(told[0]!.interval, slots(0, 2));
  t.deepEqual(counts(told), [3]);
  t.like(books, { accepted: 4, held: 0, delivered: 4, unaccounted: 0 });
});

test('what amends earlier slots goes on amending them when nobody took its slot over', async (t) => {
  const retry = { kind: 'retry', afterMs: 1, reason: 'full' } as const;
  const { smi, send, until, told, model, books } = gateway({
    answer: (n) => (n === 2 || n === 3 ? retry : { kind: 'taken' }),
  });
  await smi.start();
  until(35);
  send(oneSlot(0, 1));
  until(41);
  send(oneSlot(1, 2), null);
  send(oneSlot(2, 4), null);
  until(60);
  t.deepEqual(ends(told), [1, 2, 5]);
  t.deepEqual(told[2]!.interval, slots(2, 5));
  t.deepEqual(
    told[2]!.parts!.map((part) => [slotOf(part), successes(part)]),
    [
      [2, 4],
      [0, 1],
      [1, 2],
    ],
    'what came late for slot 2 is told with it',
  );
  t.true(told[2]!.late);
  const held = model.slotsOf(60_000).map((sum) => [slotOf(sum), successes(sum)] as const);
  t.deepEqual(
    [...held].sort(([a], [b]) => a - b),
    [
      [0, 1],
      [1, 2],
      [2, 4],
    ],
  );
  t.like(books, { held: 0, accepted: 6, unaccounted: 0 });
});

test('at the end all that is held is told; a slot that somebody was awaited for is cut, and nothing is owed', async (t) => {
  const { smi, send, until, told, books } = gateway();
  await smi.start();
  until(11);
  send(oneSlot(0, 1));
  until(32);
  send(oneSlot(4, 8), null);
  send(oneSlot(1, 4));
  await smi.stop(new AbortController().signal);
  t.deepEqual(ends(told), [1, 2, 3, 3.2]);
  t.deepEqual(counts(told), [1, 0, 4, 8]);
  t.deepEqual(
    told.map(({ partial }) => partial),
    [false, false, true, true],
  );
  t.like(books, { accepted: 6, delivered: 6, held: 0, unaccounted: 0 });
  t.deepEqual(told[2]!.parts?.map(coverageOf), [
    [0, 0, 0, 0],
    [0, -1, 10, 0],
  ]);
});

test('what nobody takes at the end is dropped and counted', async (t) => {
  const { smi, send, until, books } = gateway({ answer: () => ({ kind: 'retry', afterMs: 1, reason: 'full' }) });
  await smi.start();
  until(11);
  send(oneSlot(0, 1));
  await smi.stop(new AbortController().signal);
  t.is(books.dropped.get('shutdown'), 2);
  const [[reason, items, sample] = [], ...others] = books.told;
  t.deepEqual([reason, items, others], ['shutdown', 2, []]);
  t.deepEqual(sample, { startMs: T0, endMs: T0 + 11_000, from: 'x/web', to: 'x/api', mesh: 'linkerd' });
  t.is(books.unaccounted, 0);
});

test('slots that a step of the clock left out are told with the next one', async (t) => {
  const { smi, send, until, told, clock } = gateway();
  await smi.start();
  until(5);
  send(oneSlot(1, 3), null);
  clock.setWall(clock.wallMs() + 30_000);
  until(80);
  t.deepEqual(
    counts(told).filter((n) => n > 0),
    [3],
  );
  const [part] = told.flatMap((sum) => (sum.late === true ? (sum.parts ?? []).slice(1) : []));
  t.is(slotOf(part!), 1);
});

/** Meters, and what a counter among them shows. */
function readable() {
  const reads = new Map<string, () => Iterable<Observation>>();
  const counter: Meters['counter'] = (name, _help, read) => {
    reads.set(name, read);
    return () => {};
  };
  return { meters: { ...NO_METERS, counter }, shown: (name: string) => [...reads.get(name)!()] };
}

test('items that come after their slot has closed are counted as late, and no others', async (t) => {
  const { meters, shown } = readable();
  const { smi, send, until } = gateway({ meters });
  await smi.start();
  const late = () => shown('weir_smi_late_items_total');
  until(35);
  // Slot 2 is open until second 40.
  for (const at of [3, 2]) send(oneSlot(at, 5));
  t.deepEqual(late(), [{ value: 0, attributes: { component: 'smi' } }]);
  until(40);
  send(oneSlot(2, 7));
  t.is(late()[0]!.value, 2, 'a record and its coverage');
  send(traffic(slots(0), [calls('web', 1), calls('db', 1)], [watched('web')]));
  t.is(late()[0]!.value, 5);
  send(oneSlot(3, 1));
  t.is(late()[0]!.value, 5);
});

test('what a slot loses whose counts stop at 2^53 is counted', (t) => {
  const { meters, shown } = readable();
  const { send, until, told } = gateway({ meters });
  const lost = () => shown('weir_capped_counts_total');
  for (const source of ['a', 'b', 'c']) send(traffic(slots(0), [calls('web', 2 ** 53)], [watched('web')]), { source });
  t.deepEqual(lost(), [{ value: 2 ** 54, attributes: { component: 'smi' } }]);
  until(30);
  const [sum] = told.filter(({ records }) => records.length > 0);
  t.deepEqual([sum?.records[0]?.successes, sum?.partial], [2 ** 53, true]);
  t.is(lost()[0]!.value, 2 ** 54, 'once');
});
