/** @module What a number point of each metric of Weir's adds to a sum. */
import { MAX_COUNT, type Overflow, plus } from '../../model/sum.ts';
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

/** `lost` grows by what a sum loses. */
type Add<Into> = (into: Into, value: number, lost: Overflow) => void;

function adding(add: Add<TrafficRecord>): AddNumber {
  return (draft, attributes, value) => {
    const record = draft.record(attributes.subject);
    if (record !== null) add(record, value, draft.overflow);
    return record !== null;
  };
}

function addingTcp(add: Add<NonNullable<TrafficRecord['tcp']>>): AddNumber {
  return adding((record, value, lost) => {
    record.tcp ??= { opened: 0, closed: 0, readBytes: 0, writtenBytes: 0 };
    add(record.tcp, value, lost);
  });
}

function covering(add: Add<CoverageRecord>): AddNumber {
  return (draft, attributes, value) => {
    const record = draft.coverage(attributes.subject);
    if (record !== null) add(record, value, draft.overflow);
    return record !== null;
  };
}

function addRequests(draft: SumDraft, attributes: PointAttributes, value: number): boolean {
  const classification = attributes.own.get(CLASSIFICATION);
  if (classification !== SUCCESS && classification !== FAILURE) return false;
  const record = draft.record(attributes.subject);
  if (record === null) return false;
  if (classification === SUCCESS) record.successes = plus(record.successes, value, draft.overflow);
  else record.failures = plus(record.failures, value, draft.overflow);
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
    adding((record, value, lost) => {
      record.unreached = plus(record.unreached, value, lost);
    }),
  ],
  [
    TCP_OPENED.name,
    addingTcp((tcp, value, lost) => {
      tcp.opened = plus(tcp.opened, value, lost);
    }),
  ],
  [
    TCP_CLOSED.name,
    addingTcp((tcp, value, lost) => {
      tcp.closed = plus(tcp.closed, value, lost);
    }),
  ],
  [
    TCP_READ.name,
    addingTcp((tcp, value, lost) => {
      tcp.readBytes = plus(tcp.readBytes, value, lost);
    }),
  ],
  [
    TCP_WRITTEN.name,
    addingTcp((tcp, value, lost) => {
      tcp.writtenBytes = plus(tcp.writtenBytes, value, lost);
    }),
  ],
  [
    SCRAPES_DUE.name,
    covering((record, value, lost) => {
      record.scrapesDue = plus(record.scrapesDue, value, lost);
    }),
  ],
  [
    SCRAPES_MISSED.name,
    covering((record, value, lost) => {
      record.scrapesMissed = plus(record.scrapesMissed, value, lost);
    }),
  ],
  [
    COVERED.name,
    covering((record, value, lost) => {
      record.coveredSeconds = plus(record.coveredSeconds, value, lost);
    }),
  ],
  [
    EXPECTED.name,
    covering((record, value, lost) => {
      record.expectedSeconds = plus(record.expectedSeconds, value, lost);
    }),
  ],
  [
    RESETS.name,
    covering((record, value, lost) => {
      record.resets = plus(record.resets, value, lost);
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
