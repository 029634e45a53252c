/** @module What is known of one scraped target, for its metrics, its status and its log lines. */
import type { Clock } from '../../pipeline/clock/clock.ts';
import { createOccurrenceLimit, type OccurrenceLimit } from '../../pipeline/telemetry/limit.ts';
import type { TargetSpec } from './targets.ts';

export class TargetStats {
  readonly address: string;
  up: boolean | null = null;
  consecutiveFailures = 0;
  lastError = '';
  /** Wall clock at the last scrape's start, milliseconds since the epoch. */
  lastScrapeMs: number | null = null;
  lastDurationMs: number | null = null;
  samples = 0;
  bodyBytes = 0;
  /** Attributes of its metrics; targets that share an address differ in the others. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly log: OccurrenceLimit;

  constructor(receiver: string, { address, own }: TargetSpec, clock: Clock) {
    const { namespace, name: workload } = own.workload;
    this.address = address;
    this.attributes = { receiver, target: address, namespace, workload, pod: own.pod };
    this.log = createOccurrenceLimit(clock);
  }
}
