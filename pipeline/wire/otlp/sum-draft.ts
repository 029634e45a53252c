/** @module One sum of traffic that is growing: its records and coverage records, each made when its first point comes. */
import { emptyCoverage } from '../../model/coverage.ts';
import type { Overflow } from '../../model/sum.ts';
import type { CoverageRecord, TrafficRecord, TrafficSum } from '../../model/traffic.ts';
import type { PointSubject } from './point-attributes.ts';

/** The sum of one interval. */
export class SumDraft {
  readonly startMs: number;
  readonly endMs: number;
  readonly overflow: Overflow;
  partial = false;
  clockAhead = false;
  late = false;
  /** Points that were added. */
  points = 0;
  readonly #records = new Map<string, TrafficRecord>();
  readonly #coverage = new Map<string, CoverageRecord>();
  /** Points of one record often follow one another. */
  #lastSubject: PointSubject | null = null;
  #lastRecord: TrafficRecord | null = null;

  /** `overflow` grows by what sums lose that stop at the most that counts. */
  constructor(startMs: number, endMs: number, overflow: Overflow) {
    this.overflow = overflow;
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
    const record = emptyCoverage(target);
    this.#coverage.set(target.id, record);
    return record;
  }

  /** What was added; its records stay those of the draft. */
  finish(): TrafficSum {
    const { startMs, endMs, partial, clockAhead } = this;
    const items = { records: [...this.#records.values()], coverage: [...this.#coverage.values()] };
    const sum = { interval: { startMs, endMs }, ...items, partial, clockAhead };
    return this.late ? { ...sum, late: true } : sum;
  }
}
