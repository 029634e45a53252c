/**
 * @module A reading of traffic as messages for Kafka: one SMI TrafficMetrics (v1alpha2) as JSON per workload and edge.
 *
 * Form: `schema/traffic-metrics.schema.json`. Texts are joined from parts: no object is built for a message.
 */
import { Buffer } from 'node:buffer';
import type { Quantile } from '../../pipeline/model/histogram.ts';
import type { EdgeReading, Figures, ResourceReading, TrafficReading } from '../../pipeline/model/reading.ts';
import { apiVersionOf } from '../../pipeline/wire/api-version.ts';
import { formatMilliseconds } from '../../pipeline/wire/duration.ts';
import { quantityText } from '../../pipeline/wire/quantity.ts';

export const API_VERSION = 'metrics.smi-spec.io/v1alpha2';
/** Version of the messages' form, as the header `weir-schema` names it. */
export const SCHEMA = 'tm/1';
/** A later revision of a message would replace an earlier one; this exporter sends each window once. */
const REVISION = 1;

export interface EncodeOptions {
  /** Name of the sending Weir. */
  readonly source: string;
  /** Random text drawn at each start, so that `(source, epoch, seq)` never repeats. */
  readonly epoch: string;
  /** Number of the first message; the others count up from it. */
  readonly firstSeq: number;
  /** Cluster of workloads that bring none; '' for none. */
  readonly cluster: string;
  /** Kind of workloads whose kind is unknown. */
  readonly defaultKind: string;
  /** Wall-clock milliseconds since the epoch of the first attempt. */
  readonly nowMs: number;
}

/** One message, ready but for its partition. */
export interface EncodedMessage {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestampMs: number;
  /** Bytes of key, value and headers in a record, with room for its framing. */
  readonly bytes: number;
}

/** What a message calls a workload. */
interface Name {
  readonly kind: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

/** Messages of all workloads and edges with traffic, totals first. O(workloads + edges). */
export function encodeReading(reading: TrafficReading, options: EncodeOptions): EncodedMessage[] {
  const writer = new MessageWriter(reading, options);
  for (const workload of reading.workloads) writer.total(workload);
  for (const edge of reading.edges) writer.edge(edge);
  return writer.messages;
}

class MessageWriter {
  readonly messages: EncodedMessage[] = [];
  readonly #options: EncodeOptions;
  readonly #timestampMs: number;
  readonly #sentAt: string;
  /** Bytes of the headers and of a record's framing. */
  readonly #frameBytes: number;
  /** Parts that all messages of a window share. */
  readonly #timestamp: string;
  readonly #window: string;
  readonly #origin: string;
  readonly #interval: string;

  constructor(reading: TrafficReading, options: EncodeOptions) {
    const { startMs, endMs } = reading.interval;
    this.#options = options;
    // A broker refuses times far ahead of its own clock.
    this.#timestampMs = Math.min(endMs, options.nowMs);
    this.#sentAt = new Date(options.nowMs).toISOString();
    this.#frameBytes = frameBytes(this.#headers(String(Number.MAX_SAFE_INTEGER)));
    this.#timestamp = secondsText(endMs);
    this.#window = formatMilliseconds(endMs - startMs);
    this.#origin = `"source":${JSON.stringify(options.source)},"epoch":${JSON.stringify(options.epoch)}`;
    const late = reading.late ? ',"late":true' : '';
    const flags = `"partial":${reading.partial},"clockAhead":${reading.clockAhead}${late}`;
    this.#interval = `"windowStart":"${millisText(startMs)}","windowEnd":"${millisText(endMs)}",${flags}`;
  }

  /** What came to a workload. */
  total({ resource, figures }: ResourceReading): void {
    if (figures === null || !hasRequests(figures)) return;
    this.#write('total', this.#named(resource), edgeText('from', figures, '{}'), '', figures);
  }

  edge({ source, destination, figures, services }: EdgeReading): void {
    if (!hasRequests(figures)) return;
    const from = source === null ? null : this.#named(source);
    const to = destination === null ? null : this.#named(destination);
    // With an unknown source the edge is told from its other end.
    const [direction, own, peer] = from === null ? (['from', to, null] as const) : (['to', from, to] as const);
    if (own === null) return;
    const more = [
      peer === null ? '' : `"peerCluster":${JSON.stringify(peer.cluster)},`,
      services.length === 0 ? '' : `"services":${JSON.stringify(services)},`,
    ].join('');
    // An unknown end is said, so that the message is no total.
    const other = peer === null ? '{"kind":"Unknown"}' : referenceText(peer);
    this.#write('edge', own, edgeText(direction, figures, other), more, figures);
  }

  #named(workload: Name): Name {
    return {
      kind: workload.kind === '' ? this.#options.defaultKind : workload.kind,
      cluster: workload.cluster === '' ? this.#options.cluster : workload.cluster,
      namespace: workload.namespace,
      name: workload.name,
    };
  }

