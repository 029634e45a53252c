/** @module Rules by which what a Collector sends of a mesh's proxies is counted: one row of docs/semantics.md, one test. */
import test from 'ava';
import {
  CUMULATIVE,
  countsOf,
  createStage,
  DELTA,
  gauge,
  histogram,
  OUTBOUND,
  requestOf,
  SETTLED_MS,
  type Stage,
  type StageOptions,
  sum,
  WATCH_MS,
} from './samples-stage.ts';

const REQUESTS = 'response_total';
const START = 'process_start_time_seconds';
const OTHER = { ...OUTBOUND, dst_deployment: 'auth' };

/** Sends a request that comes a tenth of a second after `at` (seconds since the watch began). */
async function come(stage: Stage, at: number, metrics: readonly object[], resource?: Record<string, string>) {
  stage.goTo(at, 100);
  return stage.send(requestOf(metrics, resource));
}

/** Values of one series by the second of their scrape, each in a request of its own. */
async function counted(
  values: readonly (readonly [at: number, value: number, from?: number])[],
  temporality = CUMULATIVE,
  more: (at: number) => readonly object[] = () => [],
  options: StageOptions = {},
) {
  const stage = await createStage(options);
  for (const [at, value, from] of values) {
    const point = { at, temporality, ...(from === undefined ? {} : { from }) };
    await come(stage, at, [sum(REQUESTS, value, point), ...more(at)]);
  }
  return finish(stage);
}

/** Slots until the one in which something last came; in those after it the proxy is missed. */
function finish(stage: Stage) {
  const lastSeconds = (stage.time.nowMs() - WATCH_MS) / 1000;
  stage.clock.advance(40_000);
  return countsOf(stage.sums).filter(({ at }) => at <= lastSeconds);
}

const FIRST = { at: 0, count: 0, complete: false };
const oldStart = (at: number) => [gauge(START, WATCH_MS / 1000 - 3600, { at })];

// --- Cumulative values -------------------------------------------------------------------------------------------------

test('a cumulative value counts by its difference to the last one; the first of an old proxy counts nothing', async (t) => {
  const slots = await counted(
    [
      [5, 100],
      [15, 103],
      [25, 110],
    ],
    CUMULATIVE,
    oldStart,
  );
  t.deepEqual(slots, [FIRST, { at: 10, count: 3, complete: true }, { at: 20, count: 7, complete: true }]);
});

test('the first value of a proxy that began under watch counts whole', async (t) => {
  const slots = await counted([[15, 100]], CUMULATIVE, (at) => [gauge(START, WATCH_MS / 1000 + 8, { at })]);
  t.deepEqual(slots, [{ at: 10, count: 100, complete: true }]);
});

test('a smaller value is a reset and counts whole', async (t) => {
  const slots = await counted([
    [5, 100],
    [15, 4],
  ]);
  t.deepEqual(slots, [FIRST, { at: 10, count: 4, complete: false }]);
});

test('another start of the process counts all from 0, greater values too', async (t) => {
  const slots = await counted(
    [
      [5, 100],
      [15, 120],
    ],
    CUMULATIVE,
    (at) => [gauge(START, WATCH_MS / 1000 + (at < 10 ? -3600 : 9), { at })],
  );
  t.deepEqual(slots, [FIRST, { at: 10, count: 120, complete: false }]);
});

const ENVOY_CLUSTER = {
  envoy_cluster_name: 'outbound|80||api.shop.svc.cluster.local',
  envoy_response_code_class: '2',
};

/** Signs of the process at 5 s and at 15 s, the name of a counter that is at 100 and then at 120, and what of it counts. */
const PROCESSES: readonly (readonly [
  what: string,
  signs: (at: number) => readonly object[],
  counter: (value: number, at: number) => object,
  count: number,
])[] = [
  [
    'an uptime that is shorter',
    (at) => [gauge('envoy_server_uptime', at < 10 ? 3600 : 4, { at })],
    (value, at) => sum('envoy_cluster_upstream_rq_xx', value, { at }, ENVOY_CLUSTER),
    121,
  ],
  [
    'another restart epoch',
    (at) => [
      gauge('envoy_server_uptime', 3600 + at, { at }),
      gauge('envoy_server_hot_restart_epoch', at < 10 ? 0 : 1, { at }),
    ],
    (value, at) => sum('envoy_cluster_upstream_rq_xx', value, { at }, ENVOY_CLUSTER),
    121,
  ],
  [
    'a later start',
    (at) => [gauge(START, WATCH_MS / 1000 + (at < 10 ? -3600 : 8), { at })],
    (value, at) => sum(REQUESTS, value, { at }),
    121,
  ],
  [
    'the same process',
    (at) => [gauge('envoy_server_uptime', 3600 + at, { at }), gauge('envoy_server_hot_restart_epoch', 3, { at })],
    (value, at) => sum('envoy_cluster_upstream_rq_xx', value, { at }, ENVOY_CLUSTER),
    21,
  ],
];

