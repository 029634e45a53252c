/** @module Several requests of spans under way at once: when each is tried, and what is told of its waits. */
import test from 'ava';
import { Balance, type DropCause } from '../../../pipeline/balance.ts';
import type { Batch } from '../../../pipeline/batch.ts';
import { TAKEN } from '../../../pipeline/delivery.ts';
import { fanOut } from '../../../pipeline/graph/fanout.ts';
import type { SpansQueueConfig } from '../../../pipeline/queue/spans-queue.ts';
import type { FullBy } from '../../../pipeline/sending/full-queue.ts';
import type { RetryConfig } from '../../../pipeline/sending/retry.ts';
import type { SpansOutcome } from '../../../pipeline/sending/spans-sender.ts';
import { SpansSending } from '../../../pipeline/sending/spans-sending.ts';
import { createTestClock } from '../../kit/clock.ts';
import { settle } from '../../kit/exporter.ts';
import { idsFrom, spansBatch } from '../../kit/sent-spans.ts';

const NEVER = new AbortController().signal;
const SENT: SpansOutcome = { kind: 'sent', rejected: 0, error: '' };
const AWAY: SpansOutcome = { kind: 'transient', reason: 'away', error: 'nobody there' };
const asks = (afterMs: number): SpansOutcome => ({ ...AWAY, reason: 'busy', afterMs, throttled: true });
const RETRY: RetryConfig = {
  enabled: true,
  initialIntervalMs: 5000,
  randomizationFactor: 0,
  multiplier: 4,
  maxIntervalMs: 30_000,
  maxElapsedMs: 0,
};

/** `answer` is asked at each attempt, with the count of spans of the request, which is its name here. */
function create(
  answer: (spans: number, atMs: number) => SpansOutcome | Promise<SpansOutcome>,
  consumers = 3,
  retry: Partial<RetryConfig> = {},
  queue: Partial<SpansQueueConfig> = {},
) {
  const clock = createTestClock();
  const causes: [reason: string, items: number, cause: DropCause][] = [];
  const balance = new Balance((...told) => void causes.push(told));
  const attempts: [atMs: number, spans: number][] = [];
  const waits: [atMs: number, waitMs: number][] = [];
  const cuts: [askedMs: number, maxMs: number][] = [];
  const dropped: [reason: string, items: number, error: string][] = [];
  const fullDrops: [items: number, full: FullBy][] = [];
  const turnedAway: [items: number, full: FullBy][] = [];
  const exporter = new SpansSending<number>({
    queue: { queueSize: 2000, sizer: 'requests', maxBytes: 1 << 24, onFull: 'refuse', ...queue },
    consumers,
    retry: { ...RETRY, ...retry },
    clock,
    balance,
    sender: {
      open() {},
      prepare: ({ count }) => count,
      async send(spans) {
        attempts.push([clock.monoMs(), spans]);
        return answer(spans, clock.monoMs());
      },
      async close() {},
    },
    events: () => ({
      refused() {},
      turnedAway: (items, full) => void turnedAway.push([items, full]),
      attempted() {},
      failed: (_reason, _error, _attempt, waitMs) => void waits.push([clock.monoMs(), waitMs]),
      waitCut: (askedMs, maxMs) => void cuts.push([askedMs, maxMs]),
      recovered() {},
      halved() {},
      dropped: (reason, items, _range, error, full = null) => {
        dropped.push([reason, items, error]);
        if (full !== null) fullDrops.push([items, full]);
      },
      end() {},
    }),
  });
  const feed = (spans: number) => exporter.consume(spansBatch(idsFrom(1, spans)));
  /** Lets time pass in steps of 100 ms, so that what follows from an attempt begins at its time. */
  const pass = async (ms: number) => {
    await settle();
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100);
      await settle();
    }
  };
  return { exporter, clock, balance, attempts, waits, cuts, dropped, turnedAway, fullDrops, feed, pass, causes };
}

test('the wait that is told is the one that follows, also while draining', async (t) => {
  const { exporter, balance, attempts, waits, feed, pass } = create((_spans, atMs) => (atMs < 7000 ? AWAY : SENT), 1);
  await exporter.start();
  feed(1);
  await pass(5000);
  t.deepEqual(waits, [
    [0, 5000],
    [5000, 20_000],
  ]);
  const stopped = exporter.stop(NEVER);
  await pass(2000);
  await stopped;
  t.deepEqual(waits.slice(2), [
    [5000, 1000],
    [6000, 1000],
  ]);
  t.deepEqual(
    attempts.map(([atMs]) => atMs),
    [0, 5000, 5000, 6000, 7000],
  );
  t.is(balance.delivered, 1);
});

