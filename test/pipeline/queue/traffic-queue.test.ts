/** @module The bounded queue of traffic against a plain model. */
import test from 'ava';
import fc from 'fast-check';
import { readTraffic } from '../../../pipeline/model/reading.ts';
import type { Identity } from '../../../pipeline/model/resource.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { type QueuedTraffic, TrafficQueue } from '../../../pipeline/queue/traffic-queue.ts';
import { createTestClock } from '../../kit/clock.ts';
import { type EdgeCounts, edgeCounts, itemsOf, slot, totals } from '../../kit/slots.ts';

const EDGE: EdgeCounts = { source: 'web', destination: 'emoji', successes: 3, failures: 1 };

function queueOf(queueSize: number, sizer: 'requests' | 'items' | 'bytes' = 'requests', maxItems = 1000) {
  const clock = createTestClock();
  return { clock, queue: new TrafficQueue({ queueSize, sizer, onFull: 'coalesce', maxItems }, clock) };
}

function slotNumber(n: number, edges: readonly EdgeCounts[] = [EDGE]): TrafficSum {
  return slot(n * 1000, (n + 1) * 1000, edges);
}

test('sums come out once, in the order in which they were offered', async (t) => {
  const { queue } = queueOf(10);
  for (let n = 0; n < 3; n++) queue.offer(slotNumber(n));
  for (let n = 0; n < 3; n++) {
    const taken = await queue.take();
    t.is(taken?.sum.interval.startMs, n * 1000);
    queue.done(taken?.id ?? -1);
  }
  t.is(queue.depth, 0);
  t.is(queue.items, 0);
  t.is(queue.bytes, 0);
});

test('what sums lose that are added together is counted', async (t) => {
  const { queue } = queueOf(1);
  for (let n = 0; n < 3; n++) queue.offer(slotNumber(n, [{ ...EDGE, successes: 2 ** 53, failures: 0 }]));
  const taken = await queue.take();
  t.true([...totals([taken!.sum]).values()].every(([successes]) => successes === 2 ** 53));
  t.is(queue.overflow.counts, 8 * 2 ** 53, 'two sides, requests and a bucket of them, added to twice');
});

test('a full queue adds the new sum to the newest one waiting', async (t) => {
  const { queue } = queueOf(2);
  queue.offer(slotNumber(0));
  queue.offer(slotNumber(1));
  t.deepEqual(queue.offer(slotNumber(2)), { coalesced: true, folded: false, merged: 4 });
  t.is(queue.depth, 2);
  const first = await queue.take();
  t.deepEqual(first?.sum.interval, { startMs: 0, endMs: 1000 });
  queue.done(first?.id ?? -1);
  const second = await queue.take();
  t.deepEqual(second?.sum.interval, { startMs: 1000, endMs: 3000 });
  t.is(second?.sums, 2);
  t.deepEqual(
    [...totals([second?.sum ?? slotNumber(9)]).values()],
    [
      [6, 2],
      [6, 2],
    ],
  );
});

test('what was tried is never changed: one place beyond the limit takes what comes next', async (t) => {
  const { queue } = queueOf(1);
  queue.offer(slotNumber(0));
  const tried = await queue.take();
  const before = structuredClone(tried?.sum);
  queue.giveBack(tried?.id ?? -1);
  t.false(queue.offer(slotNumber(1)).coalesced);
  t.true(queue.offer(slotNumber(2)).coalesced);
  t.is(queue.depth, 2);
  const again = await queue.take();
  t.is(again?.id, tried?.id);
  t.deepEqual(again?.sum, before);
});

test('items and bytes may be the measure of the queue', (t) => {
  const items = queueOf(8, 'items').queue;
  items.offer(slotNumber(0));
  items.offer(slotNumber(1));
  t.is(items.items, 8);
  t.true(items.offer(slotNumber(2)).coalesced);
  const bytes = queueOf(1, 'bytes').queue;
  bytes.offer(slotNumber(0));
  t.true(bytes.offer(slotNumber(1)).coalesced);
  t.true(bytes.bytes > 500);
});

test('a waiting take is answered by the next offer, by close, and by abort', async (t) => {
  const { queue, clock } = queueOf(2);
  const offered = queue.take();
  queue.offer(slotNumber(0));
  const taken = await offered;
  t.is(taken?.sum.interval.startMs, 0);
  clock.advance(2500);
  t.is(queue.oldestAgeMs, 2500);
  queue.done(taken?.id ?? -1);
  const abort = new AbortController();
  const aborted = queue.take(abort.signal);
  abort.abort();
  t.is(await aborted, null);
  const closed = queue.take();
  queue.close();
  t.is(await closed, null);
});

test('only one sum is in flight', async (t) => {
  const { queue } = queueOf(5);
  queue.offer(slotNumber(0));
  queue.offer(slotNumber(1));
  const first = await queue.take();
  let second: QueuedTraffic | null = null;
  const waiting = queue.take().then((taken) => {
    second = taken;
  });
  await Promise.resolve();
  t.is(second, null);
  queue.done(first?.id ?? -1);
  await waiting;
  t.not(second, null);
});

