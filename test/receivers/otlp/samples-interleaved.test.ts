/**
 * @module What is read, settled and offered in any order, by any steps, counts as scrapes do that come whole, one after another:
 * nothing is forgotten that something is read or held of.
 */
import test from 'ava';
import fc from 'fast-check';
import type { LatencyHistogram } from '../../../pipeline/model/traffic.ts';
import { type InSteps, inOneGo } from '../../../pipeline/wire/otlp-traffic.ts';
import type { SamplesShare } from '../../../receivers/otlp/samples-share.ts';
import {
  createStage,
  DELTA,
  gauge,
  histogram,
  OUTBOUND,
  PROXY,
  requestOf,
  SETTLED_MS,
  type Stage,
  sum,
  totalOf,
  WATCH_MS,
} from './samples-stage.ts';

const to = (name: string) => ({ ...OUTBOUND, dst_deployment: name });
const life = (at: number, born = -500) => [
  gauge('process_start_time_seconds', WATCH_MS / 1000 + born, { at }),
  gauge('up', 1, { at }),
];
const share = ({ intake }: Stage, request: Uint8Array) => inOneGo(intake.read(request, new Map()))!;

/** More than ended series may outnumber the others by, and few steps of settling. */
const SERIES = 1300;
const scrape = (at: number, value: number, stale = false) => [
  ...life(at),
  ...Array.from({ length: SERIES }, (_, i) => sum('response_total', value, { at, stale }, to(`api-${i}`))),
];

/** A stage in which series have ended on a scrape that is held, and of which the next scrape is read. */
async function readWhileEnding() {
  const stage = await createStage();
  stage.clock.advance(5100);
  await stage.send(requestOf([...life(5), ...scrape(5, 10)]));
  stage.clock.advance(10_000);
  await stage.send(requestOf([...life(15), ...scrape(15, 0, true)]));
  stage.clock.advance(SETTLED_MS - 100);
  return { stage, read: share(stage, requestOf(scrape(17, 7))) };
}

/** Ends a step of what goes on by itself. */
function fire({ clock }: Stage): void {
  clock.fireNext();
}

for (const isBeside of [false, true]) {
  test(`of ended series none is forgotten that something is read of, before its offer begins (${isBeside ? 'beside others' : 'alone'})`, async (t) => {
    for (const rounds of [1, 2, 3, 5, 100]) {
      const { stage, read } = await readWhileEnding();
      const offer = read.offer(isBeside);
      for (let i = 0; i < rounds && stage.clock.monoMs() < 18_000; i++) fire(stage);
      await inOneGo(offer);
      stage.clock.advance(60_000);
      t.is(totalOf(stage), SERIES * 7);
      t.deepEqual([...stage.balance.dropped], []);
    }
  });

  test(`nor while settling is cut for it (${isBeside ? 'beside others' : 'alone'})`, async (t) => {
    for (const rounds of [1, 2, 3]) {
      const { stage, read } = await readWhileEnding();
      for (let i = 0; i < rounds; i++) fire(stage);
      inOneGo(read.settleLate());
      await inOneGo(read.offer(isBeside));
      stage.clock.advance(60_000);
      t.is(totalOf(stage), SERIES * 7);
      t.deepEqual([...stage.balance.dropped], []);
    }
  });
}

test('what has been held for too long is not settled while a long request is in the middle of being applied', async (t) => {
  const stage = await createStage();
  const other = { ...PROXY, 'service.instance.id': '10.0.0.8:4191', 'k8s.pod.name': 'api-0-x' };
  const come = (at: number, value: number) => stage.send(requestOf([sum('response_total', value, { at })], other));
  stage.clock.advance(5100);
  await stage.send(requestOf(scrape(5, 10)));
  await come(5, 10);
  stage.clock.advance(10_000);
  await come(15, 20);
  const long = share(stage, requestOf(scrape(15, 17))).offer(true);
  t.false(long.next().done);
  // Nothing of it is due by itself as long as something is being applied.
  stage.clock.advance(2 * SETTLED_MS);
  const seen = stage.seen.length;
  const short = share(stage, requestOf([sum('response_total', 21, { at: 16 })], other));
  inOneGo(short.settleLate());
  t.is(stage.seen.length, seen);
  await inOneGo(short.offer(false));
  await inOneGo(long);
  stage.clock.advance(60_000);
  t.is(totalOf(stage), SERIES * 7 + 11);
  t.is(stage.balance.unaccounted, 0);
});

// --- Any steps --------------------------------------------------------------------------------------------------------