test('one that fails beside one whom the peer asks to wait is told to wait as long', async (t) => {
  const { exporter, waits, attempts, feed, pass } = create((spans, atMs) =>
    atMs > 0 ? SENT : spans === 1 ? asks(9000) : AWAY,
  );
  await exporter.start();
  feed(1);
  feed(2);
  await pass(9000);
  t.deepEqual(waits, [
    [0, 9000],
    [0, 9000],
  ]);
  t.deepEqual(attempts.slice(2), [
    [9000, 2],
    [9000, 1],
  ]);
  await exporter.stop(NEVER);
});

/** Ids whose random shares go through [0, 1) evenly, in leaps. */
function scattered(): () => string {
  let n = 0;
  return () => {
    n += 1;
    return Math.floor(((n * 0.618) % 1) * 2 ** 52)
      .toString(16)
      .padStart(13, '0')
      .padEnd(16, '0');
  };
}

test('after an outage the first success brings back all who wait, spread over a second, and the queue drains', async (t) => {
  const consumers = 100;
  const backMs = 190_000;
  const stage = create((_spans, atMs) => (atMs < backMs ? AWAY : SENT), consumers, { randomizationFactor: 0.5 });
  const { exporter, clock, attempts, feed, pass, balance } = stage;
  clock.randomId = scattered();
  await exporter.start();
  for (let n = 0; n < 2 * consumers; n++) feed(n < consumers ? 1 : 2);
  await pass(backMs);
  t.is(balance.delivered, 0);
  // Those that failed in the last seconds before keep their first wait, which is up to 7.5 s.
  await pass(10_000);
  t.is(balance.queued, 0);
  const failed = attempts.filter(([atMs]) => atMs < backMs).length;
  const first = attempts[failed]![0];
  const again = attempts.slice(failed).filter(([atMs, spans]) => atMs > first && spans === 1);
  const soon = again.filter(([atMs]) => atMs <= first + 1000).length;
  t.true(soon > consumers / 2, `${soon} within a second`);
  const most = Math.max(...again.map(([atMs]) => again.filter(([other]) => other === atMs).length));
  t.true(most <= consumers / 4, `${most} in a tenth of a second`);
  t.is(attempts.length - failed, 2 * consumers, 'each was taken at once');
  await exporter.stop(NEVER);
  t.is(clock.timers, 0);
});

test('a request that fails alone keeps its first wait though others succeed all the time', async (t) => {
  const { exporter, attempts, waits, feed, pass } = create((spans) => (spans === 1 ? AWAY : SENT));
  await exporter.start();
  feed(1);
  for (let n = 0; n < 300; n++) {
    feed(2);
    await pass(100);
  }
  t.deepEqual(
    attempts.filter(([, spans]) => spans === 1).map(([atMs]) => atMs),
    [0, 5000, 10_000, 15_000, 20_000, 25_000, 30_000],
  );
  t.deepEqual(waits.slice(0, 3), [
    [0, 5000],
    [5000, 20_000],
    [10_000, 30_000],
  ]);
  const ended = new AbortController();
  ended.abort();
  await exporter.stop(ended.signal);
});

test('a success ends no wait that the peer asked for', async (t) => {
  let late: (outcome: SpansOutcome) => void = () => {};
  const answer = (spans: number, atMs: number): SpansOutcome | Promise<SpansOutcome> => {
    if (spans === 1 && atMs === 0) return asks(60_000);
    if (spans !== 2) return SENT;
    return new Promise((resolve) => {
      late = resolve;
    });
  };
  const { exporter, attempts, feed, pass, balance } = create(answer);
  await exporter.start();
  feed(1);
  feed(2);
  await pass(20_000);
  late(SENT);
  feed(3);
  await pass(39_900);
  t.is(balance.delivered, 2);
  t.is(attempts.length, 2);
  await pass(100);
  t.deepEqual(
    attempts.slice(2).map(([atMs]) => atMs),
    [60_000, 60_000],
  );
  await exporter.stop(NEVER);
  t.is(balance.delivered, 6);
});

for (const [what, refusal, waitMs] of [
  ['throttles and names no time, for as long as the first one waits', { throttled: true }, 5000],
  ['names a time, and no reason', { afterMs: 9000 }, 9000],
] as const) {
  test(`others are held back by a peer that ${what}`, async (t) => {
    const answer = (_spans: number, atMs: number): SpansOutcome => (atMs === 0 ? { ...AWAY, ...refusal } : SENT);
    const { exporter, attempts, feed, pass, balance } = create(answer);
    await exporter.start();
    feed(1);
    await pass(1000);
    feed(2);
    feed(3);
    await pass(waitMs - 1000);
    const [first, ...held] = attempts;
    t.deepEqual(first, [0, 1]);
    t.deepEqual(
      held.map(([atMs]) => atMs),
      [waitMs, waitMs, waitMs],
    );
    t.is(balance.delivered, 6);
    await exporter.stop(NEVER);
  });
}

