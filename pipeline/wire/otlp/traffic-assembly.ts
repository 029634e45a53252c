/** @module Sums of traffic put together again from the points of one sender, in whatever order they come. */
import { addLatency, MAX_COUNT, plus } from '../../model/sum.ts';
import type { CoverageRecord, LatencyHistogram, TrafficRecord, TrafficSum } from '../../model/traffic.ts';
import { BUCKET_COUNTS, CLASSIFICATION, CLOCK_AHEAD, FAILURE, LATE, PARTIAL, SUCCESS } from '../traffic-attributes.ts';
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
import type { PointAttributes, PointSubject } from './point-attributes.ts';

/** A sum that is growing. */
class SumDraft {
  readonly startMs: number;
  readonly endMs: number;
  partial = false;
  clockAhead = false;
  late = false;
  /** True once some point was added. */
  told = false;
  readonly #records = new Map<string, TrafficRecord>();
  readonly #coverage = new Map<string, CoverageRecord>();
  /** Points of one record often follow one another. */
  #lastSubject: PointSubject | null = null;
  #lastRecord: TrafficRecord | null = null;

  constructor(startMs: number, endMs: number) {
    this.startMs = startMs;
    this.endMs = endMs;
  }

  /** The record of a point, made when new; null when the attributes name none. */
  record(subject: PointSubject): TrafficRecord | null {
    if (subject !== this.#lastSubject) {
      this.#lastRecord = this.#recordOf(subject);
      this.#lastSubject = subject;
    }
    return this.#lastRecord;
  }

  #recordOf({ key }: PointSubject): TrafficRecord | null {
    if (key === null) return null;
    const known = this.#records.get(key.id);
    if (known !== undefined) return known;
    const record: TrafficRecord = { key, successes: 0, failures: 0, unreached: 0, latency: null, tcp: null };
    this.#records.set(key.id, record);
    return record;
  }

  /** The coverage record of a point, made when new; null when the attributes name no target. */
  coverage({ target }: PointSubject): CoverageRecord | null {
    if (target === null) return null;
    const known = this.#coverage.get(target.id);
    if (known !== undefined) return known;
    const record: CoverageRecord = {
      target: target.target,
      mesh: target.mesh,
      own: target.own,
      scrapesDue: 0,
      scrapesMissed: 0,
      coveredSeconds: 0,
      expectedSeconds: 0,
      resets: 0,
      firstSight: false,
    };
    this.#coverage.set(target.id, record);
    return record;
  }

  finish(): TrafficSum {
    const { startMs, endMs, partial, clockAhead } = this;
    const items = { records: [...this.#records.values()], coverage: [...this.#coverage.values()] };
    const sum = { interval: { startMs, endMs }, ...items, partial, clockAhead };
    return this.late ? { ...sum, late: true } : sum;
  }
}

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
const NUMBERS: ReadonlyMap<string, AddNumber> = new Map<string, AddNumber>([
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
  if (NUMBERS.has(name)) return 'number';
  return name === REQUEST_DURATION.name ? 'histogram' : null;
}

/** Sets of bounds of one record; nobody has as many, and each histogram is looked for among them. */
const MAX_BOUNDS_SETS = 64;
/** Sets of bounds that are looked through for the one that stands in the next histogram. */
const BOUNDS_KEPT = 8;

export class TrafficAssembly {
  readonly #drafts = new Map<number, Map<number, SumDraft>>();
  readonly #bounds: (readonly number[])[] = [];
  /** That of the last point. */
  #last: SumDraft | null = null;
  #badValues = 0;

  /** Points that were not added because a value is no count: not a number, negative, or above 2^53. */
  get badValues(): number {
    return this.#badValues;
  }

  /** Adds a point of a metric that has number points; false, and nothing added, when it is none of Weir's. */
  number(name: string, startMs: number, endMs: number, attributes: PointAttributes, value: number): boolean {
    if (!isTold(name, value)) return this.#isBad();
    if (startMs > endMs) return false;
    const draft = this.#draft(startMs, endMs);
    const added = NUMBERS.get(name)!(draft, attributes, value);
    draft.told ||= added;
    return added;
  }

  /** Adds a point of the histogram metric; takes `bounds` and `counts` over. Otherwise as `number`. */
  histogram(
    startMs: number,
    endMs: number,
    attributes: PointAttributes,
    bounds: readonly number[],
    counts: Float64Array,
  ): boolean {
    if (startMs > endMs || !isAscending(bounds) || counts.length !== bounds.length + 1) return false;
    const draft = this.#draft(startMs, endMs);
    const record = draft.record(attributes.subject);
    if (record === null) return false;
    if (!counts.every(isQuantity)) return this.#isBad();
    const boundsMs = this.#shared(bounds);
    if (!hasRoomFor(record.latency ?? [], boundsMs)) return false;
    draft.told = true;
    const told: LatencyHistogram = { boundsMs, counts: exactCounts(attributes, counts.length) ?? counts };
    if (record.latency === null) record.latency = [told];
    else record.latency = addLatency(record.latency, [told]);
    return true;
  }

  #isBad(): false {
    this.#badValues += 1;
    return false;
  }

  /** What was added, one sum for each interval, in the order of their first points. */
  *sums(): Generator<TrafficSum, void, void> {
    for (const drafts of this.#drafts.values()) {
      for (const draft of drafts.values()) if (draft.told) yield draft.finish();
    }
  }

  #draft(startMs: number, endMs: number): SumDraft {
    const last = this.#last;
    if (last !== null && last.startMs === startMs && last.endMs === endMs) return last;
    let ends = this.#drafts.get(startMs);
    if (ends === undefined) {
      ends = new Map();
      this.#drafts.set(startMs, ends);
    }
    let draft = ends.get(endMs);
    if (draft === undefined) {
      draft = new SumDraft(startMs, endMs);
      ends.set(endMs, draft);
    }
    this.#last = draft;
    return draft;
  }

  /** Equal bounds as one list, so that histograms share it. */
  #shared(bounds: readonly number[]): readonly number[] {
    const known = this.#bounds.find((other) => isEqual(other, bounds));
    if (known !== undefined) return known;
    if (this.#bounds.length === BOUNDS_KEPT) this.#bounds.shift();
    this.#bounds.push(bounds);
    return bounds;
  }
}

