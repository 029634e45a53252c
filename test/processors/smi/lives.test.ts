/** @module Lives told by uptime and by the number of a hot restart. */
import test from 'ava';
import fc from 'fast-check';
import { createLife, pageTime } from '../../../pipeline/model/lives.ts';
import type { MeshRules } from '../../../pipeline/model/rules.ts';
import { config } from '../../../processors/smi/config.ts';
import { PastLives } from '../../../processors/smi/past-lives.ts';
import { counter, identity, RESTART_EPOCH, START, TestTarget, testRules, UPTIME, workload } from '../../kit/mesh.ts';
import { counted, createEngine, SmiRun, WATCH_MS } from '../../kit/smi-run.ts';

const LAG = 5;
const rules: MeshRules = { ...testRules, uptimeLagSeconds: LAG };
const b = workload('b');

function proxy(key = 'p'): TestTarget {
  return new TestTarget(identity('a'), { rules, key })
    .series('ok', counter('success', b))
    .series('rare', counter('failure', b))
    .series('up', UPTIME)
    .series('epoch', RESTART_EPOCH)
    .series('start', START);
}

/** A page: `at` seconds since the watch began, then what it shows. */
interface Page {
  readonly at: number;
  readonly ok: number;
  readonly up?: number;
  readonly epoch?: number;
  readonly start?: number;
}

function take(run: SmiRun, target: TestTarget, { at, ...shown }: Page): void {
  run.page(
    target,
    at,
    Object.entries(shown).map(([name, value]) => [name, value] as const),
  );
}

interface Case {
  readonly title: string;
  readonly pages: readonly [Page, Page, ...Page[]];
  /** What the pages after the first add. */
  readonly counts: number;
  readonly resets: number;
}

/** The first page is of a proxy older than the watch: a baseline. */
const cases: readonly Case[] = [
  {
    title: 'uptime that goes on is the same life',
    pages: [
      { at: 2, ok: 100, up: 3600 },
      { at: 12, ok: 130, up: 3610 },
    ],
    counts: 30,
    resets: 0,
  },
  {
    title: 'uptime that stands still between two flushes is the same life',
    pages: [
      { at: 2, ok: 100, up: 3600 },
      { at: 6, ok: 130, up: 3600 },
      { at: 7, ok: 131, up: 3605 },
    ],
    counts: 31,
    resets: 0,
  },
  {
    title: 'uptime behind by the whole lag after an up-to-date one is the same life',
    pages: [
      { at: 2, ok: 100, up: 3600 },
      { at: 12, ok: 130, up: 3605 },
    ],
    counts: 30,
    resets: 0,
  },
  {
    title: 'a smaller uptime is a new life, although no value fell',
    pages: [
      { at: 2, ok: 100, up: 3600 },
      { at: 12, ok: 130, up: 7 },
    ],
    counts: 130,
    resets: 1,
  },
  {
    title: 'an uptime that should have gone on and has not is a new life, although it did not fall',
    pages: [
      { at: 2, ok: 15, up: 5 },
      { at: 12, ok: 16, up: 5 },
    ],
    counts: 16,
    resets: 1,
  },
  {
    title: 'uptime that began surely after the last good page is a new life, although it did not fall',
    pages: [
      { at: 2, ok: 100, up: 1 },
      { at: 62, ok: 130, up: 40 },
    ],
    counts: 130,
    resets: 1,
  },
  {
    title: 'uptime that may have begun before the last good page is the same life',
    pages: [
      { at: 2, ok: 100, up: 1 },
      { at: 62, ok: 130, up: 56 },
    ],
    counts: 30,
    resets: 0,
  },
  {
    title: 'where uptime is not sure, a smaller value decides',
    pages: [
      { at: 2, ok: 100, up: 1 },
      { at: 62, ok: 70, up: 56 },
    ],
    counts: 70,
    resets: 1,
  },
  {
    title: 'a clock set back makes uptime fall, but no process began before it was seen: the same life',
    pages: [
      { at: 2, ok: 100, up: 3600 },
      { at: 12, ok: 130, up: 3500 },
    ],
    counts: 30,
    resets: 0,
  },
  {
    title: 'a page without uptime decides by its values, and the next one is compared with nothing',
    pages: [
      { at: 2, ok: 100, up: 3600 },
      { at: 12, ok: 30 },
      { at: 22, ok: 40, up: 17 },
    ],
    counts: 40,
    resets: 1,
  },
  {
    title: 'a page without uptime does not hide a life that began after it',
    pages: [
      { at: 2, ok: 100, up: 3600 },
      { at: 12, ok: 110 },
      { at: 22, ok: 140, up: 2 },
    ],
    counts: 150,
    resets: 1,
  },
  {
    title: 'an uptime that cannot be tells nothing',
    pages: [
      { at: 2, ok: 100, up: 3600 },
      { at: 12, ok: 130, up: Number.NaN },
      { at: 22, ok: 131, up: -1 },
      { at: 32, ok: 132, up: Number.POSITIVE_INFINITY },
      { at: 42, ok: 133, up: 3640 },
    ],
    counts: 33,
    resets: 0,
  },
  {
    title: 'a hot restart is a new life, although uptime goes on and no value fell',
    pages: [
      { at: 2, ok: 100, up: 3600, epoch: 0 },
      { at: 12, ok: 130, up: 3610, epoch: 1 },
      { at: 22, ok: 131, up: 3620, epoch: 1 },
    ],
    counts: 131,
    resets: 1,
  },
  {
    title: 'a restart after hot restarts is one new life',
    pages: [
      { at: 2, ok: 100, up: 3600, epoch: 4 },
      { at: 12, ok: 130, up: 3, epoch: 0 },
    ],
    counts: 130,
    resets: 1,
  },
  {
    title: 'the number of a hot restart alone tells a new life',
    pages: [
      { at: 2, ok: 100, epoch: 0 },
      { at: 12, ok: 130, epoch: 1 },
      { at: 22, ok: 140, epoch: 1 },
    ],
    counts: 140,
    resets: 1,
  },
  {
    title: 'a number of a hot restart that was not on the page before proves nothing',
    pages: [
      { at: 2, ok: 100, up: 3600 },
      { at: 12, ok: 130, up: 3610, epoch: 1 },
    ],
    counts: 30,
    resets: 0,
  },
  {
    title: 'where a start is told, uptime is not asked',
    pages: [
      { at: 2, ok: 100, up: 3600, start: WATCH_MS / 1000 - 3600 },
      { at: 12, ok: 130, up: 1, start: WATCH_MS / 1000 - 3600 },
    ],
    counts: 30,
    resets: 0,
  },
];

