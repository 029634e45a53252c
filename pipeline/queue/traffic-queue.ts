/**
 * @module The bounded memory queue of traffic: it never refuses. When it is full a new sum is added to the newest one
 * waiting that was never tried, so that resolution is lost and counts are not (design §8).
 */
import type { Clock } from '../clock/clock.ts';
import { foldPods } from '../model/fold.ts';
import { type Overflow, TrafficAccumulator } from '../model/sum.ts';
import type { TrafficRecord, TrafficSum } from '../model/traffic.ts';

/** What `queue_size` counts: sums, their records, or their rough bytes. */
export type Sizer = 'requests' | 'items' | 'bytes';

/** `sending_queue` of an exporter of traffic. */
export interface TrafficQueueConfig {
  /** Above 0, in units of `sizer`. */
  readonly queueSize: number;
  readonly sizer: Sizer;
  readonly onFull: 'coalesce';
  /** Records of one sum, above 0, beyond which a sum that grows by coalescing gives up its pods. */
  readonly maxItems: number;
}

/** What became of an offered sum. */
export interface Offered {
  readonly coalesced: boolean;
  /** The sum waiting had too many items and was added up per workload. */
  readonly folded: boolean;
  /** Items of the offered sum, and of the one waiting when it was folded, that were added into items already waiting; 0 unless coalesced. */
  readonly merged: number;
}

/** A sum in the queue. Once taken it is never changed again, however often it is given back. */
export interface QueuedTraffic {
  readonly id: number;
  readonly sum: TrafficSum;
  /** Records and coverage records. */
  readonly items: number;
  /** Sums that were offered and are in this one; 1 unless it was coalesced into. */
  readonly sums: number;
}

interface Entry {
  readonly id: number;
  readonly sinceMonoMs: number;
  sum: TrafficSum | null;
  /** Holds what is being coalesced; null before the first time and after it was taken. */
  accumulator: TrafficAccumulator | null;
  items: number;
  bytes: number;
  sums: number;
  tried: boolean;
  /** Items beyond which it is folded next. */
  foldAbove: number;
}

/** One consumer at a time: `take`, then `done` or `giveBack` with the id taken. */
export class TrafficQueue {
  readonly #config: TrafficQueueConfig;
  readonly #clock: Clock;
  readonly #entries: Entry[] = [];
  #waiters: ((taken: QueuedTraffic | null) => void)[] = [];
  #nextId = 0;
  #inFlight = false;
  #closed = false;
  #items = 0;
  #bytes = 0;
  /** What sums lose that are added together here. */
  readonly overflow: Overflow = { counts: 0 };

  constructor(config: TrafficQueueConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
  }

  /** Sums waiting, the one being sent included; at most one beyond `queue_size` when that counts sums. */
  get depth(): number {
    return this.#entries.length;
  }

  get items(): number {
    return this.#items;
  }

  /** Rough heap bytes of what waits. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Age of the oldest sum in milliseconds since it was offered; 0 when empty. */
  get oldestAgeMs(): number {
    const head = this.#entries[0];
    return head === undefined ? 0 : this.#clock.monoMs() - head.sinceMonoMs;
  }

  /** The limit at which sums are added together. */
  get limit(): string {
    const { queueSize, sizer } = this.#config;
    const unit = { requests: 'sums', items: 'records', bytes: 'bytes' }[sizer];
    return `sending_queue.queue_size (${queueSize} ${unit})`;
  }

  /** Takes the sum over; it must not be changed afterwards. O(items), amortised over the sums coalesced. */
  offer(sum: TrafficSum): Offered {
    const items = sum.records.length + sum.coverage.length;
    const bytes = estimateBytes(sum);
    const last = this.#entries.at(-1);
    // A sum that was tried may have arrived: what was sent must be sent again unchanged, so it never grows.
    if (last !== undefined && !last.tried && this.#isFull(items, bytes)) return this.#coalesce(last, sum);
    this.#append(sum, items, bytes);
    return { coalesced: false, folded: false, merged: 0 };
  }

  #isFull(items: number, bytes: number): boolean {
    const { queueSize, sizer } = this.#config;
    if (sizer === 'items') return this.#items + items > queueSize;
    if (sizer === 'bytes') return this.#bytes + bytes > queueSize;
    return this.#entries.length >= queueSize;
  }

