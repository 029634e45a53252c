/** @module Any way that requests can take between two Weirs, against the truth that each of them counts once. */
import test from 'ava';
import fc from 'fast-check';
import { TAKEN } from '../../../pipeline/delivery.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import {
  createStage,
  envelope,
  joined,
  request,
  requestTotals,
  scrapesDue,
  slotSum,
  split,
  takenSums,
} from './metrics-stage.ts';

/** What happens to one request on its way; whatever was not taken is sent again until it is, as senders do. */
interface Trip {
  readonly agent: number;
  readonly edges: number;
  /** Points before which something between splits each sending of it; 0: it comes whole. */
  readonly splits: readonly number[];
  /** How often it comes again although it was taken. */
  readonly repeats: number;
  /** Whether it travels with the one before. */
  readonly isJoined: boolean;
}

const anyTrip: fc.Arbitrary<Trip> = fc.record({
  agent: fc.nat(2),
  edges: fc.integer({ min: 0, max: 3 }),
  splits: fc.array(fc.nat(25), { minLength: 1, maxLength: 3 }),
  repeats: fc.nat(2),
  isJoined: fc.boolean(),
});

const anyWord = fc.constantFrom('taken', 'taken', 'not admitted', 'retry');

interface Sent {
  readonly sum: TrafficSum;
  readonly bodies: Uint8Array[][];
}

/** Requests numbered by agent, each with the bodies of each time that it is sent. */
function sendings(trips: readonly Trip[]): Sent[] {
  const seqs = new Map<number, number>();
  return trips.map(({ agent, edges, splits, repeats }, slot) => {
    const seq = seqs.get(agent) ?? 0;
    seqs.set(agent, seq + 1);
    const sum = slotSum(slot, edges);
    const whole = request(sum, envelope(seq, { source: `agent-${agent}` }));
    const bodies = Array.from({ length: repeats + 1 }, (_, i) => {
      const at = splits[i % splits.length]!;
      return at === 0 ? [whole] : split(whole, at);
    });
    return { sum, bodies };
  });
}

test('each request counts once, however it is split, joined, repeated and refused on its way, and no gap is told', async (t) => {
  let refusals = 0;
  let repeats = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyTrip, { minLength: 1, maxLength: 8 }),
      fc.array(anyWord, { maxLength: 20 }),
      async (trips, words) => {
        const stage = createStage();
        const script = [...words];
        const send = async (body: Uint8Array): Promise<void> => {
          for (;;) {
            const word = script.shift() ?? 'taken';
            stage.pipeline.admission =
              word === 'not admitted' ? { ok: false, reason: 'full', retryAfterMs: 1 } : { ok: true };
            stage.pipeline.outcome = word === 'retry' ? { kind: 'retry', reason: 'full', afterMs: 1 } : TAKEN;
            const { kind } = await stage.intake.take(body);
            if (kind === 'taken') return;
            refusals += 1;
          }
        };
        const sent = sendings(trips);
        let before: Uint8Array | null = null;
        for (const [i, { bodies }] of sent.entries()) {
          for (const parts of bodies) {
            for (const part of parts) {
              await send(before !== null && trips[i]!.isJoined ? joined(before, part) : part);
              before = part;
            }
          }
        }
        const taken = takenSums(stage.consumed);
        const truth = sent.map(({ sum }) => sum);
        t.deepEqual(requestTotals(taken), requestTotals(truth));
        t.deepEqual(scrapesDue(taken), scrapesDue(truth));
        t.true(stage.consumed.every(({ sender }) => !sender!.gap));
        t.is(stage.metric('weir_otlp_traffic_split_points').get('otlp'), 0);
        const books = stage.balanceOf('traffic');
        t.is(books.unaccounted, 0);
        t.deepEqual([...books.dropped], []);
        t.is(
          books.delivered,
          taken.reduce((items, { records, coverage }) => items + records.length + coverage.length, 0),
        );
        repeats += books.filtered.get('repeat') ?? 0;
      },
    ),
    { numRuns: 150 },
  );
  t.true(refusals > 100, `${refusals}`);
  t.true(repeats > 100, `${repeats}`);
});