for (const { title, pages, counts, resets } of cases) {
  test(title, (t) => {
    const run = new SmiRun();
    const target = proxy();
    for (const page of pages) take(run, target, page);
    const sums = run.close(pages.at(-1)!.at + 20);
    t.is(counted(sums), counts);
    t.is(
      sums.reduce((sum, { coverage }) => sum + coverage.reduce((all, c) => all + c.resets, 0), 0),
      resets,
    );
  });
}

test('a new life leaves nothing of the series that it does not show yet', (t) => {
  const run = new SmiRun();
  const target = proxy();
  const rows = (more: readonly (readonly [string, number])[]) => more;
  run.page(
    target,
    2,
    rows([
      ['up', 3600],
      ['ok', 5],
      ['rare', 50],
    ]),
  );
  run.page(
    target,
    12,
    rows([
      ['up', 3],
      ['ok', 6],
    ]),
  );
  run.page(
    target,
    22,
    rows([
      ['up', 13],
      ['ok', 6],
      ['rare', 60],
    ]),
  );
  t.is(counted(run.close(40)), 66);
});

test('the coverage of a hot restart reaches back to the last good page and says reset', (t) => {
  const run = new SmiRun();
  const target = proxy();
  take(run, target, { at: 2, ok: 100, up: 3600, epoch: 0 });
  take(run, target, { at: 12, ok: 30, up: 3610, epoch: 1 });
  const [, sum] = run.close(20);
  t.like(sum!.coverage[0], { coveredSeconds: 10, expectedSeconds: 10, resets: 1, firstSight: false });
});

