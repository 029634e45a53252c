/** @module When slots open and close, what they cover, and what is left when targets go. */
import test from 'ava';
import { SmiEngine } from '../../../processors/smi/engine.ts';
import { counter, identity, START, TestTarget, workload } from '../../kit/mesh.ts';

const SLOT = 10_000;
const T0 = 1_000_000_000_000;
const OLD = T0 / 1000 - 3600;

function engine(): SmiEngine {
  return new SmiEngine({
    slotMs: SLOT,
    graceMs: 5000,
    peerPod: false,
    ownExports: new Set(),
    maxRecords: 100,
    watchStartMs: T0,
  });
}

function target(name: string): TestTarget {
  return new TestTarget(identity(name)).series('ok', counter('success', workload('b'))).series('start', START);
}

test('a slot closes at its end when every scrape due in it has ended', (t) => {
  const e = engine();
  const a = target('a');
  e.open(T0, false);
  e.take(
    a.page(
      [
        ['ok', 1],
        ['start', OLD],
      ],
      { scheduledMs: T0 + 3000, nextDueMs: T0 + 13_000 },
    ),
  );
  t.deepEqual(e.close(T0 + 9999), []);
  const [sum] = e.close(T0 + 10_000);
  t.deepEqual(sum!.interval, { startMs: T0, endMs: T0 + SLOT });
  t.false(sum!.partial);
});

test('a slot waits for a scrape that still runs, at the longest a scrape timeout', (t) => {
  const e = engine();
  const a = target('a');
  e.open(T0, false);
  e.take(
    a.page(
      [
        ['ok', 1],
        ['start', OLD],
      ],
      { scheduledMs: T0 - 7000, nextDueMs: T0 + 3000 },
    ),
  );
  t.is(e.close(T0).length, 1, 'the slot of that scrape');
  t.deepEqual(e.close(T0 + 10_000), []);
  t.deepEqual(e.close(T0 + 14_999), []);
  const [sum] = e.close(T0 + 15_000);
  t.like(sum!.coverage[0], { scrapesDue: 1, scrapesMissed: 1 });
  t.is(e.nextDeadlineMs, null);
});

test('a scrape that ends after its slot closed counts once, in the oldest open slot', (t) => {
  const e = engine();
  const a = target('a');
  e.open(T0, false);
  e.take(
    a.page(
      [
        ['ok', 1],
        ['start', OLD],
      ],
      { scheduledMs: T0 - 7000, nextDueMs: T0 + 3000 },
    ),
  );
  e.close(T0 + 15_000);
  e.open(T0 + 15_000, false);
  e.take(
    a.page(
      [
        ['ok', 5],
        ['start', OLD],
      ],
      { scheduledMs: T0 + 3000, startedMs: T0 + 15_100, nextDueMs: T0 + 13_000 },
    ),
  );
  e.take(
    a.page(
      [
        ['ok', 9],
        ['start', OLD],
      ],
      { scheduledMs: T0 + 13_000, nextDueMs: T0 + 23_000 },
    ),
  );
  const [sum] = e.close(T0 + 20_000);
  t.is(sum!.records[0]!.successes, 8);
  t.like(sum!.coverage[0], { scrapesDue: 1, scrapesMissed: 0 });
});

test('an unscheduled scrape belongs to the slot in which it starts and is not due', (t) => {
  const e = engine();
  const a = target('a');
  e.open(T0, false);
  e.take(a.event({ kind: 'discovered' }, { startedMs: T0 + 4000, nextDueMs: T0 + 13_000 }));
  t.deepEqual(e.close(T0 + 10_000), [], 'the first scrape still runs');
  e.take(
    a.page(
      [
        ['ok', 1],
        ['start', OLD],
      ],
      { startedMs: T0 + 4000, nextDueMs: T0 + 13_000 },
    ),
  );
  const [sum] = e.close(T0 + 10_000);
  t.like(sum!.coverage[0], { scrapesDue: 0, scrapesMissed: 0, expectedSeconds: 10, firstSight: true });
});

test('life after the end is not expected, and a target that is gone leaves nothing behind', (t) => {
  const e = engine();
  const a = target('a');
  e.open(T0, false);
  e.take(
    a.page(
      [
        ['ok', 1],
        ['start', OLD],
      ],
      { scheduledMs: T0 + 1000, nextDueMs: T0 + 11_000 },
    ),
  );
  e.take(
    a.page(
      [
        ['ok', 4],
        ['start', OLD],
      ],
      { startedMs: T0 + 6000, nextDueMs: null },
    ),
  );
  e.take(a.event({ kind: 'gone' }, { startedMs: T0 + 6000, nextDueMs: null }));
  const [sum] = e.close(T0 + 10_000);
  t.is(sum!.records[0]!.successes, 3);
  t.is(sum!.coverage[0]!.coveredSeconds, 5);
  t.is(sum!.coverage[0]!.expectedSeconds, 6, 'from the start of the slot: the process is older');
  t.is(e.targets, 0);
  t.is(e.records, 0);
  e.open(T0 + 10_000, false);
  const [next] = e.close(T0 + 20_000);
  t.deepEqual(next!.coverage, []);
  t.deepEqual(next!.records, []);
});

