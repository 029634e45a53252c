/** @module A sum of traffic as bodies of requests: deltas as they are, or the running totals they add up to. */
import type { RunningTotals } from '../../pipeline/model/running-totals.ts';
import type { CoverageRecord, TrafficRecord, TrafficSum } from '../../pipeline/model/traffic.ts';
import {
  type CumulativeTotal,
  encodeCumulativeJson,
  encodeTrafficJson,
  type TrafficEnvelope,
} from '../../pipeline/wire/otlp-traffic.ts';
import type { PartEncoders } from './part-encoders.ts';

/** What one request carries: items [from, to) of a sum, and its number. */
export interface Part {
  readonly from: number;
  readonly to: number;
  readonly seq: number;
  /** Its place among the parts of the sum; the halves of one have the same. */
  readonly index: number;
  /** Numbers of the parts in whose place it comes: those of which this is one half, or half of a half. */
  readonly replaces?: readonly number[];
  /** What it is a half of may have arrived all the same. */
  readonly mayBeThere?: true;
}

/** The parts of one sum; valid until the next sum is begun. */
export interface SumBodies {
  /** Records and coverage records, or running totals, that the parts divide among them. */
  readonly items: number;
  /** Whether those are the items of the sum, each once; running totals are not. */
  readonly areItemsOfSum: boolean;
  /** Items of the sum that will never be told, because there was no room for a total of their own. */
  readonly refused: number;
  /** Does by steps what can be done ahead of `encode`; optional. */
  warmInSteps(part: Part): Generator<void, void, void>;
  /**
   * Body of one part. Equal for equal arguments. `continues`: another part has told the length of the interval. O(items of
   * the part).
   */
  encode(part: Part, continues: boolean): Uint8Array;
}

export interface Encoding {
  begin(sum: TrafficSum): SumBodies;
  /** Takes back the memory of a body that nobody looks at any more. Optional. */
  giveBack(body: Uint8Array, part: Part): void;
}

/** How bodies are written, protobuf or JSON. `index` is that of the part. */
export interface BodyWriter {
  delta(sum: TrafficSum, envelope: TrafficEnvelope, continues: boolean, index: number): Uint8Array;
  cumulative(totals: Iterable<CumulativeTotal>, endMs: number, envelope: TrafficEnvelope, index: number): Uint8Array;
  giveBack(body: Uint8Array, index: number): void;
  /** Does by steps what can be done before such items are written. */
  warmInSteps(
    records: Iterable<TrafficRecord>,
    coverage: Iterable<CoverageRecord>,
    index: number,
  ): Generator<void, void, void>;
}

/** Who sends. */
export interface Origin {
  readonly source: string;
  readonly epoch: string;
}

/** Cached: steady traffic only changes numbers. */
export function protoWriter(encoders: PartEncoders): BodyWriter {
  return {
    delta: (sum, envelope, continues, index) => encoders.at(index).encode(sum, envelope, continues),
    cumulative: (totals, endMs, envelope, index) => encoders.at(index).encodeCumulative(totals, endMs, envelope),
    giveBack: (body, index) => encoders.at(index).giveBack(body),
    warmInSteps: (records, coverage, index) => encoders.at(index).warmInSteps(records, coverage),
  };
}

const utf8 = new TextEncoder();

/** For readers of JSON; makes every text anew. */
export function jsonWriter(): BodyWriter {
  return {
    delta: (sum, envelope, continues) => utf8.encode(encodeTrafficJson(sum, envelope, continues)),
    cumulative: (totals, endMs, envelope) => utf8.encode(encodeCumulativeJson(totals, endMs, envelope)),
    giveBack() {},
    *warmInSteps() {},
  };
}

const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();

/** Each part is a sum of its own over the same interval: records first, then coverage. */
export function deltaEncoding(writer: BodyWriter, origin: Origin): Encoding {
  return {
    begin(sum) {
      return {
        items: sum.records.length + sum.coverage.length,
        areItemsOfSum: true,
        refused: 0,
        warmInSteps({ from, to, index }) {
          const { records, coverage } = slice(sum, from, to);
          return writer.warmInSteps(records, coverage, index);
        },
        encode({ from, to, seq, index, replaces = [] }, continues) {
          const envelope = { ...origin, seq, replaces, resource: NO_ATTRIBUTES };
          return writer.delta(slice(sum, from, to), envelope, continues, index);
        },
      };
    },
    giveBack: (body, { index }) => writer.giveBack(body, index),
  };
}

function slice(sum: TrafficSum, from: number, to: number): TrafficSum {
  const { records, coverage } = sum;
  if (from === 0 && to === records.length + coverage.length) return sum;
  const skipped = records.length;
  return {
    ...sum,
    records: records.slice(from, to),
    coverage: coverage.slice(Math.max(0, from - skipped), Math.max(0, to - skipped)),
  };
}

/**
 * All totals as they stand after the sum, at its end; coverage is left out. `monoMs` is for expiry. The number told is
 * always 0: a backend that takes resource attributes for a part of a series' name must see the same series each time,
 * and a repeat of a total changes nothing.
 */
export function cumulativeEncoding(
  writer: BodyWriter,
  origin: Origin,
  totals: RunningTotals,
  monoMs: () => number,
): Encoding {
  const envelope = { ...origin, seq: 0, resource: NO_ATTRIBUTES };
  return {
    begin(sum) {
      const nowMs = monoMs();
      const { refused } = totals.add({ ...sum, coverage: [] }, nowMs);
      totals.expire(nowMs);
      const all = Array.from(totals.records(), (record) => ({ record, startMs: record.startMs }));
      return {
        items: all.length,
        areItemsOfSum: false,
        refused,
        warmInSteps: ({ from, to, index }) => {
          const records = all.slice(from, to).map(({ record }) => record);
          return writer.warmInSteps(records, [], index);
        },
        encode: ({ from, to, index }) => writer.cumulative(all.slice(from, to), sum.interval.endMs, envelope, index),
      };
    },
    giveBack: (body, { index }) => writer.giveBack(body, index),
  };
}