for (const [up, expected] of [
  // Scraped 12 s into the watch; a life counts from 0 when it began later than 1 s before the watch, whatever the lag.
  [0, 100],
  [7, 100],
  [7.9, 100],
  [8, 0],
  [3600, 0],
] as const) {
  test(`a first sight with an uptime of ${up} s counts ${expected === 0 ? 'nothing' : 'from 0'}`, (t) => {
    const run = new SmiRun();
    take(run, proxy(), { at: 12, ok: 100, up });
    const sums = run.close(20);
    t.is(counted(sums), expected);
    const [coverage] = sums.at(-1)!.coverage;
    t.is(coverage!.firstSight, expected === 0);
    t.is(coverage!.coveredSeconds, expected === 0 ? 0 : up + LAG / 2);
  });
}

test('a life that begins under watch is expected from the middle of the time in which it may have begun', (t) => {
  const run = new SmiRun();
  take(run, proxy(), { at: 12, ok: 100, up: 4 });
  const [sum] = run.close(20).slice(-1);
  // It began between 3 and 8 s into the watch: 4.5 s of its life lie in the slot closed before.
  t.like(sum!.coverage[0], { coveredSeconds: 6.5, expectedSeconds: 14.5, firstSight: false });
});

/** The first page before it left counts 1000 from 0. */
const returns: readonly { title: string; first?: Page; last: Page; back: Page; counts: number }[] = [
  {
    title: 'the same life, its uptime gone on, is not counted again',
    last: { at: 20, ok: 1000, up: 15 },
    back: { at: 60, ok: 1010, up: 52 },
    counts: 0,
  },
  {
    title: 'the same life a moment later, its uptime not written anew, is not counted again',
    last: { at: 20, ok: 1000, up: 15 },
    back: { at: 22, ok: 1001, up: 15 },
    counts: 0,
  },
  {
    title: 'a life that may be the same is not counted again',
    last: { at: 20, ok: 1000, up: 1 },
    back: { at: 30, ok: 900, up: 5 },
    counts: 0,
  },
  {
    title: 'a new life by a smaller uptime counts from 0',
    last: { at: 20, ok: 1000, up: 15 },
    back: { at: 30, ok: 900, up: 9 },
    counts: 900,
  },
  {
    title: 'a new life that began after the last good page counts from 0',
    last: { at: 20, ok: 1000, up: 1 },
    back: { at: 90, ok: 900, up: 40 },
    counts: 900,
  },
  {
    title: 'a life whose last page told no uptime is known all the same',
    first: { at: 9, ok: 1000, up: 3 },
    last: { at: 20, ok: 1000 },
    back: { at: 30, ok: 1010, up: 24 },
    counts: 0,
  },
  {
    title: 'another number of a hot restart counts from 0, whatever start is told',
    last: { at: 20, ok: 1000, start: WATCH_MS / 1000 + 5, epoch: 0 },
    back: { at: 30, ok: 900, start: WATCH_MS / 1000 + 5, epoch: 1 },
    counts: 900,
  },
  {
    title: 'the same start and number of a hot restart are not counted again',
    last: { at: 20, ok: 1000, start: WATCH_MS / 1000 + 5, epoch: 1 },
    back: { at: 30, ok: 1900, start: WATCH_MS / 1000 + 5, epoch: 1 },
    counts: 0,
  },
  {
    title: 'another number of a hot restart counts from 0',
    last: { at: 20, ok: 1000, up: 15, epoch: 0 },
    back: { at: 30, ok: 900, up: 25, epoch: 1 },
    counts: 900,
  },
];

for (const { title, first, last, back, counts } of returns) {
  test(`back in discovery: ${title}`, (t) => {
    const run = new SmiRun();
    const [before, after] = [proxy('before'), proxy('after')];
    if (first !== undefined) take(run, before, first);
    take(run, before, last);
    run.gone(before, last.at);
    take(run, after, back);
    t.is(counted(run.close(back.at + 20)), 1000 + counts);
  });
}

test('a page that tells of several processes tells of none', (t) => {
  const run = new SmiRun();
  const target = proxy().series('up too', UPTIME);
  take(run, target, { at: 2, ok: 100, up: 3600 });
  run.page(target, 12, [
    ['up', 3],
    ['up too', 3610],
    ['ok', 130],
  ]);
  take(run, target, { at: 22, ok: 131, up: 3620 });
  t.is(counted(run.close(30)), 31);
});

