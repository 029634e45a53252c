/** @module However traffic is divided over agents and whenever it comes: counts are conserved, and readers see it where it belongs. */
import test from 'ava';
import fc from 'fast-check';
import { sumTraffic } from '../../../pipeline/model/sum.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { buckets, covered, own, peer, record } from '../../kit/traffic.ts';
import { ordered } from '../../kit/traffic-arbitrary.ts';
import { gateway, slots, traffic } from './gateway-harness.ts';

const AGENTS = ['a', 'b', 'c'];
/** Slots that each agent tells whole; the next one is cut by its farewell. */
const SLOTS = 5;

/** One request of one agent. */
interface Sent {
  readonly source: string;
  readonly sum: TrafficSum;
  /** Seconds between the end of its interval and its arrival. */
  readonly delay: number;
}

const anyDelay = fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 60 }));

/** Traffic of one agent over `length` slots from `at` on, in one request or two. */
function anySent(source: string, at: number, length: number): fc.Arbitrary<Sent[]> {
  const isLast = at === SLOTS;
  const interval = isLast ? slots(at, at + 0.5) : slots(at, at + length);
  const seconds = isLast ? 5 : 10 * length;
  const due = { scrapesDue: length, coveredSeconds: seconds, expectedSeconds: seconds };
  const records = fc.array(fc.tuple(fc.constantFrom(...AGENTS, 'shared'), fc.nat(50), fc.nat(5)), { maxLength: 4 });
  return fc.tuple(records, fc.boolean(), anyDelay, anyDelay).map(([told, isSplit, delay, other]) => {
    const items = told.map(([pod, requests, failures]) => {
      const latency = [buckets([[failures < 3 ? 10 : 50, requests]])];
      return record('client', own('x/web', { pod }), peer('x/api'), requests, failures, { latency });
    });
    const coverage = [covered(own(`x/${source}`), due), covered(own(`x/${source}`, { pod: 'second' }), due)];
    if (!isSplit) return [{ source, sum: traffic(interval, items, coverage, isLast), delay }];
    return [
      { source, sum: traffic(interval, items.slice(0, 2), coverage.slice(0, 1), isLast), delay },
      { source, sum: traffic(interval, items.slice(2), coverage.slice(1), isLast), delay: other },
    ];
  });
}

/** All that agents tell; with `overflow`, some slots are told together. */
function anyRun(overflow: boolean): fc.Arbitrary<Sent[]> {
  const lengths = fc.array(fc.integer({ min: 1, max: overflow ? 3 : 1 }), { minLength: SLOTS, maxLength: SLOTS });
  return fc
    .tuple(...AGENTS.map((source) => lengths.chain((chosen) => fc.tuple(...anyParts(source, chosen)))))
    .map((agents) => agents.flat(2));
}

function anyParts(source: string, lengths: readonly number[]): fc.Arbitrary<Sent[]>[] {
  const parts: fc.Arbitrary<Sent[]>[] = [];
  let at = 0;
  for (const wanted of lengths) {
    const length = Math.min(wanted, SLOTS - at);
    if (length > 0) parts.push(anySent(source, at, length));
    at += length;
  }
  return [...parts, anySent(source, SLOTS, 1)];
}

const FIRST_MS = slots(0).startMs;

/** Runs a gateway that hears all of it, `delayOf` after the end of its interval, in the order of arrival. */
async function run(sent: readonly Sent[], delayOf: (one: Sent) => number) {
  const weir = gateway();
  await weir.smi.start();
  const arrivals = sent.map((one) => ({ ...one, second: (one.sum.interval.endMs - FIRST_MS) / 1000 + delayOf(one) }));
  for (const { second, sum, source } of arrivals.sort((a, b) => a.second - b.second)) {
    weir.until(second);
    weir.send(sum, { source });
    if (weir.books.unaccounted !== 0) throw new Error('the books do not balance');
  }
  weir.until(200);
  return weir;
}

/** What sums come to, whatever their intervals, in an order of its own. */
function total(sums: readonly TrafficSum[]): TrafficSum {
  const sum = ordered(sumTraffic(sums)!);
  const { records, coverage } = sum;
  return { interval: { startMs: 0, endMs: 0 }, records, coverage, partial: false, clockAhead: false };
}

test('property: over all slots exactly what came in is told, once, and slots tile', async (t) => {
  await fc.assert(
    fc.asyncProperty(anyRun(true), async (sent) => {
      const { told, books } = await run(sent, ({ delay }) => delay);
      t.deepEqual(total(told), total(sent.map(({ sum }) => sum)));
      for (let i = 1; i < told.length; i++) t.is(told[i]!.interval.startMs, told[i - 1]!.interval.endMs);
      for (const { parts, ...sum } of told) if (parts !== undefined) t.deepEqual(total([sum]), total(parts));
      t.is(books.held, 0);
      t.is(books.unaccounted, 0);
    }),
    { numRuns: 100 },
  );
});

test('property: whenever traffic came, the read model is as if it had come in time', async (t) => {
  await fc.assert(
    fc.asyncProperty(anyRun(false), async (sent) => {
      const late = await run(sent, ({ delay }) => delay);
      const inTime = await run(sent, () => 1);
      t.false(inTime.told.some((sum) => sum.late));
      const held = (weir: typeof late) =>
        weir.model
          .slotsOf(300_000)
          .map((sum) => ordered(sum))
          .sort((a, b) => a.interval.startMs - b.interval.startMs);
      t.deepEqual(held(late), held(inTime));
      t.deepEqual(late.model.read(300_000)!.edges, inTime.model.read(300_000)!.edges);
    }),
    { numRuns: 100 },
  );
});