for (const [what, signs, counter, count] of PROCESSES) {
  test(`where the proxy tells ${what}, ${count} of a counter count that went from 100 to 121, in whatever part that stands`, async (t) => {
    for (const order of ['first', 'alone before', 'alone after']) {
      const stage = await createStage();
      await come(stage, 5, [...signs(5), counter(100, 5)]);
      const parts = [signs(15), [counter(120, 15)]];
      if (order === 'alone after') parts.reverse();
      for (const part of order === 'first' ? [parts.flat()] : parts) await come(stage, 15, part);
      await come(stage, 25, [...signs(15).slice(1), counter(121, 25)]);
      const slots = finish(stage);
      t.is(
        slots.reduce((total, slot) => total + slot.count, 0),
        count,
        order,
      );
      if (order !== 'alone after') t.deepEqual(slots[1], { at: 10, count: count - 1, complete: count === 21 });
      t.is(stage.balance.unaccounted, 0);
    }
  });
}

for (const [what, first, next, count] of [
  ['a delta after a running total', { value: 3, temporality: DELTA }, { value: 4, temporality: DELTA }, 17],
  ['a delta, and nothing after it', { value: 3, temporality: DELTA }, null, 13],
  ['a value that cannot be', { value: Number.NaN, temporality: CUMULATIVE }, { value: 6, temporality: CUMULATIVE }, 16],
  ['a value that fell', { value: 5, temporality: CUMULATIVE }, { value: 6, temporality: CUMULATIVE }, 16],
  ['the same value', { value: 110, temporality: CUMULATIVE }, { value: 112, temporality: CUMULATIVE }, 122],
] as const) {
  test(`what comes of a scrape before its new process is told counts once: ${what}`, async (t) => {
    const stage = await createStage();
    const start = (at: number, seconds: number) => gauge(START, WATCH_MS / 1000 + seconds, { at });
    const point = ({ value, temporality }: NonNullable<typeof first | typeof next>, at: number) =>
      sum(REQUESTS, value, { at, from: at - 10, temporality });
    await come(stage, 5, [start(5, -3600), sum(REQUESTS, 100, { at: 5 })]);
    await come(stage, 15, [start(15, -3600), sum(REQUESTS, 110, { at: 15 })]);
    await come(stage, 25, [point(first, 25)]);
    await come(stage, 25, [start(25, 18)]);
    await come(stage, 35, [start(35, 18), next === null ? sum(REQUESTS, 0, { at: 35 }, OTHER) : point(next, 35)]);
    t.is(
      finish(stage).reduce((total, slot) => total + slot.count, 0),
      count,
    );
    t.is(stage.balance.unaccounted, 0);
    t.is(stage.smiBalance.unaccounted, 0);
  });
}

test('an Envoy that has just begun is the same one in each part of its next scrape, wherever its uptime stands', async (t) => {
  for (const isLate of [false, true]) {
    const stage = await createStage();
    for (const [at, value] of [
      [15, 100],
      [25, 107],
      [35, 108],
    ] as const) {
      const parts = [
        [gauge('envoy_server_uptime', at - 12, { at })],
        [sum('envoy_cluster_upstream_rq_xx', value, { at }, ENVOY_CLUSTER)],
      ];
      if (isLate) parts.reverse();
      for (const part of at === 15 ? [parts.flat()] : parts) await come(stage, at, part);
    }
    t.deepEqual(finish(stage), [
      { at: 10, count: 100, complete: true },
      { at: 20, count: 7, complete: true },
      { at: 30, count: 1, complete: true },
    ]);
  }
});

test('starts that a restarted Collector makes up are no reset', async (t) => {
  const slots = await counted([
    [5, 100, 5],
    [15, 110, 5],
    // It was restarted: the first point of each series starts when it is.
    [25, 130, 25],
    [35, 131, 25],
  ]);
  t.deepEqual(
    slots.map(({ count }) => count),
    [0, 10, 20, 1],
  );
  t.deepEqual(
    slots.map(({ complete }) => complete),
    [false, true, true, true],
  );
});

