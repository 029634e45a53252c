/**
 * @module The truth test: 200 slots of a simulated mesh with every fault, scraped by the real process, against what the
 * world knows happened at the very instants of the scrapes.
 */
import test, { type ExecutionContext } from 'ava';
import { observable, type TruthSnapshot, trueQuantile } from '../../demo/world/truth.ts';
import { budget } from '../kit/budget.ts';
import { assertBalanced } from '../kit/driven/balanced.ts';
import { DrivenWorld, SLOT_MS } from '../kit/driven-world.ts';
import { type ExpectedFigures, ExpectedReadings } from '../kit/expected-readings.ts';
import { bucketOf, bucketsOf, type ExpectedCounts, hasTcp, observedCounts } from '../kit/expected-traffic.ts';
import { edgeName, fetchEdges, fetchTotals, type PublishedTotals } from '../kit/published-edges.ts';

const SLOTS = 200;
/** Seeds of the worlds: one for every run of the tests, as many as asked for in the soak. */
const SEEDS = Array.from({ length: budget('seeds', 1) }, (_, i) => 11 + i);
const SHARES = { p50: 0.5, p90: 0.9, p99: 0.99 } as const;

/** What goes wrong in which slot. Slots are counted from the watch's beginning. */
function faults(stage: DrivenWorld): Map<number, () => void> {
  const { world } = stage;
  const pod = (workload: string) => world.podOf(workload);
  return new Map<number, () => void>([
    [8, () => world.restart(pod('shop/cart'))],
    [12, () => world.failScrapes(pod('shop/search'), { kind: 'unavailable' })],
    [15, () => world.resetCounters(pod('shop/catalog'))],
    [18, () => world.pause('shop/web -> shop/reviews')],
    [22, () => world.failScrapes(pod('payments/fraud'), { kind: 'hang' })],
    [25, () => world.reorder(pod('shop/web'))],
    [
      28,
      () => world.failScrapes(pod('payments/checkout'), { kind: 'partial', without: ['process_start_time_seconds'] }),
    ],
    [31, () => world.failScrapes(pod('payments/wallet'), { kind: 'cut', clean: true })],
    [34, () => world.failScrapes(pod('payments/ledger'), { kind: 'cut', clean: false }, 2)],
    [38, () => world.failScrapes(pod('shop/recommend'), { kind: 'refused' }, 3)],
    [45, () => world.resume('shop/web -> shop/reviews')],
    [50, () => world.rollOut('shop/web', 7_300)],
    [58, () => void world.startPod('payments/report', { forMs: 34_000 })],
    [66, () => world.pause('payments/checkout -> payments/rates')],
    [70, () => world.restart(pod('shop/web'))],
    [71, () => world.restart(pod('shop/web'))],
    [80, () => world.rollOut('payments/checkout', 12_000)],
    [95, () => world.resume('payments/checkout -> payments/rates')],
    [100, () => void world.startPod('payments/report', { forMs: 4_000 })],
    [110, () => world.failScrapes(pod('shop/web'), { kind: 'hang' }, 2)],
    [114, () => world.resetCounters(pod('payments/ledger'))],
    [120, () => world.restart(pod('payments/ledger'))],
    [125, () => world.rollOut('shop/catalog', 3_000)],
    [140, () => void world.startPod('shop/search')],
    [
      150,
      () =>
        world.failScrapes(
          pod('shop/search'),
          { kind: 'partial', without: ['response_total', 'process_start_time_seconds'] },
          2,
        ),
    ],
    [160, () => world.reorder(pod('shop/catalog'))],
    [170, () => world.rollOut('shop/search', 5_000)],
  ]);
}

const counted = ({ successes, failures, tcp }: ExpectedCounts) => successes + failures > 0 || hasTcp(tcp);

function checkSlots(t: ExecutionContext, stage: DrivenWorld): void {
  const { weir, expected } = stage;
  let rows = 0;
  let withTcp = 0;
  for (const sum of weir.sums) {
    const slot = Math.floor(sum.interval.startMs / SLOT_MS);
    const want = [...(expected.slots.get(slot) ?? [])].filter(([, counts]) => counted(counts));
    const seen = observedCounts(sum);
    const label = `slot ${slot - expected.watchStartMs / SLOT_MS}`;
    t.deepEqual([...seen.keys()].sort(), want.map(([key]) => key).sort(), label);
    for (const [key, { successes, failures, latenciesMs, tcp }] of want) {
      t.deepEqual(seen.get(key), { successes, failures, buckets: bucketsOf(latenciesMs), tcp }, `${label}: ${key}`);
      rows += 1;
      if (hasTcp(tcp)) withTcp += 1;
    }
  }
  t.true(rows > SLOTS * 15, `${rows} rows compared`);
  t.true(withTcp > SLOTS * 10, `${withTcp} rows with TCP compared`);
}

