/** @module A sum of traffic as bodies of requests: deltas as they are, or the running totals they add up to. */
import type { RunningTotals } from '../../pipeline/model/running-totals.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import {
  type CumulativeTotal,
  encodeCumulativeJson,
  encodeTrafficJson,
  OtlpTrafficEncoder,
  type TrafficEnvelope,
} from '../../pipeline/wire/otlp-traffic.ts';

/** What one request carries: items [from, to) of a sum, and its number. */
export interface Part {
  readonly from: number;
  readonly to: number;
  readonly seq: number;
}

/** The parts of one sum; valid until the next sum is begun. */
export interface SumBodies {
  /** Records and coverage records, or running totals, that the parts divide among them. */
  readonly items: number;
  /** Items of the sum that will never be told, because there was no room for a total of their own. */
  readonly refused: number;
  /** Body of one part. Equal for equal parts. O(items of the part). */
  encode(part: Part): Uint8Array;
}

export interface Encoding {
  begin(sum: TrafficSum): SumBodies;
}

/** How bodies are written, protobuf or JSON. */
export interface BodyWriter {
  delta(sum: TrafficSum, envelope: TrafficEnvelope): Uint8Array;
  cumulative(totals: Iterable<CumulativeTotal>, endMs: number, envelope: TrafficEnvelope): Uint8Array;
}

/** Who sends. */
export interface Origin {
  readonly source: string;
  readonly epoch: string;
}

/** A sum goes in parts, and what was not met in so many parts is encoded anew. */
const KEEP_PARTS = 120;

/** Cached: steady traffic only changes numbers. */
export function protoWriter(): BodyWriter {
  const encoder = new OtlpTrafficEncoder({ keepSums: KEEP_PARTS });
  return {
    delta: (sum, envelope) => encoder.encode(sum, envelope),
    cumulative: (totals, endMs, envelope) => encoder.encodeCumulative(totals, endMs, envelope),
  };
}

const utf8 = new TextEncoder();

/** For readers of JSON; makes every text anew. */
export function jsonWriter(): BodyWriter {
  return {
    delta: (sum, envelope) => utf8.encode(encodeTrafficJson(sum, envelope)),
    cumulative: (totals, endMs, envelope) => utf8.encode(encodeCumulativeJson(totals, endMs, envelope)),
  };
}

const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();

/** Each part is a sum of its own over the same interval: records first, then coverage. */
export function deltaEncoding(writer: BodyWriter, origin: Origin): Encoding {
  return {
    begin(sum) {
      const items = sum.records.length + sum.coverage.length;
      return {
        items,
        refused: 0,
        encode: ({ from, to, seq }) => writer.delta(slice(sum, from, to), { ...origin, seq, resource: NO_ATTRIBUTES }),
      };
    },
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
        refused,
        encode: ({ from, to }) => writer.cumulative(all.slice(from, to), sum.interval.endMs, envelope),
      };
    },
  };
}
