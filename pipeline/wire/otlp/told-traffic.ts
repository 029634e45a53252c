/** @module What one message of traffic tells: a sum with delta temporality, or totals with cumulative temporality. */
import type { CoverageRecord, Interval, TrafficRecord, TrafficSum } from '../../model/traffic.ts';
import { CLOCK_AHEAD, LATE, PARTIAL } from '../traffic-attributes.ts';
import { encodeTrueAttribute } from './attribute-bytes.ts';
import { CUMULATIVE, DELTA, NUMBER_POINT, type Temporality } from './fields.ts';
import { intervalSeconds } from './sections.ts';

/** What one message tells. */
export interface Told {
  readonly records: readonly TrafficRecord[];
  readonly coverage: readonly CoverageRecord[];
  /** Start of each record's count where they differ; null: that of the interval. */
  readonly startsMs: readonly number[] | null;
  readonly interval: Interval;
  /** Length told in the interval's own point. */
  readonly intervalSeconds: number;
  /** Marks of the interval's own point; null: there is none. */
  readonly intervalMark: Uint8Array | null;
  readonly temporality: Temporality;
}

/** What one series has counted from `startMs` (since the epoch) on. */
export interface CumulativeTotal {
  readonly record: TrafficRecord;
  readonly startMs: number;
}

const NO_MARK = new Uint8Array(0);
const PARTIAL_MARK = encodeTrueAttribute(NUMBER_POINT.attributes, PARTIAL);
const CLOCK_AHEAD_MARK = encodeTrueAttribute(NUMBER_POINT.attributes, CLOCK_AHEAD);
const LATE_MARK = encodeTrueAttribute(NUMBER_POINT.attributes, LATE);

/** `continues`: a further part of an interval of which a part was told before. */
export function toldSum(sum: TrafficSum, continues: boolean): Told {
  const { records, coverage, interval } = sum;
  const parts = { records, coverage, interval, intervalSeconds: intervalSeconds(interval, continues) };
  return { ...parts, startsMs: null, intervalMark: intervalMarkOf(sum), temporality: DELTA };
}

/** Totals up to `endMs`, each from its own start. */
export function toldTotals(totals: Iterable<CumulativeTotal>, endMs: number): Told {
  const records: TrafficRecord[] = [];
  const startsMs: number[] = [];
  for (const { record, startMs } of totals) {
    records.push(record);
    startsMs.push(startMs);
  }
  const interval = { startMs: endMs, endMs };
  const parts = { records, coverage: [], interval, intervalSeconds: 0 };
  return { ...parts, startsMs, intervalMark: null, temporality: CUMULATIVE };
}

function intervalMarkOf({ partial, clockAhead, late = false }: TrafficSum): Uint8Array {
  if (!partial && !clockAhead && !late) return NO_MARK;
  return Uint8Array.from([
    ...(partial ? PARTIAL_MARK : NO_MARK),
    ...(clockAhead ? CLOCK_AHEAD_MARK : NO_MARK),
    ...(late ? LATE_MARK : NO_MARK),
  ]);
}
