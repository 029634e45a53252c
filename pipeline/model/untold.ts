/**
 * @module What one side of an edge has counted beyond what was told of it: the account that makes a change of sides exact.
 *
 * Both sides count the same calls. While neither page is missing, what was told is all there is. A side that missed a
 * scrape brings it later, so that until then the other one is ahead of it. The balance of the two is kept here: what the
 * other side counted (`add`), less what was told (`owe`). Failures that no server saw are in no balance: only the client's
 * side has them, and they are told with its page whatever side is told.
 */
import { foldedKey } from './fold.ts';
import { type Outcomes, reachedOutcomes } from './reached.ts';
import type { Workload } from './resource.ts';
import { addRecord, copyRecord } from './sum.ts';
import type { TrafficRecord } from './traffic.ts';

/** Nothing either way. */
export const NONE_AHEAD: Readonly<Outcomes> = { successes: 0, failures: 0 };

/** What each side counted in one window. */
export interface Phase {
  readonly told: Readonly<Outcomes>;
  readonly other: Readonly<Outcomes>;
}

/** The two sides are not compared further than that both have brought everything. */
export const NO_PHASE: Phase = { told: NONE_AHEAD, other: NONE_AHEAD };

export class Untold {
  #withheld: Map<string, TrafficRecord> | null = null;
  /** Counts the other side will bring although they were told; negative: it had counted so many more to begin with. */
  readonly #owed: Outcomes;

  /** `ahead`: by how much what was told was ahead of what the other side had counted, or, negative, behind it. */
  constructor(ahead: Readonly<Outcomes> = NONE_AHEAD) {
    this.#owed = { ...ahead };
  }

  get isEmpty(): boolean {
    return this.#withheld === null && this.#owed.successes === 0 && this.#owed.failures === 0;
  }

  /** All that was told less all that the other side counted. O(records). */
  get ahead(): Outcomes {
    const withheld = reachedOutcomes(this.#withheld?.values() ?? []);
    const { successes, failures } = this.#owed;
    return { successes: successes - withheld.successes, failures: failures - withheld.failures };
  }

  /** Requests that only the other side has counted so far; never negative. O(records). */
  get requests(): number {
    if (this.#withheld === null) return 0;
    const { successes, failures } = reachedOutcomes(this.#withheld.values());
    const owed = { successes: Math.max(0, this.#owed.successes), failures: Math.max(0, this.#owed.failures) };
    return Math.max(0, successes - owed.successes) + Math.max(0, failures - owed.failures);
  }

  /** Adds what the other side counted, without its pods, so that it takes little room; `far` is who its peer is. */
  add(records: Iterable<TrafficRecord>, far: Workload | null): void {
    for (const record of records) {
      const failures = record.failures - record.unreached;
      if (record.successes + failures === 0) continue;
      const { key } = record;
      const peer = far === null ? key.peer : { ...key.peer, workload: far };
      const folded = { ...record, failures, unreached: 0, key: foldedKey({ ...key, peer }) };
      this.#withheld ??= new Map();
      const held = this.#withheld.get(folded.key.id);
      if (held === undefined) this.#withheld.set(folded.key.id, copyRecord(folded));
      else addRecord(held, folded);
    }
  }

  /** Adds what was told: the other side has counted it too, or will. */
  owe(records: Iterable<TrafficRecord>): void {
    this.oweOutcomes(reachedOutcomes(records));
  }

  oweOutcomes({ successes, failures }: Outcomes): void {
    this.#owed.successes += successes;
    this.#owed.failures += failures;
  }

  /**
   * Forgets what can no longer be: a side whose pages were all read has brought everything up to its last page. So the
   * other one is not ahead when the told one is whole, and owes nothing when it is whole itself, but for the calls between
   * the last pages of the two: `phase` has the most that may be, what each side counted in this window.
   */
  settle(toldWhole: boolean, otherWhole: boolean, phase: Phase = NO_PHASE): void {
    if (toldWhole) {
      const { successes, failures } = this.ahead;
      this.#owed.successes = Math.max(successes, -phase.other.successes);
      this.#owed.failures = Math.max(failures, -phase.other.failures);
      this.#withheld = null;
    }
    if (otherWhole) {
      this.#net();
      this.#owed.successes = Math.min(this.#owed.successes, phase.told.successes);
      this.#owed.failures = Math.min(this.#owed.failures, phase.told.failures);
    }
  }

  /** What the other side counted and nobody told, as records; it is no longer held. The caller owns them. */
  take(): TrafficRecord[] {
    this.#net();
    const records = [...(this.#withheld?.values() ?? [])];
    this.#withheld = null;
    return records;
  }

  /**
   * `records` of the other side less what it still owed; the same list when it owed nothing. What it owes beyond them is
   * forgiven, or carried on.
   */
  lessOwed(records: readonly TrafficRecord[], beyond: 'forgive' | 'carry' = 'forgive'): readonly TrafficRecord[] {
    if (this.#owed.successes <= 0 && this.#owed.failures <= 0) return records;
    const left = records.map(copyRecord);
    for (const record of left) this.#reduce(record);
    if (beyond === 'forgive') this.#pay({ successes: Number.POSITIVE_INFINITY, failures: Number.POSITIVE_INFINITY });
    return left;
  }

  #net(): void {
    if (this.#withheld === null) return;
    for (const [id, record] of this.#withheld) {
      this.#reduce(record);
      if (record.successes + record.failures === 0) this.#withheld.delete(id);
    }
    if (this.#withheld.size === 0) this.#withheld = null;
  }

  #pay({ successes, failures }: Outcomes): void {
    const { successes: owedSuccesses, failures: owedFailures } = this.#owed;
    // What the other side is ahead stays.
    this.#owed.successes = Math.min(owedSuccesses, Math.max(0, owedSuccesses - successes));
    this.#owed.failures = Math.min(owedFailures, Math.max(0, owedFailures - failures));
  }

  /** Takes from `record` what is owed of its kind; latencies and bytes keep their shape and shrink alike. */
  #reduce(record: TrafficRecord): void {
    const before = record.successes + record.failures;
    const paid = {
      successes: Math.min(record.successes, Math.max(0, this.#owed.successes)),
      failures: Math.min(record.failures - record.unreached, Math.max(0, this.#owed.failures)),
    };
    if (before === 0 || paid.successes + paid.failures === 0) return;
    this.#pay(paid);
    record.successes -= paid.successes;
    record.failures -= paid.failures;
    shrink(record, (record.successes + record.failures) / before);
  }
}

/** Leaves `share` of the latencies, connections and bytes of a record that the caller owns; its requests stay. */
export function shrink({ latency, tcp }: TrafficRecord, share: number): void {
  for (const { counts } of latency ?? []) for (let i = 0; i < counts.length; i++) counts[i]! *= share;
  if (tcp === null) return;
  tcp.opened = Math.round(tcp.opened * share);
  tcp.closed = Math.round(tcp.closed * share);
  tcp.readBytes = Math.round(tcp.readBytes * share);
  tcp.writtenBytes = Math.round(tcp.writtenBytes * share);
}
