/** @module Whatever the backend does, and in whatever order: each span accepted is there, or dropped with its reason. */
import test from 'ava';
import fc from 'fast-check';
import { otlpHttpConfig } from '../../../exporters/otlp/config.ts';
import { createOtlpHttpExporter } from '../../../exporters/otlp/otlphttp.ts';
import type { PostAnswer, PostResult } from '../../../pipeline/net/http-post.ts';
import { exporterBench, settle } from '../../kit/exporter.ts';
import { tracesResponse } from '../../kit/otlp-reading.ts';
import { answered, failed } from '../../kit/posts.ts';
import { idsFrom, spanIdsIn, spansBatch } from '../../kit/sent-spans.ts';
import { repeatMeters } from './repeat-meters.ts';

type Turn = 'shrunk' | 'taken' | 'lost' | 'away' | 'busy' | 'asked' | 'refused' | 'gateway' | 'partial' | 'cut';
const TURNS = ['shrunk', 'taken', 'lost', 'away', 'busy', 'asked', 'refused', 'gateway', 'partial', 'cut'] as const;

const FAILED = failed('connect', 'away');

function answer(status: number, more: Partial<PostAnswer> = {}): PostAnswer {
  return answered(status, { headers: new Map([['content-type', 'application/x-protobuf']]), ...more });
}

/** A backend that takes at most `maxSpans` at once, and remembers what it has. */
class Backend {
  /** Span id → times it was taken. */
  readonly taken = new Map<number, number>();
  /** Ids of requests whose sender cannot know that they arrived. */
  readonly untold = new Set<number>();
  /** Spans taken with an answer that broke off. */
  unread = 0;
  readonly rejected: number[] = [];
  readonly refused: number[] = [];
  /** Requests with spans that may have arrived before, as their sender must know. */
  repeats = 0;
  inFlight = 0;
  mostInFlight = 0;
  readonly #turns: Turn[];
  readonly #maxSpans: number;
  readonly #now: () => number;
  /** When it last asked to be left alone. */
  #askedMs = Number.NEGATIVE_INFINITY;
  tooEarly = 0;

  constructor(turns: readonly Turn[], maxSpans: number, now: () => number) {
    this.#turns = [...turns];
    this.#maxSpans = maxSpans;
    this.#now = now;
  }

  /** Answers a while later, so that several are under way. */
  async post(body: Uint8Array): Promise<PostResult> {
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    // Who calls at the same instant has not heard of it.
    if (this.#now() > this.#askedMs && this.#now() < this.#askedMs + 7000) this.tooEarly += 1;
    for (let i = 0; i < 5; i++) await Promise.resolve();
    this.inFlight -= 1;
    return this.#answer(spanIdsIn(body));
  }

  #answer(ids: readonly number[]): PostResult {
    if (ids.some((id) => this.untold.has(id))) this.repeats += 1;
    if (ids.length > this.#maxSpans) return answer(413);
    const turn = this.#turns.shift() ?? 'taken';
    if (turn === 'shrunk') return ids.length > 1 ? answer(413) : answer(503);
    if (turn === 'away') return FAILED;
    if (turn === 'busy') return answer(503);
    if (turn === 'asked') {
      this.#askedMs = this.#now();
      return answer(503, { headers: new Map([['retry-after', '7']]) });
    }
    if (turn === 'refused') {
      this.refused.push(...ids);
      return answer(400);
    }
    const kept = turn === 'partial' ? ids.slice(1) : ids;
    if (turn === 'partial') this.rejected.push(ids[0]!);
    for (const id of kept) this.taken.set(id, (this.taken.get(id) ?? 0) + 1);
    if (turn === 'lost' || turn === 'gateway') for (const id of ids) this.untold.add(id);
    if (turn === 'lost') return { ...FAILED, reason: 'timeout' };
    if (turn === 'gateway') return answer(504);
    if (turn === 'cut') {
      this.unread += ids.length;
      return answer(200, { bodyEnd: 'cut' });
    }
    return turn === 'partial' ? answer(200, { body: tracesResponse(1, 'too old') }) : answer(200);
  }
}

const mixes: fc.Arbitrary<readonly Turn[]> = fc.oneof(
  fc.constant([]),
  fc.array(fc.constantFrom<Turn>('away', 'busy', 'asked', 'gateway'), { maxLength: 60 }),
  fc.array(fc.constantFrom<Turn>('refused', 'partial'), { maxLength: 60 }),
  fc.array(fc.constantFrom<Turn>(...TURNS), { maxLength: 60 }),
  fc.array(fc.constantFrom<Turn>('lost', 'gateway', 'shrunk', 'refused'), { maxLength: 60 }),
);

const run = fc.record({
  turns: mixes,
  batches: fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.nat(20_000)), { minLength: 1, maxLength: 30 }),
  queueSize: fc.integer({ min: 1, max: 8 }),
  consumers: fc.integer({ min: 1, max: 6 }),
  maxSpans: fc.integer({ min: 1, max: 12 }),
  onFull: fc.constantFrom('refuse', 'refuse_always', 'drop_oldest', 'drop_newest'),
  maxElapsed: fc.constantFrom('0s', '20s', '5m'),
});

