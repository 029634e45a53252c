/**
 * @module Traffic read from the bytes of an OTLP ExportMetricsServiceRequest (or MetricsData, the same bytes).
 *
 * All or nothing: bytes that are no such message throw `MalformedProtobuf`. Fields of newer senders are skipped. Nothing is
 * kept of where messages stand, so that memory grows with what is traffic only.
 */
import { MalformedProtobuf, ProtobufReader } from '../protobuf/reader.ts';
import { AttributeList } from './attribute-reader.ts';
import { DecodedDraft, type DecodedTraffic, MAX_NAME_BYTES, type SenderDraft } from './decoded-traffic.ts';
import { POINTS, REPLACES, SEQ, type TrafficEnvelope } from './envelope.ts';
import { DELTA } from './fields.ts';
import { MOST_DEPTH } from './limits.ts';
import {
  ATTRIBUTES_TAG,
  GAUGE_TAG,
  HISTOGRAM_TAG,
  isData,
  isUnknownData,
  METRICS_TAG,
  NAME_TAG,
  POINTS_TAG,
  RESOURCE_METRICS_TAG,
  RESOURCE_TAG,
  SCOPE_METRICS_TAG,
  SUM_TAG,
  SUMMARY_TAG,
  TEMPORALITY_TAG,
  UNIT_TAG,
} from './metric-tags.ts';
import { trafficPointsOf } from './number-additions.ts';
import {
  FIELD_WORK,
  type InSteps,
  ITEM_WORK,
  inOneGo,
  LONGEST_POINT,
  LONGEST_RESOURCE,
  Pace,
  type Range,
  rangeOf,
} from './pace.ts';
import { PointDigest } from './point-digest.ts';
import { PointReader } from './point-reader.ts';
import {
  EXPONENTIAL_SHAPE,
  LONG_HISTOGRAM_SHAPE,
  LONG_NUMBER_SHAPE,
  LONG_RESOURCE_SHAPE,
  METRIC_SHAPE,
  passAll,
  passBy,
  passLong,
  passOver,
  REQUEST_SHAPE,
  RESOURCE_METRICS_SHAPE,
  RESOURCE_SHAPE,
  SCOPE_METRICS_SHAPE,
  type Shape,
  SUMMARY_SHAPE,
  UNCHECKED_SHAPE,
} from './skipped-fields.ts';
import { TrafficMemory } from './traffic-memory.ts';

const NOWHERE: Range = { from: 0, to: 0, depth: 1 };
const NOTHING_OF_IT = { points: 0, badValues: 0, isKnown: false } as const;
/** Its points cannot be told, so that it is one. */
const UNKNOWN_OF_IT = { ...NOTHING_OF_IT, points: 1 } as const;
const NO_STEPS: readonly never[] = [];

/** Unit that the bounds of response times have to have. */
const MILLISECONDS = 'ms';

/** Whether a point is to be added: `point` is the digest of what names it within its request. */
export type PointFilter = (envelope: TrafficEnvelope, point: number) => boolean;

export interface DecodeOptions {
  /** Keeps what was read for the next request; absent: nothing is kept. */
  readonly memory?: TrafficMemory;
  /** Asked for each point of traffic of a known sender; those it does not want are passed over, and are none left out. */
  readonly wants?: PointFilter;
  /** Messages within messages, the request being the first; absent: MOST_DEPTH. */
  readonly maxDepth?: number;
}

/** What `bytes` hold. Allocates for what is traffic only; `bytes` are not kept. O(bytes). */
export function decodeTraffic(bytes: Uint8Array, options: DecodeOptions = {}): DecodedTraffic {
  return inOneGo(decodeTrafficInSteps(bytes, options));
}

/** As `decodeTraffic`, letting go after each bit of work. Several may run by turns, with one memory. */
export function decodeTrafficInSteps(bytes: Uint8Array, options: DecodeOptions = {}): InSteps<DecodedTraffic> {
  return new TrafficDecoder(bytes, options).decode();
}

/** Subjects of one request that is read without a memory. */
const ONE_REQUEST = 100_000;

/** A metric found, its points unread. */
interface FoundMetric {
  readonly name: string;
  readonly unit: string;
  readonly dataTag: number;
  readonly data: Range | null;
  /** Whether it has a field that may be data of a kind not known here. */
  readonly isUnknown: boolean;
}

class TrafficDecoder {
  readonly #reader: ProtobufReader;
  readonly #points: PointReader;
  readonly #draft = new DecodedDraft();
  readonly #wants: PointFilter | null;
  readonly #digest = new PointDigest();
  readonly #pace = new Pace();