test('a start between the last point and this one is a reset, unless the proxy itself tells that it lives on', async (t) => {
  const values = [
    [5, 100, 1],
    [15, 120, 12],
    [25, 121, 12],
  ] as const;
  t.deepEqual(await counted(values), [
    FIRST,
    { at: 10, count: 120, complete: false },
    { at: 20, count: 1, complete: true },
  ]);
  t.deepEqual(await counted(values, CUMULATIVE, oldStart), [
    FIRST,
    { at: 10, count: 20, complete: true },
    { at: 20, count: 1, complete: true },
  ]);
});

test('a series that is new on a known proxy counts whole', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [sum(REQUESTS, 100, { at: 5 })]);
  await come(stage, 15, [sum(REQUESTS, 101, { at: 15 }), sum(REQUESTS, 7, { at: 15 }, OTHER)]);
  t.deepEqual(finish(stage), [FIRST, { at: 10, count: 8, complete: true }]);
});

test('values that cannot be are ignored and counted, the last good one stands', async (t) => {
  for (const bad of [Number.NaN, -1, 2 ** 53 + 2, Number.POSITIVE_INFINITY]) {
    const stage = await createStage();
    await come(stage, 5, [sum(REQUESTS, 100, { at: 5 })]);
    await come(stage, 15, [sum(REQUESTS, bad, { at: 15 })]);
    await come(stage, 25, [sum(REQUESTS, 103, { at: 25 })]);
    t.deepEqual(finish(stage), [FIRST, { at: 20, count: 3, complete: true }], `${bad}`);
    t.is(stage.smiBalance.filtered.get('bad_value'), 1);
  }
});

// --- Deltas ------------------------------------------------------------------------------------------------------------

test('a delta counts whole, the first too, and covers its own interval', async (t) => {
  const stage = await createStage();
  await come(stage, 15, [sum(REQUESTS, 5, { at: 15, from: 10, temporality: DELTA })]);
  await come(stage, 25, [sum(REQUESTS, 7, { at: 25, from: 15, temporality: DELTA })]);
  t.deepEqual(finish(stage), [
    { at: 10, count: 5, complete: false },
    { at: 20, count: 7, complete: true },
  ]);
  const covered = stage.sums.map(({ coverage }) => coverage.reduce((total, one) => total + one.coveredSeconds, 0));
  t.deepEqual(covered.slice(1, 3), [5, 10]);
});

test('a delta of an interval that was counted is a repeat, and so is one that overlaps it', async (t) => {
  const stage = await createStage();
  const request = [sum(REQUESTS, 5, { at: 15, from: 5, temporality: DELTA })];
  await come(stage, 15, request);
  await come(stage, 15, request);
  await come(stage, 25, [sum(REQUESTS, 9, { at: 25, from: 14, temporality: DELTA })]);
  await come(stage, 25, [sum(REQUESTS, 3, { at: 15, from: 15, temporality: DELTA })]);
  t.is(
    finish(stage).reduce((total, { count }) => total + count, 0),
    5,
  );
  t.is(stage.balance.filtered.get('repeat'), 3);
  t.is(stage.balance.unaccounted, 0);
});

test('a time that no delta tells of makes its slot incomplete and is not covered', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [sum(REQUESTS, 1, { at: 5, from: 0, temporality: DELTA })]);
  await come(stage, 15, [sum(REQUESTS, 2, { at: 15, from: 12, temporality: DELTA })]);
  t.deepEqual(finish(stage), [
    { at: 0, count: 1, complete: false },
    { at: 10, count: 2, complete: false },
  ]);
  t.is(stage.sums[1]?.coverage[0]?.coveredSeconds, 3);
});

test('a series that tells only now and then leaves no gap while others of its proxy tell', async (t) => {
  const stage = await createStage();
  const delta = (at: number) => ({ at, from: at - 10, temporality: DELTA });
  await come(stage, 15, [sum(REQUESTS, 1, delta(15)), sum(REQUESTS, 1, delta(15), OTHER)]);
  await come(stage, 25, [sum(REQUESTS, 1, delta(25))]);
  await come(stage, 35, [sum(REQUESTS, 1, delta(35)), sum(REQUESTS, 4, delta(35), OTHER)]);
  t.deepEqual(finish(stage).slice(-2), [
    { at: 20, count: 1, complete: true },
    { at: 30, count: 5, complete: true },
  ]);
});

