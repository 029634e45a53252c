/** @module The delta rules of design §6, one test each. */
import test from 'ava';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { SmiEngine } from '../../../processors/smi/engine.ts';
import { bucket, counter, identity, START, TestTarget, workload } from '../../kit/mesh.ts';

const SLOT = 10_000;
const WATCH = 1_000_000_000_000;

function engine(options: Partial<ConstructorParameters<typeof SmiEngine>[0]> = {}): SmiEngine {
  return new SmiEngine({
    slotMs: SLOT,
    graceMs: 5000,
    peerPod: false,
    ownExports: new Set(),
    maxRecords: 1000,
    maxPastLives: 100,
    watchStartMs: WATCH,
    ...options,
  });
}

/** Scrapes one page per slot, 2 s into it, and closes each slot. Page k is scraped in slot k. */
class Run {
  readonly engine = engine();
  readonly target: TestTarget;
  slot = 0;

  constructor(target: TestTarget) {
    this.target = target;
    this.engine.open(WATCH, false);
    this.engine.take(target.event({ kind: 'discovered' }, { startedMs: WATCH + 500, nextDueMs: WATCH + 2000 }));
  }

  /** Rows of one page → the slot it went into. */
  page(rows: readonly (readonly [string, number])[], skippedLines = 0): TrafficSum {
    const at = this.#times();
    this.engine.take(this.target.page(rows, at, skippedLines));
    return this.#close();
  }

  fail(): TrafficSum {
    this.engine.take(this.target.event({ kind: 'failed', reason: 'timeout' }, this.#times()));
    return this.#close();
  }

  #times() {
    const start = WATCH + this.slot * SLOT;
    return { scheduledMs: start + 2000, nextDueMs: start + SLOT + 2000 };
  }

  #close(): TrafficSum {
    const end = WATCH + ++this.slot * SLOT;
    const sums = this.engine.close(end);
    this.engine.open(end, false);
    return sums[0]!;
  }
}

function successes(sum: TrafficSum): number {
  return sum.records.reduce((total, record) => total + record.successes, 0);
}

const b = workload('b');
const plain = () => new TestTarget(identity('a')).series('ok', counter('success', b)).series('start', START);
const OLD = WATCH / 1000 - 3600;

test('a known series counts the difference to the last good scrape', (t) => {
  const run = new Run(plain());
  run.page([
    ['ok', 100],
    ['start', OLD],
  ]);
  t.is(
    successes(
      run.page([
        ['ok', 130],
        ['start', OLD],
      ]),
    ),
    30,
  );
  t.is(
    successes(
      run.page([
        ['ok', 130],
        ['start', OLD],
      ]),
    ),
    0,
  );
  t.is(
    successes(
      run.page([
        ['ok', 131],
        ['start', OLD],
      ]),
    ),
    1,
  );
});

test('a failed scrape moves nothing and the next good one brings both shares with the longer coverage', (t) => {
  const run = new Run(plain());
  run.page([
    ['ok', 100],
    ['start', OLD],
  ]);
  const missed = run.fail();
  t.is(successes(missed), 0);
  t.like(missed.coverage[0], { scrapesDue: 1, scrapesMissed: 1, coveredSeconds: 0, expectedSeconds: 10 });
  const next = run.page([
    ['ok', 150],
    ['start', OLD],
  ]);
  t.is(successes(next), 50);
  t.like(next.coverage[0], { scrapesDue: 1, scrapesMissed: 0, coveredSeconds: 20, expectedSeconds: 10, resets: 0 });
});

test('a smaller value is a reset and counts whole', (t) => {
  const run = new Run(plain());
  run.page([
    ['ok', 100],
    ['start', OLD],
  ]);
  const sum = run.page([
    ['ok', 7],
    ['start', OLD],
  ]);
  t.is(successes(sum), 7);
  t.is(sum.coverage[0]!.resets, 1);
});

test('a new process start makes every value count from 0, grown ones too', (t) => {
  const run = new Run(plain());
  run.page([
    ['ok', 100],
    ['start', OLD],
  ]);
  const sum = run.page([
    ['ok', 150],
    ['start', OLD + 900],
  ]);
  t.is(successes(sum), 150);
  t.is(sum.coverage[0]!.resets, 1);
});

test('a process start that wobbles within a second is the same life', (t) => {
  const run = new Run(plain());
  run.page([
    ['ok', 100],
    ['start', OLD],
  ]);
  t.is(
    successes(
      run.page([
        ['ok', 150],
        ['start', OLD + 0.7],
      ]),
    ),
    50,
  );
});

