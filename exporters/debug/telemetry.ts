/** @module What happens to the `debug` exporter, each as a function that logs and counts. */
import type { Clock } from '../../pipeline/clock/clock.ts';
import { createOccurrenceLimit } from '../../pipeline/telemetry/limit.ts';
import type { Logger } from '../../pipeline/telemetry/logger.ts';

export interface DebugEvents {
  /** Standard output is not read fast enough: a slot or a request of spans was not written. */
  readerTooSlow(items: number): void;
}

/** The dropped items themselves are counted in the balance. */
export function createDebugEvents({ log, clock }: { readonly log: Logger; readonly clock: Clock }): DebugEvents {
  const limit = createOccurrenceLimit(clock);
  return {
    readerTooSlow(items) {
      const times = limit.occurred('slow');
      if (times > 0) log.warn({ items, times }, 'Standard output is not read fast enough: some of it was not written');
    },
  };
}
