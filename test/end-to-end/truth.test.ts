/**
 * @module The truth test: 200 slots of a simulated mesh with every fault, scraped by the real process, against what the
 * world knows happened at the very instants of the scrapes.
 */
import test, { type ExecutionContext } from 'ava';
import { sinceStart, trueQuantile } from '../../demo/world/truth.ts';
import { assertBalanced } from '../kit/driven/balanced.ts';
import { DrivenWorld, SLOT_MS } from '../kit/driven-world.ts';
import { bucketsOf, observedCounts } from '../kit/expected-traffic.ts';
import { fetchEdges, quantileCases } from '../kit/published-edges.ts';

const SLOTS = 200;

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

function checkSlots(t: ExecutionContext, stage: DrivenWorld): void {
  const { weir, expected } = stage;
  let rows = 0;
  for (const sum of weir.sums) {
    const slot = Math.floor(sum.interval.startMs / SLOT_MS);
    const want = expected.slots.get(slot) ?? new Map();
    const seen = observedCounts(sum);
    const label = `slot ${slot - expected.watchStartMs / SLOT_MS}`;
    t.deepEqual([...seen.keys()].sort(), [...want.keys()].sort(), label);
    for (const [key, { successes, failures, latenciesMs }] of want) {
      t.deepEqual(seen.get(key), { successes, failures, buckets: bucketsOf(latenciesMs) }, `${label}: ${key}`);
      rows += 1;
    }
  }
  t.true(rows > SLOTS * 15, `${rows} rows compared`);
}

/** Over each proxy's life: what the slots hold is what the world's counters stood at when last scraped. */
function checkLives(t: ExecutionContext, stage: DrivenWorld): void {
  const seen = new Map<string, { successes: number; failures: number }>();
  for (const record of stage.weir.sums.flatMap((sum) => sum.records)) {
    const at = seen.get(record.key.own.pod) ?? { successes: 0, failures: 0 };
    seen.set(record.key.own.pod, {
      successes: at.successes + record.successes,
      failures: at.failures + record.failures,
    });
  }
  const want = new Map<string, { successes: number; failures: number }>();
  const unclear = new Set<string>();
  for (const { pod, baseline, last } of stage.expected.lives.values()) {
    // A reset within a life takes with it what was counted since the page before: the slots above hold that case.
    if (last.epoch > 1) unclear.add(pod);
    const at = want.get(pod) ?? { successes: 0, failures: 0 };
    for (const sign of [1, -1]) {
      const snapshot = sign === 1 ? last : baseline;
      for (const delta of snapshot === null ? [] : sinceStart(snapshot)) {
        at.successes += sign * delta.successes;
        at.failures += sign * delta.failures;
      }
    }
    want.set(pod, at);
  }
  let checked = 0;
  for (const [pod, counts] of want) {
    if (unclear.has(pod) || counts.successes + counts.failures === 0) continue;
    t.deepEqual(seen.get(pod), counts, `the lives of ${pod}`);
    checked += 1;
  }
  t.true(checked >= 15, `${checked} pods checked over their lives`);
  t.true(unclear.size >= 2 && unclear.size <= 3);
}

test('200 slots with every fault: each slot, each life and each quantile is the truth', async (t) => {
  t.timeout(600_000);
  const stage = await DrivenWorld.start({
    world: { seed: 11, retainIdleMs: 60_000 },
    leadMs: 25_000,
    exporters: '  smi: { endpoint: "127.0.0.1:0" }',
    exporterIds: ['smi'],
  });
  t.teardown(() => stage.close());
  const script = faults(stage);
  let quantiles = 0;
  for (let slot = 0; slot < SLOTS; slot++) {
    script.get(slot)?.();
    await stage.publishChanges();
    await stage.advance(SLOT_MS);
    if (slot < 6 || slot % 5 !== 0) continue;
    const published = await fetchEdges(stage.weir);
    for (const { edge, share, interval, truth } of quantileCases(published, stage.expected, SLOT_MS)) {
      quantiles += 1;
      const value = trueQuantile(truth, share)!;
      t.true(
        value >= interval.lo && (interval.hi === null || value <= interval.hi),
        `${edge} p${share * 100}: true ${value} in (${interval.lo}, ${interval.hi}], said ${interval.value}`,
      );
    }
  }
  // Half a slot more, so that the drain meets targets scraped and not yet scraped in their slot.
  await stage.advance(SLOT_MS / 2);

  for (const outcome of ['good', 'unavailable', 'hang', 'partial', 'cut', 'refused'])
    t.true((stage.expected.outcomes.get(outcome) ?? 0) > 0, outcome);
  t.true(stage.weir.sums.length >= SLOTS);
  t.true(quantiles > 1000, `${quantiles} quantiles checked`);
  const books = await stage.weir.stop();
  checkSlots(t, stage);
  checkLives(t, stage);
  assertBalanced(t, books);
});

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