  constructor(bytes: Uint8Array, options: DecodeOptions) {
    const { memory = new TrafficMemory(ONE_REQUEST), wants, maxDepth = MOST_DEPTH } = options;
    this.#reader = new ProtobufReader(bytes, maxDepth);
    this.#points = new PointReader(this.#reader, memory);
    this.#wants = wants ?? null;
  }

  *decode(): InSteps<DecodedTraffic> {
    while (this.#reader.next()) {
      if (this.#pace.isStep(FIELD_WORK)) yield;
      if (this.#reader.tag === RESOURCE_METRICS_TAG) yield* this.#resourceMetrics();
      else yield* this.#pass(REQUEST_SHAPE);
    }
    return yield* this.#draft.finishInSteps(this.#pace);
  }

  /** Goes behind a field that is of no use. */
  #pass(shape: Shape): InSteps<void> | readonly never[] {
    return passBy(this.#reader, shape, this.#pace) ?? NO_STEPS;
  }

  /** The resource may stand anywhere, so that all is gone through for it before the scopes are. */
  *#resourceMetrics(): InSteps<void> {
    const reader = this.#reader;
    const outer = reader.enter();
    const { position, left, depth } = reader;
    const sender = yield* this.#senderFor(yield* this.#resource());
    reader.visit(position, position + left, depth);
    while (reader.next()) {
      if (this.#pace.isStep(FIELD_WORK)) yield;
      if (reader.tag === SCOPE_METRICS_TAG) yield* this.#scopeMetrics(sender);
      else yield* this.#pass(UNCHECKED_SHAPE);
    }
    reader.leave(outer);
  }

  *#resource(): InSteps<Range | null> {
    const reader = this.#reader;
    let resource: Range | null = null;
    while (reader.next()) {
      if (this.#pace.isStep(FIELD_WORK)) yield;
      if (reader.tag === RESOURCE_TAG) resource = this.#only(resource, 'resource');
      else if (reader.tag === SCOPE_METRICS_TAG) reader.pass();
      else yield* this.#pass(RESOURCE_METRICS_SHAPE);
    }
    return resource;
  }

  #only(before: Range | null, what: string): Range {
    if (before !== null) throw new MalformedProtobuf(`a second ${what} where one may stand`, this.#reader.position);
    return rangeOf(this.#reader);
  }

  *#senderFor(resource: Range | null): InSteps<SenderDraft> {
    const { from, to, depth } = resource ?? NOWHERE;
    const attributes = new AttributeList();
    this.#reader.visit(from, to, depth);
    if (to - from > LONGEST_RESOURCE) yield* passAll(this.#reader, LONG_RESOURCE_SHAPE, this.#pace);
    else {
      if (this.#pace.isStep(2 * (to - from) + ITEM_WORK)) yield;
      this.#readAttributes(attributes);
    }
    const { numbers, texts } = attributes;
    return this.#draft.senderFor(texts, {
      seq: numbers.get(SEQ),
      points: numbers.get(POINTS),
      replaces: numbers.get(REPLACES),
    });
  }

  #readAttributes(attributes: AttributeList): void {
    while (this.#reader.next()) {
      if (this.#reader.tag === ATTRIBUTES_TAG) attributes.read(this.#reader);
      else passOver(this.#reader, RESOURCE_SHAPE);
    }
  }

  *#scopeMetrics(sender: SenderDraft): InSteps<void> {
    const reader = this.#reader;
    const outer = reader.enter();
    while (reader.next()) {
      if (this.#pace.isStep(FIELD_WORK)) yield;
      if (reader.tag === METRICS_TAG) yield* this.#metric(sender);
      else yield* this.#pass(SCOPE_METRICS_SHAPE);
    }
    reader.leave(outer);
  }

  *#metric(sender: SenderDraft): InSteps<void> {
    const outer = this.#reader.enter();
    const { position, left, depth } = this.#reader;
    const found = yield* this.#foundMetric();
    if (found.data === null) this.#draft.leaveOut(found.name, found.isUnknown ? UNKNOWN_OF_IT : NOTHING_OF_IT);
    else yield* this.#data(found, found.data, sender);
    if (this.#pace.isStep(ITEM_WORK)) yield;
    this.#reader.visit(position + left, outer, depth - 1);
  }

  *#foundMetric(): InSteps<FoundMetric> {
    const reader = this.#reader;
    let name = '';
    let unit = '';
    let data: Range | null = null;
    let dataTag = 0;
    let isUnknown = false;
    while (reader.next()) {
      if (this.#pace.isStep(FIELD_WORK)) yield;
      const { tag } = reader;
      if (tag === NAME_TAG) name = reader.textUpTo(MAX_NAME_BYTES);
      else if (tag === UNIT_TAG) unit = reader.textUpTo(MAX_NAME_BYTES);
      else if (isData(tag)) {
        data = this.#only(data, 'kind of data in a metric');
        dataTag = tag;
      } else {
        isUnknown ||= isUnknownData(tag);
        yield* this.#pass(METRIC_SHAPE);
      }
    }
    return { name, unit, data, dataTag, isUnknown };
  }

  *#data({ name, unit, dataTag }: FoundMetric, data: Range, sender: SenderDraft): InSteps<void> {
    const { points, temporality } = yield* this.#outline(data);
    sender.points += points;
    const kind = temporality === DELTA ? trafficPointsOf(name) : null;
    const { badValues } = sender.assembly;
    let added = 0;
    this.#reader.visit(data.from, data.to, data.depth);
    if (dataTag === SUM_TAG || dataTag === GAUGE_TAG) {
      const isTraffic = kind === 'number' && dataTag === SUM_TAG;
      added = yield* this.#numberPoints(isTraffic ? name : null, sender);
    } else if (dataTag === HISTOGRAM_TAG) {
      const isTraffic = kind === 'histogram' && unit === MILLISECONDS;
      added = yield* this.#histogramPoints(isTraffic ? name : null, sender);
    } else yield* passAll(this.#reader, dataTag === SUMMARY_TAG ? SUMMARY_SHAPE : EXPONENTIAL_SHAPE, this.#pace);
    const left = { points: points - added, badValues: sender.assembly.badValues - badValues, isKnown: kind !== null };
    this.#draft.leaveOut(name, left);
  }

  /** Number of points and temporality of the data; the points are passed over. */
  *#outline({ from, to, depth }: Range): InSteps<{ points: number; temporality: number }> {
    const reader = this.#reader;
    let points = 0;
    let temporality = 0;
    reader.visit(from, to, depth);
    while (reader.next()) {
      if (this.#pace.isStep(FIELD_WORK)) yield;
      if (reader.tag === POINTS_TAG) {
        reader.pass();
        points += 1;
      } else if (reader.tag === TEMPORALITY_TAG) temporality = reader.varint();
      else yield* this.#pass(UNCHECKED_SHAPE);
    }
    return { points, temporality };
  }

  /** Reads the points, also those of other metrics, so that malformed ones are found; returns how many are dealt with. */
  *#numberPoints(name: string | null, sender: SenderDraft): InSteps<number> {
    const points = this.#points;
    let added = 0;
    while (this.#reader.next()) {
      const length = this.#pointLength();
      if (this.#pace.isStep(length + ITEM_WORK)) yield;
      if (length < 0) yield* this.#pass(UNCHECKED_SHAPE);
      else {
        const { position, left } = this.#reader;
        const attributes = length > LONGEST_POINT ? null : points.number();
        if (attributes === null) {
          this.#reader.visit(position, position + left);
          yield* passLong(this.#reader, LONG_NUMBER_SHAPE, this.#pace);
        }
        if (attributes === null || name === null || !points.hasValue) continue;
        if (this.#isUnwanted(name, sender)) added += 1;
        else if (sender.assembly.number(name, points.startMs, points.endMs, attributes, points.value)) added += 1;
      }
    }
    return added;
  }

  *#histogramPoints(name: string | null, sender: SenderDraft): InSteps<number> {
    const points = this.#points;
    let added = 0;
    while (this.#reader.next()) {
      const length = this.#pointLength();
      if (this.#pace.isStep(length + ITEM_WORK)) yield;
      if (length < 0) yield* this.#pass(UNCHECKED_SHAPE);
      else {
        const { position, left } = this.#reader;
        const attributes = length > LONGEST_POINT ? null : points.histogram();
        if (attributes === null) {
          this.#reader.visit(position, position + left);
          yield* passLong(this.#reader, LONG_HISTOGRAM_SHAPE, this.#pace);
        }
        if (attributes === null || name === null || !points.hasValue) continue;
        const { startMs, endMs, bounds, counts } = points;
        if (this.#isUnwanted(name, sender)) added += 1;
        else if (sender.assembly.histogram(startMs, endMs, attributes, bounds, counts)) added += 1;
      }
    }
    return added;
  }

  /** Length of the point that is the reader's field; −1 when the field is none. */
  #pointLength(): number {
    return this.#reader.tag === POINTS_TAG ? this.#reader.length() : -1;
  }

  #isUnwanted(name: string, { envelope }: SenderDraft): boolean {
    if (this.#wants === null || envelope === null) return false;
    this.#digest.begin(name);
    this.#points.digest(this.#digest);
    return !this.#wants(envelope, this.#digest.value);
  }
}
