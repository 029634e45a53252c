/**
 * @module Traffic as an OTLP ExportMetricsServiceRequest: cached attributes, points patched in place.
 *
 * The same bytes are a MetricsData message. What stands where: docs/reference/traffic-metrics.md.
 */
import { Buffer } from 'node:buffer';
import type { CoverageRecord, TcpTotals, TrafficRecord, TrafficSum } from '../../model/traffic.ts';
import { MessageBuilder } from '../protobuf/message-builder.ts';
import { CLASSIFICATION, FAILURE, SUCCESS } from '../traffic-attributes.ts';
import { encodeAttributes, encodeIntAttribute } from './attribute-bytes.ts';
import {
  type CacheFigures,
  histogramAttributes,
  type RecordAttributes,
  recordCache,
  type TargetAttributes,
  targetCache,
} from './attribute-cache.ts';
import { POINTS, resourceAttributes, SEQ, type TrafficEnvelope } from './envelope.ts';
import { DELTA, NUMBER_POINT, RESOURCE, SCOPE, SCOPE_NAME, type Temporality } from './fields.ts';
import { HistogramColumns } from './histogram-columns.ts';
import type { MetricFrame } from './metric-frame.ts';
import { embeddedLength, histogramPointLength, numberPointLength, PointBuffer } from './point-buffer.ts';
import { COVERAGE_METRICS, TCP_METRICS, tellsRequests } from './sections.ts';
import { SpareMemory } from './spare-memory.ts';
import { type CumulativeTotal, type Told, toldSum, toldTotals } from './told-traffic.ts';
import {
  COVERAGE_FRAMES,
  DURATION_FRAME,
  INTERVAL_FRAME,
  type Lengths,
  metricsLength,
  NO_LENGTHS,
  REQUESTS_FRAME,
  TCP_FRAMES,
  UNREACHED_FRAME,
} from './traffic-frames.ts';
import { UnixNano } from './unix-nano.ts';

/** Bounds of an encoder's memory. */
export interface EncoderLimits {
  /** Encoded attributes kept of records, and as many of targets; about 0.3 kB each. Default 100,000. */
  readonly maxKept: number;
  /** Those not met in so many sums are given up. Default 30. */
  readonly keepSums: number;
}

/** What the caches of an encoder hold and what their bounds cost, records and targets. */
export interface EncoderFigures {
  readonly records: CacheFigures;
  readonly targets: CacheFigures;
}

/** Attributes encoded in one step: up to about 10 µs each. */
const STEP_ENCODED = 128;

const NO_MARK = new Uint8Array(0);
const SUCCESS_MARK = encodeAttributes(NUMBER_POINT.attributes, [[CLASSIFICATION, SUCCESS]]);
const FAILURE_MARK = encodeAttributes(NUMBER_POINT.attributes, [[CLASSIFICATION, FAILURE]]);

/** ResourceMetrics in the request; Resource and ScopeMetrics in it: field numbers of fields.ts, wire type 2. */
const RESOURCE_METRICS_TAG = 0x0a;
const RESOURCE_TAG = 0x0a;
const SCOPE_METRICS_TAG = 0x12;
const SCOPE_FIELD = new MessageBuilder().message(1, new MessageBuilder().text(SCOPE.name, SCOPE_NAME).take()).take();

/** One long-lived encoder for one stream of sums. Not reentrant. Encoding a sum like the last one only patches numbers. */
export class OtlpTrafficEncoder {
  readonly #records;
  readonly #targets;
  readonly #buffer: PointBuffer;
  readonly #histograms = new HistogramColumns();
  /** Attributes of each record and coverage record of the message at work. */
  readonly #recordAttributes: RecordAttributes[] = [];
  readonly #targetAttributes: TargetAttributes[] = [];
  readonly #start = new UnixNano();
  readonly #end = new UnixNano();

  /** Encoders whose messages go one after another may share `spare`. */
  constructor({ maxKept = 100_000, keepSums = 30 }: Partial<EncoderLimits> = {}, spare = new SpareMemory()) {
    this.#buffer = new PointBuffer(spare);
    this.#records = recordCache(maxKept, keepSums);
    this.#targets = targetCache(maxKept, keepSums);
  }