/** Numbers of coverage that were told too early are taken back later, so those alone may be negative. */
const TAKEN_BACK: ReadonlySet<string> = new Set(
  [SCRAPES_DUE, SCRAPES_MISSED, COVERED, EXPECTED, RESETS].map(({ name }) => name),
);

function isTold(name: string, value: number): boolean {
  return isQuantity(value) || (TAKEN_BACK.has(name) && isQuantity(-value));
}

function isQuantity(value: number): boolean {
  return value >= 0 && value <= MAX_COUNT;
}

function isAscending(bounds: readonly number[]): boolean {
  for (let i = 0; i < bounds.length; i++) {
    if (!Number.isFinite(bounds[i]) || (i > 0 && !(bounds[i - 1]! < bounds[i]!))) return false;
  }
  return true;
}

function hasRoomFor(histograms: readonly LatencyHistogram[], boundsMs: readonly number[]): boolean {
  return histograms.length < MAX_BOUNDS_SETS || histograms.some((held) => isEqual(held.boundsMs, boundsMs));
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((bound, i) => bound === b[i]));
}

/** Characters of a number and what parts it from the next one. */
const MAX_COUNT_LENGTH = 32;

/** Counts told beside because they are no whole numbers; null when there are none, or not so many. */
function exactCounts({ own }: PointAttributes, length: number): Float64Array | null {
  const text = own.get(BUCKET_COUNTS);
  if (text === undefined || text.length > length * MAX_COUNT_LENGTH) return null;
  const words = text.split(' ');
  if (words.length !== length) return null;
  const counts = Float64Array.from(words, Number);
  return counts.every(isQuantity) ? counts : null;
}
