/** @module What is logged and counted while spans are sent. */
import test from 'ava';
import { SpansQueue } from '../../../pipeline/queue/spans-queue.ts';
import type { FullBy } from '../../../pipeline/sending/full-queue.ts';
import { createSpansSendingEvents, rangeOf } from '../../../pipeline/sending/spans-telemetry.ts';
import type { Meters, Observation } from '../../../pipeline/telemetry/meters.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { spansNumbered } from '../../kit/sent-spans.ts';

const START_MS = Date.parse('2026-01-05T10:00:00Z');

function create() {
  const clock = createTestClock(START_MS);
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
  const queue = new SpansQueue({ queueSize: 9, sizer: 'requests', maxBytes: 1 << 20, onFull: 'refuse' }, clock);
  const events = createSpansSendingEvents('otlphttp/eu', queue, () => 3, { log, meters, clock });
  const read = (name: string) => [...(metrics.get(name)?.() ?? [])];
  return { clock, log, metrics, recorded, queue, events, read };
}

const FULL: FullBy = {
  limit: 'sending_queue.queue_size (9 requests)',
  peer: {
    kind: 'slow',
    word: 'more comes in than the peer takes',
    text: 'more comes in than the peer takes: 3 requests',
  },
};
const OWN = { component: 'otlphttp/eu', signal: 'spans' };
const at = (seconds: number) => ({ firstMs: START_MS + seconds * 1000, lastMs: START_MS + seconds * 1000 });

test('drops of a reason are told at once, then together every 30 s, and the rest at the end: lines add up, metrics have all', (t) => {
  const { clock, log, events, read } = create();
  for (let n = 0; n < 10; n++) {
    events.dropped('queue_full', 5, at(n), 'the sending queue is full');
    clock.advance(5000);
  }
  events.dropped('http_400', 2, at(3), 'status 400');
  events.end();
  t.deepEqual(
    log.lines.map(({ level, fields: { reason, dropped_items: items, from, to, total } }) => [
      level,
      reason,
      items,
      from,
      to,
      total,
    ]),
    [
      ['error', 'queue_full', 5, '2026-01-05T10:00:00.000Z', '2026-01-05T10:00:00.000Z', 5],
      ['error', 'queue_full', 25, '2026-01-05T10:00:01.000Z', '2026-01-05T10:00:05.000Z', 30],
      ['error', 'http_400', 2, '2026-01-05T10:00:03.000Z', '2026-01-05T10:00:03.000Z', 2],
      ['error', 'queue_full', 20, '2026-01-05T10:00:06.000Z', '2026-01-05T10:00:09.000Z', 50],
    ],
  );
  t.is(clock.timers, 0);
  t.is(read('weir_send_dropped_first_timestamp_seconds').length, 0, 'metrics are removed at the end');
});

test('what is not told at once is told when 30 s have passed, though nothing more is dropped', (t) => {
  const { clock, log, events } = create();
  for (let n = 0; n < 6; n++) events.dropped('expired', 2, at(n), 'not connected');
  clock.advance(30_000);
  t.deepEqual(
    log.lines.map(({ fields }) => [fields.dropped_items, fields.total, fields.signal]),
    [
      [2, 2, 'spans'],
      [10, 12, 'spans'],
    ],
  );
});

test('when the first and the last span of a reason were queued is shown', (t) => {
  const { events, read } = create();
  events.dropped('expired', 5, at(7), '');
  events.dropped('expired', 5, at(3), '');
  const attributes = { ...OWN, reason: 'expired' };
  t.deepEqual(read('weir_send_dropped_first_timestamp_seconds'), [{ value: START_MS / 1000 + 3, attributes }]);
  t.deepEqual(read('weir_send_dropped_last_timestamp_seconds'), [{ value: START_MS / 1000 + 7, attributes }]);
});

test('queue, refusals, halves, failures and attempts are counted', (t) => {
  const { clock, log, queue, events, read, recorded, metrics } = create();
  queue.offer(spansNumbered([1, 2]));
  queue.offer(spansNumbered([3]));
  queue.take();
  clock.advance(1500);
  for (let n = 0; n < 3; n++) {
    events.refused();
    events.turnedAway(5, FULL);
  }
  events.halved();
  events.failed('http_503', 'status 503', 1, 5000);
  events.failed('http_503', 'status 503', 2, 5000);
  events.waitCut(1e9, 120_000);
  events.recovered(3);
  events.attempted('sent', 250);
  const one = (name: string) => read(name).map(({ value, attributes }) => [value, attributes]);
  t.deepEqual(one('weir_queue_requests'), [[2, OWN]]);
  t.deepEqual(one('weir_queue_bytes'), [[queue.bytes, OWN]]);
  t.deepEqual(one('weir_queue_oldest_age_seconds'), [[1.5, OWN]]);
  t.deepEqual(one('weir_send_in_flight'), [[3, OWN]]);
  t.deepEqual(one('weir_queue_refusals_total'), [[3, OWN]]);
  t.deepEqual(one('weir_send_halved_total'), [[1, OWN]]);
  t.deepEqual(one('weir_send_failures_total'), [[2, { ...OWN, reason: 'http_503' }]]);
  t.deepEqual(one('weir_send_waits_cut_total'), [[1, OWN]]);
  t.deepEqual(recorded, [[0.25, { ...OWN, outcome: 'sent' }]]);
  t.deepEqual(
    log.lines.map(({ level, fields }) => [level, fields.times]),
    [
      ['warn', 1],
      ['info', 1],
      ['warn', 1],
      ['warn', 1],
      ['info', 1],
    ],
  );
  t.true(log.lines.every(({ fields }) => fields.signal === 'spans'));
  events.end();
  t.is(metrics.size, 0);
});

test('the range of requests holds all of them, though the wall clock stepped back', (t) => {
  const { clock, queue } = create();
  for (const wallMs of [5000, 2000, 9000]) {
    clock.setWall(wallMs);
    queue.offer(spansNumbered([1]));
  }
  t.deepEqual(rangeOf(queue.clear()), { firstMs: 2000, lastMs: 9000 });
});
