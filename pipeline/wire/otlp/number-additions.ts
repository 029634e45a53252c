/** @module What a number point of each metric of Weir's adds to a sum. */
import { MAX_COUNT, plus } from '../../model/sum.ts';
import type { CoverageRecord, TrafficRecord } from '../../model/traffic.ts';
import { CLASSIFICATION, CLOCK_AHEAD, FAILURE, LATE, PARTIAL, SUCCESS } from '../traffic-attributes.ts';
import {
  COVERED,
  EXPECTED,
  FIRST_SIGHTS,
  INTERVAL,
  REQUEST_DURATION,
  REQUESTS,
  REQUESTS_UNREACHED,
  RESETS,
  SCRAPES_DUE,
  SCRAPES_MISSED,
  TCP_CLOSED,
  TCP_OPENED,
  TCP_READ,
  TCP_WRITTEN,
} from '../traffic-metrics.ts';
import type { PointAttributes } from './point-attributes.ts';
import type { SumDraft } from './sum-draft.ts';

type AddNumber = (draft: SumDraft, attributes: PointAttributes, value: number) => boolean;

function adding(add: (record: TrafficRecord, value: number) => void): AddNumber {
  return (draft, attributes, value) => {
    const record = draft.record(attributes.subject);
    if (record !== null) add(record, value);
    return record !== null;
  };
}

function addingTcp(add: (tcp: NonNullable<TrafficRecord['tcp']>, value: number) => void): AddNumber {
  return adding((record, value) => {
    record.tcp ??= { opened: 0, closed: 0, readBytes: 0, writtenBytes: 0 };
    add(record.tcp, value);
  });
}

function covering(add: (record: CoverageRecord, value: number) => void): AddNumber {
  return (draft, attributes, value) => {
    const record = draft.coverage(attributes.subject);
    if (record !== null) add(record, value);
    return record !== null;
  };
}

function addRequests(draft: SumDraft, attributes: PointAttributes, value: number): boolean {
  const classification = attributes.own.get(CLASSIFICATION);
  if (classification !== SUCCESS && classification !== FAILURE) return false;
  const record = draft.record(attributes.subject);
  if (record === null) return false;
  if (classification === SUCCESS) record.successes = plus(record.successes, value);
  else record.failures = plus(record.failures, value);
  return true;
}

function markInterval(draft: SumDraft, { subject: { marks } }: PointAttributes): boolean {
  draft.partial ||= marks.has(PARTIAL);
  draft.clockAhead ||= marks.has(CLOCK_AHEAD);
  draft.late ||= marks.has(LATE);
  return true;
}

/** What a number point of each metric adds to; false when its attributes are none of Weir's. */
const ADDITIONS: ReadonlyMap<string, AddNumber> = new Map<string, AddNumber>([
  [INTERVAL.name, markInterval],
  [REQUESTS.name, addRequests],
  [
    REQUESTS_UNREACHED.name,
    adding((record, value) => {
      record.unreached = plus(record.unreached, value);
    }),
  ],
  [
    TCP_OPENED.name,
    addingTcp((tcp, value) => {
      tcp.opened = plus(tcp.opened, value);
    }),
  ],
  [
    TCP_CLOSED.name,
    addingTcp((tcp, value) => {
      tcp.closed = plus(tcp.closed, value);
    }),
  ],
  [
    TCP_READ.name,
    addingTcp((tcp, value) => {
      tcp.readBytes = plus(tcp.readBytes, value);
    }),
  ],
  [
    TCP_WRITTEN.name,
    addingTcp((tcp, value) => {
      tcp.writtenBytes = plus(tcp.writtenBytes, value);
    }),
  ],
  [
    SCRAPES_DUE.name,
    covering((record, value) => {
      record.scrapesDue = plus(record.scrapesDue, value);
    }),
  ],
  [
    SCRAPES_MISSED.name,
    covering((record, value) => {
      record.scrapesMissed = plus(record.scrapesMissed, value);
    }),
  ],
  [
    COVERED.name,
    covering((record, value) => {
      record.coveredSeconds = plus(record.coveredSeconds, value);
    }),
  ],
  [
    EXPECTED.name,
    covering((record, value) => {
      record.expectedSeconds = plus(record.expectedSeconds, value);
    }),
  ],
  [
    RESETS.name,
    covering((record, value) => {
      record.resets = plus(record.resets, value);
    }),
  ],
  [
    FIRST_SIGHTS.name,
    covering((record, value) => {
      record.firstSight ||= value > 0;
    }),
  ],
]);

/** Which of the two kinds of points a metric of Weir's has, by its name; null for any other name. */
export function trafficPointsOf(name: string): 'number' | 'histogram' | null {
  if (ADDITIONS.has(name)) return 'number';
  return name === REQUEST_DURATION.name ? 'histogram' : null;
}

/** Adds a number point of the metric `name`, which has such points; false, and nothing added, when it is none of Weir's. */
export function addNumber(name: string, draft: SumDraft, attributes: PointAttributes, value: number): boolean {
  return ADDITIONS.get(name)!(draft, attributes, value);
}

/** Numbers of coverage that were told too early are taken back later, so those alone may be negative. */
const TAKEN_BACK: ReadonlySet<string> = new Set(
  [SCRAPES_DUE, SCRAPES_MISSED, COVERED, EXPECTED, RESETS].map(({ name }) => name),
);

/** Whether a point of the metric `name` may have this value. */
export function isTold(name: string, value: number): boolean {
  return isQuantity(value) || (TAKEN_BACK.has(name) && isQuantity(-value));
}

/** Whether it counts: from 0 to 2^53. */
export function isQuantity(value: number): boolean {
  return value >= 0 && value <= MAX_COUNT;
}
