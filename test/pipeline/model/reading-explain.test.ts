/** @module What is said to stand behind a number adds up to that number, for every number of random worlds. */
import test from 'ava';
import fc from 'fast-check';
import { quantile, quantileSteps } from '../../../pipeline/model/histogram.ts';
import { ReadModel } from '../../../pipeline/model/read-model.ts';
import type { TrafficReading } from '../../../pipeline/model/reading.ts';
import { type Explained, slotShares } from '../../../pipeline/model/reading-explain.ts';
import type { Figures } from '../../../pipeline/model/reading-types.ts';
import type { LatencyHistogram, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { type Call, type World, worldCoverage, worldRecords, worlds } from '../../kit/mesh-worlds.ts';
import { buckets, covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

const SLOT_MS = 10_000;
const T0 = 1_700_000_010_000;

function modelOf(slots: readonly TrafficSum[]): ReadModel {
  const model = new ReadModel({
    windowMs: slots.length * SLOT_MS,
    slotMs: SLOT_MS,
    retentionMs: 60_000,
    defaultKind: 'Deployment',
    startedMs: T0,
    maxItems: 10_000,
    maxReadings: 1,
  });
  for (const slot of slots) model.add(slot);
  return model;
}

/** The same members in several slots, with other counts in each, and a scrape that covers less now and then. */
const slotted = fc.tuple(
  worlds,
  fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 0, max: 10 })), { minLength: 1, maxLength: 3 }),
);

function slotsOf(world: World, parts: readonly (readonly [factor: number, coveredSeconds: number])[]): TrafficSum[] {
  return parts.map(([factor, coveredSeconds], i) => {
    const times = (call: Call): Call => {
      const [successes, failures] = [call.successes * factor, call.failures * factor];
      return { ...call, successes, failures, retries: call.retries * factor, unreached: call.unreached * factor };
    };
    const each = { ...world, calls: world.calls.map(times) };
    const coverage = worldCoverage(world, { coveredSeconds, expectedSeconds: 10, scrapesDue: 1 });
    return sumOf(worldRecords(each), coverage, { startMs: T0 + i * SLOT_MS, lengthMs: SLOT_MS });
  });
}

const sum = <Item>(items: readonly Item[], of: (item: Item) => number) =>
  items.reduce((all, item) => all + of(item), 0);

function check(name: string, figures: Figures | null, explained: Explained, slots: readonly TrafficSum[]): void {
  const fail = (what: string, found: unknown, expected: unknown) => {
    if (found !== expected) throw new Error(`${name}: ${what} add up to ${found}, not ${expected}`);
  };
  const shares = slotShares(explained, slots);
  fail('slots', shares.length, slots.length);
  for (const each of ['successes', 'failures', 'unreached'] as const) {
    fail(
      `${each} of pods`,
      sum(explained.pods, (pod) => pod[each]),
      figures?.[each] ?? 0,
    );
    const told = sum(shares, (share) => share[each]);
    if (explained.reason !== 'strangers') fail(`${each} of slots`, told, figures?.[each] ?? 0);
    else if (told < (figures?.[each] ?? 0)) throw new Error(`${name}: strangers have more ${each} than was counted`);
  }
  const rate = sum(explained.pods, (pod) => pod.ratePerSecond);
  if (Math.abs(rate - (figures?.ratePerSecond ?? 0)) > 1e-9 * (1 + rate)) fail('rates', rate, figures?.ratePerSecond);
  for (const [i, which] of (['p50', 'p90', 'p99'] as const).entries()) {
    fail(which, explained.quantiles[i]?.quantile.valueMs ?? null, figures?.[which]?.valueMs ?? null);
    const steps = explained.quantiles[i];
    if (steps === null || steps === undefined || explained.reason === 'strangers') continue;
    fail(
      'observations',
      sum(shares, (share) => share.observations),
      steps.total,
    );
  }
}

function checkAll(reading: TrafficReading, slots: readonly TrafficSum[]): number {
  let checked = 0;
  for (const list of [reading.workloads, reading.pods, reading.services, reading.namespaces, reading.nodes]) {
    for (const each of list) {
      const { kind, name } = each.resource;
      check(`${kind} ${name}`, each.figures, reading.explain(each), slots);
      checked += 1;
    }
  }
  for (const edge of reading.edges) {
    const name = `${edge.source?.name} > ${edge.destination?.name}`;
    check(name, edge.figures, reading.explainEdge(edge)!, slots);
    checked += 1;
  }
  return checked;
}

test('slots and pods add up to every number of a reading', (t) => {
  let checked = 0;
  fc.assert(
    fc.property(slotted, ([world, parts]) => {
      const model = modelOf(slotsOf(world, parts));
      checked += checkAll(model.read()!, model.slotsOf());
    }),
    { numRuns: 300 },
  );
  t.true(checked > 1_000);
});

test('an edge: the side, why, and what the other side said', (t) => {
  const [web, api] = [own('x/web'), own('x/api')];
  const records = [
    record('client', web, peer('x/api'), 90, 10, { mesh: 'istio', counts: 'requests', unreached: 10 }),
    record('server', api, peer('x/web'), 120, 0, { mesh: 'istio', counts: 'attempts' }),
  ];
  const model = modelOf([sumOf(records, [covered(web), covered(api)], { startMs: T0, lengthMs: SLOT_MS })]);
  const reading = model.read()!;
  const explained = reading.explainEdge(reading.edges[0]!)!;
  t.like(explained, { side: 'server', reason: 'saw_more' });
  t.like(explained.sides.client, { requests: 100, reached: 90, counts: 'requests', complete: true });
  t.like(explained.sides.server, { requests: 120, reached: 120, counts: 'attempts' });
  t.deepEqual(
    explained.pods.map(({ pod, side, successes, failures, factor }) => [pod, side, successes, failures, factor]),
    [
      ['api-1', 'server', 120, 0, 1],
      ['web-1', 'client', 0, 10, 1],
    ],
  );
});

const histograms: fc.Arbitrary<LatencyHistogram[]> = fc.array(
  fc
    .tuple(fc.constantFrom([1, 2, 5, 10], [1, 3, 10, 100], [50]), fc.array(fc.nat(9), { minLength: 5, maxLength: 5 }))
    .map(([boundsMs, counts]) => ({ boundsMs, counts: Float64Array.from(counts.slice(0, boundsMs.length + 1)) })),
  { maxLength: 4 },
);

test('the steps to a quantile lead to it', (t) => {
  fc.assert(
    fc.property(histograms, fc.constantFrom(0.5, 0.9, 0.99), (several, q) => {
      const steps = quantileSteps(several, q);
      const value = quantile(several, q);
      if (steps === null) {
        t.is(value, null);
        return;
      }
      t.deepEqual(steps.quantile, value);
      const { bucket, rank } = steps;
      if (bucket === null) {
        t.true(value?.saturated);
        return;
      }
      const { startMs, endMs, before, inside } = bucket;
      const stepped = startMs + (endMs - startMs) * ((rank - before) / inside);
      t.true(Math.abs(stepped - value!.valueMs) < 1e-9 * endMs, `${stepped} ${value!.valueMs}`);
    }),
  );
  const steps = quantileSteps(
    [
      buckets([
        [10, 90],
        [100, 10],
      ]),
    ],
    0.99,
  );
  t.like(steps, { total: 100, rank: 99, sets: 1, bucket: { startMs: 50, endMs: 100, before: 90, inside: 10 } });
});
