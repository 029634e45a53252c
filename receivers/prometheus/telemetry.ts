/** @module What the `prometheus` receiver itself logs and counts, beside what its scraping does. */
import type { ReceiverSettings } from '../../pipeline/component.ts';
import { createOccurrenceLimit } from '../../pipeline/telemetry/limit.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';

export interface PrometheusTelemetry {
  /** A rule made an address that nothing can be asked at. */
  badAddress(job: string, address: string): void;
  close(): void;
}

export function createTelemetry({ id, clock, log, meters }: ReceiverSettings<unknown>): PrometheusTelemetry {
  const limit = createOccurrenceLimit(clock);
  let refused = 0;
  const remove = meters.counter(
    'weir_relabelled_addresses_refused_total',
    'Targets left out because relabelling made an address that is none.',
    () => [{ value: refused, attributes: { receiver: id } }],
  );
  return {
    badAddress(job, address) {
      refused += 1;
      const times = limit.occurred(`address ${job}`);
      if (times > 0)
        log.warn(
          { job, address: printableShort(address), times },
          'relabel_configs made an address that is no host:port: the target is not scraped',
        );
    },
    close: remove,
  };
}
