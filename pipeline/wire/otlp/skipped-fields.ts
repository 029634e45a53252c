/**
 * @module Fields of OTLP that Weir does not use but knows: passed over, yet refused when they are malformed.
 *
 * So a request is either read as every reader of the public schema reads it, or not at all. Field numbers:
 * opentelemetry-proto, `metrics/v1/metrics.proto` and `common/v1/common.proto`.
 */
import { START_GROUP } from '../protobuf/message-builder.ts';
import { MalformedProtobuf, type ProtobufReader } from '../protobuf/reader.ts';
import { FIELD_WORK, type InSteps, type Pace } from './pace.ts';

/** Messages up to this long are passed over in one go, bytes. */
const SHORT = 4096;

/** What a field holds by its tag: a message with such fields, a text, packed varints or doubles. All others need no check. */
type Content = Shape | 'text' | 'varints' | 'doubles';
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
const ENTITY_REF = shape([1, 'text'], [2, 'text'], [3, 'text'], [4, 'text']);

/** Fields of each message that its own reader leaves to `passOver`. */
export const ANY_VALUE_SHAPE = ANY;
export const REQUEST_SHAPE = shape();
export const RESOURCE_METRICS_SHAPE = shape([3, 'text']);
export const SCOPE_METRICS_SHAPE = shape([1, SCOPE_SHAPE], [3, 'text']);
export const RESOURCE_SHAPE = shape([3, ENTITY_REF]);
export const METRIC_SHAPE = shape([2, 'text'], [12, PAIR]);
export const NUMBER_POINT_SHAPE = shape([5, EXEMPLAR]);
export const HISTOGRAM_POINT_SHAPE = shape([8, EXEMPLAR]);
/** Messages that are read otherwise, unless they are too long. */
export const LONG_NUMBER_SHAPE = shape([5, EXEMPLAR], [7, PAIR]);
export const LONG_HISTOGRAM_SHAPE = shape([6, 'doubles'], [7, 'doubles'], [8, EXEMPLAR], [9, PAIR]);
export const LONG_RESOURCE_SHAPE = shape([1, PAIR], [3, ENTITY_REF]);
/** Of a message whose insides are checked elsewhere. */
export const UNCHECKED_SHAPE = shape();
export const EXPONENTIAL_SHAPE = shape([1, EXPONENTIAL_POINT]);
export const SUMMARY_SHAPE = shape([1, SUMMARY_POINT]);

/** Goes behind the reader's field, which is one of a message of such a shape, as deep as the reader may go. */
export function passOver(reader: ProtobufReader, { fields }: Shape): void {
  const content = fields.get(reader.tag);
  if (content === undefined) reader.skip();
  else if (content === 'text') reader.passText();
  else if (content === 'varints') passVarints(reader);
  else if (content === 'doubles') passDoubles(reader);
  else passMessage(reader, content);
}

function passVarints(reader: ProtobufReader): void {
  const outer = reader.enter();
  while (!reader.atEnd) reader.varint();
  reader.leave(outer);
}

function passDoubles(reader: ProtobufReader): void {
  if (reader.length() % 8 !== 0) throw new MalformedProtobuf('a number that is cut off', reader.position);
  reader.pass();
}

function passMessage(reader: ProtobufReader, content: Shape): void {
  const outer = reader.enter();
  while (reader.next()) passOver(reader, content);
  reader.leave(outer);
}

// --- By steps ---------------------------------------------------------------------------------------------------------

/**
 * As `passOver`, unless that takes long: null when the reader is behind the field, else the steps that bring it there. So
 * no generator is made for most fields, and those may be millions.
 */
export function passBy(reader: ProtobufReader, shape: Shape, pace: Pace): InSteps<void> | null {
  if (reader.tag % 8 === START_GROUP) {
    const end = reader.enterGroup();
    return reader.nextInGroup(end) ? passGroup(reader, end, pace) : null;
  }
  const content = shape.fields.get(reader.tag);
  if (content === undefined) {
    reader.skip();
    return null;
  }
  if (typeof content === 'object' && reader.length() > SHORT) return passLong(reader, content, pace);
  if (content === 'varints' && reader.length() > SHORT) return passLongVarints(reader, pace);
  passOver(reader, shape);
  return null;
}

/** Goes behind the message of the reader's field, which has such a shape. */
export function* passLong(reader: ProtobufReader, shape: Shape, pace: Pace): InSteps<void> {
  const outer = reader.enter();
  yield* passAll(reader, shape, pace);
  reader.leave(outer);
}

/** Goes to the end of the message that the reader is at. */
export function* passAll(reader: ProtobufReader, shape: Shape, pace: Pace): InSteps<void> {
  while (reader.next()) {
    const from = reader.position;
    const steps = passBy(reader, shape, pace);
    if (steps !== null) yield* steps;
    // What was passed in one go and had to be looked into is short.
    if (pace.isStep(FIELD_WORK + Math.min(SHORT, reader.position - from))) yield;
  }
}

function* passLongVarints(reader: ProtobufReader, pace: Pace): InSteps<void> {
  const outer = reader.enter();
  while (!reader.atEnd) {
    reader.varint();
    if (pace.isStep(FIELD_WORK)) yield;
  }
  reader.leave(outer);
}

/** Groups tell no length, so that each may be long. The reader is at the first field of this one. */
function* passGroup(reader: ProtobufReader, end: number, pace: Pace): InSteps<void> {
  do {
    if (pace.isStep(FIELD_WORK)) yield;
    const steps = passBy(reader, UNCHECKED_SHAPE, pace);
    if (steps !== null) yield* steps;
  } while (reader.nextInGroup(end));
}
