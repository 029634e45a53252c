/** @module How much a metrics request holds, found before anything is built of it. */
import { ProtobufReader } from '../protobuf/reader.ts';
import { DATA, METRIC, REQUEST, RESOURCE_METRICS, SCOPE_METRICS } from './fields.ts';
import { TooManyItems } from './limits.ts';

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
 * over. Makes no object for any of them. O(fields outside of points).
 */
export function countDataPoints(bytes: Uint8Array, maxItems: number): number {
  const counts = new Map<Level, number>();
  count(new ProtobufReader(bytes), RESOURCES, counts, maxItems);
  return counts.get(POINTS) ?? 0;
}

function count(reader: ProtobufReader, level: Level, counts: Map<Level, number>, maxItems: number): void {
  const { tags, items, inner } = level;
  let found = counts.get(level) ?? 0;
  while (reader.next()) {
    if (!tags.has(reader.tag)) {
      reader.skip();
      continue;
    }
    found += 1;
    if (found > maxItems) throw new TooManyItems(items, maxItems);
    if (inner === null) reader.pass();
    else {
      const outer = reader.enter();
      count(reader, inner, counts, maxItems);
      reader.leave(outer);
    }
  }
  counts.set(level, found);
}
