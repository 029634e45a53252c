/**
 * @module Holds a run of the real process over a world against the world's truth: every slot, life, edge, total, pod,
 * quantile and coverage. Shared by the truth tests; what each run must have met at least is the test's to say.
 */
import type { ExecutionContext } from 'ava';
import { observable, type TruthSnapshot, trueQuantile } from '../../demo/world/truth.ts';
import { assertBalanced } from './driven/balanced.ts';
import { DrivenWorld, type DrivenWorldOptions, SLOT_MS } from './driven-world.ts';
import { type ExpectedFigures, ExpectedReadings, factorsOf } from './expected-readings.ts';
import { bucketOf, bucketsOf, type ExpectedCounts, hasTcp, observedCounts } from './expected-traffic.ts';
import { edgeName, fetchEdges, fetchTotals, type PublishedTotals } from './published-edges.ts';

const SHARES = { p50: 0.5, p90: 0.9, p99: 0.99 } as const;

/** What of a run was compared, counted so that none of it can be empty unseen. */
export interface Found {
  /** Rows of slots, and those of them with TCP, and with failures that no server saw. */
  rows: number;
  withTcp: number;
  withUnreached: number;
  scrapesDue: number;
  scrapesMissed: number;
  resets: number;
  firstSight: number;
  lives: number;
  /** Lives whose counters were set back. */
  livesWithReset: number;
  edges: number;
  incomplete: number;
  /** Edges with a known source that are told by the server's side, since the client's missed something. */
  otherSide: number;
  /** Edges of what is left of callers that a server cannot name. */
  strangers: number;
  /** Totals told by the server that hold failures no server saw. */
  totalsWithUnreached: number;
  quantiles: number;
  totals: number;
}

const nothing = (): Found => ({
  ...{ rows: 0, withTcp: 0, withUnreached: 0 },
  ...{ scrapesDue: 0, scrapesMissed: 0, resets: 0, firstSight: 0, lives: 0, livesWithReset: 0 },
  ...{ edges: 0, incomplete: 0, otherSide: 0, strangers: 0, totalsWithUnreached: 0, quantiles: 0, totals: 0 },
});

export interface TruthRun {
  readonly world: DrivenWorldOptions['world'];
  readonly slots: number;
  /** What goes wrong in which slot. Slots are counted from the watch's beginning. */
  faults(stage: DrivenWorld): ReadonlyMap<number, () => void>;
}

/** Runs the world with its faults and compares everything; returns what was compared. */
export async function checkRun(t: ExecutionContext, run: TruthRun): Promise<Found> {
  const stage = await DrivenWorld.start({
    world: run.world,
    leadMs: 25_000,
    exporters: '  smi: { endpoint: "127.0.0.1:0" }',
    exporterIds: ['smi'],
  });
  t.teardown(() => stage.close());
  const script = run.faults(stage);
  const found = nothing();
  for (let slot = 0; slot < run.slots; slot++) {
    script.get(slot)?.();
    await stage.publishChanges();
    await stage.advance(SLOT_MS);
    // Also just after each fault, where windows are incomplete and sides are changed.
    const faulty = script.has(slot) || script.has(slot - 1);
    if (slot >= 6 && (faulty || slot % 5 === 0)) await checkWindow(t, stage, slot, found);
  }
  // Half a slot more, so that the drain meets targets scraped and not yet scraped in their slot, and not in its turn.
  await stage.advance(SLOT_MS / 2 + 0.5);

  for (const outcome of ['good', 'unavailable', 'hang', 'partial', 'cut', 'refused'])
    t.true((stage.expected.outcomes.get(outcome) ?? 0) > 0, outcome);
  t.true(stage.weir.sums.length >= run.slots);
  const books = await stage.weir.stop();
  checkSlots(t, stage, found);
  checkCoverage(t, stage, found);
  checkLives(t, stage, found);
  assertBalanced(t, books);
  return found;
}

/** The floors that a run must have reached. */
export function assertAtLeast(t: ExecutionContext, found: Found, floors: Partial<Found>): void {
  for (const [name, floor] of entriesOf(floors)) {
    t.true(found[name] >= (floor ?? 0), `${found[name]} ${name}, at least ${floor} expected`);
  }
}