test('a peer that is only away holds nobody back who was not tried', async (t) => {
  const { exporter, attempts, feed, pass } = create((spans) => (spans === 1 ? AWAY : SENT));
  await exporter.start();
  feed(1);
  await pass(1000);
  feed(2);
  await pass(100);
  t.deepEqual(attempts, [
    [0, 1],
    [1000, 2],
  ]);
  await exporter.stop(AbortSignal.abort());
});

test('of a request in halves, the second half begins with the first wait again when the first was taken', async (t) => {
  let asked = 0;
  const answers: SpansOutcome[] = [{ kind: 'too_large', error: 'too large' }, AWAY, AWAY, SENT, AWAY, SENT];
  const { exporter, attempts, feed, pass, balance } = create(() => answers[asked++]!, 1);
  await exporter.start();
  feed(4);
  await pass(40_000);
  t.deepEqual(attempts, [
    [0, 4],
    [0, 2],
    [5000, 2],
    [25_000, 2],
    [25_000, 2],
    [30_000, 2],
  ]);
  t.is(balance.delivered, 4);
  await exporter.stop(NEVER);
});

test('a wait that the peer asks for is kept up to max_retry_after, and what is beyond is told', async (t) => {
  const answer = (_spans: number, atMs: number) => (atMs === 0 ? asks(1e15) : atMs < 240_000 ? asks(7000) : SENT);
  const { exporter, attempts, waits, cuts, feed, pass, balance } = create(answer, 1, { maxRetryAfterMs: 120_000 });
  await exporter.start();
  feed(1);
  await pass(119_900);
  t.deepEqual(attempts, [[0, 1]]);
  await pass(150_000);
  t.deepEqual(cuts, [[1e15, 120_000]]);
  t.deepEqual(waits.slice(0, 2), [
    [0, 120_000],
    [120_000, 20_000],
  ]);
  t.is(balance.delivered, 1);
  await exporter.stop(NEVER);
});

test('who waits for a throttling peer longer than max_elapsed_time is dropped, not tried: the turn is that of the next', async (t) => {
  // The first is asked to wait again and again; the second waits behind it; the third comes later.
  const answer = (_spans: number, atMs: number) => (atMs < 9000 ? asks(3000) : SENT);
  const { exporter, attempts, dropped, feed, pass, balance } = create(answer, 3, {
    maxElapsedMs: 7000,
    initialIntervalMs: 100,
  });
  await exporter.start();
  feed(1);
  feed(2);
  await pass(5000);
  feed(3);
  await pass(7000);
  t.deepEqual(attempts, [
    [0, 1],
    [0, 2],
    [3000, 1],
    [6000, 2],
    [9000, 3],
  ]);
  t.deepEqual(dropped, [
    ['expired', 2, 'nobody there'],
    ['expired', 1, 'nobody there'],
  ]);
  t.is(balance.delivered, 3);
  t.is(balance.unaccounted, 0);
  await exporter.stop(NEVER);
});

test('a hold that ends after max_elapsed_time drops those who failed at once, and none that was never tried', async (t) => {
  const answer = (spans: number, atMs: number) => (atMs >= 60_000 ? SENT : spans === 2 ? asks(60_000) : AWAY);
  const { exporter, clock, attempts, dropped, feed, pass, balance } = create(answer, 2, { maxElapsedMs: 30_000 });
  await exporter.start();
  feed(1);
  await pass(1000);
  feed(2);
  feed(3);
  await pass(4000);
  t.deepEqual(dropped, [
    ['expired', 2, 'nobody there'],
    ['expired', 1, 'nobody there'],
  ]);
  t.is(clock.monoMs(), 5000, 'the second as soon as its own wait was over');
  await pass(56_000);
  t.deepEqual(attempts.slice(2), [[61_000, 3]]);
  t.is(balance.delivered, 3);
  await exporter.stop(NEVER);
});

test('while draining, a wait that is cut may still end before max_elapsed_time', async (t) => {
  const answer = (_spans: number, atMs: number) => (atMs < 6000 ? AWAY : SENT);
  const { exporter, attempts, feed, pass, balance } = create(answer, 1, { maxElapsedMs: 26_000 });
  await exporter.start();
  feed(1);
  await pass(5000);
  const stopped = exporter.stop(NEVER);
  await pass(1000);
  await stopped;
  t.deepEqual(
    attempts.map(([atMs]) => atMs),
    [0, 5000, 5000, 6000],
  );
  t.is(balance.delivered, 1);
});

