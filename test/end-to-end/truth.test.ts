/**
 * @module The truth test: 200 slots of a simulated mesh with every fault, scraped by the real process, against what the
 * world knows happened at the very instants of the scrapes.
 */
import test from 'ava';
import { budget } from '../kit/budget.ts';
import type { DrivenWorld } from '../kit/driven-world.ts';
import { assertAtLeast, checkRun } from '../kit/expected-checks.ts';
import { checkRollout } from '../kit/expected-rates.ts';

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
    const compared = await checkRollout(t, { world: { seed: 3 }, workload, tolerance: 0.01 });
    t.true(compared > 7 * 15);
  });
}