/** Scrapes due and missed, resets and first sights of every pod in every slot are those that the world saw. */
function checkCoverage(t: ExecutionContext, { weir, expected }: DrivenWorld): void {
  const found = { scrapesMissed: 0, resets: 0, firstSight: 0, compared: 0 };
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
      found.compared += scrapesDue;
    }
  }
  t.true(found.scrapesMissed >= 12, `${found.scrapesMissed} missed`);
  t.true(found.resets >= 6, `${found.resets} resets`);
  t.true(found.firstSight >= 12, `${found.firstSight} first sights`);
  t.true(found.compared > SLOTS * 12, `${found.compared} due`);
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
function checkLives(t: ExecutionContext, { weir, expected }: DrivenWorld): void {
  const seen = new Map<string, Sums>();
  for (const { interval, records } of weir.sums) {
    for (const { key, successes, failures } of records) {
      const at = `${Math.floor(interval.startMs / SLOT_MS)} ${key.own.pod}`;
      const held = seen.get(at) ?? { successes: 0, failures: 0 };
      seen.set(at, { successes: held.successes + successes, failures: held.failures + failures });
    }
  }
  const owners = new Map<string, number>();
  let reset = 0;
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
    if (epochs.size > 1) reset += 1;
  }
  for (const [at, { successes, failures }] of seen) {
    if (!owners.has(at)) t.is(successes + failures, 0, `${at} belongs to no life`);
  }
  t.true(expected.lives.size >= 24, `${expected.lives.size} lives`);
  t.is(reset, 2, 'lives with a reset');
}

/** What is compared over all windows of a run, counted so that none of it can be empty unseen. */
interface Tally {
  edges: number;
  incomplete: number;
  /** Edges with a known source that are told by the server's side, since the client's missed something. */
  otherSide: number;
  quantiles: number;
  totals: number;
}

/** Everything published of the present window against the truth of its slots. */
async function checkWindow(t: ExecutionContext, stage: DrivenWorld, slot: number, tally: Tally): Promise<void> {
  const { weir, expected, world } = stage;
  const published = await fetchEdges(weir);
  const range = {
    from: Date.parse(published.windowStart) / SLOT_MS,
    to: Date.parse(published.windowEnd) / SLOT_MS,
  };
  t.is(range.to - range.from, 3);
  const readings = new ExpectedReadings(world, expected, range);
  const edges = readings.edges();
  t.deepEqual(published.edges.map(edgeName).sort(), [...edges.keys()].sort(), `edges after slot ${slot}`);
  for (const edge of published.edges) {
    const label = `${edgeName(edge)} after slot ${slot}`;
    const { latenciesMs, ...want } = edges.get(edgeName(edge))!;
    const { side, successes, failures, complete, tcp } = edge;
    t.deepEqual({ side, successes, failures, complete, tcp }, want, label);
    tally.edges += 1;
    if (!complete) tally.incomplete += 1;
    if (edge.source !== null && side === 'server') tally.otherSide += 1;
    t.is(edge.latencyMs === null, latenciesMs.length === 0, label);
    for (const [name, share] of edge.latencyMs === null ? [] : entriesOf(SHARES)) {
      const { lo, hi, value: said } = edge.latencyMs![name];
      const value = trueQuantile(latenciesMs, share)!;
      t.true(value >= lo && (hi === null || value <= hi), `${label} ${name}: true ${value} in (${lo}, ${hi}]`);
      t.true(said >= lo && (hi === null || said <= hi), `${label} ${name}: ${said} in (${lo}, ${hi}]`);
      tally.quantiles += 1;
    }
  }
  const workloads = new Map([
    ...(await fetchTotals(weir, 'deployments')),
    ...(await fetchTotals(weir, 'statefulsets')),
  ]);
  for (const [name, totals] of await fetchTotals(weir, 'jobs')) workloads.set(name, totals);
  checkTotals(t, workloads, readings.totals(), `after slot ${slot}`, tally);
  const pods = [...(await fetchTotals(weir, 'pods'))].map(([name, totals]) => [name.split('/')[1]!, totals] as const);
  checkTotals(t, new Map(pods), readings.pods(), `pod after slot ${slot}`, tally);
}

const entriesOf = <Shape extends object>(shape: Shape) => Object.entries(shape) as [keyof Shape, Shape[keyof Shape]][];

function checkTotals(
  t: ExecutionContext,
  published: ReadonlyMap<string, PublishedTotals>,
  expected: ReadonlyMap<string, ExpectedFigures>,
  label: string,
  tally: Tally,
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
    tally.totals += 1;
    for (const [key, share] of entriesOf(SHARES)) {
      const truth = trueQuantile(want?.latenciesMs ?? [], share);
      const { lo, hi } = truth === null ? { lo: 0, hi: 0 } : bucketOf(truth);
      t.true(totals[key] >= lo && totals[key] <= hi, `${name} ${label}: ${key} ${totals[key]}, true ${truth}`);
      tally.quantiles += 1;
    }
  }
}

