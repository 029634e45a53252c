/**
 * @module Generated expositions in the sizes of busy proxies, the same bytes on every run.
 *
 * Label sets and family structure are those of linkerd2-proxy's endpoint metrics and of Istio's sidecar (27 labels);
 * counts per shape are chosen so that samples and bytes come near those of recorded proxies of that size.
 */
import { Buffer } from 'node:buffer';
import type { FamilyRule, FamilyType } from '../../pipeline/model/rules.ts';

export type ShapeName = 'linkerd-2k' | 'linkerd-20k' | 'linkerd-200k' | 'istio-20k';

interface Line {
  readonly series: string;
  readonly block: number;
  value: number;
  /** What the value grows by each scrape; 0 for idle ones. */
  readonly step: number;
  readonly fraction: boolean;
}

type Part = { readonly comment: string } | Line;

export interface Shape {
  readonly name: ShapeName;
  readonly wanted: ReadonlyMap<string, FamilyRule>;
  readonly samples: number;
  readonly wantedSamples: number;
  /** The page as it is now, in pieces of 64 KiB. */
  page(): Buffer[];
  /** Moves the values of all busy edges on. */
  next(): void;
  /** Puts all label sets within each family into another order. */
  reorder(): void;
}

const PIECE_BYTES = 64 * 1024;
const LINKERD_BOUNDS = [
  1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1e3, 2e3, 3e3, 4e3, 5e3, 1e4, 2e4, 3e4, 4e4, 5e4,
];
const ISTIO_BOUNDS = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1e3, 2500, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5, 18e5, 36e5];
const ROUTE_BOUNDS = ['0.01', '0.05', '0.1', '0.5', '1.0', '10.0'];