test('deltas without a start follow one another', async (t) => {
  const slots = await counted(
    [
      [5, 1],
      [15, 2],
    ],
    DELTA,
  );
  t.deepEqual(
    slots.map(({ count }) => count),
    [1, 2],
  );
});

test('deltas that cannot be are left out and counted; sums beyond 2^53 go on', async (t) => {
  const stage = await createStage();
  const delta = (at: number) => ({ at, from: at - 10, temporality: DELTA });
  for (const [at, value] of [
    [15, 1],
    [25, -1],
    [35, Number.NaN],
    [45, 2 ** 53],
    [55, 2 ** 52],
    [65, 2 ** 53 + 2],
  ] as const)
    await come(stage, at, [sum(REQUESTS, value, delta(at))]);
  t.deepEqual(
    finish(stage).map(({ count }) => count),
    [0, 1, 2 ** 53, 2 ** 52],
  );
  t.is(stage.balance.filtered.get('bad_value'), 3);
});

test('running totals after deltas begin where these stand, and deltas after running totals are added', async (t) => {
  const stage = await createStage();
  await come(stage, 15, [sum(REQUESTS, 5, { at: 15, from: 5, temporality: DELTA })]);
  await come(stage, 25, [sum(REQUESTS, 100, { at: 25 })]);
  await come(stage, 35, [sum(REQUESTS, 107, { at: 35 })]);
  await come(stage, 45, [sum(REQUESTS, 3, { at: 45, from: 35, temporality: DELTA })]);
  t.deepEqual(
    finish(stage).map(({ at, count }) => [at, count]),
    [
      [0, 0],
      [10, 5],
      [30, 7],
      [40, 3],
    ],
  );
});

// --- Series that end, and scrapes that fail ------------------------------------------------------------------------------

test('a series marked as ended counts from 0 when it is back', async (t) => {
  const stage = await createStage();
  const both = (at: number, value: number, options = {}) => [
    gauge('up', 1, { at }),
    sum(REQUESTS, 100, { at }),
    sum(REQUESTS, value, { at, ...options }, OTHER),
  ];
  await come(stage, 5, both(5, 50));
  await come(stage, 15, both(15, 0, { stale: true }));
  await come(stage, 25, both(25, 60));
  t.deepEqual(finish(stage), [FIRST, { at: 20, count: 60, complete: true }]);
});

test('a series that is only absent has not ended', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [sum(REQUESTS, 100, { at: 5 }), sum(REQUESTS, 50, { at: 5 }, OTHER)]);
  await come(stage, 15, [sum(REQUESTS, 101, { at: 15 })]);
  await come(stage, 25, [sum(REQUESTS, 101, { at: 25 }), sum(REQUESTS, 53, { at: 25 }, OTHER)]);
  t.deepEqual(finish(stage), [FIRST, { at: 10, count: 1, complete: true }, { at: 20, count: 3, complete: true }]);
});

test('a series of which nothing came for 8 scrapes and more is over', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [sum(REQUESTS, 100, { at: 5 }), sum(REQUESTS, 50, { at: 5 }, OTHER)]);
  for (let at = 15; at <= 185; at += 10) await come(stage, at, [sum(REQUESTS, 100, { at })]);
  await come(stage, 195, [sum(REQUESTS, 100, { at: 195 }), sum(REQUESTS, 60, { at: 195 }, OTHER)]);
  t.deepEqual(finish(stage).at(-1), { at: 190, count: 60, complete: true });
});

test('marks of a failed scrape end nothing, whatever part of it comes first', async (t) => {
  const up = gauge('up', 0, { at: 15 });
  const mark = sum(REQUESTS, 0, { at: 15, stale: true });
  for (const parts of [[[up, mark]], [[up], [mark]], [[mark], [up]], [[mark]]]) {
    const stage = await createStage();
    await come(stage, 5, [sum(REQUESTS, 100, { at: 5 })]);
    for (const part of parts) await come(stage, 15, part);
    await come(stage, 25, [gauge('up', 1, { at: 25 }), sum(REQUESTS, 108, { at: 25 })]);
    t.deepEqual(finish(stage), [FIRST, { at: 10, count: 0, complete: false }, { at: 20, count: 8, complete: true }]);
    const failures = stage.seen.filter(({ kind }) => kind === 'failed').map(({ scheduledMs }) => scheduledMs);
    t.deepEqual(failures.slice(0, failures.indexOf(WATCH_MS + 35_000)), [WATCH_MS + 15_000]);
    t.is(stage.sums[2]?.coverage[0]?.coveredSeconds, 20);
  }
});

