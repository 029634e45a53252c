/** @module Sums of traffic put together again from the points of one sender, in whatever order they come. */
import { addLatency, type Overflow } from '../../model/sum.ts';
import type { LatencyHistogram, TrafficSum } from '../../model/traffic.ts';
import { BUCKET_COUNTS } from '../traffic-attributes.ts';
import { countOfWord } from './exact-counts.ts';
import { addNumber, isQuantity, isTold } from './number-additions.ts';
import type { PointAttributes } from './point-attributes.ts';
import { SumDraft } from './sum-draft.ts';

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
  readonly #overflow: Overflow = { counts: 0 };

  /** Points that were not added because a value is no count: not a number, negative, or above 2^53. */
  get badValues(): number {
    return this.#badValues;
  }

  /** Counts lost where points that add to one count go beyond the most that counts. */
  get cappedCounts(): number {
    return this.#overflow.counts;
  }

  /** Adds a point of a metric that has number points; false, and nothing added, when it is none of Weir's. */
  number(name: string, startMs: number, endMs: number, attributes: PointAttributes, value: number): boolean {
    if (!isTold(name, value)) return this.#isBad();
    if (startMs > endMs) return false;
    const draft = this.#draft(startMs, endMs);
    const added = addNumber(name, draft, attributes, value);
    if (added) draft.points += 1;
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
    const exact = exactCounts(attributes, counts.length);
    if (exact?.every(isQuantity) === false) return this.#isBad();
    draft.points += 1;
    const told: LatencyHistogram = { boundsMs, counts: exact ?? counts };
    if (record.latency === null) record.latency = [told];
    else record.latency = addLatency(record.latency, [told], this.#overflow);
    return true;
  }

  #isBad(): false {
    this.#badValues += 1;
    return false;
  }

  /** What was added, one sum for each interval, in the order of their first points, and the points that it was made of. */
  *sums(): Generator<readonly [sum: TrafficSum, points: number], void, void> {
    for (const drafts of this.#drafts.values()) {
      for (const draft of drafts.values()) if (draft.points > 0) yield [draft.finish(), draft.points];
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
      draft = new SumDraft(startMs, endMs, this.#overflow);
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

/** Counts told beside because they are no whole numbers, NaN for what is no count; null when there are none, or not so many. */
function exactCounts({ own }: PointAttributes, length: number): Float64Array | null {
  const text = own.get(BUCKET_COUNTS);
  if (text === undefined || text.length > length * MAX_COUNT_LENGTH) return null;
  const words = text.split(' ');
  if (words.length !== length) return null;
  return Float64Array.from(words, countOfWord);
}
