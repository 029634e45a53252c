/** @module What is logged and counted while sending. */
import test from 'ava';
import { TrafficQueue } from '../../../pipeline/queue/traffic-queue.ts';
import type { FullBy } from '../../../pipeline/sending/full-queue.ts';
import { createSendingEvents } from '../../../pipeline/sending/telemetry.ts';
import type { Meters, Observation } from '../../../pipeline/telemetry/meters.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { slot } from '../../kit/slots.ts';

const INTERVAL = { startMs: Date.parse('2026-01-05T10:00:00Z'), endMs: Date.parse('2026-01-05T10:00:30Z') };
const FULL: FullBy = {
  limit: 'sending_queue.queue_size (2 sums)',
  peer: {
    kind: 'slow',
    word: 'more comes in than the peer takes',
    text: 'more comes in than the peer takes: 3 requests',
  },
};
const EDGES = [{ source: 'web', destination: 'emoji', successes: 1, failures: 0 }];

function create() {
  const clock = createTestClock();
  const log = createTestLog();
  const metrics = new Map<string, () => Iterable<Observation>>();
  const recorded: [number, unknown][] = [];
  const register = (name: string, _help: string, read: () => Iterable<Observation>) => {
    metrics.set(name, read);
    return () => void metrics.delete(name);
  };
  const meters: Meters = {
    counter: register,
    gauge: register,
    seconds: () => ({ record: (seconds, attributes) => void recorded.push([seconds, attributes]) }),
  };
  const queue = new TrafficQueue({ queueSize: 2, sizer: 'requests', onFull: 'coalesce', maxItems: 1000 }, clock);
  const events = createSendingEvents('kafka/eu', queue, { log, meters, clock });
  const read = (name: string) => [...(metrics.get(name)?.() ?? [])];
  return { clock, log, metrics, recorded, queue, events, read };
}

test('a failure that repeats is told once, then every 30 s with its number, and anew after a success', (t) => {
  const { clock, log, events, read } = create();
  for (let n = 1; n <= 8; n++) {
    events.failed('not_connected', 'ECONNREFUSED', n, 5000);
    clock.advance(5000);
  }
  t.deepEqual(
    log.lines.map(({ fields }) => [fields.attempt, fields.times]),
    [
      [1, 1],
      [7, 6],
    ],
  );
  events.recovered(9, 4);
  events.failed('not_connected', 'ECONNREFUSED', 1, 5000);
  t.true(log.lines.every(({ fields }) => fields.signal === 'traffic'));
  t.deepEqual(
    log.lines.slice(2).map(({ level }) => level),
    ['info', 'warn'],
  );
  t.deepEqual(read('weir_send_failures_total'), [
    { value: 9, attributes: { component: 'kafka/eu', signal: 'traffic', reason: 'not_connected' } },
  ]);
});

test('what sums lost that stop at 2^53 is counted', (t) => {
  const { queue, read } = create();
  queue.overflow.counts += 7;
  t.deepEqual(read('weir_capped_counts_total'), [
    { value: 7, attributes: { component: 'kafka/eu', signal: 'traffic' } },
  ]);
});

test('the queue is read when somebody collects', (t) => {
  const { clock, log, queue, events, read, metrics } = create();
  queue.offer(slot(0, 1000, EDGES));
  queue.offer(slot(1000, 2000, EDGES));
  queue.offer(slot(2000, 3000, EDGES));
  events.coalesced(INTERVAL, FULL);
  t.deepEqual(
    [log.lines[0]?.fields.cause, log.lines[0]?.fields.mend],
    [
      'more comes in than the peer takes: 3 requests. sending_queue.queue_size (2 sums) is reached with 2 waiting or under way, the oldest for 0 s',
      'send fewer, larger sums: interval: window, or a longer window of smi; else send it less. A larger sending_queue.queue_size helps over peaks only',
    ],
  );
  events.folded(INTERVAL);
  clock.advance(1500);
  t.is(read('weir_queue_requests')[0]?.value, 2);
  t.is(read('weir_queue_oldest_age_seconds')[0]?.value, 1.5);
  t.is(read('weir_queue_bytes')[0]?.value, queue.bytes);
  t.is(read('weir_queue_coalesced_total')[0]?.value, 1);
  t.is(read('weir_queue_folded_total')[0]?.value, 1);
  events.end();
  t.is(metrics.size, 0);
});

test('what is dropped is an error that says how much, of when, and why', (t) => {
  const { log, events, recorded } = create();
  events.dropped('shutdown', 12, INTERVAL, 'the deadline came first');
  t.like(log.lines[0], {
    level: 'error',
    fields: {
      reason: 'shutdown',
      items: 12,
      from: '2026-01-05T10:00:00.000Z',
      to: '2026-01-05T10:00:30.000Z',
      error: 'the deadline came first',
      times: 1,
      total: 12,
    },
  });
  events.attempted('sent', 250);
  t.deepEqual(recorded, [[0.25, { component: 'kafka/eu', signal: 'traffic', outcome: 'sent' }]]);
});

test('drops that follow are told together when 30 s have passed, with the interval and the total of all; of 0 items nothing', (t) => {
  const { clock, log, events } = create();
  const later = (ms: number) => ({ startMs: INTERVAL.startMs + ms, endMs: INTERVAL.endMs + ms });
  events.dropped('http_400', 0, INTERVAL, '');
  events.dropped('http_400', 5, INTERVAL, 'status 400');
  events.dropped('http_400', 3, later(60_000), 'status 400');
  events.dropped('http_400', 4, later(30_000), 'status 400: another');
  clock.advance(30_000);
  t.is(log.lines.length, 2);
  t.like(log.lines[1]?.fields, {
    items: 7,
    times: 2,
    total: 12,
    from: '2026-01-05T10:00:30.000Z',
    to: '2026-01-05T10:01:30.000Z',
    error: 'status 400: another',
  });
  events.end();
  t.is(log.lines.length, 2);
  t.is(clock.timers, 0);
});