  #append(sum: TrafficSum, items: number, bytes: number): void {
    const sinceMonoMs = this.#clock.monoMs();
    this.#entries.push({
      id: this.#nextId++,
      sinceMonoMs,
      sum,
      accumulator: null,
      items,
      bytes,
      sums: 1,
      tried: false,
      foldAbove: this.#config.maxItems,
    });
    this.#items += items;
    this.#bytes += bytes;
    this.#wake();
  }

  #coalesce(entry: Entry, sum: TrafficSum): Offered {
    let accumulator = entry.accumulator;
    if (accumulator === null) {
      accumulator = new TrafficAccumulator(this.overflow);
      if (entry.sum !== null) accumulator.add(entry.sum);
      entry.accumulator = accumulator;
      entry.sum = null;
    }
    const merged = accumulator.add(sum);
    const offered = sum.records.length + sum.coverage.length;
    const grown = accumulator.items - entry.items;
    // Only what is new takes room: an equal share of the offered bytes is a fair estimate.
    const grownBytes = offered === 0 ? 0 : Math.round((estimateBytes(sum) * grown) / offered);
    entry.items += grown;
    entry.bytes += grownBytes;
    entry.sums += 1;
    this.#items += grown;
    this.#bytes += grownBytes;
    const folded = entry.items > entry.foldAbove ? this.#fold(entry, accumulator) : null;
    return { coalesced: true, folded: folded !== null, merged: merged + (folded ?? 0) };
  }

  /**
   * Adds the pods of each workload up and returns how many items that spared. While peers come and go in a long outage a
   * sum would otherwise grow with every pod there ever was.
   */
  #fold(entry: Entry, accumulator: TrafficAccumulator): number {
    const sum = foldPods(accumulator.take(), this.overflow);
    accumulator.add(sum);
    const spared = entry.items - accumulator.items;
    const bytes = estimateBytes(sum);
    this.#items -= spared;
    this.#bytes += bytes - entry.bytes;
    entry.items = accumulator.items;
    entry.bytes = bytes;
    // Workloads alone may be too many: folding again pays only when as much has come anew.
    entry.foldAbove = Math.max(this.#config.maxItems, 2 * entry.items);
    return spared;
  }

  /** The oldest sum, marked as tried, once there is one; null when the queue is closed and empty, or on abort. */
  take(signal?: AbortSignal): Promise<QueuedTraffic | null> {
    const head = this.#tryTake();
    if (head !== null) return Promise.resolve(head);
    if (this.#isFinished() || signal?.aborted === true) return Promise.resolve(null);
    return new Promise((resolve) => {
      const waiter = (taken: QueuedTraffic | null) => {
        signal?.removeEventListener('abort', onAbort);
        resolve(taken);
      };
      const onAbort = () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        waiter(null);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.push(waiter);
    });
  }

  #tryTake(): QueuedTraffic | null {
    const head = this.#entries[0];
    if (head === undefined || this.#inFlight) return null;
    head.tried = true;
    head.sum ??= head.accumulator?.take() ?? null;
    head.accumulator = null;
    if (head.sum === null) return null;
    this.#inFlight = true;
    return { id: head.id, sum: head.sum, items: head.items, sums: head.sums };
  }

  /** Removes the sum that was taken. Another id is ignored. */
  done(id: number): void {
    const head = this.#entries[0];
    if (head === undefined || head.id !== id || !this.#inFlight) return;
    this.#entries.shift();
    this.#items -= head.items;
    this.#bytes -= head.bytes;
    this.#inFlight = false;
    this.#wake();
  }

  /** Leaves the sum that was taken at the head, unchanged, to be taken again. */
  giveBack(id: number): void {
    if (this.#entries[0]?.id !== id) return;
    this.#inFlight = false;
    this.#wake();
  }

  /** No more is expected: `take` answers null once the queue is empty. Offers are still taken. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** Empties the queue and returns what was in it, oldest first, the one in flight included. */
  clear(): QueuedTraffic[] {
    const left: QueuedTraffic[] = [];
    for (const entry of this.#entries) {
      const sum = entry.sum ?? entry.accumulator?.take() ?? null;
      if (sum !== null) left.push({ id: entry.id, sum, items: entry.items, sums: entry.sums });
    }
    this.#entries.length = 0;
    this.#items = 0;
    this.#bytes = 0;
    this.#inFlight = false;
    this.#wake();
    return left;
  }

  #isFinished(): boolean {
    return this.#closed && this.#entries.length === 0;
  }

  #wake(): void {
    while (this.#waiters.length > 0) {
      const head = this.#tryTake();
      if (head === null && !this.#isFinished()) return;
      this.#waiters.shift()?.(head);
    }
  }
}

/** Rough heap bytes of an object with a handful of fields, and of one histogram without its counts. */
const RECORD_BYTES = 160;
const HISTOGRAM_BYTES = 120;
const COVERAGE_BYTES = 136;

function estimateBytes(sum: TrafficSum): number {
  let bytes = COVERAGE_BYTES * sum.coverage.length;
  for (const record of sum.records) bytes += RECORD_BYTES + histogramBytes(record);
  return bytes;
}

function histogramBytes(record: TrafficRecord): number {
  let bytes = 0;
  for (const histogram of record.latency ?? []) bytes += HISTOGRAM_BYTES + 8 * histogram.counts.length;
  return bytes;
}
