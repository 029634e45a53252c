/** @module What happens to the `debug` exporter, each as a function that logs and counts. */
import type { Clock } from '../../pipeline/clock/clock.ts';
import { createDropLog } from '../../pipeline/telemetry/drop-log.ts';
import type { Logger } from '../../pipeline/telemetry/logger.ts';

export interface DebugEvents {
  /** Standard output is not read fast enough: a slot or a request of spans was not written. */
  readerTooSlow(items: number): void;
  /** Tells what stayed unsaid. */
  end(): void;
}

/** The dropped items themselves are counted in the balance. */
export function createDebugEvents({ log, clock }: { readonly log: Logger; readonly clock: Clock }): DebugEvents {
  const slow = createDropLog<null>(clock, ({ items, times, total }) =>
    log.warn({ items, times, total }, 'Standard output is not read fast enough: some of it was not written'),
  );
  return {
    readerTooSlow: (items) => slow.dropped('slow', items, null),
    end: slow.end,
  };
}