/** The slot of `EDGE` in which both pods have other names than in any other slot. */
function churned(n: number): TrafficSum {
  const sum = slotNumber(n);
  const young = (own: Identity): Identity => ({
    ...own,
    pod: `${own.workload.name}-${n}`,
    podUid: `${n}`,
    node: `${n}`,
  });
  return {
    ...sum,
    records: sum.records.map((record) => {
      const key = { ...record.key, id: `${record.key.id} ${n}`, own: young(record.key.own) };
      return { ...record, key };
    }),
    coverage: sum.coverage.map((record) => ({ ...record, target: `${record.target} ${n}`, own: young(record.own) })),
  };
}

test('a sum that outgrows max_items while pods come and go keeps its counts and loses its pods', async (t) => {
  const { queue } = queueOf(1, 'requests', 20);
  let [merged, folded, most] = [0, 0, 0];
  for (let n = 0; n < 50; n++) {
    const offered = queue.offer(churned(n));
    merged += offered.merged;
    if (offered.folded) folded += 1;
    most = Math.max(most, queue.items);
    t.is(queue.items + merged, (n + 1) * 4, 'the balance holds');
  }
  t.true(folded > 5);
  t.is(most, 20);
  t.true(queue.bytes < 20 * 400);
  const { sum } = (await queue.take())!;
  const seen = (side: string) => sum.records.filter(({ key }) => key.side === side);
  for (const side of ['client', 'server']) {
    const counts = seen(side).map(({ successes, failures }) => [successes, failures]);
    t.is(
      counts.reduce((all, [ok = 0]) => all + ok, 0),
      150,
      side,
    );
    t.is(
      counts.reduce((all, [, bad = 0]) => all + bad, 0),
      50,
      side,
    );
  }
  t.is(
    sum.coverage.reduce((all, { coveredSeconds }) => all + coveredSeconds, 0),
    100,
  );
  const { edges } = readTraffic(sum, { defaultKind: 'Deployment', windowMs: 50_000 });
  t.deepEqual(
    edges.map(({ source, destination, figures }) => [
      source?.name,
      destination?.name,
      figures.successes,
      figures.ratePerSecond,
    ]),
    [['web', 'emoji', 150, 4]],
  );
});

test('a sum whose workloads alone are too many is folded anew only when it has doubled', (t) => {
  const { queue } = queueOf(1, 'requests', 2);
  let folded = 0;
  for (let n = 0; n < 100; n++) if (queue.offer(churned(n)).folded) folded += 1;
  t.true(folded > 10 && folded < 60);
  t.true(queue.items <= 8);
});

type Step = { kind: 'offer'; edges: EdgeCounts[] } | { kind: 'take' } | { kind: 'back' } | { kind: 'done' };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: edgeCounts.map((edges): Step => ({ kind: 'offer', edges })) },
    fc.constantFrom<Step>({ kind: 'take' }, { kind: 'back' }, { kind: 'done' }),
  ),
  { maxLength: 40 },
);

test('whatever happens, intervals tile, counts are conserved, and a tried sum stays as it was', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), steps, async (queueSize, script) => {
      const { queue } = queueOf(queueSize);
      const offered: TrafficSum[] = [];
      const delivered: TrafficSum[] = [];
      let flight: QueuedTraffic | null = null;
      let tried: { id: number; copy: string } | null = null;
      let merged = 0;
      for (const step of script) {
        if (step.kind === 'offer') {
          const sum = slotNumber(offered.length, step.edges);
          offered.push(sum);
          merged += queue.offer(sum).merged;
        } else if (step.kind === 'take' && flight === null && queue.depth > 0) {
          flight = await queue.take();
          const copy = JSON.stringify(flight?.sum);
          if (tried !== null && tried.id === flight?.id) t.is(copy, tried.copy);
          tried = { id: flight?.id ?? -1, copy };
        } else if (step.kind === 'back' && flight !== null) {
          queue.giveBack(flight.id);
          flight = null;
        } else if (step.kind === 'done' && flight !== null) {
          delivered.push(flight.sum);
          queue.done(flight.id);
          flight = null;
        }
        t.true(queue.depth <= queueSize + 1);
        const items = offered.reduce((total, sum) => total + itemsOf(sum), 0);
        t.is(items, merged + queue.items + delivered.reduce((total, sum) => total + itemsOf(sum), 0));
      }
      delivered.push(...queue.clear().map((left) => left.sum));
      t.deepEqual(totals(delivered), totals(offered));
      let end = 0;
      for (const { interval } of delivered) {
        t.is(interval.startMs, end);
        end = interval.endMs;
      }
      t.is(end, offered.length * 1000);
    }),
    { numRuns: 300 },
  );
});
