/**
 * @module Fields of OTLP that Weir does not use but knows: passed over, yet refused when they are malformed.
 *
 * So a request is either read as every reader of the public schema reads it, or not at all. Field numbers:
 * opentelemetry-proto, `metrics/v1/metrics.proto` and `common/v1/common.proto`.
 */
import type { ProtobufReader } from '../protobuf/reader.ts';

/** What a field holds by its tag: a message with such fields, a text, packed varints. All others need no check. */
type Content = Shape | 'text' | 'varints';
export interface Shape {
  readonly fields: ReadonlyMap<number, Content>;
}

/** The tag of a length-delimited field. */
function tag(field: number): number {
  return field * 8 + 2;
}

function shape(...fields: readonly (readonly [field: number, content: Content])[]): Shape {
  return { fields: new Map(fields.map(([field, content]) => [tag(field), content])) };
}

/** AnyValue and KeyValue hold each other, so the map is filled afterwards. */
const anyValueFields = new Map<number, Content>();
const ANY: Shape = { fields: anyValueFields };
const PAIR = shape([1, 'text'], [2, ANY]);
const ARRAY = shape([1, ANY]);
const PAIRS = shape([1, PAIR]);
anyValueFields.set(tag(1), 'text').set(tag(5), ARRAY).set(tag(6), PAIRS);

const SCOPE_SHAPE = shape([1, 'text'], [2, 'text'], [3, PAIR]);
const EXEMPLAR = shape([7, PAIR]);
const BUCKETS = shape([2, 'varints']);
const EXPONENTIAL_POINT = shape([1, PAIR], [8, BUCKETS], [9, BUCKETS], [11, EXEMPLAR]);
const SUMMARY_POINT = shape([6, shape()], [7, PAIR]);

/** Fields of each message that its own reader leaves to `passOver`. */
export const ANY_VALUE_SHAPE = ANY;
export const REQUEST_SHAPE = shape();
export const RESOURCE_METRICS_SHAPE = shape([3, 'text']);
export const SCOPE_METRICS_SHAPE = shape([1, SCOPE_SHAPE], [3, 'text']);
export const METRIC_SHAPE = shape([2, 'text'], [12, PAIR]);
export const NUMBER_POINT_SHAPE = shape([5, EXEMPLAR]);
export const HISTOGRAM_POINT_SHAPE = shape([8, EXEMPLAR]);
export const EXPONENTIAL_SHAPE = shape([1, EXPONENTIAL_POINT]);
export const SUMMARY_SHAPE = shape([1, SUMMARY_POINT]);

/** Goes behind the reader's field, which is one of a message of such a shape, as deep as the reader may go. */
export function passOver(reader: ProtobufReader, { fields }: Shape): void {
  const content = fields.get(reader.tag);
  if (content === undefined) reader.skip();
  else if (content === 'text') reader.text();
  else if (content === 'varints') passVarints(reader);
  else passMessage(reader, content);
}

function passVarints(reader: ProtobufReader): void {
  const outer = reader.enter();
  while (!reader.atEnd) reader.varint();
  reader.leave(outer);
}

function passMessage(reader: ProtobufReader, content: Shape): void {
  const outer = reader.enter();
  while (reader.next()) passOver(reader, content);
  reader.leave(outer);
}
