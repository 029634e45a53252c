/**
 * @module Metrics requests walked through: resources, metrics, points, each told to a visitor, without an object for any
 * point and without a look into points of metrics that the visitor does not want.
 *
 * What is passed over is not checked: whoever must refuse malformed requests as a whole reads them strictly before.
 */
import { ProtobufReader } from '../protobuf/reader.ts';
import { AttributeList } from './attribute-reader.ts';
import { DATA, METRIC, REQUEST, RESOURCE, RESOURCE_METRICS, SCOPE_METRICS } from './fields.ts';
import { labelsOf, MetricPoint } from './metrics-point.ts';

const RESOURCE_METRICS_TAG = REQUEST.resourceMetrics * 8 + 2;
const RESOURCE_TAG = RESOURCE_METRICS.resource * 8 + 2;
const SCOPE_METRICS_TAG = RESOURCE_METRICS.scopeMetrics * 8 + 2;
const ATTRIBUTES_TAG = RESOURCE.attributes * 8 + 2;
const METRICS_TAG = SCOPE_METRICS.metrics * 8 + 2;
const NAME_TAG = METRIC.name * 8 + 2;
const UNIT_TAG = METRIC.unit * 8 + 2;
const POINTS_TAG = DATA.points * 8 + 2;
const TEMPORALITY_TAG = DATA.temporality * 8;

/** Exponential histograms, summaries, and what newer senders may have are `other`. */
export type MetricKind = 'gauge' | 'sum' | 'histogram' | 'other';

const KINDS: ReadonlyMap<number, MetricKind> = new Map([
  [METRIC.gauge * 8 + 2, 'gauge'],
  [METRIC.sum * 8 + 2, 'sum'],
  [METRIC.histogram * 8 + 2, 'histogram'],
  [METRIC.exponentialHistogram * 8 + 2, 'other'],
  [METRIC.summary * 8 + 2, 'other'],
]);

export interface MetricHead {
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
  /** A point of the metric last wanted; its fields are valid during the call. */
  point(point: MetricPoint): void;
}

export interface ResourceView {
  /** The bytes of the message as characters. */
  key(): string;
  readonly bytes: number;
  labels(): Map<string, string>;
}

/** Where an embedded message stands. */
interface Range {
  readonly from: number;
  readonly to: number;
}

const NOWHERE: Range = { from: 0, to: 0 };

/** Walks through the request. Throws `MalformedProtobuf` where that cannot be done. O(bytes) skipped, O(points) wanted. */
export function readMetrics(bytes: Uint8Array, visitor: MetricsVisitor): void {
  new MetricsWalk(bytes, visitor).walk();
}

class MetricsWalk {
  readonly #reader: ProtobufReader;
  readonly #visitor: MetricsVisitor;
  readonly #point: MetricPoint;

  constructor(bytes: Uint8Array, visitor: MetricsVisitor) {
    this.#reader = new ProtobufReader(bytes);
    this.#visitor = visitor;
    this.#point = new MetricPoint(this.#reader);
  }

  walk(): void {
    for (const range of this.#find(RESOURCE_METRICS_TAG)) this.#resourceMetrics(range);
  }

  /** Embedded messages of one tag in the message that the reader is at, all of which is passed. */
  #find(tag: number): Range[] {
    const found: Range[] = [];
    while (this.#reader.next()) {
      if (this.#reader.tag === tag) found.push(this.#range());
      else this.#reader.skip();
    }
    return found;
  }

  #range(): Range {
    const outer = this.#reader.enter();
    const from = this.#reader.position;
    this.#reader.leave(outer);
    return { from, to: this.#reader.position };
  }

  #resourceMetrics({ from, to }: Range): void {
    const reader = this.#reader;
    reader.visit(from, to);
    let resource = NOWHERE;
    const scopes: Range[] = [];
    while (reader.next()) {
      if (reader.tag === RESOURCE_TAG) resource = this.#range();
      else if (reader.tag === SCOPE_METRICS_TAG) scopes.push(this.#range());
      else reader.skip();
    }
    this.#visitor.resource(this.#view(resource));
    for (const scope of scopes) {
      reader.visit(scope.from, scope.to);
      for (const metric of this.#find(METRICS_TAG)) this.#metric(metric);
    }
  }

  #view({ from, to }: Range): ResourceView {
    const reader = this.#reader;
    return {
      key: () => reader.bytes.toString('latin1', from, to),
      bytes: to - from,
      labels() {
        const list = new AttributeList();
        reader.visit(from, to);
        while (reader.next()) {
          if (reader.tag === ATTRIBUTES_TAG) list.read(reader);
          else reader.skip();
        }
        return labelsOf(list);
      },
    };
  }

  #metric({ from, to }: Range): void {
    const reader = this.#reader;
    reader.visit(from, to);
    let name = '';
    let unit = '';
    let kind: MetricKind = 'other';
    let data = NOWHERE;
    while (reader.next()) {
      const found = KINDS.get(reader.tag);
      if (found !== undefined) {
        kind = found;
        data = this.#range();
      } else if (reader.tag === NAME_TAG) name = reader.text();
      else if (reader.tag === UNIT_TAG) unit = reader.text();
      else reader.skip();
    }
    const temporality = kind === 'gauge' || kind === 'other' ? 0 : this.#temporality(data);
    const isWanted = this.#visitor.metric({ name, unit, kind, temporality });
    if (isWanted && kind !== 'other') this.#points(data, kind);
    else this.#visitor.unread(this.#count(data));
  }

  #temporality({ from, to }: Range): number {
    const reader = this.#reader;
    let temporality = 0;
    reader.visit(from, to);
    while (reader.next()) {
      if (reader.tag === TEMPORALITY_TAG) temporality = reader.varint();
      else reader.skip();
    }
    return temporality;
  }

  #count({ from, to }: Range): number {
    const reader = this.#reader;
    let points = 0;
    reader.visit(from, to);
    while (reader.next()) {
      if (reader.tag === POINTS_TAG) points += 1;
      reader.skip();
    }
    return points;
  }

  #points({ from, to }: Range, kind: MetricKind): void {
    const reader = this.#reader;
    reader.visit(from, to);
    while (reader.next()) {
      if (reader.tag !== POINTS_TAG) {
        reader.skip();
        continue;
      }
      if (kind === 'histogram') this.#point.readHistogram();
      else this.#point.readNumber();
      this.#visitor.point(this.#point);
    }
  }
}
