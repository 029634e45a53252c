/** @module Which numbers of a record and of a coverage record become points of which metric, in the order told. */
import type { CoverageRecord, Interval, TcpTotals, TrafficRecord } from '../../model/traffic.ts';
import {
  COVERED,
  EXPECTED,
  FIRST_SIGHTS,
  RESETS,
  SCRAPES_DUE,
  SCRAPES_MISSED,
  TCP_CLOSED,
  TCP_OPENED,
  TCP_READ,
  TCP_WRITTEN,
  type TrafficMetric,
} from '../traffic-metrics.ts';

export const TCP_METRICS: readonly (readonly [TrafficMetric, (tcp: TcpTotals) => number])[] = [
  [TCP_OPENED, (tcp) => tcp.opened],
  [TCP_CLOSED, (tcp) => tcp.closed],
  [TCP_READ, (tcp) => tcp.readBytes],
  [TCP_WRITTEN, (tcp) => tcp.writtenBytes],
];

export const COVERAGE_METRICS: readonly (readonly [TrafficMetric, (record: CoverageRecord) => number])[] = [
  [SCRAPES_DUE, (record) => record.scrapesDue],
  [SCRAPES_MISSED, (record) => record.scrapesMissed],
  [COVERED, (record) => record.coveredSeconds],
  [EXPECTED, (record) => record.expectedSeconds],
  [RESETS, (record) => record.resets],
  [FIRST_SIGHTS, (record) => (record.firstSight ? 1 : 0)],
];

/**
 * Whether `weir.requests` has the points of a record, zeros too: always, but for plain TCP, where they would only ever be
 * zeros. So every record has a point by which it is known.
 */
export function tellsRequests({ key, tcp, successes, failures }: TrafficRecord): boolean {
  return key.protocol !== 'tcp' || tcp === null || successes !== 0 || failures !== 0;
}

/** Value of `weir.interval`: 0 in further parts of an interval, so that all parts together tell its length once. */
export function intervalSeconds({ startMs, endMs }: Interval, continues: boolean): number {
  return continues ? 0 : (endMs - startMs) / 1000;
}
