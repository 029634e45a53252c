/** @module What a gateway expects of its senders: of whom, how often, and what of it is taken back, and when. */
import test from 'ava';
import type { CoverageRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { calls, coverageOf, gateway, SLOT_MS, slots, successes, T0, traffic, watched } from './gateway-harness.ts';

const oneSlot = (at: number, requests = 1, name = 'web') =>
  traffic(slots(at), [calls(name, requests)], [watched(name)]);
const names = (coverage: readonly CoverageRecord[]) => coverage.map(({ own }) => own.workload.name).sort();
const missedIn = ({ coverage }: TrafficSum) => coverage.reduce((sum, { scrapesMissed }) => sum + scrapesMissed, 0);

async function started(written: Record<string, unknown> = {}) {
  const weir = gateway({ written });
  await weir.smi.start();
  return weir;
}

test('whom a sender only takes back is not expected of it; who was due or alive is', async (t) => {
  const { send, until, told } = await started();
  until(11);
  const gone = { ...watched('gone', 0), scrapesDue: -1, scrapesMissed: -1, expectedSeconds: -10 };
  const slow = { ...watched('slow'), scrapesDue: 0 };
  const young = { ...watched('young'), coveredSeconds: 0, expectedSeconds: 0 };
  send(traffic(slots(0), [], [gone, slow, young, { ...watched('idle', 0), scrapesDue: 0 }]));
  until(30);
  t.deepEqual(names(told[1]!.coverage), ['slow', 'young']);
  t.deepEqual(coverageOf(told[1]!), [2, 2, 0, 20]);
});

test('of a sender those are expected whom it told of in its newest interval, in however many requests and whatever came later', async (t) => {
  const { send, until, told } = await started();
  until(31);
  send(traffic(slots(0), [], [watched('gone'), watched('a')]));
  send(traffic(slots(2), [], [watched('a')]));
  send(traffic(slots(2), [], [watched('b')]));
  send(traffic(slots(1), [], [watched('gone'), watched('a')]));
  until(50);
  t.deepEqual(
    told.map(({ coverage }) => names(coverage.filter(({ scrapesMissed }) => scrapesMissed > 0))),
    [[], [], [], ['a', 'b']],
  );
});

test('a sender that falls silent within a slot is missed for the rest of it', async (t) => {
  const { send, until, told } = await started();
  until(16);
  for (const at of [0, 0.5, 1]) send(traffic(slots(at, at + 0.5), [calls('web', 1)], [watched('web', 5)]));
  until(40);
  t.deepEqual(told.map(coverageOf), [
    [2, 0, 10, 10],
    [2, 1, 5, 10],
    [1, 1, 0, 10],
  ]);
});

/** What a sender told until slot 3 ends, and in which slots it is missed then, if it tells nothing more. */
const LENGTHS: readonly (readonly [what: string, told: readonly TrafficSum[], missed: readonly number[]])[] = [
  ['every slot', [0, 1, 2, 3].map((at) => oneSlot(at)), [4, 5, 6, 7]],
  [
    'every second slot',
    [traffic(slots(0, 2), [], [watched('web', 20)]), traffic(slots(2, 4), [], [watched('web', 20)])],
    [5, 7],
  ],
  ['every slot, and once several together', [oneSlot(0), traffic(slots(1, 4), [], [watched('web', 30)])], [4, 5, 6, 7]],
  [
    'a cut interval only, so that nobody knows how long its intervals are',
    [traffic(slots(1.5, 4), [], [watched('web', 25)], true)],
    [4, 5, 6, 7],
  ],
  [
    'every second slot, and one interval that was cut',
    [traffic(slots(0, 2), [], [watched('web', 20)]), traffic(slots(3, 4), [], [watched('web')], true)],
    [5, 7],
  ],
  [
    'every second slot, and an interval without length',
    [traffic(slots(0, 2), [], [watched('web', 20)]), traffic(slots(4, 4), [], [watched('web', 20)])],
    [5, 7],
  ],
];

for (const [what, sums, missed] of LENGTHS) {
  test(`a sender that told ${what}, is missed where it should have told something`, async (t) => {
    const { send, until, told } = await started();
    until(41);
    for (const sum of sums) send(sum);
    until(90);
    const found = told.flatMap((sum) =>
      sum.interval.startMs >= slots(4).startMs && missedIn(sum) > 0 ? [(sum.interval.startMs - T0) / SLOT_MS] : [],
    );
    t.deepEqual(found, missed);
  });
}

test('what comes late takes back what was missed of its own time, and nothing of the time after it', async (t) => {
  const { send, until, told } = await started();
  until(11);
  send(oneSlot(0));
  until(45);
  send(oneSlot(1, 2));
  until(50);
  const at = (slot: number) =>
    told
      .flatMap(({ parts, ...sum }) => parts ?? [sum])
      .filter(({ interval }) => interval.startMs === slots(slot).startMs);
  const total = (slot: number) =>
    at(slot).reduce((sum, each) => sum.map((n, i) => n + coverageOf(each)[i]!), [0, 0, 0, 0]);
  t.deepEqual([0, 1, 2].map(total), [
    [1, 0, 10, 10],
    [1, 0, 10, 10],
    [1, 1, 0, 10],
  ]);
  t.is(
    at(1).reduce((sum, each) => sum + successes(each), 0),
    2,
  );
});

test('after a farewell, what comes late of the time before takes back that alone', async (t) => {
  const { send, until, told, model } = await started();
  until(11);
  send(oneSlot(0));
  until(55);
  // Slots 1, 2 and 3 are missed; it left in slot 3.
  send(traffic(slots(3, 3.4), [calls('web', 4)], [watched('web', 4)], true));
  send(oneSlot(1, 2));
  until(70);
  t.is(
    told.reduce((sum, each) => sum + missedIn(each), 0),
    2,
    'slot 2, and the rest of the one in which it left',
  );
  t.is(
    told.reduce((sum, each) => sum + successes(each), 0),
    7,
  );
  const slot2 = model.slotsOf(300_000).find(({ interval }) => interval.startMs === slots(2).startMs);
  t.deepEqual(coverageOf(slot2!), [1, 1, 0, 10]);
});

test('what was missed longer ago than sender_expiration stays missed, though it comes after all and counts', async (t) => {
  const { send, until, told } = await started({ sender_expiration: '30s' });
  for (const at of [0, 2, 3, 4, 5, 6]) {
    until(at * 10 + 11);
    send(oneSlot(at));
  }
  until(45 + 30);
  send(oneSlot(1, 8));
  until(80);
  t.deepEqual(told.slice(0, 3).map(missedIn), [0, 1, 0]);
  t.is(
    told.reduce((sum, each) => sum + missedIn(each), 0),
    1,
  );
  t.is(
    told.reduce((sum, each) => sum + successes(each), 0),
    6 + 8,
  );
});

test('of what was lost between the requests of one interval and the next, targets of both are in doubt', async (t) => {
  const { send, until, told } = await started();
  until(11);
  for (const name of ['a', 'b']) send(oneSlot(0, 1, name));
  until(21);
  send(oneSlot(1, 1, 'a'));
  until(31);
  // The second request of slot 1 never came.
  send(oneSlot(2, 1, 'a'), { gap: true });
  send(oneSlot(2, 1, 'b'));
  until(50);
  const doubted = told
    .flatMap(({ parts, ...sum }) => parts ?? [sum])
    .map(({ interval, coverage }) => [
      (interval.startMs - T0) / SLOT_MS,
      ...names(coverage.filter(({ scrapesMissed }) => scrapesMissed > 0)),
    ]);
  t.deepEqual(doubted.slice(0, 4), [[0], [1], [2, 'a', 'b'], [1, 'a', 'b']]);
});

test('what meets its like takes no room of max_received', async (t) => {
  const { send, until, told } = await started({ max_received: 4 });
  until(11);
  for (let i = 0; i < 5; i++) t.is(send(oneSlot(0))?.kind, 'taken');
  t.is(send(oneSlot(0, 1, 'other'))?.kind, 'taken');
  t.is(send(oneSlot(0, 1, 'third'))?.kind, 'retry');
  until(21);
  t.is(successes(told[0]!), 6);
  t.is(
    send(
      traffic(
        slots(1),
        [1, 2, 3, 4].map((i) => calls(`w${i}`, 1)),
        [],
      ),
    )?.kind,
    'taken',
    'all room is free again',
  );
  t.is(send(oneSlot(1, 1, 'fifth'))?.kind, 'retry');
});

for (const [what, endsAt, partial] of [
  ['soon after the newest of them makes its slot incomplete for all', 75, true],
  ['sender_expiration after the newest of them is one of its own targets only', 95, false],
] as const) {
  test(`debts were taken back in other slots, those of the older slots last: a farewell ${what}`, async (t) => {
    const { send, until, told } = await started({ sender_expiration: '32s' });
    until(29);
    send(oneSlot(1));
    until(70.5);
    const twoSlots = (at: number) =>
      traffic(slots(at, at + 2), [calls('web', 2)], [{ ...watched('web', 20), scrapesDue: 2 }]);
    send(twoSlots(4));
    send(twoSlots(2));
    for (let end = 80; end < endsAt; end += 10) {
      until(end + 0.5);
      send(oneSlot(end / 10 - 1));
    }
    until(endsAt + 0.5);
    send(traffic(slots(Math.floor(endsAt / 10), endsAt / 10), [calls('web', 1)], [watched('web', 5)], true));
    until(endsAt + 20);
    const last = told.find(({ interval }) => interval.startMs === slots(Math.floor(endsAt / 10)).startMs)!;
    t.is(last.partial, partial);
    t.is(missedIn(last), partial ? 0 : 1);
  });
}

test('a sender whose clock is ahead has told until the end of the slot in which it is heard, and is missed from then on', async (t) => {
  const { send, until, told } = await started({ max_clock_ahead: '20s' });
  for (const at of [0, 1]) {
    until(at * 10 + 5);
    send(oneSlot(at + 8));
  }
  until(50);
  t.deepEqual(told.map(missedIn), [0, 0, 1, 1]);
  t.deepEqual(told.map(successes), [1, 1, 0, 0]);
});

test('the beginning of a sender whose clock is ahead is no farewell', async (t) => {
  const { send, until, told } = await started({ max_clock_ahead: '20s' });
  until(5);
  send(traffic(slots(8.5, 9), [calls('web', 1)], [watched('web', 5)], true));
  until(40);
  t.deepEqual(told.map(missedIn), [1, 1, 1], 'it began within the first slot, and is silent in those after it');
});
