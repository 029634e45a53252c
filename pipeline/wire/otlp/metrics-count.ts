/** @module How much a metrics request holds, found before anything is built of it. */
import { ProtobufReader } from '../protobuf/reader.ts';
import { DATA, METRIC, REQUEST, RESOURCE_METRICS, SCOPE_METRICS } from './fields.ts';
import { TooManyItems } from './limits.ts';
import { FIELD_WORK, type InSteps, inOneGo, Pace } from './pace.ts';
import { passBy, UNCHECKED_SHAPE } from './skipped-fields.ts';

/** A message that is gone through: the tags of the fields that hold further ones, and what these are called. */
interface Level {
  readonly tags: ReadonlySet<number>;
  readonly items: string;
  readonly inner: Level | null;
}

const embedded = (...fields: readonly number[]): ReadonlySet<number> => new Set(fields.map((field) => field * 8 + 2));

const POINTS: Level = { tags: embedded(DATA.points), items: 'data points', inner: null };
const { gauge, sum, histogram, exponentialHistogram, summary } = METRIC;
const DATAS: Level = {
  tags: embedded(gauge, sum, histogram, exponentialHistogram, summary),
  items: 'data of metrics',
  inner: POINTS,
};
const METRICS: Level = { tags: embedded(SCOPE_METRICS.metrics), items: 'metrics', inner: DATAS };
const SCOPES: Level = { tags: embedded(RESOURCE_METRICS.scopeMetrics), items: 'scopes', inner: METRICS };
const RESOURCES: Level = { tags: embedded(REQUEST.resourceMetrics), items: 'resources', inner: SCOPES };

/**
 * Data points of an ExportMetricsServiceRequest. Throws `TooManyItems` when there are more than `maxItems`, or more
 * resources, scopes or metrics, and `MalformedProtobuf` for what is malformed around the points, whose insides are passed
 * over. Makes no object for points. O(fields outside of points).
 */
export function countDataPoints(bytes: Uint8Array, maxItems: number): number {
  return inOneGo(countDataPointsInSteps(bytes, maxItems));
}

/** As `countDataPoints`, letting go after each bit of work. */
export function* countDataPointsInSteps(bytes: Uint8Array, maxItems: number): InSteps<number> {
  const counter = new Counter(bytes, maxItems);
  yield* counter.count(RESOURCES);
  return counter.counts.get(POINTS) ?? 0;
}

class Counter {
  readonly counts = new Map<Level, number>();
  readonly #reader: ProtobufReader;
  readonly #maxItems: number;
  readonly #pace = new Pace();

  constructor(bytes: Uint8Array, maxItems: number) {
    this.#reader = new ProtobufReader(bytes);
    this.#maxItems = maxItems;
  }

  /** Goes to the end of the message that the reader is at. */
  *count(level: Level): InSteps<void> {
    const reader = this.#reader;
    const { tags, inner } = level;
    while (reader.next()) {
      if (this.#pace.isStep(FIELD_WORK)) yield;
      if (!tags.has(reader.tag)) {
        const steps = passBy(reader, UNCHECKED_SHAPE, this.#pace);
        if (steps !== null) yield* steps;
        continue;
      }
      this.#add(level);
      if (inner === null || reader.length() === 0) reader.pass();
      else {
        const outer = reader.enter();
        yield* this.count(inner);
        reader.leave(outer);
      }
    }
  }

  #add(level: Level): void {
    const found = (this.counts.get(level) ?? 0) + 1;
    if (found > this.#maxItems) throw new TooManyItems(level.items, this.#maxItems);
    this.counts.set(level, found);
  }
}