  get figures(): EncoderFigures {
    return { records: this.#records.figures, targets: this.#targets.figures };
  }

  /**
   * `sum` with delta temporality. The caller owns the bytes; `sum` is not kept. O(points). Throws a `RangeError` for times
   * that OTLP cannot tell (before 1970, after 2554). `continues`: a further part of an interval of which a part was told
   * before, so that the length of the interval is told as 0 and all parts together tell it once.
   */
  encode(sum: TrafficSum, envelope: TrafficEnvelope, continues = false): Uint8Array {
    return this.#encode(toldSum(sum, continues), envelope);
  }

  /**
   * Encodes by steps the attributes that messages of these will need and that are not kept, as far as there is room for them: what
   * `encode` then has left is short. Optional; at most one at a time, and none while this encoder encodes.
   */
  *warmInSteps(records: Iterable<TrafficRecord>, coverage: Iterable<CoverageRecord>): Generator<void, void, void> {
    let encoded = 0;
    let place = 0;
    for (const { key } of records) {
      if (this.#records.warm(place++, key) && ++encoded % STEP_ENCODED === 0) yield;
    }
    place = 0;
    for (const record of coverage) {
      if (this.#targets.warm(place++, record) && ++encoded % STEP_ENCODED === 0) yield;
    }
  }

  /** Totals up to `endMs` with cumulative temporality, each from its own start. Otherwise as `encode`. */
  encodeCumulative(totals: Iterable<CumulativeTotal>, endMs: number, envelope: TrafficEnvelope): Uint8Array {
    return this.#encode(toldTotals(totals, endMs), envelope);
  }

  /**
   * Lets a later message use the memory of `message`, which an encoder with this spare memory made and nobody looks at any more. Optional:
   * fresh memory for each message costs more than all else in a steady export of many records.
   */
  giveBack(message: Uint8Array): void {
    this.#buffer.giveBack(message);
  }

  #encode(told: Told, envelope: TrafficEnvelope): Uint8Array {
    if (!this.#attempt(told, envelope)) {
      this.#histograms.looksThrough = true;
      this.#attempt(told, envelope);
    }
    this.#histograms.release();
    return this.#buffer.take();
  }

  /** Writes the message; false when counts have to be looked through first. */
  #attempt(told: Told, envelope: TrafficEnvelope): boolean {
    this.#start.set(told.interval.startMs);
    this.#end.set(told.interval.endMs);
    const lengths = this.#measure(told);
    const resource = resourceOf(envelope, told.temporality === DELTA ? lengths.points : null);
    const scopeMetrics = SCOPE_FIELD.length + metricsLength(lengths);
    const resourceMetrics = embeddedLength(resource.length) + embeddedLength(scopeMetrics);
    const buffer = this.#buffer;
    buffer.begin(embeddedLength(resourceMetrics));
    buffer.head(RESOURCE_METRICS_TAG, resourceMetrics);
    buffer.head(RESOURCE_TAG, resource.length);
    buffer.raw(resource);
    buffer.head(SCOPE_METRICS_TAG, scopeMetrics);
    buffer.raw(SCOPE_FIELD);
    return this.#write(told, lengths);
  }

  #measure({ records, coverage, intervalMark }: Told): Lengths {
    const interval = intervalMark === null ? 0 : embeddedLength(numberPointLength(NO_MARK, intervalMark));
    const lengths: Lengths = { ...NO_LENGTHS, interval, points: interval === 0 ? 0 : 1 };
    this.#histograms.clear();
    for (let i = 0; i < records.length; i++) this.#measureRecord(i, records[i]!, lengths);
    for (let i = 0; i < coverage.length; i++) {
      const attributes = this.#targets.find(coverage[i]!);
      this.#targetAttributes[i] = attributes;
      lengths.coverage += embeddedLength(numberPointLength(attributes.number));
    }
    lengths.points += COVERAGE_METRICS.length * coverage.length;
    this.#records.endSum();
    this.#targets.endSum();
    this.#recordAttributes.length = records.length;
    this.#targetAttributes.length = coverage.length;
    lengths.duration = this.#measureHistograms();
    lengths.points += this.#histograms.size;
    return lengths;
  }

