/** @module Whatever the backend does, and in whatever order: each request counted is taken, or was refused for good. */
import test from 'ava';
import fc from 'fast-check';
import { otlpHttpConfig } from '../../../exporters/otlp/config.ts';
import { createOtlpHttpExporter } from '../../../exporters/otlp/otlphttp.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import type { PostResult } from '../../../pipeline/net/http-post.ts';
import { decodeTraffic } from '../../../pipeline/wire/otlp-traffic.ts';
import { exporterBench, settle } from '../../kit/exporter.ts';
import { answered, failed } from '../../kit/posts.ts';
import { edgeCounts, itemsOf, slot, trafficBatch } from '../../kit/slots.ts';

const START_MS = 1_700_000_010_000;
const SLOT_MS = 10_000;

type Turn = 'taken' | 'lost' | 'away' | 'busy' | 'refused';

const FAILED = failed('connect', 'away');

/** A backend that drops repeats by their number. */
class Backend {
  readonly taken = new Map<number, TrafficSum>();
  readonly refused = new Map<number, TrafficSum>();
  /** Refused when they were sent again. */
  readonly refusedLater = new Map<number, TrafficSum>();
  readonly #turns: Turn[];
  readonly #bodies = new Map<number, string>();
  readonly #maxItems: number;
  changed = 0;

  constructor(turns: readonly Turn[], maxItems: number) {
    this.#turns = [...turns];
    this.#maxItems = maxItems;
  }

  post(body: Uint8Array): PostResult {
    const { envelope, sums } = decodeTraffic(body).resources[0]!;
    const sum = sums[0]!;
    const seq = envelope!.seq;
    const text = Buffer.from(body).toString('latin1');
    if ((this.#bodies.get(seq) ?? text) !== text) this.changed += 1;
    this.#bodies.set(seq, text);
    const items = sum.records.length + sum.coverage.length;
    if (items > this.#maxItems) return answered(413);
    switch (this.#turns.shift() ?? 'taken') {
      case 'away':
        return FAILED;
      case 'busy':
        return answered(503);
      case 'lost':
        this.taken.set(seq, sum);
        return { ...FAILED, reason: 'timeout' };
      case 'refused':
        (this.taken.has(seq) ? this.refusedLater : this.refused).set(seq, sum);
        return answered(400);
      case 'taken':
        this.taken.set(seq, sum);
        return answered(200);
    }
  }
}

interface Totals {
  successes: number;
  failures: number;
  responses: number;
  scrapes: number;
}

function totalsOf(sums: Iterable<TrafficSum>): Totals {
  const totals = { successes: 0, failures: 0, responses: 0, scrapes: 0 };
  for (const { records, coverage } of sums) {
    for (const record of records) {
      totals.successes += record.successes;
      totals.failures += record.failures;
      for (const { counts } of record.latency ?? []) for (const count of counts) totals.responses += count;
    }
    for (const { scrapesDue } of coverage) totals.scrapes += scrapesDue;
  }
  return totals;
}

function itemsIn(sums: ReadonlyMap<number, TrafficSum>): number {
  return [...sums.values()].reduce((items, sum) => items + itemsOf(sum), 0);
}

const turns = fc.array(fc.constantFrom<Turn>('taken', 'lost', 'away', 'busy', 'refused'), { maxLength: 40 });
const run = fc.record({
  turns,
  slots: fc.array(fc.tuple(edgeCounts, fc.nat(20_000)), { minLength: 1, maxLength: 25 }),
  queueSize: fc.integer({ min: 1, max: 4 }),
  partItems: fc.integer({ min: 1, max: 9 }),
  backendItems: fc.integer({ min: 1, max: 9 }),
});

test('any turns of the backend: counts are conserved, numbers never change their bytes, the books balance', async (t) => {
  let coalesced = 0;
  let refusals = 0;
  let repeats = 0;
  await fc.assert(
    fc.asyncProperty(run, async ({ turns, slots, queueSize, partItems, backendItems }) => {
      const backend = new Backend(turns, backendItems);
      const yaml = {
        endpoint: 'http://127.0.0.1:4318',
        compression: 'none',
        max_request_items: partItems,
        sending_queue: { queue_size: queueSize },
      };
      const { settings, clock, balance } = exporterBench('otlphttp', otlpHttpConfig, yaml);
      const exporter = createOtlpHttpExporter(settings, () => ({
        check: async () => null,
        post: async (_headers, body) => backend.post(body),
        close: () => {},
      }));
      await exporter.start();
      const sent: TrafficSum[] = [];
      for (const [n, [edges, waitMs]] of slots.entries()) {
        const sum = slot(START_MS + n * SLOT_MS, START_MS + (n + 1) * SLOT_MS, edges);
        sent.push(sum);
        exporter.consume(trafficBatch(sum));
        clock.advance(waitMs);
        await settle();
      }
      while (balance.queued > 0) {
        for (let i = 0; i < 20; i++) await settle();
        clock.fireNext();
      }
      await exporter.stop(new AbortController().signal);
      t.deepEqual(totalsOf([...backend.taken.values(), ...backend.refused.values()]), totalsOf(sent));
      t.is(backend.changed, 0);
      t.is(balance.unaccounted, 0);
      t.is(balance.held + balance.queued, 0);
      const [refused, unknown] = [itemsIn(backend.refused), itemsIn(backend.refusedLater)];
      t.is(balance.dropped.get('http_400') ?? 0, refused);
      t.is(balance.dropped.get('refused_repeat') ?? 0, unknown);
      t.is(balance.dropped.size, Number(refused > 0) + Number(unknown > 0));
      t.is(balance.delivered, itemsIn(backend.taken) - unknown);
      repeats += unknown;
      coalesced += balance.merged > 0 ? 1 : 0;
      refusals += backend.refused.size;
    }),
    { numRuns: 150 },
  );
  const seen = `${coalesced} runs with coalescing, ${refusals} refusals, ${repeats} items refused when sent again`;
  t.true(coalesced > 10 && refusals > 20 && repeats > 20, seen);
});