function isCounted({ successes, failures, latenciesMs, tcp }: ExpectedCounts): boolean {
  return successes + failures + latenciesMs.length > 0 || hasTcp(tcp);
}

function checkSlots(t: ExecutionContext, stage: DrivenWorld, found: Found): void {
  const { weir, expected } = stage;
  for (const sum of weir.sums) {
    const slot = Math.floor(sum.interval.startMs / SLOT_MS);
    const want = [...(expected.slots.get(slot) ?? [])].filter(([, counts]) => isCounted(counts));
    const seen = observedCounts(sum);
    const label = `slot ${slot - expected.watchStartMs / SLOT_MS}`;
    t.deepEqual([...seen.keys()].sort(), want.map(([key]) => key).sort(), label);
    for (const [key, { latenciesMs, ...counts }] of want) {
      const mesh = expected.meshOf(key.split(' ')[1]!);
      const buckets = latenciesMs.length === 0 ? [] : bucketsOf(latenciesMs, mesh);
      t.deepEqual(seen.get(key), { ...counts, buckets }, `${label}: ${key}`);
      found.rows += 1;
      if (hasTcp(counts.tcp)) found.withTcp += 1;
      if (counts.unreached > 0) found.withUnreached += 1;
    }
  }
}

/** Scrapes due and missed, resets and first sights of every pod in every slot are those that the world saw. */
function checkCoverage(t: ExecutionContext, { weir, expected }: DrivenWorld, found: Found): void {
  for (const { interval, coverage } of weir.sums) {
    const slot = Math.floor(interval.startMs / SLOT_MS);
    const label = `slot ${slot - expected.watchStartMs / SLOT_MS}`;
    const seen = new Map(coverage.map((record) => [record.own.pod, record]));
    for (const pod of expected.coverage.pods) {
      if (expected.coverage.phaseOf(pod) === null) continue;
      const want = expected.coverage.of(pod, slot, slot + 1);
      const { scrapesDue = 0, scrapesMissed = 0, resets = 0, firstSight = false } = seen.get(pod) ?? {};
      t.deepEqual({ scrapesDue, scrapesMissed, resets, firstSight }, want, `${label}: ${pod}`);
      found.scrapesMissed += scrapesMissed;
      found.resets += resets;
      found.firstSight += firstSight ? 1 : 0;
      found.scrapesDue += scrapesDue;
    }
  }
}

interface Sums {
  successes: number;
  failures: number;
}

/** Adds what an observer must count who saw nothing and then this page. */
function addPage(into: Sums, snapshot: TruthSnapshot, sign: 1 | -1): void {
  for (const delta of observable(null, snapshot)) {
    into.successes += sign * delta.successes;
    into.failures += sign * delta.failures;
  }
}

/** Over each proxy's life: what its slots hold is what its counters stood at when last scraped, epoch by epoch. */
function checkLives(t: ExecutionContext, { weir, expected }: DrivenWorld, found: Found): void {
  const seen = new Map<string, Sums>();
  for (const { interval, records } of weir.sums) {
    for (const { key, successes, failures } of records) {
      const at = `${Math.floor(interval.startMs / SLOT_MS)} ${key.own.pod}`;
      const held = seen.get(at) ?? { successes: 0, failures: 0 };
      seen.set(at, { successes: held.successes + successes, failures: held.failures + failures });
    }
  }
  const owners = new Map<string, number>();
  for (const { pod, life, baseline, epochs, slots } of expected.lives.values()) {
    const want = { successes: 0, failures: 0 };
    for (const last of epochs.values()) addPage(want, last, 1);
    if (baseline !== null) addPage(want, baseline, -1);
    const sum = { successes: 0, failures: 0 };
    for (const slot of slots) {
      const at = `${slot} ${pod}`;
      t.is(owners.get(at) ?? life, life, `one life of ${pod} a slot`);
      owners.set(at, life);
      sum.successes += seen.get(at)?.successes ?? 0;
      sum.failures += seen.get(at)?.failures ?? 0;
    }
    t.deepEqual(sum, want, `life ${life} of ${pod}`);
    if (epochs.size > 1) found.livesWithReset += 1;
  }
  for (const [at, { successes, failures }] of seen) {
    if (!owners.has(at)) t.is(successes + failures, 0, `${at} belongs to no life`);
  }
  found.lives = expected.lives.size;
}