test('one falling bucket resets its whole histogram and no other counter', (t) => {
  const target = plain();
  for (const bound of [1, 10, Number.POSITIVE_INFINITY]) target.series(`le${bound}`, bucket(bound, b));
  const run = new Run(target);
  run.page([
    ['ok', 10],
    ['le1', 5],
    ['le10', 8],
    ['leInfinity', 10],
    ['start', OLD],
  ]);
  // le1 fell, le10 and +Inf grew past their old values: all three count their new value.
  const sum = run.page([
    ['ok', 12],
    ['le1', 4],
    ['le10', 9],
    ['leInfinity', 12],
    ['start', OLD],
  ]);
  t.deepEqual([...sum.records[0]!.latency![0]!.counts], [4, 5, 3]);
  t.is(successes(sum), 2);
});

test('a series evicted from a good page counts from 0 when it comes back', (t) => {
  const run = new Run(plain());
  run.page([
    ['ok', 100],
    ['start', OLD],
  ]);
  t.is(successes(run.page([['start', OLD]])), 0);
  t.is(
    successes(
      run.page([
        ['ok', 120],
        ['start', OLD],
      ]),
    ),
    120,
  );
});

test('on a page with a skipped line no series counts as vanished', (t) => {
  const run = new Run(plain());
  run.page([
    ['ok', 100],
    ['start', OLD],
  ]);
  t.is(successes(run.page([['start', OLD]], 1)), 0);
  t.is(
    successes(
      run.page([
        ['ok', 120],
        ['start', OLD],
      ]),
    ),
    20,
  );
});

test('a histogram with an unreadable bucket stands still whole and catches up whole', (t) => {
  const target = plain();
  for (const bound of [1, 10, Number.POSITIVE_INFINITY]) target.series(`le${bound}`, bucket(bound, b));
  const run = new Run(target);
  run.page([
    ['le1', 5],
    ['le10', 8],
    ['leInfinity', 10],
    ['start', OLD],
  ]);
  const skipped = run.page(
    [
      ['le1', 6],
      ['leInfinity', 12],
      ['start', OLD],
    ],
    1,
  );
  t.is(skipped.records[0]!.latency, null);
  const bad = run.page([
    ['le1', 6],
    ['le10', Number.NaN],
    ['leInfinity', 12],
    ['start', OLD],
  ]);
  t.is(bad.records[0]!.latency, null);
  const good = run.page([
    ['le1', 7],
    ['le10', 11],
    ['leInfinity', 14],
    ['start', OLD],
  ]);
  t.deepEqual([...good.records[0]!.latency![0]!.counts], [2, 1, 1]);
});

test('a histogram that vanishes whole from a good page counts from 0 when it is back', (t) => {
  const target = plain();
  for (const bound of [1, 10, Number.POSITIVE_INFINITY]) target.series(`le${bound}`, bucket(bound, b));
  const run = new Run(target);
  const page = (counts: readonly number[]) =>
    run.page([
      ...counts.map((count, i) => [['le1', 'le10', 'leInfinity'][i]!, count] as const),
      ['ok', 100],
      ['start', OLD],
    ]);
  page([5, 8, 10]);
  t.is(page([]).records[0]?.latency ?? null, null);
  t.deepEqual([...page([6, 9, 12]).records[0]!.latency![0]!.counts], [6, 3, 3]);
});

test('a bad value leaves the last good one, also before any whole page was seen, and a new series as it was', (t) => {
  const cut = new Run(plain());
  cut.page(
    [
      ['ok', 100],
      ['start', OLD],
    ],
    1,
  );
  t.is(
    successes(
      cut.page(
        [
          ['ok', Number.NaN],
          ['start', OLD],
        ],
        1,
      ),
    ),
    0,
  );
  t.is(
    successes(
      cut.page(
        [
          ['ok', 105],
          ['start', OLD],
        ],
        1,
      ),
    ),
    5,
  );
  const whole = new Run(plain().series('other', counter('success', workload('c'))));
  whole.page([
    ['ok', 100],
    ['start', OLD],
  ]);
  t.is(
    successes(
      whole.page([
        ['ok', 100],
        ['other', -1],
        ['start', OLD],
      ]),
    ),
    0,
  );
  t.is(
    successes(
      whole.page([
        ['ok', 100],
        ['other', 7],
        ['start', OLD],
      ]),
    ),
    7,
  );
});

test('a new series on a watched target counts from 0', (t) => {
  const target = plain().series('other', counter('success', workload('c')));
  const run = new Run(target);
  run.page([
    ['ok', 100],
    ['start', OLD],
  ]);
  t.is(
    successes(
      run.page([
        ['ok', 100],
        ['other', 40],
        ['start', OLD],
      ]),
    ),
    40,
  );
});

test('a series that a skipped line may have hidden at first sight is only baselined', (t) => {
  const run = new Run(plain());
  run.page([['start', OLD]], 1);
  const sum = run.page([
    ['ok', 5000],
    ['start', OLD],
  ]);
  t.is(successes(sum), 0);
  t.is(sum.coverage[0]!.resets, 1);
  t.is(
    successes(
      run.page([
        ['ok', 5003],
        ['start', OLD],
      ]),
    ),
    3,
  );
});