test('a series of uptime that is released gives way to the one that comes', (t) => {
  const run = new SmiRun();
  const target = proxy();
  take(run, target, { at: 2, ok: 100, up: 3600 });
  take(run, target, { at: 12, ok: 110 });
  target.target.series.release(target.idOf('up'));
  target.series('other', counter('success', workload('c'))).series('up again', UPTIME);
  run.page(target, 22, [
    ['up again', 3620],
    ['other', 1000],
    ['ok', 120],
  ]);
  run.page(target, 32, [
    ['up again', 3],
    ['other', 1001],
    ['ok', 121],
  ]);
  t.is(counted(run.close(40)), 10 + 10 + 1000 + 121 + 1001);
});

/** What happens to the proxy in the time before the next scrape. */
interface Event {
  /** Seconds from the last scrape to this one. */
  readonly waitSeconds: number;
  readonly what: 'lives' | 'restarts' | 'hot restarts' | 'fails';
  /** Part of the wait after which the new process starts. */
  readonly when: number;
  /** Requests before and after it. */
  readonly requests: readonly [number, number];
  /** How far the uptime shown is behind, as a part of the lag; never so far that it falls within a life. */
  readonly lag: number;
  readonly showsUptime: boolean;
}

/** Exact in binary, so that both sides agree on what is equal. */
function eighths(min: number, max: number): fc.Arbitrary<number> {
  return fc.integer({ min, max }).map((n) => n / 8);
}

const event: fc.Arbitrary<Event> = fc.record({
  waitSeconds: fc.integer({ min: 1, max: 60 }),
  what: fc.oneof(
    { weight: 5, arbitrary: fc.constant('lives' as const) },
    { weight: 2, arbitrary: fc.constant('restarts' as const) },
    { weight: 1, arbitrary: fc.constant('hot restarts' as const) },
    { weight: 1, arbitrary: fc.constant('fails' as const) },
  ),
  when: eighths(1, 7),
  requests: fc.tuple(fc.nat(50), fc.nat(80)),
  lag: eighths(0, 8),
  showsUptime: fc.boolean(),
});

/** The proxy as it truly is: told what happens, it says what its page shows. */
class TrueProxy {
  bornAt: number;
  epoch = 0;
  /** Requests of the process that runs. */
  requests = 0;
  /** Highest uptime its processes have shown. */
  #shown = 0;

  constructor(bornAt: number) {
    this.bornAt = bornAt;
  }

  restart(at: number): void {
    this.bornAt = at;
    this.epoch = 0;
    this.requests = 0;
    this.#shown = 0;
  }

  hotRestart(): void {
    this.epoch += 1;
    this.requests = 0;
  }

  uptimeAt(at: number, lagSeconds: number): number {
    const age = at - this.bornAt;
    this.#shown = Math.max(this.#shown, age - lagSeconds, 0);
    return this.#shown;
  }
}

/** What one good page showed, and when its process had truly begun. */
interface Shown {
  readonly at: number;
  readonly bornAt: number;
  readonly epoch: number;
  readonly ok: number;
  readonly up: number | null;
}

/** Counts that a reader who sees only the pages can be sure of, written down from the truth about them. */
function observable(before: Shown | null, now: Shown): number {
  if (before === null) return now.up !== null && now.at - now.up - LAG > -1 ? now.ok : 0;
  const isSameProcess = before.bornAt === now.bornAt && before.epoch === now.epoch;
  if (isSameProcess) return now.ok - before.ok;
  const isTold = before.epoch !== now.epoch || isUptimeTelling(before, now);
  return isTold || now.ok < before.ok ? now.ok : now.ok - before.ok;
}

/** Whether another process gives itself away by its uptime; it began after the page before. */
function isUptimeTelling(before: Shown, now: Shown): boolean {
  if (now.up === null) return false;
  const fell = before.up !== null && now.up < before.up;
  const surelyLater = now.at - now.up - LAG > before.at + 1;
  const hasNotGoneOn = before.up !== null && now.up + LAG + 1 < before.up + now.at - before.at;
  return fell || surelyLater || hasNotGoneOn;
}