test('cells given back are used again without what was in them', (t) => {
  const e = engine();
  const a = target('a');
  e.open(T0, false);
  e.take(
    a.page(
      [
        ['ok', 7],
        ['start', T0 / 1000],
      ],
      { scheduledMs: T0 + 1000, nextDueMs: T0 + 11_000 },
    ),
  );
  e.take(a.event({ kind: 'gone' }, { startedMs: T0 + 6000, nextDueMs: null }));
  e.close(T0 + 10_000);
  e.open(T0 + 10_000, false);
  const c = target('c');
  e.take(
    c.page(
      [
        ['ok', 2],
        ['start', T0 / 1000 + 8],
      ],
      { scheduledMs: T0 + 11_000, nextDueMs: T0 + 21_000 },
    ),
  );
  const [sum] = e.close(T0 + 20_000);
  t.deepEqual(
    sum!.records.map((r) => [r.key.own.workload.name, r.successes]),
    [['c', 2]],
  );
});

test('an idle series that is still reported gives a record of zeros', (t) => {
  const e = engine();
  const a = target('a');
  e.open(T0, false);
  e.take(
    a.page(
      [
        ['ok', 7],
        ['start', OLD],
      ],
      { scheduledMs: T0 + 1000, nextDueMs: T0 + 11_000 },
    ),
  );
  e.close(T0 + 10_000);
  e.take(
    a.page(
      [
        ['ok', 7],
        ['start', OLD],
      ],
      { scheduledMs: T0 + 11_000, nextDueMs: T0 + 21_000 },
    ),
  );
  const [sum] = e.close(T0 + 20_000);
  t.like(sum!.records[0], { successes: 0, failures: 0, latency: null, tcp: null });
  e.take(a.page([['start', OLD]], { scheduledMs: T0 + 21_000, nextDueMs: T0 + 31_000 }));
  const [gone] = e.close(T0 + 30_000);
  t.deepEqual(gone!.records, []);
});

test('closing by force cuts the open slot at the present instant', (t) => {
  const e = engine();
  const a = target('a');
  e.open(T0, false);
  e.take(
    a.page(
      [
        ['ok', 7],
        ['start', T0 / 1000],
      ],
      { scheduledMs: T0 + 1000, nextDueMs: T0 + 11_000 },
    ),
  );
  const [sum] = e.close(T0 + 4000, true);
  t.deepEqual(sum!.interval, { startMs: T0, endMs: T0 + 4000 });
  t.true(sum!.partial);
  t.is(sum!.coverage[0]!.expectedSeconds, 4);
  t.is(e.oldestEndMs, null);
});

test('a forward jump of time leaves a gap between slots', (t) => {
  const e = engine();
  e.open(T0, false);
  e.open(T0 + 65_000, false);
  const sums = e.close(T0 + 70_000);
  t.deepEqual(
    sums.map((s) => s.interval.startMs),
    [T0, T0 + 60_000],
  );
});

test('two targets of one workload and pod add into one record', (t) => {
  const e = engine();
  const own = identity('a');
  const make = (key: string) =>
    new TestTarget(own, { key }).series('ok', counter('success', workload('b'))).series('start', START);
  const [first, second] = [make('k1'), make('k2')];
  e.open(T0, false);
  for (const a of [first, second])
    e.take(
      a.page(
        [
          ['ok', 3],
          ['start', T0 / 1000],
        ],
        { scheduledMs: T0 + 1000, nextDueMs: T0 + 11_000 },
      ),
    );
  const [sum] = e.close(T0 + 10_000);
  t.deepEqual(
    sum!.records.map((r) => r.successes),
    [6],
  );
  t.is(sum!.coverage.length, 2);
});

test('an id that was released and given to another series starts afresh', (t) => {
  const e = engine();
  const a = target('a');
  e.open(T0, false);
  e.take(
    a.page(
      [
        ['ok', 7],
        ['start', OLD],
      ],
      { scheduledMs: T0 + 1000, nextDueMs: T0 + 11_000 },
    ),
  );
  e.close(T0 + 10_000);
  e.take(a.page([['start', OLD]], { scheduledMs: T0 + 11_000, nextDueMs: T0 + 21_000 }));
  e.close(T0 + 20_000);
  a.target.series.release(0);
  a.series('other', counter('failure', workload('c')));
  t.is(a.target.series.size, 2, 'the id is used again');
  e.take(
    a.page(
      [
        ['other', 4],
        ['start', OLD],
      ],
      { scheduledMs: T0 + 21_000, nextDueMs: T0 + 31_000 },
    ),
  );
  const [sum] = e.close(T0 + 30_000);
  t.deepEqual(
    sum!.records.map((r) => [r.key.peer.workload!.name, r.successes, r.failures]),
    [['c', 0, 4]],
  );
});
