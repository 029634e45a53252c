/** @module The encoded attributes of records and targets, kept from sum to sum. */
import type { Identity, Peer, Workload } from '../../model/resource.ts';
import type { CoverageRecord, TrafficKey } from '../../model/traffic.ts';
import { coverageAttributes, trafficAttributes } from '../traffic-attributes.ts';
import { encodeAttributes } from './attribute-bytes.ts';
import { HISTOGRAM_POINT, NUMBER_POINT } from './fields.ts';

/** Attributes of one subject as they stand in its points. */
export class EncodedAttributes<Subject> {
  readonly subject: Subject;
  /** As attributes of number points. The object is the identity of this encoding. */
  readonly number: Uint8Array;
  /** Number of the sum that used it last. */
  usedIn = 0;
  #histogram: Uint8Array | null = null;

  constructor(subject: Subject, number: Uint8Array) {
    this.subject = subject;
    this.number = number;
  }

  /** As attributes of histogram points; made when first asked for. */
  histogram(encode: (subject: Subject) => Uint8Array): Uint8Array {
    this.#histogram ??= encode(this.subject);
    return this.#histogram;
  }
}

/** How many are kept, and what that cost so far. */
export interface CacheFigures {
  readonly kept: number;
  /** Given up because no recent sum had them. */
  readonly evicted: number;
  /** Encodings that were not kept because the cache was full. */
  readonly unkept: number;
}

/** What a cache has to know of its subjects. */
interface Trait<Subject> {
  idOf(subject: Subject): string;
  /** Whether both have the same attributes; asked only for equal ids. */
  isAlike(a: Subject, b: Subject): boolean;
  encode(subject: Subject): Uint8Array;
}

/**
 * Encodings by the id of their subject, at most `maxKept`; those that none of the last `keepSums` sums had are given up.
 * Subjects that come in the order of the sum before are found without looking their ids up.
 */
export class AttributeCache<Subject> {
  readonly #trait: Trait<Subject>;
  readonly #maxKept: number;
  readonly #keepSums: number;
  readonly #kept = new Map<string, EncodedAttributes<Subject>>();
  /** Encodings in the order of the sum before, overwritten by those of the sum now. */
  readonly #order: (EncodedAttributes<Subject> | undefined)[] = [];
  #next = 0;
  #sum = 1;
  #evicted = 0;
  #unkept = 0;

  constructor(trait: Trait<Subject>, maxKept: number, keepSums: number) {
    this.#trait = trait;
    this.#maxKept = maxKept;
    this.#keepSums = keepSums;
  }

  get figures(): CacheFigures {
    return { kept: this.#kept.size, evicted: this.#evicted, unkept: this.#unkept };
  }

  /** The encoding of `subject`. O(1) when kept, and without garbage. */
  find(subject: Subject): EncodedAttributes<Subject> {
    const place = this.#next++;
    const expected = this.#order[place];
    if (expected !== undefined && this.#isOf(expected, subject)) {
      expected.usedIn = this.#sum;
      return expected;
    }
    const found = this.#lookUp(subject);
    found.usedIn = this.#sum;
    this.#order[place] = this.#kept.get(this.#trait.idOf(subject)) === found ? found : undefined;
    return found;
  }

  /**
   * Makes ready what `find` will be asked for at `place` of the next sum, from 0; true when it had to be encoded. What there is
   * no room for is not made ready.
   */
  warm(place: number, subject: Subject): boolean {
    const expected = this.#order[place];
    if (expected !== undefined && this.#isOf(expected, subject)) return false;
    const kept = this.#kept.get(this.#trait.idOf(subject));
    if (kept === undefined ? this.#kept.size >= this.#maxKept : this.#trait.isAlike(kept.subject, subject))
      return false;
    this.#lookUp(subject);
    return true;
  }

  /** Ends a sum: gives up what no recent one had. O(kept) once in `keepSums` sums. */
  endSum(): void {
    this.#order.length = this.#next;
    this.#next = 0;
    if (this.#sum % this.#keepSums === 0) this.#evict();
    this.#sum += 1;
  }

  #isOf(encoded: EncodedAttributes<Subject>, subject: Subject): boolean {
    const { subject: known } = encoded;
    if (known === subject) return true;
    return this.#trait.idOf(known) === this.#trait.idOf(subject) && this.#trait.isAlike(known, subject);
  }

  #lookUp(subject: Subject): EncodedAttributes<Subject> {
    const id = this.#trait.idOf(subject);
    const kept = this.#kept.get(id);
    if (kept !== undefined && this.#trait.isAlike(kept.subject, subject)) return kept;
    const made = new EncodedAttributes(subject, this.#trait.encode(subject));
    if (kept !== undefined || this.#kept.size < this.#maxKept) this.#kept.set(id, made);
    else this.#unkept += 1;
    return made;
  }

  #evict(): void {
    for (const [id, { usedIn }] of this.#kept) {
      if (usedIn > this.#sum - this.#keepSums) continue;
      this.#kept.delete(id);
      this.#evicted += 1;
    }
  }
}

const RECORDS: Trait<TrafficKey> = {
  idOf: (key) => key.id,
  isAlike: (a, b) => a === b || (isSameIdentity(a.own, b.own) && isSamePeer(a.peer, b.peer)),
  encode: (key) => encodeAttributes(NUMBER_POINT.attributes, trafficAttributes(key)),
};

const TARGETS: Trait<CoverageRecord> = {
  idOf: (record) => record.target,
  isAlike: (a, b) => a.mesh === b.mesh && isSameIdentity(a.own, b.own),
  encode: (record) => encodeAttributes(NUMBER_POINT.attributes, coverageAttributes(record)),
};

export type RecordAttributes = EncodedAttributes<TrafficKey>;
export type TargetAttributes = EncodedAttributes<CoverageRecord>;

export function recordCache(maxKept: number, keepSums: number): AttributeCache<TrafficKey> {
  return new AttributeCache(RECORDS, maxKept, keepSums);
}

export function targetCache(maxKept: number, keepSums: number): AttributeCache<CoverageRecord> {
  return new AttributeCache(TARGETS, maxKept, keepSums);
}

/** Attributes of a record's histogram points. */
export function histogramAttributes(key: TrafficKey): Uint8Array {
  return encodeAttributes(HISTOGRAM_POINT.attributes, trafficAttributes(key));
}

function isSameIdentity(a: Identity, b: Identity): boolean {
  if (a === b) return true;
  return (
    isSameWorkload(a.workload, b.workload) &&
    a.pod === b.pod &&
    a.podUid === b.podUid &&
    a.node === b.node &&
    a.serviceAccount === b.serviceAccount
  );
}

/** Of two peers whose keys have the same id: only the kind of the workload may differ. */
function isSamePeer(a: Peer, b: Peer): boolean {
  return a === b || a.workload?.kind === b.workload?.kind;
}

function isSameWorkload(a: Workload, b: Workload): boolean {
  if (a === b) return true;
  return a.cluster === b.cluster && a.namespace === b.namespace && a.name === b.name && a.kind === b.kind;
}
