/**
 * @module Traffic read from the bytes of an OTLP ExportMetricsServiceRequest (or MetricsData, the same bytes).
 *
 * All or nothing: bytes that are no such message throw `MalformedProtobuf`. Fields of newer senders are skipped.
 */
import { MalformedProtobuf, ProtobufReader } from '../protobuf/reader.ts';
import { AttributeList } from './attribute-reader.ts';
import { DecodedDraft, type DecodedTraffic, type SenderDraft } from './decoded-traffic.ts';
import { POINTS, SEQ, type TrafficEnvelope } from './envelope.ts';
import { DATA, DELTA, METRIC, REQUEST, RESOURCE, RESOURCE_METRICS, SCOPE_METRICS } from './fields.ts';
import { MOST_DEPTH } from './limits.ts';
import { PointDigest } from './point-digest.ts';
import { PointReader } from './point-reader.ts';
import {
  EXPONENTIAL_SHAPE,
  METRIC_SHAPE,
  passOver,
  REQUEST_SHAPE,
  RESOURCE_METRICS_SHAPE,
  SCOPE_METRICS_SHAPE,
  type Shape,
  SUMMARY_SHAPE,
} from './skipped-fields.ts';
import { trafficPointsOf } from './traffic-assembly.ts';
import { TrafficMemory } from './traffic-memory.ts';

const RESOURCE_METRICS_TAG = REQUEST.resourceMetrics * 8 + 2;
const RESOURCE_TAG = RESOURCE_METRICS.resource * 8 + 2;
const SCOPE_METRICS_TAG = RESOURCE_METRICS.scopeMetrics * 8 + 2;
const ATTRIBUTES_TAG = RESOURCE.attributes * 8 + 2;
const METRICS_TAG = SCOPE_METRICS.metrics * 8 + 2;
const NAME_TAG = METRIC.name * 8 + 2;
const UNIT_TAG = METRIC.unit * 8 + 2;
const GAUGE_TAG = METRIC.gauge * 8 + 2;
const SUM_TAG = METRIC.sum * 8 + 2;
const HISTOGRAM_TAG = METRIC.histogram * 8 + 2;
const EXPONENTIAL_TAG = METRIC.exponentialHistogram * 8 + 2;
const SUMMARY_TAG = METRIC.summary * 8 + 2;
const POINTS_TAG = DATA.points * 8 + 2;
const TEMPORALITY_TAG = DATA.temporality * 8;

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
  const steps = decodeTrafficInSteps(bytes, options);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** As `decodeTraffic`, but lets go after each 250 points. Several may run by turns, with one memory. */
export function decodeTrafficInSteps(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): Generator<void, DecodedTraffic, void> {
  return new TrafficDecoder(bytes, options).decode();
}

/** Points between two steps. */
const STEP_POINTS = 250;
/** Subjects of one request that is read without a memory. */
const ONE_REQUEST = 100_000;

/** Where an embedded message stands. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly depth: number;
}

/** A metric found, its points unread. */
interface FoundMetric {
  readonly name: string;
  readonly unit: string;
  readonly dataTag: number;
  readonly data: Range | null;
}

class TrafficDecoder {
  readonly #reader: ProtobufReader;
  readonly #points: PointReader;
  readonly #draft = new DecodedDraft();
  readonly #wants: PointFilter | null;
  readonly #digest = new PointDigest();
  #readPoints = 0;

  constructor(bytes: Uint8Array, options: DecodeOptions) {
    const { memory = new TrafficMemory(ONE_REQUEST), wants, maxDepth = MOST_DEPTH } = options;
    this.#reader = new ProtobufReader(bytes, maxDepth);
    this.#points = new PointReader(this.#reader, memory);
    this.#wants = wants ?? null;
  }

