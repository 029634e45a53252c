/**
 * @module What points were read as before, kept from request to request: senders tell of the same records slot after slot,
 * in the same order, so that their attributes are found again by comparing bytes where they stood last time.
 */
import { Buffer } from 'node:buffer';
import type { PointSubject } from './point-attributes.ts';

interface Remembered<Meaning> {
  readonly id: string;
  readonly bytes: Buffer;
  readonly meaning: Meaning;
  /** What came after it last time. */
  next: Remembered<Meaning> | null;
}

/** What runs of bytes mean, at most `max`. */
class ByteMemory<Meaning> {
  readonly #max: number;
  readonly #maxBytes: number;
  /** Two generations: those used since the last turn, and those of the turn before, which are forgotten at the next. */
  #young = new Map<string, Remembered<Meaning>>();
  #old = new Map<string, Remembered<Meaning>>();
  #last: Remembered<Meaning> | null = null;
  forgotten = 0;

  /** Longer runs than `maxBytes` are not remembered. */
  constructor(max: number, maxBytes: number) {
    this.#max = max;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Whether what comes now, or came just before, stands at `from`, whose message ends at `end`; then it is `found`. */
  expects(bytes: Buffer, from: number, end: number): boolean {
    const last = this.#last;
    if (last === null) return false;
    if (startsWith(bytes, from, end, last.bytes)) return true;
    if (last.next === null || !startsWith(bytes, from, end, last.next.bytes)) return false;
    this.#last = last.next;
    return true;
  }

  /** What was found last; ask only when something was. */
  get found(): Remembered<Meaning> {
    return this.#last!;
  }

  /** What stands at [from, to), null when that is not known. */
  find(bytes: Buffer, from: number, to: number): Meaning | null {
    if (to - from > this.#maxBytes || this.size === 0) return null;
    const known = this.#lookUp(bytes.toString('latin1', from, to));
    if (known === null) return null;
    this.#follow(known);
    return known.meaning;
  }

  /** Remembers what stands at [from, to), which was not known. Copies the bytes. */
  keep(bytes: Buffer, from: number, to: number, meaning: Meaning): void {
    if (this.#max === 0 || to - from > this.#maxBytes) return;
    const id = bytes.toString('latin1', from, to);
    const entry = { id, bytes: Buffer.from(bytes.subarray(from, to)), meaning, next: null };
    this.#put(entry);
    this.#follow(entry);
  }

  #lookUp(id: string): Remembered<Meaning> | null {
    const young = this.#young.get(id);
    if (young !== undefined) return young;
    const old = this.#old.get(id);
    if (old === undefined) return null;
    this.#old.delete(id);
    this.#put(old);
    return old;
  }

  #follow(entry: Remembered<Meaning>): void {
    if (this.#last !== null) this.#last.next = entry;
    this.#last = entry;
  }

  #put(entry: Remembered<Meaning>): void {
    if (this.#young.size >= this.#max / 2) this.#turn();
    this.#young.set(entry.id, entry);
  }

  /** What is forgotten leads to nothing any more, or forgotten ones would keep one another. */
  #turn(): void {
    for (const entry of this.#old.values()) entry.next = null;
    this.forgotten += this.#old.size;
    this.#old = this.#young;
    this.#young = new Map();
  }
}

/** Attributes longer than this are read each time. */
const MAX_SUBJECT_BYTES = 8192;
/** Attributes of a point's own: `classification` has two values, `bounds` a few. */
const OWN_TEXTS = 64;
const MAX_OWN_BYTES = 256;
const BOUNDS_SETS = 16;
const MAX_BOUNDS_BYTES = 8 * 1000;

/** Bounded; belongs to one receiver. What is forgotten is read anew, nothing else depends on it. */
export class TrafficMemory {
  /** By the bytes of the attributes that points of one record, or of one target, share. */
  readonly subjects: ByteMemory<PointSubject>;
  /** Texts by the bytes of the attributes that tell such points apart. */
  readonly ownTexts = new ByteMemory<ReadonlyMap<string, string>>(OWN_TEXTS, MAX_OWN_BYTES);
  /** By the bytes of packed bounds; one list for equal ones, never written. */
  readonly bounds = new ByteMemory<readonly number[]>(BOUNDS_SETS, MAX_BOUNDS_BYTES);

  /** `maxSubjects`: records and targets remembered, sums and histograms apart, each about 1 kB; 0 remembers none. */
  constructor(maxSubjects: number) {
    this.subjects = new ByteMemory<PointSubject>(maxSubjects, MAX_SUBJECT_BYTES);
  }

  /** Records and targets remembered. */
  get size(): number {
    return this.subjects.size;
  }
  /** Given up because there were more than are remembered; running total. */
  get forgotten(): number {
    return this.subjects.forgotten;
  }
}

function startsWith(bytes: Buffer, from: number, end: number, known: Buffer): boolean {
  const to = from + known.length;
  return to <= end && known.compare(bytes, from, to) === 0;
}