test('a first good scrape that comes after a later one has failed is the first, and the next one is not', async (t) => {
  const stage = await createStage();
  await come(stage, 15, [gauge('up', 0, { at: 15 })]);
  await come(stage, 15.5, [sum(REQUESTS, 5, { at: 5, from: 0, temporality: DELTA })]);
  await come(stage, 25, [sum(REQUESTS, 7, { at: 25, from: 15, temporality: DELTA })]);
  const slots = finish(stage);
  t.is(
    slots.reduce((total, { count }) => total + count, 0),
    12,
  );
  t.deepEqual(slots.at(-1), { at: 20, count: 7, complete: true });
  t.is(stage.sums[2]?.coverage[0]?.scrapesDue, 1);
});

test('a series marked in a failed scrape and missing in the good one after it is over', async (t) => {
  const stage = await createStage();
  const good = (at: number) => [gauge('up', 1, { at }), sum(REQUESTS, 100, { at })];
  await come(stage, 5, [...good(5), sum(REQUESTS, 50, { at: 5 }, OTHER)]);
  await come(stage, 15, [
    gauge('up', 0, { at: 15 }),
    sum(REQUESTS, 0, { at: 15, stale: true }),
    sum(REQUESTS, 0, { at: 15, stale: true }, OTHER),
  ]);
  for (const at of [25, 35]) await come(stage, at, good(at));
  await come(stage, 45, [...good(45), sum(REQUESTS, 60, { at: 45 }, OTHER)]);
  t.deepEqual(finish(stage).at(-1), { at: 40, count: 60, complete: true });
});

test('a scrape of which nothing came makes its slot incomplete, and the next one brings both shares', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [sum(REQUESTS, 100, { at: 5 })]);
  await come(stage, 15, [sum(REQUESTS, 101, { at: 15 })]);
  await come(stage, 45, [sum(REQUESTS, 131, { at: 45 })]);
  t.deepEqual(finish(stage), [
    FIRST,
    { at: 10, count: 1, complete: true },
    { at: 20, count: 0, complete: false },
    { at: 30, count: 0, complete: false },
    { at: 40, count: 30, complete: true },
  ]);
  t.is(stage.sums[4]?.coverage[0]?.coveredSeconds, 30);
});

test('a scrape is told as missed one and a half intervals after it was due', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [sum(REQUESTS, 100, { at: 5 })]);
  const missed = () =>
    stage.seen.filter(({ kind }) => kind === 'failed').map(({ scheduledMs }) => scheduledMs! - WATCH_MS);
  stage.clock.advance(24_800);
  t.deepEqual(missed(), [], 'due at 15 s, it is 29.9 s');
  stage.clock.advance(5300);
  t.deepEqual(missed(), [15_000], 'whoever looks, does so each half interval');
  stage.clock.advance(10_000);
  t.deepEqual(missed(), [15_000, 25_000]);
});

test('a proxy of which nothing comes for target_expiration is gone, and first seen anew when it is back', async (t) => {
  const stage = await createStage({ config: { target_expiration: '60s' } });
  await come(stage, 5, [sum(REQUESTS, 100, { at: 5 })]);
  stage.clock.advance(90_000);
  t.is(stage.seen.at(-1)?.kind, 'gone');
  t.is(stage.seen.at(-1)?.startedMs, WATCH_MS + 5000);
  t.deepEqual(stage.intake.targets(), []);
  await come(stage, 105, [sum(REQUESTS, 150, { at: 105 })]);
  await come(stage, 115, [sum(REQUESTS, 151, { at: 115 })]);
  t.is(
    finish(stage).reduce((total, { count }) => total + count, 0),
    1,
  );
});

test('the end of the mark `up` is the end of the proxy', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [gauge('up', 1, { at: 5 }), sum(REQUESTS, 100, { at: 5 })]);
  await come(stage, 15, [gauge('up', 0, { at: 15, stale: true }), sum(REQUESTS, 0, { at: 15, stale: true })]);
  t.like(stage.seen.at(-1), { kind: 'gone', startedMs: WATCH_MS + 15_000 });
  t.is(stage.balance.unaccounted, 0);
});

// --- Parts, repeats, order -----------------------------------------------------------------------------------------------