const REASONS = new Set(['http_400', 'rejected', 'expired', 'refused_repeat', 'unreadable_answer', 'queue_full']);

test('any turns of the backend: every span accepted is there or dropped, repeats only where it may have arrived, the books balance', async (t) => {
  const seen = { repeats: 0, expired: 0, full: 0, refused: 0, together: 0, unknown: 0 };
  await fc.assert(
    fc.asyncProperty(run, async ({ turns, batches, queueSize, consumers, maxSpans, onFull, maxElapsed }) => {
      const yaml = {
        endpoint: 'http://127.0.0.1:4318',
        compression: 'none',
        sending_queue: { queue_size: queueSize, num_consumers: consumers, on_full: onFull },
        retry_on_failure: { max_elapsed_time: maxElapsed },
      };
      const { settings, clock, balance } = exporterBench('otlphttp', otlpHttpConfig, yaml, { signal: 'traces' });
      const backend = new Backend(turns, maxSpans, () => clock.monoMs());
      const { meters, repeats } = repeatMeters();
      const exporter = createOtlpHttpExporter({ ...settings, meters }, () => ({
        check: async () => null,
        post: (_headers, body) => backend.post(body),
        close: () => {},
      }));
      await exporter.start();
      const accepted: number[] = [];
      let next = 1;
      for (const [count, waitMs] of batches) {
        const batch = spansBatch(idsFrom(next, count));
        if (exporter.admits(batch).ok) {
          exporter.consume(batch);
          t.is(batch.delivery.outcome?.kind, 'taken');
          accepted.push(...idsFrom(next, count));
        } else {
          t.true(onFull.startsWith('refuse'));
          seen.refused += 1;
        }
        next += count;
        t.is(balance.unaccounted, 0);
        clock.advance(waitMs);
        await settle();
        t.is(balance.unaccounted, 0);
      }
      while (balance.queued > 0) {
        for (let i = 0; i < 5; i++) await settle();
        t.is(balance.unaccounted, 0);
        clock.fireNext();
      }
      await exporter.stop(new AbortController().signal);
      t.is(balance.accepted, accepted.length);
      t.is(balance.unaccounted, 0);
      t.is(balance.queued, 0);
      t.is(clock.timers, 0);
      const dropped = [...balance.dropped.values()].reduce((sum, items) => sum + items, 0);
      t.is(balance.delivered + dropped, accepted.length);
      for (const reason of balance.dropped.keys()) t.true(REASONS.has(reason), reason);
      if (onFull.startsWith('refuse')) t.false(balance.dropped.has('queue_full'));
      if (maxElapsed === '0s') t.false(balance.dropped.has('expired'));
      t.true(backend.mostInFlight <= consumers);
      t.is(backend.tooEarly, 0);
      t.is(repeats(), backend.repeats, 'what may come twice is counted, halves included');
      const absent = accepted.filter((id) => !backend.taken.has(id));
      // What may have arrived and was given up afterwards is dropped as well.
      t.true(absent.length <= dropped);
      t.is(balance.dropped.get('unreadable_answer') ?? 0, backend.unread, 'never sent again, never called delivered');
      t.true(balance.delivered <= backend.taken.size + backend.rejected.length);
      const known = (balance.dropped.get('http_400') ?? 0) + (balance.dropped.get('rejected') ?? 0);
      t.true(known <= backend.refused.length + backend.rejected.length);
      const unsure = new Set(backend.untold);
      if (unsure.size === 0 && backend.rejected.length === 0) {
        t.is(absent.length, dropped - backend.unread);
        t.is(backend.taken.size, balance.delivered + backend.unread);
      }
      for (const [id, times] of backend.taken) {
        t.true(accepted.includes(id), 'what was refused never arrives');
        if (times > 1) t.true(unsure.has(id), `span ${id} came ${times} times without need`);
        if (times > 1) seen.repeats += 1;
      }
      seen.expired += balance.dropped.get('expired') ?? 0;
      seen.full += balance.dropped.get('queue_full') ?? 0;
      seen.unknown += balance.dropped.get('refused_repeat') ?? 0;
      seen.together = Math.max(seen.together, backend.mostInFlight);
    }),
    { numRuns: 300 },
  );
  t.true(
    seen.repeats > 50 &&
      seen.expired > 20 &&
      seen.full > 20 &&
      seen.refused > 10 &&
      seen.together > 2 &&
      seen.unknown > 0,
    JSON.stringify(seen),
  );
});