  #write(record: 'total' | 'edge', own: Name, edge: string, more: string, figures: Figures): void {
    const seq = this.#options.firstSeq + this.messages.length;
    const value = [
      `{"kind":"TrafficMetrics","apiVersion":"${API_VERSION}","metadata":${metadataText(own, this.#timestamp)}`,
      `"timestamp":"${this.#timestamp}","window":"${this.#window}","resource":${referenceText(own)}`,
      `"edge":${edge},"backend":null,"metrics":${metricsText(figures)}`,
      `"x-weir":{"record":"${record}",${this.#origin},"seq":${seq},"revision":${REVISION}`,
      `"cluster":${JSON.stringify(own.cluster)},${more}${this.#interval},${figuresText(figures)}}}`,
    ].join(',');
    const key = keyOf(own);
    const bytes = this.#frameBytes + Buffer.byteLength(key) + Buffer.byteLength(value);
    this.messages.push({ key, value, headers: this.#headers(String(seq)), timestampMs: this.#timestampMs, bytes });
  }

  #headers(seq: string): Readonly<Record<string, string>> {
    return {
      'content-type': 'application/json',
      'weir-schema': SCHEMA,
      'weir-source': this.#options.source,
      'weir-epoch': this.#options.epoch,
      'weir-seq': seq,
      'weir-sent-at': this.#sentAt,
    };
  }
}

/** What decides the partition: the workload, with `-` for the namespace of one that has none. */
function keyOf({ cluster, namespace, name }: Name): string {
  return `${cluster === '' ? '' : `${cluster}|`}${namespace === '' ? '-' : namespace}/${name}`;
}

function hasRequests(figures: Figures): boolean {
  return figures.successes + figures.failures > 0;
}

function edgeText(direction: 'to' | 'from', { side }: Figures, resource: string): string {
  return `{"direction":"${direction}","side":"${side}","resource":${resource}}`;
}

/** The five metrics of SMI in the order its readers rely on. */
function metricsText({ p99, p90, p50, successes, failures }: Figures): string {
  return `[${[
    latencyText('p99', p99),
    latencyText('p90', p90),
    latencyText('p50', p50),
    `{"name":"success_count","value":"${quantityText(successes)}"}`,
    `{"name":"failure_count","value":"${quantityText(failures)}"}`,
  ].join(',')}]`;
}

/** SMI cannot say "none": a latency that was not measured reads 0, and its bounds are null. */
function latencyText(name: string, quantile: Quantile | null): string {
  return `{"name":"${name}_response_latency","unit":"ms","value":"${quantityText(quantile?.valueMs ?? 0)}"}`;
}

function figuresText(figures: Figures): string {
  const { tcp } = figures;
  return [
    `"mesh":${meshText(figures.meshes)},"side":"${figures.side}","counts":"${figures.counts}","complete":${figures.complete}`,
    ...(figures.unreached === 0 ? [] : [`"unreached":${figures.unreached}`]),
    `"ratePerSecond":${figures.ratePerSecond}`,
    `"bounds":{"p50":${boundsText(figures.p50)},"p90":${boundsText(figures.p90)},"p99":${boundsText(figures.p99)}}`,
    `"coveredSeconds":${figures.coveredSeconds},"expectedSeconds":${figures.expectedSeconds}`,
    `"sources":${figures.sources},"missed":${figures.missed},"resets":${figures.resets}`,
    ...(tcp === null ? [] : [`"tcp":${JSON.stringify(tcp)}`]),
  ].join(',');
}

/** The mesh that carried the requests; a list when several did. */
function meshText(meshes: readonly string[]): string {
  return JSON.stringify(meshes.length === 1 ? meshes[0] : meshes);
}

/** Milliseconds between which the quantile surely lies; the upper one is null in the open last bucket. */
function boundsText(quantile: Quantile | null): string {
  if (quantile === null) return 'null';
  return `[${quantile.loMs},${Number.isFinite(quantile.hiMs) ? quantile.hiMs : 'null'}]`;
}

function referenceText({ kind, namespace, name }: Name): string {
  const names = `"namespace":${JSON.stringify(namespace)},"name":${JSON.stringify(name)}`;
  return `{"kind":${JSON.stringify(kind)},${names},"apiVersion":"${apiVersionOf(kind)}"}`;
}

function metadataText({ namespace, name }: Name, timestamp: string): string {
  return `{"name":${JSON.stringify(name)},"namespace":${JSON.stringify(namespace)},"creationTimestamp":"${timestamp}"}`;
}

/** RFC 3339 in whole seconds, as SMI has it. */
function secondsText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function millisText(ms: number): string {
  return new Date(ms).toISOString();
}

/** Most bytes the framing of a record takes: lengths and deltas as varints, attributes. */
const RECORD_FRAME_BYTES = 40;
/** Most bytes the framing of a header takes. */
const HEADER_FRAME_BYTES = 6;

function frameBytes(headers: Readonly<Record<string, string>>): number {
  let bytes = RECORD_FRAME_BYTES;
  for (const [name, text] of Object.entries(headers))
    bytes += HEADER_FRAME_BYTES + name.length + Buffer.byteLength(text);
  return bytes;
}