test('parts of one scrape are one scrape, whichever comes first', async (t) => {
  for (const late of [0, 1]) {
    const stage = await createStage();
    for (const [at, value] of [
      [5, 100],
      [15, 101],
      [25, 103],
    ] as const) {
      const parts = [[sum(REQUESTS, value, { at })], [sum(REQUESTS, value * 2, { at }, OTHER)]];
      await come(stage, at, parts[late]!);
      await come(stage, at + 1, parts[1 - late]!);
    }
    t.deepEqual(finish(stage), [FIRST, { at: 10, count: 3, complete: true }, { at: 20, count: 6, complete: true }]);
    t.deepEqual(
      stage.sums.slice(1, 3).map(({ coverage: [one] }) => [one?.scrapesDue, one?.coveredSeconds]),
      [
        [1, 10],
        [1, 10],
      ],
    );
  }
});

test('a series first told in a later part of the first scrape counts whole where the proxy began under watch', async (t) => {
  const start = gauge(START, WATCH_MS / 1000 + 8, { at: 15 });
  const stage = await createStage();
  await come(stage, 15, [start, sum(REQUESTS, 100, { at: 15 })]);
  await come(stage, 16, [sum(REQUESTS, 50, { at: 15 }, OTHER)]);
  t.deepEqual(finish(stage), [{ at: 10, count: 150, complete: true }]);
});

for (const [what, startSeconds, count] of [
  ['began before the watch it is a baseline', -3600, 3],
  ['began under watch it counts whole', 2, 103 + 53],
] as const) {
  test(`a series first told in a part of the first scrape that comes after a later scrape: where the proxy ${what}`, async (t) => {
    const stage = await createStage();
    const start = (at: number) => gauge(START, WATCH_MS / 1000 + startSeconds, { at });
    await come(stage, 5, [start(5), sum(REQUESTS, 100, { at: 5 })]);
    await come(stage, 15, [start(15), sum(REQUESTS, 100, { at: 15 })]);
    await come(stage, 16, [sum(REQUESTS, 50, { at: 5 }, OTHER)]);
    await come(stage, 25, [start(25), sum(REQUESTS, 100, { at: 25 }), sum(REQUESTS, 50, { at: 25 }, OTHER)]);
    await come(stage, 35, [start(35), sum(REQUESTS, 103, { at: 35 }), sum(REQUESTS, 53, { at: 35 }, OTHER)]);
    t.is(
      finish(stage).reduce((total, slot) => total + slot.count, 0),
      startSeconds < 0 ? 6 : count,
    );
  });
}

test('a series first told in a later part of the first scrape falls as any other does', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [sum(REQUESTS, 100, { at: 5 })]);
  await come(stage, 6, [sum(REQUESTS, 50, { at: 5 }, OTHER)]);
  await come(stage, 15, [sum(REQUESTS, 100, { at: 15 }), sum(REQUESTS, 53, { at: 15 }, OTHER)]);
  await come(stage, 25, [sum(REQUESTS, 100, { at: 25 }), sum(REQUESTS, 40, { at: 25 }, OTHER)]);
  await come(stage, 35, [sum(REQUESTS, 100, { at: 35 }), sum(REQUESTS, 41, { at: 35 }, OTHER)]);
  t.deepEqual(finish(stage), [
    FIRST,
    { at: 10, count: 3, complete: true },
    { at: 20, count: 40, complete: false },
    { at: 30, count: 1, complete: true },
  ]);
});

test('a new process that only a later part tells counts nothing of the same scrape twice', async (t) => {
  const stage = await createStage();
  const before = WATCH_MS / 1000 - 3600;
  await come(stage, 5, [
    gauge(START, before, { at: 5 }),
    sum(REQUESTS, 100, { at: 5 }),
    sum(REQUESTS, 100, { at: 5 }, OTHER),
  ]);
  await come(stage, 15, [sum(REQUESTS, 6, { at: 15 })]);
  await come(stage, 15.2, [gauge(START, WATCH_MS / 1000 + 8, { at: 15 })]);
  await come(stage, 15.4, [sum(REQUESTS, 200, { at: 15 }, OTHER)]);
  await come(stage, 25, [
    gauge(START, WATCH_MS / 1000 + 8, { at: 25 }),
    sum(REQUESTS, 9, { at: 25 }),
    sum(REQUESTS, 201, { at: 25 }, OTHER),
  ]);
  t.deepEqual(finish(stage), [FIRST, { at: 10, count: 206, complete: false }, { at: 20, count: 4, complete: true }]);
});