const BOUNDS = [
  [1, 2],
  [1, 5, 10],
  [100, 500],
] as const;
const SERIES_OF_STEP = 4;
const of = <T>(one: fc.Arbitrary<T>, length: number) => fc.array(one, { minLength: length, maxLength: length });
const STEP = fc.record({
  kinds: of(fc.constantFrom('value', 'value', 'mark', 'absent', 'delta'), SERIES_OF_STEP),
  latency: fc.constantFrom('value', 'value', 'mark', 'absent'),
  grown: of(fc.nat(9), SERIES_OF_STEP),
  bounds: fc.nat(BOUNDS.length - 1),
  isNew: fc.boolean(),
  /** Which request each point is in, and whether that is a long one. */
  partOf: of(fc.nat(1), 2 + SERIES_OF_STEP + 1),
  isBeside: of(fc.boolean(), 2),
  /** After which steps of reading and offering something goes on by itself. */
  goesOn: of(fc.boolean(), 24),
});
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;
/** Such that a scrape is settled just when the next one comes. */
const atOf = (step: number) => 3 + 2.45 * step;
const BEGINS_MS = 50;

/** The points of each scrape. */
function pointsOf(steps: readonly Step[]): object[][] {
  let [born, bounds, counts, buckets] = [-500, BOUNDS[0] as readonly number[], [10, 20, 30, 40], [5, 6, 1, 1]];
  return steps.map((step, k) => {
    const at = atOf(k);
    if (step.isNew) [born, counts, buckets] = [at - 1.5, [0, 0, 0, 0], [0, 0, 0, 0]];
    // Only a scrape that is told can be the first with other buckets.
    if (k > 0 && step.latency === 'value') bounds = BOUNDS[step.bounds]!;
    counts = counts.map((count, i) => count + step.grown[i]!);
    buckets = buckets.map((count, i) => count + step.grown[i]!);
    const numbers = counts.flatMap((count, i) => {
      const kind = k === 0 ? 'value' : step.kinds[i]!;
      if (kind === 'mark') return [sum('response_total', 0, { at, stale: true }, to(`d${i}`))];
      const delta = { at, from: at - 2.45, temporality: DELTA };
      if (kind === 'delta') return [sum('response_total', step.grown[i]!, delta, to(`d${i}`))];
      return kind === 'value' ? [sum('response_total', count, { at }, to(`d${i}`))] : [];
    });
    const [told, stale] = [buckets.slice(0, bounds.length + 1), k > 0 && step.latency === 'mark'];
    const isTold = k === 0 || step.latency !== 'absent';
    const latencies = isTold ? [histogram('response_latency_ms', told, [...bounds], { at, stale }, to('d0'))] : [];
    return [...life(at, born), ...numbers, ...latencies];
  });
}

/** Takes all steps of `work`, between which what goes on by itself may. */
function take<T>(work: InSteps<T>, between: () => void): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    between();
  }
}

async function comeInParts(stage: Stage, points: readonly object[], { partOf, isBeside, goesOn }: Step): Promise<void> {
  const untilMs = stage.clock.monoMs() + 100;
  let looks = 0;
  const between = () => {
    const { nextTimerMs } = stage.clock;
    if (goesOn[looks++ % goesOn.length] === true && nextTimerMs !== null && nextTimerMs <= untilMs)
      stage.clock.fireNext();
  };
  for (const part of [0, 1]) {
    const metrics = points.filter((_, i) => partOf[i] === part);
    if (metrics.length === 0) continue;
    const found: SamplesShare = take(stage.intake.read(requestOf(metrics), new Map()), between)!;
    between();
    take(found.settleLate(), between);
    between();
    const offer = found.offer(isBeside[part]!);
    between();
    await take(offer, between);
  }
}

async function told(steps: readonly Step[], isInParts: boolean) {
  const stage = await createStage();
  for (const [k, points] of pointsOf(steps).entries()) {
    stage.goTo(atOf(k), BEGINS_MS);
    if (isInParts && k > 0) await comeInParts(stage, points, steps[k]!);
    else await stage.send(requestOf(points));
  }
  stage.clock.advance(WATCH_MS + 100_000 - stage.time.nowMs());
  stage.close();
  const { dropped, unaccounted } = stage.balance;
  const slots = stage.sums.filter(({ interval }) => interval.startMs < WATCH_MS + 60_000);
  return {
    books: [[...dropped], unaccounted, stage.smiBalance.unaccounted],
    slots: slots.map(({ records, coverage }) => ({
      records: records
        .map(({ key, successes, latency }) => [key.peer.workload?.name, successes, bucketsOf(latency)])
        .sort(),
      coverage: coverage.map((one) => [
        one.scrapesDue,
        one.scrapesMissed,
        one.coveredSeconds.toFixed(2),
        one.firstSight,
        one.resets,
      ]),
    })),
  };
}

const bucketsOf = (latency: readonly LatencyHistogram[] | null) =>
  (latency ?? []).map(({ boundsMs, counts }) => `${boundsMs.join()}: ${counts.join()}`).sort();

test('property: scrapes in parts that are read, settled and offered by any steps, some beside others, count as whole ones', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { minLength: 2, maxLength: 8 }), async (steps) => {
      t.deepEqual(await told(steps, true), await told(steps, false));
    }),
    { numRuns: 120 },
  );
});
