/** @module What happens while sending, each as a function that logs and counts. */
import type { Clock } from '../clock/clock.ts';
import type { Interval } from '../model/traffic.ts';
import type { TrafficQueue } from '../queue/traffic-queue.ts';
import { createDropLog, type ToldDrops } from '../telemetry/drop-log.ts';
import { createOccurrenceLimit } from '../telemetry/limit.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Meters } from '../telemetry/meters.ts';
import { type AttemptEvents, createAttemptEvents } from './attempt-telemetry.ts';
import { type FullBy, fullQueueCause, fullQueueMend } from './full-queue.ts';
import { registerQueueMetrics } from './queue-metrics.ts';

export interface SendingEvents extends AttemptEvents {
  /** The queue is full: this interval was added to the newest one waiting. */
  coalesced(interval: Interval, full: FullBy): void;
  /** The window that others are added to lost its pods. */
  folded(interval: Interval): void;
  /** A sum was sent at last, after `attempts`; `sums` were coalesced into it. */
  recovered(attempts: number, sums: number): void;
  /** Items will never be sent; of 0 nothing is told. */
  dropped(reason: string, items: number, interval: Interval, error: string): void;
  /** Tells what stayed unsaid, and removes the metrics. */
  end(): void;
}

/** What a line says of drops, beside how many. */
interface DropDetail {
  readonly interval: Interval;
  readonly error: string;
}

/** How a peer gets more at once: sums are sent one after the other. */
const FASTER = 'send fewer, larger sums: interval: window, or a longer window of smi';

/** Metrics carry `component` and `signal`; `queue` is read whenever somebody collects. */
export function createSendingEvents(
  component: string,
  queue: TrafficQueue,
  { log: exporterLog, meters, clock }: { readonly log: Logger; readonly meters: Meters; readonly clock: Clock },
): SendingEvents {
  const attributes = { component, signal: 'traffic' };
  const log = exporterLog.child({ signal: 'traffic' });
  const limit = createOccurrenceLimit(clock);
  const attempts = createAttemptEvents(attributes, limit, { log, meters });
  const drops = createDropLog(clock, tellDrops, { join: joinedDetail });
  let coalesced = 0;
  let folded = 0;
  const one = (read: () => number) => () => [{ value: read(), attributes }];
  const registered = [
    ...registerQueueMetrics(meters, attributes, queue),
    meters.counter(
      'weir_queue_coalesced_total',
      'Windows added to a waiting one by a full queue.',
      one(() => coalesced),
    ),
    meters.counter(
      'weir_queue_folded_total',
      'Times a waiting window outgrew max_items and its pods were added up per workload.',
      one(() => folded),
    ),
    meters.counter(
      'weir_capped_counts_total',
      'Counts lost because a sum stops at 2^53, requests, connections, bytes and buckets together.',
      one(() => queue.overflow.counts),
    ),
  ];

  function tellDrops({ key: reason, items, times, total, detail }: ToldDrops<DropDetail>): void {
    const { interval, error } = detail;
    log.error({ reason, items, ...span(interval), error, times, total }, 'Traffic was dropped');
  }

  return {
    coalesced(interval, full) {
      coalesced += 1;
      const times = limit.occurred('coalesced');
      if (times === 0) return;
      const why = { cause: fullQueueCause(queue, full), mend: fullQueueMend(queue, full, FASTER) };
      log.warn(
        { ...span(interval), waiting: queue.depth, ...why, times },
        'The sending queue is full: windows are added together. Nothing is lost but resolution',
      );
    },
    folded(interval) {
      folded += 1;
      const times = limit.occurred('folded');
      if (times > 0)
        log.warn(
          { ...span(interval), times },
          'A waiting window has more than max_items records: its pods are added up per workload. No count is lost',
        );
    },
    attempted: attempts.attempted,
    failed: attempts.failed,
    waitCut: attempts.waitCut,
    recovered(attempt, sums) {
      attempts.recovered();
      log.info({ attempts: attempt, windows: sums, waiting: queue.depth }, 'Sending works again');
    },
    dropped(reason, items, interval, error) {
      drops.dropped(reason, items, { interval, error });
    },
    end() {
      drops.end();
      for (const remove of registered) remove();
      attempts.end();
    },
  };
}

function joinedDetail(before: DropDetail, now: DropDetail): DropDetail {
  const startMs = Math.min(before.interval.startMs, now.interval.startMs);
  const endMs = Math.max(before.interval.endMs, now.interval.endMs);
  return { interval: { startMs, endMs }, error: now.error };
}

/** Ends of an interval as text; one that cannot be written stays a number. */
function span(interval: Interval): { from: string | number; to: string | number } {
  return { from: text(interval.startMs), to: text(interval.endMs) };
}

function text(ms: number): string | number {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? ms : date.toISOString();
}
