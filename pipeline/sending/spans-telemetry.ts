/** @module What happens while spans are sent, each as a function that logs and counts. */
import type { Clock } from '../clock/clock.ts';
import type { QueuedSpans, SpansQueue } from '../queue/spans-queue.ts';
import { createDropLog, type ToldDrops } from '../telemetry/drop-log.ts';
import { createOccurrenceLimit } from '../telemetry/limit.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Meters } from '../telemetry/meters.ts';
import { type AttemptEvents, createAttemptEvents } from './attempt-telemetry.ts';
import { type FullBy, fullQueueCause, fullQueueMend } from './full-queue.ts';
import { registerQueueMetrics } from './queue-metrics.ts';

/** When the first and the last of some requests were queued, wall-clock milliseconds. */
export interface QueuedRange {
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface SpansSendingEvents extends AttemptEvents {
  /** The queue is full: a batch was not admitted. It comes again, unless others take it. */
  refused(): void;
  /** Nobody took what was refused: `items` spans are to come again. */
  turnedAway(items: number, full: FullBy): void;
  /** A request was sent at last, after `attempts`; several do at once, and each may fail again. */
  recovered(attempts: number): void;
  /** A request was too large for the peer and goes in halves. */
  halved(): void;
  /** Spans will never be sent; `range` is when they were queued. `full`: because the queue is. */
  dropped(reason: string, items: number, range: QueuedRange, error: string, full?: FullBy | null): void;
  /** Tells what stayed unsaid, and removes the metrics. */
  end(): void;
}

/** What a line says of drops, beside how many. */
interface DropDetail {
  readonly range: QueuedRange;
  readonly error: string;
  readonly full: FullBy | null;
}

/** How a peer gets more at once. */
const FASTER = 'if the peer can take more at once, raise sending_queue.num_consumers';

/** Metrics carry `component` and `signal`; the queue is read whenever somebody collects. */
export function createSpansSendingEvents(
  component: string,
  queue: SpansQueue,
  underWay: () => number,
  { log: exporterLog, meters, clock }: { readonly log: Logger; readonly meters: Meters; readonly clock: Clock },
): SpansSendingEvents {
  const attributes = { component, signal: 'spans' };
  const log = exporterLog.child({ signal: 'spans' });
  const limit = createOccurrenceLimit(clock);
  const attempts = createAttemptEvents(attributes, limit, { log, meters });
  const drops = createDropLog(clock, tellDrops, { join: joinedDetail });
  /** When spans were queued that were dropped, by reason. */
  const ranges = new Map<string, QueuedRange>();
  const counts = { refusals: 0, halves: 0 };
  const one = (read: () => number) => () => [{ value: read(), attributes }];
  const byReason = (read: (range: QueuedRange) => number) => () =>
    [...ranges].map(([reason, range]) => ({ value: read(range), attributes: { ...attributes, reason } }));
  const registered = [
    ...registerQueueMetrics(meters, attributes, queue),
    meters.gauge('weir_send_in_flight', 'Requests being sent, or waiting to be sent again.', one(underWay)),
    meters.counter(
      'weir_queue_refusals_total',
      'Batches for which a full queue had no room: they come again, or are dropped here where another exporter took them.',
      one(() => counts.refusals),
    ),
    meters.counter(
      'weir_send_halved_total',
      'Requests that were too large for the peer and went in halves.',
      one(() => counts.halves),
    ),
    meters.gauge(
      'weir_send_dropped_first_timestamp_seconds',
      'When the first of the spans dropped for a reason was queued.',
      byReason(({ firstMs }) => firstMs / 1000),
    ),
    meters.gauge(
      'weir_send_dropped_last_timestamp_seconds',
      'When the last of the spans dropped for a reason was queued.',
      byReason(({ lastMs }) => lastMs / 1000),
    ),
  ];

  function tellDrops({ key: reason, items, total, detail }: ToldDrops<DropDetail>): void {
    const { range, error, full } = detail;
    const times = { from: timeText(range.firstMs), to: timeText(range.lastMs) };
    log.error({ reason, dropped_items: items, ...times, error, total, ...whyFull(full) }, 'Spans were dropped');
  }

  function whyFull(full: FullBy | null) {
    if (full === null) return {};
    return { cause: fullQueueCause(queue, full), mend: fullQueueMend(queue, full, FASTER) };
  }

  return {
    refused() {
      counts.refusals += 1;
    },
    turnedAway(items, full) {
      const times = limit.occurred('turned away');
      if (times > 0)
        log.warn(
          { items, waiting: queue.depth, bytes: queue.bytes, ...whyFull(full), times },
          'The sending queue is full: senders are asked to come again',
        );
    },
    attempted: attempts.attempted,
    failed: attempts.failed,
    waitCut: attempts.waitCut,
    recovered(attempts) {
      const times = limit.occurred('recovered');
      if (times > 0) log.info({ attempts, waiting: queue.depth, times }, 'Sending works again');
    },
    halved() {
      counts.halves += 1;
      const times = limit.occurred('halved');
      if (times > 0) log.info({ times }, 'A request was too large for the peer and goes in halves');
    },
    dropped(reason, items, range, error, full = null) {
      const known = ranges.get(reason);
      ranges.set(reason, known === undefined ? range : joined(known, range));
      drops.dropped(reason, items, { range, error, full });
    },
    end() {
      drops.end();
      for (const remove of registered) remove();
      attempts.end();
    },
  };
}

function joinedDetail(before: DropDetail, now: DropDetail): DropDetail {
  return { ...now, range: joined(before.range, now.range) };
}

function joined(one: QueuedRange, other: QueuedRange): QueuedRange {
  return { firstMs: Math.min(one.firstMs, other.firstMs), lastMs: Math.max(one.lastMs, other.lastMs) };
}

/** When the first and the last of `requests` were queued. The wall clock may have stepped back in between. */
export function rangeOf(requests: readonly QueuedSpans[]): QueuedRange {
  const range = { firstMs: Number.POSITIVE_INFINITY, lastMs: Number.NEGATIVE_INFINITY };
  for (const { sinceWallMs } of requests) {
    range.firstMs = Math.min(range.firstMs, sinceWallMs);
    range.lastMs = Math.max(range.lastMs, sinceWallMs);
  }
  return range;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
