/**
 * @module Metrics requests walked through: resources, metrics, points, each told to a visitor, without an object for any
 * point and without a look into points of metrics that the visitor does not want.
 *
 * What is passed over is not checked: whoever must refuse malformed requests as a whole reads them strictly before.
 */
import { ProtobufReader } from '../protobuf/reader.ts';
import { AttributeList } from './attribute-reader.ts';
import {
  ATTRIBUTES_TAG,
  EXPONENTIAL_TAG,
  GAUGE_TAG,
  HISTOGRAM_TAG,
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
import { labelsOf, MetricPoint } from './metrics-point.ts';
import { FIELD_WORK, type InSteps, ITEM_WORK, inOneGo, LONGEST_POINT, Pace, type Range, rangeOf } from './pace.ts';
import { passBy, UNCHECKED_SHAPE } from './skipped-fields.ts';

/** Exponential histograms, summaries, and what newer senders may have are `other`. */
export type MetricKind = 'gauge' | 'sum' | 'histogram' | 'other';

const KINDS: ReadonlyMap<number, MetricKind> = new Map([
  [GAUGE_TAG, 'gauge'],
  [SUM_TAG, 'sum'],
  [HISTOGRAM_TAG, 'histogram'],
  [EXPONENTIAL_TAG, 'other'],
  [SUMMARY_TAG, 'other'],
]);

/** Bytes that names and units are read to; nobody who knows one that is longer would know it. */
const MAX_NAME_BYTES = 1024;

export interface MetricHead {
  /** Cut where it is too long for any that is known. */
  readonly name: string;
  readonly unit: string;
  readonly kind: MetricKind;
  /** 0: not told; 1: delta; 2: cumulative. 0 for gauges and `other`. */
  readonly temporality: number;
}

export interface MetricsVisitor {
  /** A resource, before its metrics. Its labels are read when asked for, within the call. */
  resource(resource: ResourceView): void;
  /** Whether its points are wanted. Asked also about those of kind `other`, whose points are never read. */
  metric(head: MetricHead): boolean;
  /** Points of the metric last asked about, none of which is read. */
  unread(points: number): void;
  /** A point of the metric last wanted, which is too long to be read. */
  tooLong(): void;
  /** A point of the metric last wanted; its fields are valid during the call. */
  point(point: MetricPoint): void;
}

export interface ResourceView {
  /** The bytes of the message as characters. */
  key(): string;
  readonly bytes: number;
  labels(): Map<string, string>;
}

const NOWHERE: Range = { from: 0, to: 0, depth: 1 };
const NO_STEPS: readonly never[] = [];

/** Walks through the request. Throws `MalformedProtobuf` where that cannot be done. O(bytes) skipped, O(points) wanted. */
export function readMetrics(bytes: Uint8Array, visitor: MetricsVisitor): void {
  inOneGo(readMetricsInSteps(bytes, visitor));
}

/** As `readMetrics`, letting go after each bit of work, never while the visitor is called. */
export function readMetricsInSteps(bytes: Uint8Array, visitor: MetricsVisitor): InSteps<void> {
  return new MetricsWalk(bytes, visitor).walk();
}

class MetricsWalk {
  readonly #reader: ProtobufReader;
  readonly #visitor: MetricsVisitor;
  readonly #point: MetricPoint;
  readonly #pace = new Pace();

  constructor(bytes: Uint8Array, visitor: MetricsVisitor) {
    this.#reader = new ProtobufReader(bytes);
    this.#visitor = visitor;
    this.#point = new MetricPoint(this.#reader);
  }

  *walk(): InSteps<void> {
    while (this.#reader.next()) {
      if (this.#pace.isStep(FIELD_WORK)) yield;
      if (this.#reader.tag === RESOURCE_METRICS_TAG) yield* this.#resourceMetrics();
      else yield* this.#pass();
    }
  }

  /** Goes behind a field that is of no use. */
  #pass(): InSteps<void> | readonly never[] {
    return passBy(this.#reader, UNCHECKED_SHAPE, this.#pace) ?? NO_STEPS;
  }

  /** The resource may stand anywhere, so that all is gone through for it before the scopes are. */
  *#resourceMetrics(): InSteps<void> {
    const reader = this.#reader;
    const outer = reader.enter();
    const { position, left, depth } = reader;
    const resource = yield* this.#resource();
    this.#visitor.resource(this.#view(resource));
    if (this.#pace.isStep(ITEM_WORK)) yield;
    reader.visit(position, position + left, depth);
    while (reader.next()) {
      if (this.#pace.isStep(FIELD_WORK)) yield;
      if (reader.tag === SCOPE_METRICS_TAG) yield* this.#scopeMetrics();
      else yield* this.#pass();
    }
    reader.leave(outer);
  }

  *#resource(): InSteps<Range> {
    const reader = this.#reader;
    let resource = NOWHERE;
    while (reader.next()) {
      if (this.#pace.isStep(FIELD_WORK)) yield;
      if (reader.tag === RESOURCE_TAG) resource = rangeOf(reader);
      else yield* this.#pass();
    }
    return resource;
  }

  *#scopeMetrics(): InSteps<void> {
    const reader = this.#reader;
    const outer = reader.enter();
    while (reader.next()) {
      if (this.#pace.isStep(FIELD_WORK)) yield;
      if (reader.tag === METRICS_TAG) yield* this.#metric();
      else yield* this.#pass();
    }
    reader.leave(outer);
  }

  #view({ from, to, depth }: Range): ResourceView {
    const reader = this.#reader;
    return {
      key: () => reader.bytes.toString('latin1', from, to),
      bytes: to - from,
      labels() {
        const list = new AttributeList();
        reader.visit(from, to, depth);
        while (reader.next()) {
          if (reader.tag === ATTRIBUTES_TAG) list.read(reader);
          else reader.skip();
        }
        return labelsOf(list);
      },
    };
  }

  *#metric(): InSteps<void> {
    const reader = this.#reader;
    const outer = reader.enter();
    const { position, left, depth } = reader;
    let name = '';
    let unit = '';
    let kind: MetricKind = 'other';
    let data = NOWHERE;
    while (reader.next()) {
      if (this.#pace.isStep(FIELD_WORK)) yield;
      const found = KINDS.get(reader.tag);
      if (found !== undefined) {
        kind = found;
        data = rangeOf(reader);
      } else if (reader.tag === NAME_TAG) name = reader.textUpTo(MAX_NAME_BYTES);
      else if (reader.tag === UNIT_TAG) unit = reader.textUpTo(MAX_NAME_BYTES);
      else yield* this.#pass();
    }
    const temporality = kind === 'gauge' || kind === 'other' ? 0 : yield* this.#temporality(data);
    const isWanted = this.#visitor.metric({ name, unit, kind, temporality });
    if (this.#pace.isStep(ITEM_WORK)) yield;
    if (isWanted && kind !== 'other') yield* this.#points(data, kind);
    else this.#visitor.unread(yield* this.#count(data));
    reader.visit(position + left, outer, depth - 1);
  }

  *#temporality({ from, to, depth }: Range): InSteps<number> {
    const reader = this.#reader;
    let temporality = 0;
    reader.visit(from, to, depth);
    while (reader.next()) {
      if (this.#pace.isStep(FIELD_WORK)) yield;
      if (reader.tag === TEMPORALITY_TAG) temporality = reader.varint();
      else yield* this.#pass();
    }
    return temporality;
  }

  *#count({ from, to, depth }: Range): InSteps<number> {
    const reader = this.#reader;
    let points = 0;
    reader.visit(from, to, depth);
    while (reader.next()) {
      if (this.#pace.isStep(FIELD_WORK)) yield;
      if (reader.tag === POINTS_TAG) points += 1;
      yield* this.#pass();
    }
    return points;
  }

  *#points({ from, to, depth }: Range, kind: MetricKind): InSteps<void> {
    const reader = this.#reader;
    reader.visit(from, to, depth);
    while (reader.next()) {
      const length = reader.tag === POINTS_TAG ? reader.length() : -1;
      if (this.#pace.isStep(length + ITEM_WORK)) yield;
      if (length < 0) yield* this.#pass();
      else if (length > LONGEST_POINT) {
        reader.pass();
        this.#visitor.tooLong();
      } else {
        if (kind === 'histogram') this.#point.readHistogram();
        else this.#point.readNumber();
        this.#visitor.point(this.#point);
      }
    }
  }
}
