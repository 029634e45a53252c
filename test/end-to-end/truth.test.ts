/**
 * @module The truth test: 200 slots of a simulated mesh with every fault, scraped by the real process, against what the
 * world knows happened at the very instants of the scrapes.
 */
import test from 'ava';
import { budget } from '../kit/budget.ts';
import { assertBalanced } from '../kit/driven/balanced.ts';
import { DrivenWorld, SLOT_MS } from '../kit/driven-world.ts';
import { assertAtLeast, checkRun } from '../kit/expected-checks.ts';
import { fetchEdges } from '../kit/published-edges.ts';

const SLOTS = 200;
/** Seeds of the worlds: one for every run of the tests, as many as asked for in the soak. */
const SEEDS = Array.from({ length: budget('seeds', 1) }, (_, i) => 11 + i);

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

for (const seed of SEEDS) {
  test(`seed ${seed}: 200 slots with every fault: each slot, life, edge, total and quantile is the truth`, async (t) => {
    t.timeout(600_000);
    const found = await checkRun(t, { world: { seed, retainIdleMs: 60_000 }, slots: SLOTS, faults });
    t.is(found.livesWithReset, 2);
    assertAtLeast(t, found, {
      ...{
        rows: SLOTS * 15,
        withTcp: SLOTS * 10,
        scrapesDue: SLOTS * 12,
        scrapesMissed: 12,
        resets: 6,
        firstSight: 12,
      },
      ...{ lives: 24, edges: 500, incomplete: 8, otherSide: 20, totals: 800, quantiles: 3000 },
    });
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