test('a request that comes again changes nothing', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [sum(REQUESTS, 100, { at: 5 })]);
  const request = [sum(REQUESTS, 104, { at: 15 }), histogram('response_latency_ms', [1, 2], [10], { at: 15 })];
  await come(stage, 15, request);
  const events = stage.seen.length;
  await come(stage, 16, request);
  t.is(stage.seen.length, events);
  stage.clock.advance(SETTLED_MS);
  t.is(stage.balance.filtered.get('repeat'), 3);
  t.deepEqual(finish(stage).slice(0, 2), [FIRST, { at: 10, count: 4, complete: true }]);
  t.is(stage.balance.unaccounted, 0);
});

test('a scrape that comes after a newer one is ignored, but for series of which nothing newer came', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [sum(REQUESTS, 100, { at: 5 }), sum(REQUESTS, 10, { at: 5 }, OTHER)]);
  await come(stage, 25, [sum(REQUESTS, 120, { at: 25 })]);
  await come(stage, 28, [sum(REQUESTS, 110, { at: 15 }), sum(REQUESTS, 15, { at: 15 }, OTHER)]);
  const slots = finish(stage);
  t.is(
    slots.reduce((total, { count }) => total + count, 0),
    25,
  );
  t.deepEqual(slots[1], { at: 10, count: 5, complete: false });
  t.is(stage.balance.filtered.get('repeat'), 1);
});

test('a baseline that falls before anything of it counted counts from 0, and is a reset', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [sum(REQUESTS, 100, { at: 5 })]);
  await come(stage, 9, [sum(REQUESTS, 50, { at: 5 }, OTHER)]);
  await come(stage, 15, [sum(REQUESTS, 100, { at: 15 }), sum(REQUESTS, 3, { at: 15 }, OTHER)]);
  t.deepEqual(finish(stage).slice(0, 2), [FIRST, { at: 10, count: 3, complete: false }]);
});

test('a scrape that comes while a newer one is held comes before it', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [sum(REQUESTS, 100, { at: 5 })]);
  await come(stage, 25, [sum(REQUESTS, 120, { at: 25 })]);
  await come(stage, 25.5, [sum(REQUESTS, 110, { at: 15 })]);
  t.deepEqual(finish(stage).slice(0, 3), [
    FIRST,
    { at: 10, count: 10, complete: true },
    { at: 20, count: 10, complete: true },
  ]);
  t.is(stage.balance.filtered.get('repeat'), undefined);
});

test('a histogram that has other buckets in the next scrape loses nothing of the one that is held', async (t) => {
  const stage = await createStage();
  const latency = (at: number, counts: number[], bounds: number[]) =>
    histogram('response_latency_ms', counts, bounds, { at });
  await come(stage, 5, [sum(REQUESTS, 100, { at: 5 }), latency(5, [1, 1], [10])]);
  await come(stage, 15, [sum(REQUESTS, 100, { at: 15 }), latency(15, [3, 4], [10])]);
  await come(stage, 15.1, [sum(REQUESTS, 100, { at: 25 }), latency(25, [3, 4, 9], [10, 100])]);
  finish(stage);
  t.deepEqual(stage.balance.dropped, new Map());
  t.is(stage.balance.unaccounted, 0);
});

test('two scrapes in one request are two scrapes', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [sum(REQUESTS, 100, { at: 5 })]);
  await come(stage, 26, [sum(REQUESTS, 120, { at: 25 }), sum(REQUESTS, 110, { at: 15 })]);
  t.deepEqual(finish(stage).slice(1), [
    { at: 10, count: 10, complete: true },
    { at: 20, count: 10, complete: true },
  ]);
});

// --- The sender's clock --------------------------------------------------------------------------------------------------

test('a clock that is ahead counts when it is heard', async (t) => {
  const stage = await createStage();
  const ahead = 3600;
  for (const [at, value] of [
    [5, 100],
    [15, 103],
    [25, 105],
  ] as const)
    await come(stage, at, [sum(REQUESTS, value, { at: at + ahead })]);
  t.deepEqual(finish(stage), [FIRST, { at: 10, count: 3, complete: true }, { at: 20, count: 2, complete: true }]);
});

