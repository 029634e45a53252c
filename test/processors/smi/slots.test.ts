/** @module When slots open and close, what they cover, and what is left when targets go. */
import test from 'ava';
import { SmiEngine } from '../../../processors/smi/engine.ts';
import { bucket, counter, identity, START, TestTarget, workload } from '../../kit/mesh.ts';

const SLOT = 10_000;
const T0 = 1_000_000_000_000;
const INFINITE = Number.POSITIVE_INFINITY;
const OLD = T0 / 1000 - 3600;

function engine(): SmiEngine {
  return new SmiEngine({
    slotMs: SLOT,
    graceMs: 5000,
    peerPod: false,
    ownExports: new Set(),
    maxRecords: 100,
    maxPastLives: 100,
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

test('a forward step of the wall clock leaves a gap between slots', (t) => {
  const e = engine();
  e.open(T0, false, 0);
  e.open(T0 + 65_000, false, 64_000);
  const sums = e.close(T0 + 70_000);
  t.deepEqual(
    sums.map((s) => s.interval.startMs),
    [T0, T0 + 60_000],
  );
});

test('two targets of one workload that name no pod add into one record', (t) => {
  const e = engine();
  const own = identity('a', '');
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

test('scrapes of a slot that a step of the clock has closed count in the slot that is open now, not in the gap', (t) => {
  const e = engine();
  const [a, c] = [target('a'), target('c')];
  e.open(T0, false, 0);
  for (const one of [a, c]) {
    e.take(
      one.page(
        [
          ['ok', 1],
          ['start', OLD],
        ],
        { scheduledMs: T0 + 1000, nextDueMs: T0 + 8000 },
      ),
    );
  }
  e.open(T0 + 73_000, false, 65_000);
  t.is(e.close(T0 + 73_000).length, 1);
  for (const one of [a, c]) {
    e.take(
      one.page(
        [
          ['ok', 6],
          ['start', OLD],
        ],
        { scheduledMs: T0 + 8000, startedMs: T0 + 73_000, nextDueMs: T0 + 81_000 },
      ),
    );
    t.deepEqual(e.close(T0 + 73_000), []);
  }
  const [sum] = e.close(T0 + 80_000);
  t.is(sum!.interval.startMs, T0 + 70_000);
  t.deepEqual(
    sum!.records.map((r) => r.successes),
    [5, 5],
  );
});

test('a stall of the process leaves no gap: the slots nobody opened close as missed ones', (t) => {
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
  e.open(T0 + 41_500, false);
  const sums = e.close(T0 + 41_500);
  t.deepEqual(
    sums.map((s) => [(s.interval.startMs - T0) / 1000, s.coverage[0]!.scrapesMissed]),
    [
      [0, 0],
      [10, 1],
      [20, 0],
    ],
  );
  e.take(
    a.page(
      [
        ['ok', 31],
        ['start', OLD],
      ],
      { scheduledMs: T0 + 41_000, startedMs: T0 + 41_500, nextDueMs: T0 + 51_000 },
    ),
  );
  const rest = e.close(T0 + 50_000);
  t.deepEqual(
    rest.map((s) => [(s.interval.startMs - T0) / 1000, s.records[0]?.successes ?? 0]),
    [
      [30, 0],
      [40, 30],
    ],
  );
  t.is(rest[1]!.coverage[0]!.coveredSeconds, 40.5);
});

test('the slot in which the watch began starts with it and is partial', (t) => {
  const e = new SmiEngine({
    slotMs: SLOT,
    graceMs: 5000,
    peerPod: false,
    ownExports: new Set(),
    maxRecords: 9,
    maxPastLives: 100,
    watchStartMs: T0 + 7000,
  });
  e.open(T0 + 7000, false);
  const a = target('a');
  e.take(a.event({ kind: 'discovered' }, { startedMs: T0 + 7000, nextDueMs: T0 + 11_000 }));
  e.take(
    a.page(
      [
        ['ok', 1],
        ['start', OLD],
      ],
      { startedMs: T0 + 7000, nextDueMs: T0 + 11_000 },
    ),
  );
  e.open(T0 + 10_000, false);
  e.take(
    a.page(
      [
        ['ok', 1],
        ['start', OLD],
      ],
      { scheduledMs: T0 + 11_000, nextDueMs: T0 + 21_000 },
    ),
  );
  const [first, second] = e.close(T0 + 20_000);
  t.like(first, { interval: { startMs: T0 + 7000, endMs: T0 + 10_000 }, partial: true });
  t.is(first!.coverage[0]!.expectedSeconds, 3);
  t.like(second, { interval: { startMs: T0 + 10_000, endMs: T0 + 20_000 }, partial: false });
});

test('a long-lived target with ever new peers keeps only the records of peers it still shows', (t) => {
  const e = new SmiEngine({
    slotMs: SLOT,
    graceMs: 5000,
    peerPod: false,
    ownExports: new Set(),
    maxRecords: 5,
    maxPastLives: 100,
    watchStartMs: T0,
  });
  const a = new TestTarget(identity('a')).series('start', START);
  let counted = 0;
  for (let k = 0; k < 100; k++) {
    const nowMs = T0 + k * SLOT;
    e.open(nowMs, false);
    a.series(`peer${k}`, counter('success', workload(`peer${k}`)));
    const intake = e.take(
      a.page(
        [
          [`peer${k}`, 7],
          ['start', T0 / 1000],
        ],
        { scheduledMs: nowMs + 1000, nextDueMs: nowMs + SLOT + 1000 },
      ),
    );
    t.is(intake.overLimit, 0, `page ${k}`);
    for (const sum of e.close(nowMs + SLOT)) for (const record of sum.records) counted += record.successes;
    // The scraper forgets a series once everybody has taken a page without it.
    if (k > 0) a.target.series.release(a.idOf(`peer${k - 1}`));
    t.true(e.records <= 3);
  }
  t.is(counted, 700);
});

test('a record whose series are released in mid-slot keeps its counts until the slot is read', (t) => {
  const e = engine();
  const a = new TestTarget(identity('a')).series('start', START).series('ok', counter('success', workload('b')));
  e.open(T0, false);
  e.take(
    a.page(
      [
        ['ok', 7],
        ['start', T0 / 1000],
      ],
      { scheduledMs: T0 + 1000, nextDueMs: T0 + 3000 },
    ),
  );
  e.take(a.page([['start', T0 / 1000]], { scheduledMs: T0 + 3000, nextDueMs: T0 + 5000 }));
  a.target.series.release(a.idOf('ok'));
  a.series('other', counter('success', workload('c')));
  e.take(
    a.page(
      [
        ['other', 2],
        ['start', T0 / 1000],
      ],
      { scheduledMs: T0 + 5000, nextDueMs: T0 + 11_000 },
    ),
  );
  const [sum] = e.close(T0 + SLOT);
  t.deepEqual(sum!.records.map((r) => [r.key.peer.workload!.name, r.successes]).sort(), [
    ['b', 7],
    ['c', 2],
  ]);
});

test('a series refused for want of room starts with a baseline once there is room', (t) => {
  const e = new SmiEngine({
    slotMs: SLOT,
    graceMs: 5000,
    peerPod: false,
    ownExports: new Set(),
    maxRecords: 1,
    maxPastLives: 100,
    watchStartMs: T0,
  });
  const a = new TestTarget(identity('a'))
    .series('start', START)
    .series('b', counter('success', workload('b')))
    .series('c', counter('success', workload('c')));
  const page = (k: number, rows: [string, number][]) => {
    e.open(T0 + k * SLOT, false);
    const intake = e.take(
      a.page([...rows, ['start', T0 / 1000]], {
        scheduledMs: T0 + k * SLOT + 1000,
        nextDueMs: T0 + (k + 1) * SLOT + 1000,
      }),
    );
    const sum = e.close(T0 + (k + 1) * SLOT)[0]!;
    return { intake, counts: sum.records.map((r) => [r.key.peer.workload!.name, r.successes]) };
  };
  t.deepEqual(
    page(0, [
      ['b', 1],
      ['c', 5],
    ]).counts,
    [['b', 1]],
  );
  t.is(
    page(1, [
      ['b', 1],
      ['c', 6],
    ]).intake.overLimit,
    1,
  );
  page(2, [['c', 7]]);
  a.target.series.release(a.idOf('b'));
  page(3, [['c', 8]]);
  const back = page(4, [['c', 9]]);
  t.deepEqual(back, { intake: { ...back.intake, overLimit: 0 }, counts: [['c', 0]] });
  t.deepEqual(page(5, [['c', 12]]).counts, [['c', 3]]);
});

test('a clock set back flags every slot that was under way since the last look, and no slot that was over', (t) => {
  const e = engine();
  const a = target('a');
  const first = a.event({ kind: 'failed', reason: 'timeout' }, { scheduledMs: T0 + 3000, nextDueMs: T0 + 13_000 });
  e.open(T0, false);
  e.take(first);
  e.open(T0 + 10_500, false);
  // The scrape due at 13 s is late, so that both slots are open when the clock is seen to have been set back.
  e.open(T0 + 20_500, true);
  const sums = e.close(T0 + 26_000, true);
  t.deepEqual(
    sums.map(({ interval, clockAhead }) => [interval.startMs - T0, clockAhead]),
    [
      [0, false],
      [10_000, true],
      [20_000, true],
    ],
  );
});

test('a life that leaves discovery and comes back, under whatever labels, is not counted again', (t) => {
  const e = engine();
  let scrapes = 0;
  let counted = 0;
  const live = (a: TestTarget, ok: number) => {
    const nowMs = T0 + scrapes++ * SLOT;
    e.open(nowMs, false);
    e.take(
      a.page(
        [
          ['ok', ok],
          ['start', T0 / 1000 + 1],
        ],
        { scheduledMs: nowMs + 1000, nextDueMs: null },
      ),
    );
    e.take(a.event({ kind: 'gone' }, { startedMs: nowMs + 2000, nextDueMs: null }));
    for (const sum of e.close(nowMs + SLOT)) for (const record of sum.records) counted += record.successes;
  };
  live(target('a'), 1000);
  live(target('a'), 1010);
  live(
    new TestTarget(identity('a', 'a-1', 'x', 'n2'))
      .series('ok', counter('success', workload('b')))
      .series('start', START),
    1010,
  );
  t.is(counted, 1000);
});

test('an address whose process is another one counts from 0', (t) => {
  const e = engine();
  e.open(T0, false);
  for (const [name, start] of [
    ['a', 1],
    ['c', 5],
  ] as const) {
    const a = target(name);
    e.take(
      a.page(
        [
          ['ok', 100],
          ['start', T0 / 1000 + start],
        ],
        { startedMs: T0 + 6000, nextDueMs: null },
      ),
    );
    e.take(a.event({ kind: 'gone' }, { startedMs: T0 + 6000, nextDueMs: null }));
  }
  const [sum] = e.close(T0 + SLOT);
  t.deepEqual(
    sum!.records.map((r) => r.successes),
    [100, 100],
  );
});

test('targets that differ in their node only keep records of their own', (t) => {
  const e = engine();
  e.open(T0, false);
  for (const [node, ok] of [
    ['n1', 30],
    ['n2', 3000],
  ] as const) {
    const a = new TestTarget(identity('a', '', 'x', node), { key: node })
      .series('ok', counter('success', workload('b')))
      .series('start', START);
    e.take(
      a.page(
        [
          ['ok', ok],
          ['start', T0 / 1000],
        ],
        { scheduledMs: T0 + 1000, nextDueMs: T0 + 11_000 },
      ),
    );
  }
  const [sum] = e.close(T0 + SLOT);
  t.deepEqual(
    sum!.records.map((r) => [r.key.own.node, r.successes]),
    [
      ['n1', 30],
      ['n2', 3000],
    ],
  );
});

test('a scrape that comes in at the very instant of the end is in the last slot', (t) => {
  const e = engine();
  const a = target('a');
  e.open(T0, false);
  e.take(
    a.page(
      [
        ['ok', 1],
        ['start', T0 / 1000],
      ],
      { scheduledMs: T0 + 1000, nextDueMs: null },
    ),
  );
  e.close(T0 + SLOT);
  e.open(T0 + SLOT, false);
  e.take(
    a.page(
      [
        ['ok', 1001],
        ['start', T0 / 1000],
      ],
      { startedMs: T0 + SLOT, nextDueMs: null },
    ),
  );
  const [last] = e.close(T0 + SLOT, true);
  t.is(last!.records[0]!.successes, 1000);
  t.true(last!.interval.endMs > last!.interval.startMs);
});

test('what several proxies count of one edge beyond 2^53 is lost, and the engine says how much', (t) => {
  const e = engine();
  e.open(T0, false);
  for (let n = 0; n < 3; n++) {
    const a = target('a')
      .series('le5', bucket(5, workload('b')))
      .series('inf', bucket(INFINITE, workload('b')));
    for (const [count, at] of [
      [0, 1000],
      [2 ** 53, 2000],
    ] as const)
      e.take(
        a.page(
          [
            ['ok', count],
            ['le5', 0],
            ['inf', count],
            ['start', OLD],
          ],
          { scheduledMs: T0 + at, nextDueMs: T0 + 13_000 },
        ),
      );
  }
  const [sum] = e.close(T0 + SLOT);
  const [edge] = sum!.records;
  t.deepEqual([edge?.successes, [...(edge?.latency?.[0]?.counts ?? [])]], [2 ** 53, [0, 2 ** 53]]);
  t.is(e.overflow.counts, 2 * 2 ** 54, 'requests, and their bucket');
});