/** Park-Miller generator: enough for shapes, and the same everywhere. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

export function createShape(name: ShapeName): Shape {
  if (name === 'istio-20k') return new GeneratedShape(name, istioParts(162, 140), ISTIO_WANTED);
  const edges = { 'linkerd-2k': 34, 'linkerd-20k': 383, 'linkerd-200k': 3897 }[name];
  return new GeneratedShape(name, linkerdParts(edges), LINKERD_WANTED);
}

class GeneratedShape implements Shape {
  readonly name: ShapeName;
  readonly wanted: ReadonlyMap<string, FamilyRule>;
  readonly samples: number;
  readonly wantedSamples: number;
  #parts: Part[];
  readonly #random = createRandom(7);

  constructor(name: ShapeName, parts: Part[], wanted: ReadonlyMap<string, FamilyRule>) {
    this.name = name;
    this.wanted = wanted;
    this.#parts = parts;
    const lines = parts.filter((part) => 'series' in part);
    this.samples = lines.length;
    this.wantedSamples = lines.filter((line) => wanted.has(line.series.split('{')[0]!)).length;
  }

  page(): Buffer[] {
    const bytes = Buffer.from(`${this.#parts.map(render).join('\n')}\n`);
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) pieces.push(bytes.subarray(at, at + PIECE_BYTES));
    return pieces;
  }

  next(): void {
    for (const part of this.#parts) if ('series' in part) part.value += part.step;
  }

  reorder(): void {
    const parts: Part[] = [];
    let family: Line[] = [];
    const flush = () => {
      for (const line of this.#shuffledBlocks(family)) parts.push(line);
      family = [];
    };
    for (const part of this.#parts) {
      if ('series' in part) family.push(part);
      else {
        flush();
        parts.push(part);
      }
    }
    flush();
    this.#parts = parts;
  }

  #shuffledBlocks(lines: Line[]): Line[] {
    const blocks = Map.groupBy(lines, (line) => line.block);
    const order = [...blocks.values()];
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(this.#random() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order.flat();
  }
}

function render(part: Part): string {
  if (!('series' in part)) return part.comment;
  return `${part.series} ${part.fraction ? part.value * 1.0000001234567 : part.value}`;
}

function rules(entries: [string, FamilyType, string?][]): Map<string, FamilyRule> {
  return new Map(
    entries.map(([sample, type, family = sample]) => [sample, { sample, family, type, demand: null }] as const),
  );
}

const LINKERD_WANTED = rules([
  ['request_total', 'counter'],
  ['response_total', 'counter'],
  ['response_latency_ms_bucket', 'histogram', 'response_latency_ms'],
  ['response_latency_ms_sum', 'histogram', 'response_latency_ms'],
  ['response_latency_ms_count', 'histogram', 'response_latency_ms'],
  ['tcp_open_total', 'counter'],
  ['tcp_close_total', 'counter'],
  ['tcp_read_bytes_total', 'counter'],
  ['tcp_write_bytes_total', 'counter'],
  ['process_start_time_seconds', 'gauge'],
]);

const ISTIO_WANTED = rules([
  ['istio_requests_total', 'counter'],
  ['istio_request_duration_milliseconds_bucket', 'histogram', 'istio_request_duration_milliseconds'],
  ['istio_request_duration_milliseconds_sum', 'histogram', 'istio_request_duration_milliseconds'],
  ['istio_request_duration_milliseconds_count', 'histogram', 'istio_request_duration_milliseconds'],
]);

interface Edge {
  readonly index: number;
  readonly labels: string;
  readonly statuses: readonly string[];
  readonly inbound: boolean;
  readonly busy: boolean;
  readonly scale: number;
}

class PageBuilder {
  readonly parts: Part[] = [];
  readonly #random = createRandom(11);

  family(name: string, type: FamilyType): void {
    this.parts.push({ comment: `# HELP ${name} Generated.` }, { comment: `# TYPE ${name} ${type}` });
  }

  line(series: string, edge: Edge, size: number, fraction = false): void {
    const value = Math.floor(size * edge.scale * (0.5 + this.#random()));
    const step = edge.busy ? Math.ceil(size * 0.01 * (1 + this.#random())) : 0;
    this.parts.push({ series, block: edge.index, value, step, fraction });
  }

  histogram(name: string, labels: string, bounds: readonly string[], edge: Edge, fraction: boolean): void {
    let size = 10;
    for (const bound of [...bounds, '+Inf']) {
      this.line(`${name}_bucket{${labels},le="${bound}"}`, edge, size);
      size *= 1.3;
    }
    this.line(`${name}_sum{${labels}}`, edge, size * 100, fraction);
    this.line(`${name}_count{${labels}}`, edge, size);
  }

  /** The proxy's own, or on a merged page the application's. */
  processStart(): void {
    const series = 'process_start_time_seconds';
    this.family(series, 'gauge');
    this.parts.push({ series, block: 0, value: 1764000000, step: 0, fraction: false });
  }

  noise(family: string, lines: number, labels: (i: number) => string): void {
    this.family(family, 'counter');
    for (let i = 0; i < lines; i++) {
      this.line(
        `${family}${labels(i)}`,
        { index: i, labels: '', statuses: [], inbound: true, busy: true, scale: 1 },
        50,
      );
    }
  }
}

function linkerdEdge(index: number, random: () => number): Edge {
  const inbound = index % 3 === 0;
  const address = `10.42.${index >> 8}.${index & 255}`;
  const hash = (index * 2654435761 + 123456789).toString(36).slice(-9);
  const name = `workload-${index % 97}`;
  const target = `target_addr="${address}:8080",target_ip="${address}",target_port="8080"`;
  const identity = `${name}.emojivoto.serviceaccount.identity.linkerd.cluster.local`;
  const labels = inbound
    ? `direction="inbound",${target},tls="true",client_id="${identity}",srv_group="policy.linkerd.io",srv_kind="server",srv_name="${name}-http",srv_port="8080",route_group="gateway.networking.k8s.io",route_kind="HTTPRoute",route_name="${name}-${index}",authz_group="policy.linkerd.io",authz_kind="authorizationpolicy",authz_name="${name}-policy"`
    : `direction="outbound",authority="${name}.emojivoto.svc.cluster.local:8080",${target},tls="true",server_id="${identity}",dst_control_plane_ns="linkerd",dst_deployment="${name}",dst_namespace="emojivoto",dst_pod="${name}-${hash}-x2v4q",dst_pod_template_hash="${hash}",dst_service="${name}",dst_serviceaccount="${name}",dst_zone="zone-a",dst_zone_locality="local"`;
  const statuses = random() < 0.35 ? ['200', '503'] : ['200'];
  return { index, labels, statuses, inbound, busy: random() >= 0.3, scale: 10 ** (random() * 6) };
}