test('one that is dropped when its turn comes to ask for all leaves the asking to the next', async (t) => {
  const answer = (_spans: number, atMs: number) => (atMs < 6000 ? asks(3000) : SENT);
  const retry = { maxElapsedMs: 5000, initialIntervalMs: 100 };
  const { exporter, attempts, dropped, feed, pass, balance } = create(answer, 2, retry);
  await exporter.start();
  for (const spans of [1, 2, 3, 4]) feed(spans);
  await pass(6000);
  t.deepEqual(attempts, [
    [0, 1],
    [0, 2],
    [3000, 1],
    [6000, 3],
    [6000, 4],
  ]);
  t.deepEqual(dropped, [
    ['expired', 1, 'nobody there'],
    ['expired', 2, 'nobody there'],
  ]);
  t.is(balance.delivered, 7);
  await exporter.stop(NEVER);
});

test('of a request that is lost in part, the drop journal hears the first span of that part', async (t) => {
  const refused: SpansOutcome = { kind: 'permanent', reason: 'http_400', error: 'status 400: no' };
  let asked = 0;
  // 4 spans are too large; of the halves the first is sent, the second refused.
  const answer = (spans: number): SpansOutcome =>
    spans > 2 ? { kind: 'too_large', error: 'too large' } : asked++ === 0 ? SENT : refused;
  const { exporter, feed, causes } = create(answer, 1);
  await exporter.start();
  feed(4);
  await settle();
  await exporter.stop(NEVER);
  t.is(causes.length, 1);
  const [reason, items, { error, sample }] = causes[0]!;
  t.deepEqual([reason, items, error], ['http_400', 2, 'status 400: no']);
  t.is(sample?.().spanId, '3'.padStart(16, '0'));
});

test('what is left at the end is in the drop journal by its first request', async (t) => {
  const { exporter, feed, causes } = create(() => AWAY, 1);
  feed(3);
  feed(2);
  await exporter.stop(AbortSignal.abort());
  t.is(causes.length, 1);
  const [reason, items, { error, sample }] = causes[0]!;
  t.deepEqual([reason, items, error], ['shutdown', 5, 'the deadline of the shutdown came first']);
  t.is(sample?.().traceId, '1'.padStart(32, '0'));
});

// --- Full queues -------------------------------------------------------------------------------------------------------

const SMALL = { queueSize: 2 };

test('a batch that nobody takes is told once as turned away, with the limit and what the peer does', async (t) => {
  const { exporter, turnedAway, fullDrops, feed, pass } = create(() => AWAY, 1, {}, SMALL);
  await exporter.start();
  feed(1);
  feed(1);
  await pass(5000);
  const batch = spansBatch(idsFrom(1, 7));
  t.like(exporter.admits(batch), { ok: false, reason: 'queue_full', yields: true });
  exporter.admits(batch);
  t.deepEqual(turnedAway, [], 'nothing is said before it is known what others do');
  await settle();
  t.is(turnedAway.length, 1);
  t.like(turnedAway[0], { 0: 7, 1: { limit: 'sending_queue.queue_size (2 requests)', peer: { kind: 'failing' } } });
  t.regex(
    turnedAway[0]![1].peer.text,
    /taken nothing for 5 s, all 2 attempts failed, the last with away: nobody there/,
  );
  t.deepEqual(fullDrops, []);
});

test('a batch that another exporter takes is told as dropped here, and nobody as turned away', async (t) => {
  const { exporter, turnedAway, fullDrops, dropped, feed, pass, balance, causes } = create(() => AWAY, 1, {}, SMALL);
  await exporter.start();
  feed(1);
  feed(1);
  await pass(5000);
  const other = { admits: () => ({ ok: true }) as const, consume: ({ delivery }: Batch) => delivery.settle(TAKEN) };
  const fault = { enter() {}, failed() {} };
  const entry = fanOut([exporter, other].map((consumer) => ({ consumer, fault })));
  const batch = spansBatch(idsFrom(1, 7));
  t.true(entry.admits(batch).ok);
  entry.consume(batch);
  await settle();
  t.deepEqual(turnedAway, []);
  const error = 'the sending queue is full: the peer takes nothing (away)';
  t.deepEqual(dropped, [['queue_full', 7, error]]);
  t.like(fullDrops, [{ 0: 7, 1: { peer: { kind: 'failing' } } }]);
  t.like(causes, [{ 0: 'queue_full', 1: 7, 2: { error } }]);
  t.is(balance.unaccounted, 0);
});

test('the limit of memory is named where it is what leaves no room', async (t) => {
  const { exporter, turnedAway, feed } = create(() => SENT, 1, {}, { maxBytes: 1000 });
  feed(1);
  exporter.admits(spansBatch(idsFrom(1, 9)));
  await settle();
  t.like(turnedAway, [{ 0: 9, 1: { limit: 'sending_queue.max_bytes (1000 bytes)', peer: { kind: 'untried' } } }]);
});
