/** @module The loop that sends: what it does with each kind of outcome. */
import test from 'ava';
import { Balance } from '../../../pipeline/balance.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import type { RetryConfig } from '../../../pipeline/sending/retry.ts';
import { createSendingEvents } from '../../../pipeline/sending/telemetry.ts';
import { type SendOutcome, type SendProgress, TrafficSending } from '../../../pipeline/sending/traffic-sending.ts';
import { NO_METERS } from '../../../pipeline/telemetry/meters.ts';
import { createTestClock } from '../../kit/clock.ts';
import { settle } from '../../kit/exporter.ts';
import { createTestLog } from '../../kit/log.ts';
import { slot, trafficBatch } from '../../kit/slots.ts';

const NEVER = new AbortController().signal;
const SENT: SendOutcome = { kind: 'sent', dropped: new Map() };
const AWAY: SendOutcome = { kind: 'transient', reason: 'away', error: 'nobody there' };
const RETRY: RetryConfig = {
  enabled: true,
  initialIntervalMs: 1000,
  randomizationFactor: 0,
  multiplier: 2,
  maxIntervalMs: 4000,
  maxElapsedMs: 0,
};

function create(answers: (SendOutcome | Error)[], retry: Partial<RetryConfig> = {}, progress?: SendProgress) {
  const clock = createTestClock();
  const causes: [reason: string, items: number, error: string, startMs: number][] = [];
  const balance = new Balance((reason, items, { error = '', sample }) => {
    causes.push([reason, items, error, sample?.().startMs ?? -1]);
  });
  const log = createTestLog();
  const attempts: [atMs: number, startMs: number][] = [];
  let closed = 0;
  const exporter = new TrafficSending<TrafficSum>({
    windowMs: 1000,
    queue: { queueSize: 10, sizer: 'requests', onFull: 'coalesce', maxItems: 1000 },
    retry: { ...RETRY, ...retry },
    clock,
    balance,
    sender: {
      open() {},
      prepare(sum) {
        if (sum.interval.startMs === 13_000) throw new Error('cannot be encoded');
        return sum;
      },
      async send(sum) {
        attempts.push([clock.monoMs(), sum.interval.startMs]);
        const answer = answers.shift() ?? SENT;
        if (answer instanceof Error) throw answer;
        return answer;
      },
      ...(progress === undefined ? {} : { progress: () => progress }),
      async close() {
        closed += 1;
      },
    },
    events: (queue) => createSendingEvents('x', queue, { log, meters: NO_METERS, clock }),
  });
  const feed = (second: number) =>
    exporter.consume(
      trafficBatch(
        slot(second * 1000, (second + 1) * 1000, [{ source: 'web', destination: 'emoji', successes: 1, failures: 0 }]),
      ),
    );
  return { exporter, clock, balance, log, attempts, feed, closedTimes: () => closed, causes };
}

test('attempts follow the backoff, and the next window waits its turn', async (t) => {
  const { exporter, clock, attempts, feed } = create([AWAY, AWAY, AWAY, AWAY]);
  await exporter.start();
  feed(1);
  feed(2);
  await settle();
  for (let s = 0; s < 12; s++) {
    clock.advance(1000);
    await settle();
  }
  t.deepEqual(attempts, [
    [0, 1000],
    [1000, 1000],
    [3000, 1000],
    [7000, 1000],
    [11_000, 1000],
    [11_000, 2000],
  ]);
  await exporter.stop(NEVER);
});

test('a wait the peer asks for is kept', async (t) => {
  const { exporter, clock, attempts, feed } = create([{ ...AWAY, afterMs: 7000 }]);
  await exporter.start();
  feed(1);
  await settle();
  clock.advance(6999);
  await settle();
  t.is(attempts.length, 1);
  clock.advance(1);
  await settle();
  t.is(attempts.length, 2);
  await exporter.stop(NEVER);
});

test('a wait the peer asks for is kept up to max_retry_after', async (t) => {
  const { exporter, clock, attempts, feed, log } = create([{ ...AWAY, afterMs: 1e15 }], { maxRetryAfterMs: 120_000 });
  await exporter.start();
  feed(1);
  await settle();
  clock.advance(119_999);
  await settle();
  t.is(attempts.length, 1);
  clock.advance(1);
  await settle();
  t.is(attempts.length, 2);
  const told = log.lines.find(({ fields }) => fields.askedSeconds !== undefined);
  t.like(told, { level: 'warn', fields: { askedSeconds: 1e12, waitedSeconds: 120, times: 1 } });
  await exporter.stop(NEVER);
});