  *decode(): Generator<void, DecodedTraffic, void> {
    for (const resourceMetrics of this.#find(RESOURCE_METRICS_TAG, REQUEST_SHAPE))
      yield* this.#resourceMetrics(resourceMetrics);
    return this.#draft.finish();
  }

  /** Embedded messages of one tag in the message that the reader is at, all of which is read. */
  #find(tag: number, others: Shape): Range[] {
    const found: Range[] = [];
    while (this.#reader.next()) {
      if (this.#reader.tag === tag) found.push(this.#range());
      else passOver(this.#reader, others);
    }
    return found;
  }

  #range(): Range {
    const outer = this.#reader.enter();
    const { position: from, depth } = this.#reader;
    this.#reader.leave(outer);
    return { from, to: this.#reader.position, depth };
  }

  #visit({ from, to, depth }: Range): void {
    this.#reader.visit(from, to, depth);
  }

  *#resourceMetrics(range: Range): Generator<void, void, void> {
    this.#visit(range);
    let resource: Range | null = null;
    const scopes: Range[] = [];
    while (this.#reader.next()) {
      if (this.#reader.tag === RESOURCE_TAG) resource = this.#only(resource, 'resource');
      else if (this.#reader.tag === SCOPE_METRICS_TAG) scopes.push(this.#range());
      else passOver(this.#reader, RESOURCE_METRICS_SHAPE);
    }
    const sender = this.#senderFor(resource);
    for (const scope of scopes) yield* this.#scopeMetrics(scope, sender);
  }

  #only(before: Range | null, what: string): Range {
    if (before !== null) throw new MalformedProtobuf(`a second ${what} where one may stand`, this.#reader.position);
    return this.#range();
  }

  #senderFor(resource: Range | null): SenderDraft {
    const attributes = new AttributeList();
    if (resource !== null) {
      this.#visit(resource);
      while (this.#reader.next()) {
        if (this.#reader.tag === ATTRIBUTES_TAG) attributes.read(this.#reader);
        else this.#reader.skip();
      }
    }
    const { numbers, texts } = attributes;
    return this.#draft.senderFor(texts, { seq: quantity(numbers.get(SEQ)), points: quantity(numbers.get(POINTS)) });
  }

  *#scopeMetrics(range: Range, sender: SenderDraft): Generator<void, void, void> {
    this.#visit(range);
    for (const metric of this.#find(METRICS_TAG, SCOPE_METRICS_SHAPE))
      yield* this.#metric(this.#foundMetric(metric), sender);
  }

  #foundMetric(range: Range): FoundMetric {
    this.#visit(range);
    let name = '';
    let unit = '';
    let data: Range | null = null;
    let dataTag = 0;
    while (this.#reader.next()) {
      const { tag } = this.#reader;
      if (tag === NAME_TAG) name = this.#reader.text();
      else if (tag === UNIT_TAG) unit = this.#reader.text();
      else if (isData(tag)) {
        data = this.#only(data, 'kind of data in a metric');
        dataTag = tag;
      } else passOver(this.#reader, METRIC_SHAPE);
    }
    return { name, unit, data, dataTag };
  }

  *#metric({ name, unit, data, dataTag }: FoundMetric, sender: SenderDraft): Generator<void, void, void> {
    if (data === null) {
      this.#draft.leaveOut(name, 0);
      return;
    }
    this.#visit(data);
    const { points, temporality } = this.#data();
    sender.points += points;
    const kind = temporality === DELTA ? trafficPointsOf(name) : null;
    let added = 0;
    if (dataTag === SUM_TAG || dataTag === GAUGE_TAG) {
      const isTraffic = kind === 'number' && dataTag === SUM_TAG;
      added = yield* this.#numberPoints(data, isTraffic ? name : null, sender);
    } else if (dataTag === HISTOGRAM_TAG) {
      const isTraffic = kind === 'histogram' && unit === MILLISECONDS;
      added = yield* this.#histogramPoints(data, isTraffic ? name : null, sender);
    } else this.#check(data, dataTag === SUMMARY_TAG ? SUMMARY_SHAPE : EXPONENTIAL_SHAPE);
    if (added < points || kind === null) this.#draft.leaveOut(name, points - added);
  }

  /** Goes through data of no use, so that malformed ones are found. */
  #check(data: Range, shape: Shape): void {
    this.#visit(data);
    while (this.#reader.next()) passOver(this.#reader, shape);
  }

  /** Number of points and temporality of the data at hand; the points are passed over. */
  #data(): { points: number; temporality: number } {
    let points = 0;
    let temporality = 0;
    while (this.#reader.next()) {
      if (this.#reader.tag === POINTS_TAG) {
        this.#reader.pass();
        points += 1;
      } else if (this.#reader.tag === TEMPORALITY_TAG) temporality = this.#reader.varint();
      else this.#reader.skip();
    }
    return { points, temporality };
  }

  /** Reads the points, also those of other metrics, so that malformed ones are found; returns how many are dealt with. */
  *#numberPoints(data: Range, name: string | null, sender: SenderDraft): Generator<void, number, void> {
    const points = this.#points;
    let added = 0;
    this.#visit(data);
    while (this.#reader.next()) {
      if (this.#reader.tag !== POINTS_TAG) {
        this.#reader.skip();
        continue;
      }
      if (this.#isStep()) yield;
      const attributes = points.number();
      if (name === null || !points.hasValue) continue;
      if (this.#isUnwanted(name, sender)) added += 1;
      else if (sender.assembly.number(name, points.startMs, points.endMs, attributes, points.value)) added += 1;
    }
    return added;
  }

  *#histogramPoints(data: Range, name: string | null, sender: SenderDraft): Generator<void, number, void> {
    const points = this.#points;
    let added = 0;
    this.#visit(data);
    while (this.#reader.next()) {
      if (this.#reader.tag !== POINTS_TAG) {
        this.#reader.skip();
        continue;
      }
      if (this.#isStep()) yield;
      const attributes = points.histogram();
      if (name === null || !points.hasValue) continue;
      const { startMs, endMs, bounds, counts } = points;
      if (this.#isUnwanted(name, sender)) added += 1;
      else if (sender.assembly.histogram(startMs, endMs, attributes, bounds, counts)) added += 1;
    }
    return added;
  }

  #isStep(): boolean {
    this.#readPoints += 1;
    return this.#readPoints % STEP_POINTS === 0;
  }

  #isUnwanted(name: string, { envelope }: SenderDraft): boolean {
    if (this.#wants === null || envelope === null) return false;
    this.#digest.begin(name);
    this.#points.digest(this.#digest);
    return !this.#wants(envelope, this.#digest.value);
  }
}

/** A number that counts; null for what is none. */
function quantity(value: number | undefined): number | null {
  return Number.isSafeInteger(value) && value! >= 0 ? value! : null;
}

function isData(tag: number): boolean {
  return (
    tag === GAUGE_TAG || tag === SUM_TAG || tag === HISTOGRAM_TAG || tag === EXPONENTIAL_TAG || tag === SUMMARY_TAG
  );
}
