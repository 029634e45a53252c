/**
 * @module The truth test over three meshes that call each other, with all their faults: what Linkerd's, Istio's and Envoy's
 * pages tell, through one process, against what the world knows.
 */
import test from 'ava';
import { ENVOY_PART } from '../../demo/world/istio/beside.ts';
import { THREE_MESHES } from '../../demo/world/three-meshes.ts';
import { budget } from '../kit/budget.ts';
import type { DrivenWorld } from '../kit/driven-world.ts';
import { assertAtLeast, checkRun } from '../kit/expected-checks.ts';
import { checkRollout } from '../kit/expected-rates.ts';

const SLOTS = 160;
const SEEDS = Array.from({ length: budget('seeds', 1) }, (_, i) => 21 + i);

/** What goes wrong in which slot, on each mesh's own kind of proxy. */
function faults({ world }: DrivenWorld): Map<number, () => void> {
  const pod = (workload: string) => world.podOf(workload);
  const fail = (workload: string, ...rest: [Parameters<typeof world.failScrapes>[1], number?]) =>
    world.failScrapes(pod(workload), ...rest);
  return new Map<number, () => void>([
    [8, () => world.restart(pod('delivery/courier'))],
    [11, () => fail('delivery/tracking', { kind: 'unavailable' })],
    [13, () => world.resetCounters(pod('delivery/dispatch'))],
    [16, () => world.starve('delivery/dispatch -> delivery/tracking')],
    [19, () => world.feed('delivery/dispatch -> delivery/tracking')],
    [21, () => fail('media/images', { kind: 'hang' })],
    [24, () => world.reorder(pod('media/store'))],
    [26, () => fail('delivery/dispatch', { kind: 'partial', without: ENVOY_PART })],
    [29, () => world.hotRestart(pod('media/thumbs'))],
    [32, () => world.pause('delivery/tracking -> delivery/geo')],
    [34, () => fail('media/thumbs', { kind: 'cut', clean: true })],
    [36, () => fail('delivery/geo', { kind: 'cut', clean: false }, 2)],
    [39, () => world.restart(pod('payments/wallet'))],
    [42, () => world.rollOut('delivery/dispatch', 7_300)],
    [48, () => world.resume('delivery/tracking -> delivery/geo')],
    [51, () => fail('media/store', { kind: 'partial', without: ['envoy_server_live', 'envoy_cluster_*'] })],
    [54, () => void world.startPod('delivery/parcel', { forMs: 34_000 })],
    [60, () => world.rollOut('media/images', 4_100)],
    [66, () => world.resetCounters(pod('media/images'))],
    [69, () => world.restart(pod('media/store'))],
    [70, () => world.restart(pod('media/store'))],
    [73, () => fail('delivery/courier', { kind: 'refused' }, 3)],
    [79, () => world.stopPod(pod('delivery/geo'))],
    [82, () => void world.startPod('delivery/geo')],
    [86, () => world.hotRestart(pod('delivery/tracking'))],
    [89, () => world.starve('media/images -> media/thumbs')],
    [91, () => world.feed('media/images -> media/thumbs')],
    [94, () => world.reorder(pod('delivery/courier'))],
    [97, () => fail('payments/checkout', { kind: 'hang' })],
    [100, () => void world.startPod('delivery/parcel', { forMs: 4_000 })],
    [104, () => world.rollOut('shop/web', 6_000)],
    [110, () => fail('delivery/stock', { kind: 'unavailable' }, 2)],
    [114, () => world.restart(pod('delivery/stock'))],
    [118, () => world.starve('delivery/dispatch -> payments/wallet')],
    [121, () => world.feed('delivery/dispatch -> payments/wallet')],
    [124, () => world.pause('media/store -> media/cdn')],
    [128, () => world.rollOut('delivery/courier', 3_000)],
    [133, () => world.resume('media/store -> media/cdn')],
    [136, () => fail('media/images', { kind: 'partial', without: ENVOY_PART }, 2)],
    [142, () => void world.startPod('media/store')],
    [146, () => world.resetCounters(pod('shop/catalog'))],
    [150, () => world.rollOut('delivery/tracking', 5_000)],
  ]);
}

for (const seed of SEEDS) {
  test(`seed ${seed}: ${SLOTS} slots of three meshes: each slot, life, edge, total and quantile is the truth`, async (t) => {
    t.timeout(600_000);
    const world = { seed, retainIdleMs: 60_000, topology: THREE_MESHES };
    const found = await checkRun(t, { world, slots: SLOTS, faults });
    t.is(found.livesWithReset, 3);
    assertAtLeast(t, found, {
      ...{ rows: SLOTS * 60, withTcp: SLOTS * 50, withUnreached: 250, scrapesDue: SLOTS * 20, scrapesMissed: 14 },
      ...{ resets: 10, firstSight: 20, lives: 40, edges: 3000, incomplete: 40, otherSide: 30, strangers: 150 },
      ...{ totals: 4000, totalsWithUnreached: 120, quantiles: 20_000 },
    });
  });
}

for (const [workload, seed] of [
  ['delivery/dispatch', 3],
  // Of these pods' lives the scrapes cover so little that counts alone would let the server's attempts step in.
  ['delivery/dispatch', 4],
  ['delivery/courier', 4],
  ['media/images', 3],
] as const) {
  test(`a rolling deployment of ${workload} hardly bends the published rates, although uptimes lag; seed ${seed}`, async (t) => {
    t.timeout(300_000);
    // A new proxy's age is known to half a flush only, for a window.
    const compared = await checkRollout(t, {
      world: { seed, topology: THREE_MESHES },
      workload,
      tolerance: 0.1,
    });
    t.true(compared > 7 * 28, `${compared}`);
  });
}