test('a clock that was ahead and is set right is believed at once', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [sum(REQUESTS, 100, { at: 3605 })]);
  await come(stage, 15, [sum(REQUESTS, 103, { at: 3615 })]);
  await come(stage, 25, [sum(REQUESTS, 110, { at: 25 })]);
  await come(stage, 35, [sum(REQUESTS, 111, { at: 35 })]);
  t.deepEqual(
    finish(stage).map(({ count }) => count),
    [0, 3, 7, 1],
  );
  const covered = stage.sums.map(({ coverage: [one] }) => one?.coveredSeconds);
  t.deepEqual(covered.slice(0, 4), [0, 10, 10, 10], 'while the clock was set, by the time between the requests');
});

test('a clock that was ahead by less than a minute is not believed to have been set right', async (t) => {
  const stage = await createStage();
  await come(stage, 5, [sum(REQUESTS, 100, { at: 45 })]);
  await come(stage, 15, [sum(REQUESTS, 103, { at: 15 })]);
  await come(stage, 50, [sum(REQUESTS, 110, { at: 50 })]);
  t.is(stage.balance.filtered.get('repeat'), 1);
  t.deepEqual(
    finish(stage).filter(({ count }) => count > 0),
    [{ at: 50, count: 10, complete: true }],
  );
});

test('a clock that is far behind counts in the oldest open slot', async (t) => {
  const stage = await createStage();
  for (const [at, value] of [
    [5, 100],
    [15, 103],
    [25, 105],
  ] as const)
    await come(stage, at, [sum(REQUESTS, value, { at: at - 36_000 })]);
  t.is(
    finish(stage).reduce((total, { count }) => total + count, 0),
    5,
  );
});

// --- Histograms ----------------------------------------------------------------------------------------------------------

test('buckets of a histogram count by bucket, and a reset is one decision for all of them', async (t) => {
  const stage = await createStage();
  const latency = (counts: readonly number[], at: number) => [
    histogram('response_latency_ms', counts, [10, 100], { at }),
  ];
  await come(stage, 5, latency([1, 1, 1], 5));
  await come(stage, 15, latency([4, 1, 2], 15));
  await come(stage, 25, latency([5, 0, 0], 25));
  finish(stage);
  const histograms = stage.sums.flatMap(({ records }) => records.flatMap(({ latency }) => latency ?? []));
  t.deepEqual(
    histograms.map(({ boundsMs, counts }) => [[...boundsMs], [...counts]]),
    [
      [
        [10, 100],
        [3, 0, 1],
      ],
      [
        [10, 100],
        [5, 0, 0],
      ],
    ],
  );
});

test('deltas of histograms count as they are', async (t) => {
  const stage = await createStage();
  for (const at of [15, 25])
    await come(stage, at, [
      histogram('response_latency_ms', [1, 0, 2], [10, 100], { at, from: at - 10, temporality: DELTA }),
    ]);
  finish(stage);
  const histograms = stage.sums.flatMap(({ records }) => records.flatMap(({ latency }) => latency ?? []));
  t.deepEqual(
    histograms.map(({ counts }) => [...counts]),
    [
      [1, 0, 2],
      [1, 0, 2],
    ],
  );
});

test('a histogram with other bounds goes on under those from the scrape after', async (t) => {
  const stage = await createStage();
  const latency = (counts: readonly number[], bounds: readonly number[], at: number) => [
    histogram('response_latency_ms', counts, bounds, { at }),
  ];
  await come(stage, 5, latency([10, 10], [10], 5));
  for (const [at, more] of [
    [15, 0],
    [25, 3],
    [35, 5],
  ] as const)
    await come(stage, at, latency([10 + more, 5, 5], [10, 50], at));
  finish(stage);
  const histograms = stage.sums.flatMap(({ records }) => records.flatMap(({ latency }) => latency ?? []));
  t.deepEqual(histograms.at(-1) && [...histograms.at(-1)!.boundsMs], [10, 50]);
  t.deepEqual([...(histograms.at(-1)?.counts ?? [])], [2, 0, 0]);
});

test('histograms that cannot be are dropped and counted', async (t) => {
  const stage = await createStage({ config: { max_buckets: 3 } });
  const latency = (counts: readonly number[], bounds: readonly number[]) =>
    histogram('response_latency_ms', counts, bounds, { at: 5 });
  await come(stage, 5, [
    sum(REQUESTS, 1, { at: 5 }),
    latency([1, 2], [1, 2]),
    latency([1, 2, 3], [2, 1]),
    latency([1, 2, 3, 4], [1, 2, 3]),
  ]);
  t.is(stage.balance.dropped.get('bad_histogram'), 5);
  t.is(stage.balance.dropped.get('bucket_limit'), 4);
  t.is(stage.balance.unaccounted, 0);
});