test('whatever a proxy does and however late its uptime is: what its pages let one know is counted, and once', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: -100, max: 20 }),
      fc.array(event, { minLength: 1, maxLength: 25 }),
      fc.boolean(),
      (bornAt, events, alwaysUptime) => {
        const run = new SmiRun();
        const target = proxy();
        const truth = new TrueProxy(bornAt);
        let at = 20;
        let before: Shown | null = null;
        let expected = 0;
        for (const { waitSeconds, what, when, requests, lag, showsUptime } of events) {
          truth.requests += requests[0];
          if (what === 'restarts') truth.restart(at + waitSeconds * when);
          if (what === 'hot restarts') truth.hotRestart();
          truth.requests += requests[1];
          at += waitSeconds;
          const up = truth.uptimeAt(at, lag * LAG);
          if (what === 'fails') {
            run.fail(target, at);
            continue;
          }
          const tells = alwaysUptime || showsUptime;
          const { bornAt, epoch, requests: ok } = truth;
          take(run, target, { at, ok, epoch, ...(tells && { up }) });
          const now: Shown = { at, bornAt, epoch, ok, up: tells ? up : null };
          expected += observable(before, now);
          before = now;
        }
        t.is(counted(run.close(at + 20)), expected);
      },
    ),
    { numRuns: 1000 },
  );
});

test('a proxy that only lives on is never counted twice nor flagged, whatever its uptime shows within the lag', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: -30, max: 18 }),
      fc.array(event, { minLength: 2, maxLength: 40 }),
      (bornAt, events) => {
        const run = new SmiRun();
        const target = proxy();
        const truth = new TrueProxy(bornAt);
        let at = 20;
        let first: number | null = null;
        for (const { waitSeconds, requests, lag, showsUptime } of events) {
          truth.requests += requests[0];
          at += waitSeconds;
          const up = Math.floor(truth.uptimeAt(at, lag * (LAG - 1)));
          take(run, target, { at, ok: truth.requests, ...(showsUptime && { up }) });
          first ??= showsUptime && at - up - LAG > -1 ? 0 : truth.requests;
        }
        const sums = run.close(at + 20);
        t.is(counted(sums), truth.requests - first!);
        t.true(sums.every(({ coverage }) => coverage.every(({ resets }) => resets === 0)));
      },
    ),
    { numRuns: 500 },
  );
});

/** Proxies of one pod at two ports, both told from birth. */
function portsOf(own = identity('web')): readonly [TestTarget, TestTarget] {
  const at = (port: number) =>
    new TestTarget(own, { key: `${own.pod} ${port}`, address: `${own.pod}:${port}` })
      .series('ok', counter('success', workload('b')))
      .series('start', START);
  return [at(15_090), at(15_020)];
}

const BORN = ['start', WATCH_MS / 1000 + 5] as const;

test('a pod whose port changes goes on: its life is not counted from 0 again', (t) => {
  for (const farewellFirst of [true, false]) {
    const run = new SmiRun();
    const [old, fresh] = portsOf();
    run.page(old, 6, [BORN, ['ok', 10]]);
    run.page(old, 16, [BORN, ['ok', 1000]]);
    if (farewellFirst) run.gone(old, 17);
    run.page(fresh, 18, [BORN, ['ok', 1003]]);
    if (!farewellFirst) run.gone(old, 19);
    run.page(fresh, 28, [BORN, ['ok', 1010]]);
    const counted = run.close(40).flatMap(({ records }) => records.map(({ successes }) => successes));
    t.is(
      counted.reduce((a, b) => a + b, 0),
      1007,
      farewellFirst ? 'farewell first' : 'first page first',
    );
  }
});

test('another pod, and a new life of the same one at another port, count from 0', (t) => {
  const run = new SmiRun();
  const [old, fresh] = portsOf();
  const [other] = portsOf(identity('web', 'web-2'));
  run.page(old, 6, [BORN, ['ok', 10]]);
  run.gone(old, 7);
  run.page(fresh, 18, [
    ['start', WATCH_MS / 1000 + 15],
    ['ok', 4],
  ]);
  run.page(other, 19, [BORN, ['ok', 7]]);
  const counted = run.close(40).flatMap(({ records }) => records.map(({ successes }) => successes));
  t.is(
    counted.reduce((a, b) => a + b, 0),
    21,
  );
});