test('after max_elapsed_time a window is dropped as retry_expired and the next one has its turn', async (t) => {
  const { exporter, clock, attempts, feed, balance } = create([AWAY, AWAY, AWAY], { maxElapsedMs: 3000 });
  await exporter.start();
  feed(1);
  feed(2);
  await settle();
  for (let s = 0; s < 3; s++) {
    clock.advance(1000);
    await settle();
  }
  t.deepEqual(
    attempts.map(([, start]) => start),
    [1000, 1000, 1000, 2000],
  );
  t.deepEqual([...balance.dropped], [['retry_expired', 4]]);
  t.is(balance.delivered, 4);
  await exporter.stop(NEVER);
  t.is(balance.unaccounted, 0);
});

test('what cannot be encoded is dropped alone', async (t) => {
  const { exporter, feed, balance, log } = create([]);
  await exporter.start();
  for (const second of [12, 13, 14]) feed(second);
  await exporter.stop(NEVER);
  t.deepEqual([...balance.dropped], [['encode_failed', 4]]);
  t.is(balance.delivered, 8);
  t.is(log.lines.find(({ level }) => level === 'error')?.fields.error, 'cannot be encoded');
});

test('a sender that throws is a defect that loses nothing', async (t) => {
  const { exporter, clock, feed, balance, log } = create([new Error('bug')]);
  await exporter.start();
  feed(1);
  await settle();
  clock.advance(1000);
  await exporter.stop(NEVER);
  t.is(balance.delivered, 4);
  t.is(log.lines[0]?.fields.reason, 'defect');
});

test('dropped messages never count for more than the items of their window', async (t) => {
  const { exporter, feed, balance } = create([{ kind: 'sent', dropped: new Map([['too_large', 99]]) }]);
  await exporter.start();
  feed(1);
  await exporter.stop(NEVER);
  t.deepEqual([...balance.dropped], [['too_large', 4]]);
  t.is(balance.unaccounted, 0);
});

test('two stops close once, and start after stop does nothing', async (t) => {
  const { exporter, feed, attempts, closedTimes } = create([]);
  await Promise.all([exporter.stop(NEVER), exporter.stop(NEVER)]);
  await exporter.start();
  feed(1);
  await settle();
  t.is(closedTimes(), 1);
  t.is(attempts.length, 0);
});

const ASKS: SendOutcome = { ...AWAY, afterMs: 60_000 };

/** Fires what is waited for until `stopped` is; returns the milliseconds that took. */
async function drain({ exporter, clock }: ReturnType<typeof create>): Promise<number> {
  const fromMs = clock.monoMs();
  let over = false;
  const stopped = exporter.stop(NEVER).then(() => {
    over = true;
  });
  for (await settle(); !over; await settle()) clock.fireNext();
  await stopped;
  return clock.monoMs() - fromMs;
}

test('a drain tries once more in spite of a wait the peer asked for, and goes on when that is taken', async (t) => {
  const stage = create([ASKS]);
  await stage.exporter.start();
  for (const second of [1, 2, 3]) stage.feed(second);
  await settle();
  t.is(stage.attempts.length, 1);
  t.true((await drain(stage)) <= 1000);
  t.deepEqual(
    stage.attempts.map(([, startMs]) => startMs),
    [1000, 1000, 2000, 3000],
  );
  t.is(stage.balance.delivered, 12);
});

test('a peer that asks for more time while an exporter drains is left alone: what is left is dropped at once', async (t) => {
  const stage = create(Array.from({ length: 9 }, () => ASKS));
  await stage.exporter.start();
  for (const second of [1, 2, 3]) stage.feed(second);
  await settle();
  t.true((await drain(stage)) <= 1000);
  t.is(stage.attempts.length, 2);
  t.deepEqual([...stage.balance.dropped], [['shutdown', 12]]);
  t.is(stage.balance.unaccounted, 0);
  t.is(stage.log.lines.at(-1)?.fields.error, 'the peer asks for a longer wait than a shutdown has');
  t.is(stage.clock.timers, 0);
});

test('a drain that hears of a wait first tries once more after a second, then no more', async (t) => {
  const stage = create([AWAY, ASKS, ASKS]);
  await stage.exporter.start();
  stage.feed(1);
  await settle();
  t.true((await drain(stage)) <= 1000);
  t.is(stage.attempts.length, 3);
  t.deepEqual([...stage.balance.dropped], [['shutdown', 4]]);
});