for (const seed of SEEDS) {
  test(`seed ${seed}: 200 slots with every fault: each slot, life, edge, total and quantile is the truth`, async (t) => {
    t.timeout(600_000);
    const stage = await DrivenWorld.start({
      world: { seed, retainIdleMs: 60_000 },
      leadMs: 25_000,
      exporters: '  smi: { endpoint: "127.0.0.1:0" }',
      exporterIds: ['smi'],
    });
    t.teardown(() => stage.close());
    const script = faults(stage);
    const tally: Tally = { edges: 0, incomplete: 0, otherSide: 0, quantiles: 0, totals: 0 };
    for (let slot = 0; slot < SLOTS; slot++) {
      script.get(slot)?.();
      await stage.publishChanges();
      await stage.advance(SLOT_MS);
      // Also just after each fault, where windows are incomplete and sides are changed.
      const faulty = script.has(slot) || script.has(slot - 1);
      if (slot >= 6 && (faulty || slot % 5 === 0)) await checkWindow(t, stage, slot, tally);
    }
    // Half a slot more, so that the drain meets targets scraped and not yet scraped in their slot.
    await stage.advance(SLOT_MS / 2);

    for (const outcome of ['good', 'unavailable', 'hang', 'partial', 'cut', 'refused'])
      t.true((stage.expected.outcomes.get(outcome) ?? 0) > 0, outcome);
    t.true(stage.weir.sums.length >= SLOTS);
    t.true(
      tally.edges > 500 && tally.incomplete >= 8 && tally.otherSide >= 20 && tally.totals > 800,
      JSON.stringify(tally),
    );
    t.true(tally.quantiles > 3000, JSON.stringify(tally));
    const books = await stage.weir.stop();
    checkSlots(t, stage);
    checkCoverage(t, stage);
    checkLives(t, stage);
    assertBalanced(t, books);
  });
}

for (const workload of ['shop/web', 'shop/catalog']) {
  test(`a rolling deployment of ${workload} with constant rates per pod does not bend the published rates`, async (t) => {
    t.timeout(300_000);
    const stage = await DrivenWorld.start({
      world: { seed: 3, arrivals: 'constant', rateFactor: 20 },
      leadMs: 20_000,
      exporters: '  smi: { endpoint: "127.0.0.1:0" }',
      exporterIds: ['smi'],
    });
    t.teardown(() => stage.close());
    await stage.advance(60_000);
    const marks: { atMs: number; truth: Map<string, number> }[] = [];
    const mark = () => marks.push({ atMs: stage.weir.wallMs, truth: edgeTotals(stage) });
    mark();
    stage.world.rollOut(workload, 6_700);
    await stage.publishChanges();
    let compared = 0;
    for (let slot = 0; slot < 9; slot++) {
      await stage.advance(SLOT_MS, 100);
      mark();
      if (slot < 2) continue;
      const published = await fetchEdges(stage.weir);
      const windowEnd = Date.parse(published.windowEnd);
      const [from, to] = [published.windowStart, published.windowEnd].map((at) =>
        marks.find(({ atMs }) => atMs === Date.parse(at)),
      );
      t.truthy(from && to, `the world was marked at both ends of the window that ends ${windowEnd}`);
      for (const { source, destination, ratePerSecond } of published.edges) {
        if (source === null) continue;
        const edge = `${source.namespace}/${source.name} -> ${destination.namespace}/${destination.name}`;
        const rate = (to!.truth.get(edge)! - (from!.truth.get(edge) ?? 0)) / published.windowSeconds;
        t.true(
          Math.abs(ratePerSecond! / rate - 1) < 0.01,
          `${edge} in slot ${slot}: ${ratePerSecond} published, ${rate} true`,
        );
        compared += 1;
      }
    }
    t.true(compared > 7 * 15);
    assertBalanced(t, await stage.weir.stop());
  });
}

/** Responses of every edge since the world began, as its clients' proxies had them. */
function edgeTotals({ world }: DrivenWorld): Map<string, number> {
  const owners = new Map(world.topology.workloads.map((spec) => [spec.name, `${spec.namespace}/${spec.name}`]));
  const totals = new Map<string, number>();
  for (const { pod, entries } of world.truth()) {
    for (const { counts } of entries) {
      if (counts.side !== 'client') continue;
      const owner = [...owners].find(
        ([name]) => pod === `${name}-0` || new RegExp(`^${name}-[a-z0-9]+-[a-z0-9]{5}$`).test(pod),
      )?.[1];
      const edge = `${owner} -> ${counts.peer.workload.namespace}/${counts.peer.workload.name}`;
      totals.set(edge, (totals.get(edge) ?? 0) + counts.successes + counts.failures);
    }
  }
  return totals;
}