/** Everything published of the present window against the truth of its slots. */
async function checkWindow(t: ExecutionContext, stage: DrivenWorld, slot: number, found: Found): Promise<void> {
  const { weir, expected, world } = stage;
  const published = await fetchEdges(weir);
  const range = {
    from: Date.parse(published.windowStart) / SLOT_MS,
    to: Date.parse(published.windowEnd) / SLOT_MS,
  };
  t.is(range.to - range.from, 3);
  const readings = new ExpectedReadings(world, expected, range, factorsOf(weir.sums, SLOT_MS, range));
  const edges = readings.edges();
  t.deepEqual(published.edges.map(edgeName).sort(), [...edges.keys()].sort(), `edges after slot ${slot}`);
  for (const edge of published.edges) {
    const label = `${edgeName(edge)} after slot ${slot}`;
    const { latenciesMs, meshes: _, shared, tcp: wantTcp, ...want } = edges.get(edgeName(edge))!;
    const { side, counts, successes, failures, unreached = 0, complete, tcp } = edge;
    t.deepEqual(
      { side, counts, successes, failures, unreached, complete },
      { ...want, complete: want.complete ?? complete },
      label,
    );
    if (shared) found.strangers += 1;
    else t.deepEqual(tcp, wantTcp, label);
    found.edges += 1;
    if (!complete) found.incomplete += 1;
    if (edge.source !== null && side === 'server') found.otherSide += 1;
    if (shared) continue;
    t.is(edge.latencyMs === null, latenciesMs.length === 0, label);
    for (const [name, share] of edge.latencyMs === null ? [] : entriesOf(SHARES)) {
      const { lo, hi, value: said } = edge.latencyMs![name];
      const value = trueQuantile(latenciesMs, share)!;
      t.true(value >= lo && (hi === null || value <= hi), `${label} ${name}: true ${value} in (${lo}, ${hi}]`);
      t.true(said >= lo && (hi === null || said <= hi), `${label} ${name}: ${said} in (${lo}, ${hi}]`);
      found.quantiles += 1;
    }
  }
  const workloads = new Map([
    ...(await fetchTotals(weir, 'deployments')),
    ...(await fetchTotals(weir, 'statefulsets')),
  ]);
  for (const [name, totals] of await fetchTotals(weir, 'jobs')) workloads.set(name, totals);
  const totals = readings.totals();
  // Where clients know but the Service and no proxy stands behind it, a Service is all there is.
  for (const [name, told] of await fetchTotals(weir, 'services')) {
    if (totals.has(name) && !workloads.has(name)) workloads.set(name, told);
  }
  checkTotals(t, workloads, totals, `after slot ${slot}`, found);
  const pods = [...(await fetchTotals(weir, 'pods'))].map(([name, totals]) => [name.split('/')[1]!, totals] as const);
  checkTotals(t, new Map(pods), readings.pods(), `pod after slot ${slot}`, found);
}

const entriesOf = <Shape extends object>(shape: Shape) => Object.entries(shape) as [keyof Shape, Shape[keyof Shape]][];

function checkTotals(
  t: ExecutionContext,
  published: ReadonlyMap<string, PublishedTotals>,
  expected: ReadonlyMap<string, ExpectedFigures>,
  label: string,
  found: Found,
): void {
  t.deepEqual(
    [...expected.keys()].filter((name) => !published.has(name)),
    [],
    label,
  );
  for (const [name, totals] of published) {
    const want = expected.get(name);
    const { successes, failures } = totals;
    t.deepEqual(
      { successes, failures },
      { successes: want?.successes ?? 0, failures: want?.failures ?? 0 },
      `${name} ${label}`,
    );
    found.totals += 1;
    if (want?.side === 'server' && want.unreached > 0) found.totalsWithUnreached += 1;
    for (const [key, share] of entriesOf(SHARES)) {
      const truth = trueQuantile(want?.latenciesMs ?? [], share);
      const { lo, hi } = truth === null ? { lo: 0, hi: 0 } : bucketOf(truth, want!.meshes);
      t.true(totals[key] >= lo && totals[key] <= hi, `${name} ${label}: ${key} ${totals[key]}, true ${truth}`);
      found.quantiles += 1;
    }
  }
}
