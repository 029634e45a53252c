/** @module The sum of slots for reading only, made of what the slots hold rather than of copies. */
import { TrafficAccumulator } from './sum.ts';
import type { TcpTotals, TrafficRecord, TrafficSum } from './traffic.ts';

/**
 * The sum of `sums`, null when there is none. Histograms are listed side by side instead of added, which spares a copy
 * of each; nothing given is written. O(records).
 */
export function foldSlots(sums: readonly TrafficSum[]): TrafficSum | null {
  const [only] = sums;
  if (only === undefined || sums.length === 1) return only ?? null;
  const frame = new TrafficAccumulator();
  const fold = new RecordFold();
  for (const sum of sums) {
    frame.add({ ...sum, records: [] });
    fold.add(sum.records);
  }
  return { ...frame.take(), records: fold.records };
}

/**
 * Slots of one engine tell the same keys in nearly the same order, so the next record is expected behind the last one
 * met; only where that fails is it looked up by its id. A sum that tells an id twice may keep it twice: readers add up.
 */
class RecordFold {
  readonly records: TrafficRecord[] = [];
  /** Place of each id among the first `#indexed` records. */
  readonly #places = new Map<string, number>();
  #indexed = 0;

  add(records: readonly TrafficRecord[]): void {
    const before = this.records.length;
    let expected = 0;
    for (const record of records) {
      const place = this.records[expected]?.key === record.key ? expected : this.#placeOf(record, before);
      if (place < 0) this.records.push(copyForReading(record));
      else {
        addForReading(this.records[place]!, record);
        expected = place + 1;
      }
    }
  }

  /** Place of the record with the same id among the first `count`; -1 when there is none. */
  #placeOf({ key }: TrafficRecord, count: number): number {
    for (; this.#indexed < count; this.#indexed++) {
      this.#places.set(this.records[this.#indexed]!.key.id, this.#indexed);
    }
    return this.#places.get(key.id) ?? -1;
  }
}

function copyForReading({ key, successes, failures, unreached, latency, tcp }: TrafficRecord): TrafficRecord {
  return { key, successes, failures, unreached, latency: latency === null ? null : [...latency], tcp };
}

function addForReading(held: TrafficRecord, from: TrafficRecord): void {
  const { latency, tcp } = from;
  held.successes += from.successes;
  held.failures += from.failures;
  held.unreached += from.unreached;
  if (latency !== null) {
    held.latency ??= [];
    for (const histogram of latency) held.latency.push(histogram);
  }
  if (tcp !== null) held.tcp = held.tcp === null ? tcp : addTcp(held.tcp, tcp);
}

/** A new object: what was given belongs to a slot. */
function addTcp(a: TcpTotals, b: TcpTotals): TcpTotals {
  return {
    opened: a.opened + b.opened,
    closed: a.closed + b.closed,
    readBytes: a.readBytes + b.readBytes,
    writtenBytes: a.writtenBytes + b.writtenBytes,
  };
}