test('a pod at two addresses is told once both were there for a whole slot', (t) => {
  const run = new SmiRun();
  const [one, two] = portsOf();
  run.discover(one, 1);
  run.discover(two, 2);
  t.deepEqual(run.engine.twins(WATCH_MS), [], 'within the slot in which they came');
  const [[first, second] = []] = run.engine.twins(WATCH_MS + 10_000);
  t.deepEqual([first, second], [one.target, two.target]);
  run.gone(one, 12);
  t.deepEqual(run.engine.twins(WATCH_MS + 20_000), []);
  const envoy = new TestTarget(identity('web'), { key: 'e', address: 'e:1', rules: { ...testRules, mesh: 'envoy' } });
  run.discover(envoy, 21);
  t.is(run.engine.twins(WATCH_MS + 30_000).length, 1, 'of two meshes, too');
});

const addressOf = (n: number) => ({ ...new TestTarget(identity(`w${n}`, `w${n}`)).target, address: `10.0.0.${n}:1` });
const toldStart = (startSeconds: number) => ({ startSeconds, uptimeSeconds: Number.NaN, restartEpoch: Number.NaN });
const toldUptime = (uptimeSeconds: number) => ({ startSeconds: Number.NaN, uptimeSeconds, restartEpoch: Number.NaN });

test('of lives too many to be remembered, those that may have begun before them are a baseline only', (t) => {
  const past = new PastLives(2);
  for (const n of [1, 2, 3]) past.remember(addressOf(n), createLife(toldUptime(n), pageTime(n * 1000)), n * 1000);
  t.is(past.forgotten, 1);
  const now = pageTime(9000);
  t.true(past.knows(addressOf(1), toldUptime(8.5), now, 500), 'began before the forgotten one was gone');
  t.true(past.knows(addressOf(1), toldUptime(8), now, 1000), 'at the instant at which it was gone');
  t.false(past.knows(addressOf(1), toldUptime(1), now, 8000), 'began later');
  t.true(past.knows(addressOf(3), toldUptime(9), now, 3500), 'remembered');
  t.true(past.knows(addressOf(2), toldUptime(8), now, 1500), 'remembered');
});

test('a forgotten life whose host has a clock that is ahead is not counted again', (t) => {
  const past = new PastLives(1);
  const now = pageTime(9000);
  past.remember(addressOf(1), createLife(toldStart(50), pageTime(1000)), 1000);
  past.remember(addressOf(2), createLife(toldStart(4), pageTime(2000)), 2000);
  t.true(past.knows(addressOf(1), toldStart(50), now, 50_000), 'by this clock it has yet to begin');
  t.true(past.knows(addressOf(1), toldStart(51), now, 51_000), 'starts are told to a second');
  t.false(past.knows(addressOf(1), toldStart(51.5), now, 51_500), 'began later than all that are forgotten');
});

test('lives of 10,000 pods are remembered by address and by pod, and one more costs the oldest', (t) => {
  const past = new PastLives(config.parse({}).max_past_lives);
  const target = addressOf(0);
  const at = (n: number) => ({ ...target, address: `a${n}`, own: { ...target.own, pod: `p${n}` } });
  const life = createLife(toldUptime(1), pageTime(0));
  for (let n = 0; n < 10_000; n++) past.remember(at(n), life, 0);
  t.is(past.forgotten, 0);
  t.false(past.knows(at(10_000), toldUptime(1), pageTime(3000), 1));
  past.remember(at(10_000), life, 0);
  t.is(past.forgotten, 1);
});

test('smi counts the past lives that it forgets', (t) => {
  const run = new SmiRun(createEngine({ maxPastLives: 1 }));
  const born = (n: number) => {
    const target = new TestTarget(identity('a', `p${n}`), { rules, key: `p${n}`, address: `p${n}` });
    return target.series('ok', counter('success', b)).series('up', UPTIME);
  };
  const [first, second] = [born(1), born(2)];
  take(run, first, { at: 10, ok: 100, up: 4 });
  take(run, second, { at: 11, ok: 1000, up: 4 });
  run.gone(first, 12);
  t.is(run.engine.forgottenLives, 0);
  run.gone(second, 13);
  t.is(run.engine.forgottenLives, 1);
  // Uptime alone would tell the first one new: who knows whether it is the one forgotten.
  take(run, born(1), { at: 20, ok: 107, up: 5 });
  take(run, born(3), { at: 50, ok: 5, up: 20 });
  t.is(counted(run.close(70)), 100 + 1000 + 5);
});