  #measureRecord(index: number, record: TrafficRecord, lengths: Lengths): void {
    const attributes = this.#records.find(record.key);
    const { number } = attributes;
    this.#recordAttributes[index] = attributes;
    // Both marks have the same length.
    if (tellsRequests(record)) {
      lengths.requests += 2 * embeddedLength(numberPointLength(number, SUCCESS_MARK));
      lengths.points += 2;
    }
    if (record.unreached !== 0) {
      lengths.unreached += embeddedLength(numberPointLength(number));
      lengths.points += 1;
    }
    if (record.tcp !== null) {
      lengths.tcp += embeddedLength(numberPointLength(number));
      lengths.points += TCP_METRICS.length;
    }
    this.#histograms.add(index, record);
  }

  #measureHistograms(): number {
    const { size, record, mark, bounds } = this.#histograms;
    let length = 0;
    for (let i = 0; i < size; i++) {
      const attributes = this.#recordAttributes[record[i]!]!.histogram(histogramAttributes);
      length += embeddedLength(histogramPointLength(attributes, mark[i]!, bounds[i]!.length));
    }
    return length;
  }

  #write(told: Told, lengths: Lengths): boolean {
    const { temporality } = told;
    let isWhole = true;
    this.#section(INTERVAL_FRAME, lengths.interval, temporality, () => this.#writeInterval(told));
    this.#section(REQUESTS_FRAME, lengths.requests, temporality, () => this.#writeRequests(told));
    this.#section(UNREACHED_FRAME, lengths.unreached, temporality, () => this.#writeUnreached(told));
    this.#section(DURATION_FRAME, lengths.duration, temporality, () => {
      isWhole = this.#writeHistograms(told);
    });
    if (!isWhole) return false;
    for (const { frame, read } of TCP_FRAMES) {
      this.#section(frame, lengths.tcp, temporality, () => this.#writeTcp(told, read));
    }
    for (const { frame, read } of COVERAGE_FRAMES) {
      this.#section(frame, lengths.coverage, temporality, () => this.#writeCoverage(told, read));
    }
    return true;
  }

  #section(frame: MetricFrame, length: number, temporality: Temporality, points: () => void): void {
    if (length === 0) return;
    frame.open(this.#buffer, length);
    points();
    frame.close(this.#buffer, temporality);
  }

  #writeInterval({ interval, intervalSeconds, intervalMark }: Told): void {
    this.#start.set(interval.startMs);
    this.#buffer.number(NO_MARK, intervalMark ?? NO_MARK, this.#start, this.#end, intervalSeconds);
  }

  #writeRequests({ records, startsMs }: Told): void {
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!;
      if (!tellsRequests(record)) continue;
      const { number } = this.#recordAttributes[i]!;
      if (startsMs !== null) this.#start.set(startsMs[i]!);
      this.#buffer.number(number, SUCCESS_MARK, this.#start, this.#end, record.successes);
      this.#buffer.number(number, FAILURE_MARK, this.#start, this.#end, record.failures);
    }
  }

  #writeUnreached({ records, startsMs }: Told): void {
    for (let i = 0; i < records.length; i++) {
      const { unreached } = records[i]!;
      if (unreached === 0) continue;
      if (startsMs !== null) this.#start.set(startsMs[i]!);
      this.#buffer.number(this.#recordAttributes[i]!.number, NO_MARK, this.#start, this.#end, unreached);
    }
  }

  #writeHistograms({ startsMs }: Told): boolean {
    const { size, record, mark, bounds, counts } = this.#histograms;
    for (let i = 0; i < size; i++) {
      const index = record[i]!;
      const attributes = this.#recordAttributes[index]!.histogram(histogramAttributes);
      if (startsMs !== null) this.#start.set(startsMs[index]!);
      if (!this.#buffer.histogram(attributes, mark[i]!, this.#start, this.#end, bounds[i]!, counts[i]!)) return false;
    }
    return true;
  }

  #writeTcp({ records, startsMs }: Told, read: (tcp: TcpTotals) => number): void {
    for (let i = 0; i < records.length; i++) {
      const { tcp } = records[i]!;
      if (tcp === null) continue;
      if (startsMs !== null) this.#start.set(startsMs[i]!);
      this.#buffer.number(this.#recordAttributes[i]!.number, NO_MARK, this.#start, this.#end, read(tcp));
    }
  }

  #writeCoverage({ coverage }: Told, read: (record: CoverageRecord) => number): void {
    for (let i = 0; i < coverage.length; i++) {
      const { number } = this.#targetAttributes[i]!;
      this.#buffer.number(number, NO_MARK, this.#start, this.#end, read(coverage[i]!));
    }
  }
}

/**
 * Content of the Resource message. `points` null: not told, because a backend that takes resource attributes for a part of a
 * series' name has to see the same ones each time.
 */
function resourceOf(envelope: TrafficEnvelope, points: number | null): Uint8Array {
  return Buffer.concat([
    encodeAttributes(RESOURCE.attributes, resourceAttributes(envelope)),
    encodeIntAttribute(RESOURCE.attributes, SEQ, envelope.seq),
    points === null ? NO_MARK : encodeIntAttribute(RESOURCE.attributes, POINTS, points),
  ]);
}