function linkerdParts(edgeCount: number): Part[] {
  const random = createRandom(3);
  const edges = Array.from({ length: edgeCount }, (_, i) => linkerdEdge(i, random));
  const page = new PageBuilder();
  page.family('request_total', 'counter');
  for (const edge of edges) page.line(`request_total{${edge.labels}}`, edge, 400);
  page.family('response_latency_ms', 'histogram');
  for (const edge of edges) {
    for (const status of edge.statuses) {
      const labels = `${edge.labels},status_code="${status}"`;
      page.histogram('response_latency_ms', labels, LINKERD_BOUNDS.map(String), edge, false);
    }
  }
  page.family('response_total', 'counter');
  for (const edge of edges) {
    for (const status of edge.statuses) {
      const result = status === '200' ? 'success' : 'failure';
      const labels = `${edge.labels},status_code="${status}",classification="${result}",grpc_status="",error=""`;
      page.line(`response_total{${labels}}`, edge, 400);
    }
  }
  page.family('route_response_latency_ms', 'histogram');
  for (const edge of edges) {
    if (!edge.inbound) page.histogram('route_response_latency_ms', edge.labels, ROUTE_BOUNDS, edge, false);
  }
  for (const family of [
    'tcp_open_total',
    'tcp_open_connections',
    'tcp_read_bytes_total',
    'tcp_write_bytes_total',
    'tcp_close_total',
  ]) {
    page.family(family, family === 'tcp_open_connections' ? 'gauge' : 'counter');
    for (const edge of edges) {
      const peer = edge.inbound ? 'src' : 'dst';
      const labels = edge.labels.replace(',', `,peer="${peer}",`);
      page.line(`${family}{${labels}}`, edge, family.includes('bytes') ? 1000 : 20);
    }
  }
  for (let i = 0; i < 130; i++) page.noise(`stack_noise_${i}_total`, 1, () => '{name="service",direction="outbound"}');
  page.processStart();
  page.parts.push({ comment: '# EOF' });
  return page.parts;
}

function istioEdge(index: number, random: () => number): Edge {
  const source = `client-${index % 61}`;
  const destination = `server-${index % 89}`;
  const side = (name: string, role: string) =>
    `${role}_workload="${name}",${role}_workload_namespace="bookinfo",${role}_principal="spiffe://cluster.local/ns/bookinfo/sa/${name}",${role}_app="${name}",${role}_version="v1",${role}_canonical_service="${name}",${role}_canonical_revision="v1",${role}_cluster="Kubernetes"`;
  const labels = `reporter="source",${side(source, 'source')},${side(destination, 'destination')},destination_service="${destination}.bookinfo.svc.cluster.local",destination_service_name="${destination}",destination_service_namespace="bookinfo",request_protocol="http",response_code="200",grpc_response_status="",response_flags="-",connection_security_policy="unknown",i="${index}"`;
  return { index, labels, statuses: ['200'], inbound: false, busy: random() >= 0.3, scale: 10 ** (random() * 6) };
}

function istioParts(edgeCount: number, clusters: number): Part[] {
  const random = createRandom(5);
  const edges = Array.from({ length: edgeCount }, (_, i) => istioEdge(i, random));
  const page = new PageBuilder();
  const bounds = ISTIO_BOUNDS.map(String);
  page.family('istio_requests_total', 'counter');
  for (const edge of edges) page.line(`istio_requests_total{${edge.labels}}`, edge, 400);
  for (const family of ['istio_request_bytes', 'istio_request_duration_milliseconds', 'istio_response_bytes']) {
    page.family(family, 'histogram');
    for (const edge of edges) page.histogram(family, edge.labels, bounds, edge, true);
  }
  for (let i = 0; i < 60; i++) {
    page.noise(
      `envoy_cluster_upstream_stat_${i}`,
      clusters,
      (cluster) => `{cluster_name="outbound|9080||server-${cluster}.bookinfo.svc.cluster.local"}`,
    );
  }
  for (let i = 0; i < 140; i++) page.noise(`envoy_server_stat_${i}`, 5, (n) => `{worker="worker_${n}"}`);
  page.processStart();
  return page.parts;
}