test('a wait of up to a second that the peer asks for is kept while draining, each time', async (t) => {
  const stage = create(
    Array.from({ length: 5 }, () => ({ ...AWAY, afterMs: 900 })),
    { initialIntervalMs: 1 },
  );
  await stage.exporter.start();
  stage.feed(1);
  await settle();
  await drain(stage);
  t.deepEqual(
    stage.attempts.map(([atMs]) => atMs),
    [0, 900, 1800, 2700, 3600, 4500],
  );
  t.is(stage.balance.delivered, 4);
});

test('own waits are cut to a second while draining, until the deadline', async (t) => {
  const stage = create(
    Array.from({ length: 99 }, () => AWAY),
    { initialIntervalMs: 4000 },
  );
  await stage.exporter.start();
  stage.feed(1);
  await settle();
  const deadline = new AbortController();
  const stopped = stage.exporter.stop(deadline.signal);
  for (let s = 0; s < 5; s++) {
    await settle();
    stage.clock.advance(1000);
  }
  deadline.abort();
  await stopped;
  t.deepEqual(
    stage.attempts.map(([atMs]) => atMs),
    [0, 0, 1000, 2000, 3000, 4000],
  );
  t.like(stage.log.lines.at(-1), { fields: { error: 'the deadline of the shutdown came first', items: 4 } });
});

test('the wait that is told while draining is the one that follows; none is told when there is none', async (t) => {
  const stage = create(
    [
      { ...AWAY, reason: 'before' },
      { ...AWAY, reason: 'own' },
      { ...ASKS, reason: 'asked' },
      { ...ASKS, reason: 'asked again' },
    ],
    { initialIntervalMs: 17_574, maxIntervalMs: 30_000 },
  );
  await stage.exporter.start();
  for (const second of [1, 2]) stage.feed(second);
  await settle();
  await drain(stage);
  t.deepEqual(
    stage.log.lines
      .filter(({ message }) => message === 'Sending failed and is tried again')
      .map(({ fields }) => [fields.reason, fields.retryInMs]),
    [
      ['before', 17_574],
      ['own', 1000],
      ['asked', 1000],
    ],
  );
});

const HALF: SendProgress = { delivered: 2, dropped: new Map([['http_400', 1]]), errors: new Map([['http_400', 'no']]) };

test('what a sum came to before it is given up counts, whatever ends it', async (t) => {
  for (const [retry, reason] of [
    [{ enabled: false }, 'retry_disabled'],
    [{ maxElapsedMs: 1 }, 'retry_expired'],
    [{}, 'shutdown'],
  ] as const) {
    const { exporter, clock, feed, balance } = create([AWAY, AWAY, AWAY], retry, HALF);
    await exporter.start();
    feed(1);
    await settle();
    if (reason === 'retry_expired') clock.advance(1000);
    await settle();
    const deadline = new AbortController();
    deadline.abort();
    await exporter.stop(deadline.signal);
    t.is(balance.delivered, 2, reason);
    t.deepEqual(
      [...balance.dropped],
      [
        ['http_400', 1],
        [reason, 1],
      ],
    );
    t.is(balance.unaccounted, 0);
  }
});

test('progress beyond the items of a sum counts for no more than them, and waiting sums have none', async (t) => {
  const all = { delivered: 99, dropped: new Map([['http_400', 3]]) };
  const { exporter, feed, balance } = create([AWAY], {}, all);
  await exporter.start();
  for (const second of [1, 2]) feed(second);
  await settle();
  const deadline = new AbortController();
  deadline.abort();
  await exporter.stop(deadline.signal);
  t.is(balance.delivered, 1);
  t.deepEqual(
    [...balance.dropped],
    [
      ['http_400', 3],
      ['shutdown', 4],
    ],
  );
  t.is(balance.unaccounted, 0);
});

test('each drop is told to the drop journal with what the peer said and the window that is lost', async (t) => {
  const refused: SendOutcome = { kind: 'permanent', reason: 'http_400', error: 'status 400: no' };
  const partly: SendOutcome = {
    kind: 'sent',
    dropped: new Map([['rejected', 1]]),
    errors: new Map([['rejected', 'one bad']]),
  };
  const { exporter, feed, causes, balance } = create([refused, partly]);
  await exporter.start();
  feed(1);
  feed(2);
  feed(13);
  await settle();
  await exporter.stop(NEVER);
  const [first, second, third, ...others] = causes;
  t.deepEqual(others, []);
  t.deepEqual([first?.[0], first?.[2], first?.[3]], ['http_400', 'status 400: no', 1000]);
  t.deepEqual(second, ['rejected', 1, 'one bad', 2000]);
  t.deepEqual([third?.[0], third?.[2], third?.[3]], ['encode_failed', 'cannot be encoded', 13_000]);
  t.deepEqual(new Map(causes.map(([reason, items]) => [reason, items])), new Map(balance.dropped));
});