test('a value that cannot be read at first sight is baselined by the next good one', (t) => {
  const run = new Run(plain());
  run.page([
    ['ok', Number.NaN],
    ['start', OLD],
  ]);
  t.is(
    successes(
      run.page([
        ['ok', 5000],
        ['start', OLD],
      ]),
    ),
    0,
  );
  t.is(
    successes(
      run.page([
        ['ok', 5003],
        ['start', OLD],
      ]),
    ),
    3,
  );
});

test('first sight of an old life is a baseline', (t) => {
  const run = new Run(plain());
  const sum = run.page([
    ['ok', 100],
    ['start', OLD],
  ]);
  t.is(successes(sum), 0);
  t.like(sum.coverage[0], { firstSight: true, coveredSeconds: 0, expectedSeconds: 10 });
});

test('first sight without a start series is a baseline that is expected since its discovery', (t) => {
  const sum = new Run(plain()).page([['ok', 100]]);
  t.is(successes(sum), 0);
  t.like(sum.coverage[0], { firstSight: true, expectedSeconds: 9.5 });
});

test('first sight of a life begun under watch counts from 0 and covers since its start', (t) => {
  const run = new Run(plain());
  const sum = run.page([
    ['ok', 100],
    ['start', WATCH / 1000 + 1],
  ]);
  t.is(successes(sum), 100);
  t.like(sum.coverage[0], { firstSight: false, coveredSeconds: 1, expectedSeconds: 9, resets: 0 });
});

test('a life begun at most a second before the watch counts as begun under it', (t) => {
  t.is(
    successes(
      new Run(plain()).page([
        ['ok', 100],
        ['start', WATCH / 1000 - 0.9],
      ]),
    ),
    100,
  );
  t.is(
    successes(
      new Run(plain()).page([
        ['ok', 100],
        ['start', WATCH / 1000 - 1.1],
      ]),
    ),
    0,
  );
});

test('a start in the future counts as now', (t) => {
  const run = new Run(plain());
  const sum = run.page([
    ['ok', 100],
    ['start', WATCH / 1000 + 50],
  ]);
  t.is(successes(sum), 100);
  t.is(sum.coverage[0]!.coveredSeconds, 0);
  t.is(sum.coverage[0]!.expectedSeconds, 8);
});

test('a life that began in a slot already closed is expected where its counts are', (t) => {
  const run = new Run(plain());
  run.fail();
  run.fail();
  const sum = run.page([
    ['ok', 100],
    ['start', WATCH / 1000 + 5],
  ]);
  t.is(successes(sum), 100);
  // Scraped 22 s into the watch: covers 17 s; expected is its whole life so far, 25 s of the 30 s.
  t.is(sum.coverage[0]!.coveredSeconds, 17);
  t.is(sum.coverage[0]!.expectedSeconds, 25);
});

test('duplicates are summed; a change of their number baselines the counter anew', (t) => {
  const run = new Run(plain());
  run.page([
    ['ok', 10],
    ['ok', 20],
    ['start', OLD],
  ]);
  t.is(
    successes(
      run.page([
        ['ok', 11],
        ['ok', 25],
        ['start', OLD],
      ]),
    ),
    6,
  );
  const changed = run.page([
    ['ok', 40],
    ['start', OLD],
  ]);
  t.is(successes(changed), 0);
  t.is(changed.coverage[0]!.resets, 1);
  t.is(
    successes(
      run.page([
        ['ok', 43],
        ['start', OLD],
      ]),
    ),
    3,
  );
});

for (const [name, bad] of [
  ['NaN', Number.NaN],
  ['negative', -5],
  ['above 2^53', 2 ** 54],
  ['+Inf', Number.POSITIVE_INFINITY],
] as const) {
  test(`a value that is ${name} is ignored and the last good one stands`, (t) => {
    const run = new Run(plain());
    run.page([
      ['ok', 100],
      ['start', OLD],
    ]);
    t.is(
      successes(
        run.page([
          ['ok', bad],
          ['start', OLD],
        ]),
      ),
      0,
    );
    t.is(
      successes(
        run.page([
          ['ok', 110],
          ['start', OLD],
        ]),
      ),
      10,
    );
  });
}

test('a bad value in a new life leaves nothing of the old one', (t) => {
  const run = new Run(plain());
  run.page([
    ['ok', 100],
    ['start', OLD],
  ]);
  run.page([
    ['ok', Number.NaN],
    ['start', OLD + 900],
  ]);
  t.is(
    successes(
      run.page([
        ['ok', 150],
        ['start', OLD + 900],
      ]),
    ),
    150,
  );
});

test('own exports are filtered and counted, not added', (t) => {
  const target = plain().series('own', counter('success', workload('kafka', 'data'), 'client', { service: 'kafka' }));
  const only = engine({ ownExports: new Set(['data/kafka']) });
  only.open(WATCH, false);
  only.take(
    target.page(
      [
        ['ok', 1],
        ['own', 5],
        ['start', OLD],
      ],
      { scheduledMs: WATCH + 1000, nextDueMs: WATCH + 11_000 },
    ),
  );
  const intake = only.take(
    target.page(
      [
        ['ok', 2],
        ['own', 9],
        ['start', OLD],
      ],
      { scheduledMs: WATCH + 11_000 },
    ),
  );
  t.deepEqual(intake, { merged: 2, badValues: 0, ownExports: 1, overLimit: 0, unproven: 0, badSeries: null });
});

test('records above the limit are counted as dropped and the others go on', (t) => {
  const target = plain().series('other', counter('success', workload('c')));
  const small = engine({ maxRecords: 1 });
  small.open(WATCH, false);
  small.take(
    target.page(
      [
        ['ok', 1],
        ['other', 5],
        ['start', WATCH / 1000],
      ],
      { scheduledMs: WATCH + 1000 },
    ),
  );
  t.is(small.records, 1);
  t.is(successes(small.close(WATCH + SLOT, true)[0]!), 1);
});

test('a start further ahead than clocks differ proves nothing: the first sight is a baseline', (t) => {
  const sum = new Run(plain()).page([
    ['ok', 1_000_000],
    ['start', WATCH / 1000 + 3600],
  ]);
  t.is(successes(sum), 0);
  t.true(sum.coverage[0]!.firstSight);
});

test('a page that tells two starts tells none, and the life goes on', (t) => {
  const run = new Run(plain());
  run.page([
    ['ok', 5000],
    ['start', OLD],
  ]);
  t.is(
    successes(
      run.page([
        ['ok', 5010],
        ['start', OLD],
        ['start', OLD],
      ]),
    ),
    10,
  );
  t.is(
    successes(
      run.page([
        ['ok', 5020],
        ['start', OLD],
      ]),
    ),
    10,
  );
});

test('a start that wanders while the process is seen alive is no new life', (t) => {
  const run = new Run(plain());
  run.page([
    ['ok', 5000],
    ['start', OLD],
  ]);
  run.page([
    ['ok', 5010],
    ['start', OLD],
  ]);
  t.is(
    successes(
      run.page([
        ['ok', 5020],
        ['start', OLD + 3],
      ]),
    ),
    10,
  );
  t.is(
    successes(
      run.page([
        ['ok', 5030],
        ['start', OLD - 4000],
      ]),
    ),
    10,
  );
});

/** Cumulative buckets 1, 10, +Inf far along, all growing by the same requests in (1, 10]. */
function histogramRun() {
  const target = plain();
  for (const bound of [1, 10, Number.POSITIVE_INFINITY]) target.series(`le${bound}`, bucket(bound, b));
  const run = new Run(target);
  const page = (requests: number, without: readonly string[] = []) =>
    run.page(
      (
        [
          ['le1', 1000],
          ['le10', 2000 + requests],
          ['leInfinity', 2000 + requests],
          ['start', OLD],
        ] as const
      ).filter(([name]) => !without.includes(name)),
    );
  page(0);
  return { page, counts: (sum: TrafficSum) => [...(sum.records.find((r) => r.latency)?.latency?.[0]?.counts ?? [])] };
}

test('a histogram that lacks a bucket on one good page stands still and catches up whole', (t) => {
  const { page, counts } = histogramRun();
  t.deepEqual(counts(page(10)), [0, 10, 0]);
  t.deepEqual(counts(page(20, ['le10'])), []);
  t.deepEqual(counts(page(30)), [0, 20, 0]);
});

test('a bucket that stays away is gone after a page more: the rest goes on, and its history is not counted on return', (t) => {
  const { page, counts } = histogramRun();
  t.deepEqual(counts(page(10, ['le10'])), []);
  t.deepEqual(counts(page(20, ['le10'])), [0, 0, 20]);
  t.deepEqual(counts(page(30, ['le10'])), [0, 0, 10]);
  const back = page(40);
  t.is(back.coverage[0]!.resets, 1);
  t.deepEqual(counts(back), [0, 0, 10]);
  t.deepEqual(counts(page(50)), [0, 10, 0]);
});

test('a new life leaves nothing of a series that its first page lacks, though a skipped line may have hidden it', (t) => {
  const run = new Run(plain());
  run.page([
    ['ok', 100],
    ['start', OLD],
  ]);
  t.is(successes(run.page([['start', OLD + 900]], 1)), 0);
  const sum = run.page([
    ['ok', 120],
    ['start', OLD + 900],
  ]);
  t.is(successes(sum), 120);
  t.is(sum.coverage[0]!.resets, 0);
});
