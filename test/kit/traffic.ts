/** @module Traffic made by hand: identities, records, coverage and sums with few words. */
import type { Identity, Peer, ResourceKind, Workload } from '../../pipeline/model/resource.ts';
import type { Counts, Protocol, Side } from '../../pipeline/model/rules.ts';
import type {
  CoverageRecord,
  LatencyHistogram,
  TcpTotals,
  TrafficRecord,
  TrafficSum,
} from '../../pipeline/model/traffic.ts';

/** Upper bounds in milliseconds of Linkerd's latency histograms (linkerd2-proxy: linkerd/metrics/src/latency.rs). */
export const LINKERD_BOUNDS_MS: readonly number[] = [
  1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1e3, 2e3, 3e3, 4e3, 5e3, 1e4, 2e4, 3e4, 4e4, 5e4,
];

/** A histogram from counts by upper bound; `Infinity` is the open bucket. */
export function buckets(
  counts: readonly (readonly [boundMs: number, count: number])[],
  boundsMs: readonly number[] = LINKERD_BOUNDS_MS,
): LatencyHistogram {
  const histogram = { boundsMs, counts: new Float64Array(boundsMs.length + 1) };
  for (const [bound, count] of counts) {
    const at = boundsMs.indexOf(bound);
    histogram.counts[at === -1 ? boundsMs.length : at] = count;
  }
  return histogram;
}

/** `ns/name`, kind unknown unless given. */
export function workload(path: string, kind: ResourceKind = ''): Workload {
  const [namespace = '', name = ''] = path.split('/');
  return { cluster: '', namespace, name, kind };
}

interface OwnParts {
  readonly kind?: ResourceKind;
  readonly pod?: string;
  readonly podUid?: string;
  readonly node?: string;
  readonly account?: string;
}

/** A target's own identity; its pod is `name-1` unless given. */
export function own(path: string, parts: OwnParts = {}): Identity {
  const { kind = '', podUid = '', node = '', account = '' } = parts;
  const me = workload(path, kind);
  return { workload: me, pod: parts.pod ?? `${me.name}-1`, podUid, node, serviceAccount: account };
}

interface PeerParts {
  readonly kind?: ResourceKind;
  readonly pod?: string;
  readonly service?: string;
  readonly serviceNamespace?: string;
  readonly account?: string;
}

export function peer(path: string | null, parts: PeerParts = {}): Peer {
  const { kind = '', pod = '', service = '', serviceNamespace = '', account = '' } = parts;
  return {
    workload: path === null ? null : workload(path, kind),
    pod,
    service,
    serviceNamespace,
    serviceAccount: account,
  };
}

interface RecordParts {
  readonly latency?: readonly LatencyHistogram[];
  readonly tcp?: TcpTotals;
  readonly mesh?: string;
  readonly protocol?: Protocol;
  readonly counts?: Counts;
  /** Part of the failures. */
  readonly unreached?: number;
}

export function record(
  side: Side,
  me: Identity,
  other: Peer,
  successes: number,
  failures = 0,
  parts: RecordParts = {},
): TrafficRecord {
  const { mesh = 'linkerd', protocol = 'http', unreached = 0, latency, tcp } = parts;
  const counts = parts.counts ?? (side === 'client' ? 'attempts' : 'requests');
  const id = JSON.stringify([mesh, side, me, other, protocol, counts]);
  const key = { id, mesh, side, own: me, peer: other, protocol, counts };
  return {
    key,
    successes,
    failures,
    unreached,
    latency: latency === undefined ? null : [...latency],
    tcp: tcp ?? null,
  };
}

/** Coverage of a target scraped three times in 30 s without a fault, unless parts say otherwise. */
export function covered(me: Identity, parts: Partial<CoverageRecord> = {}): CoverageRecord {
  return {
    target: JSON.stringify(me),
    mesh: 'linkerd',
    own: me,
    scrapesDue: 3,
    scrapesMissed: 0,
    coveredSeconds: 30,
    expectedSeconds: 30,
    resets: 0,
    firstSight: false,
    ...parts,
  };
}

/** A sum over [startMs, startMs + lengthMs). */
export function sumOf(
  records: readonly TrafficRecord[],
  coverage: readonly CoverageRecord[],
  { startMs = 1_700_000_010_000, lengthMs = 30_000, partial = false } = {},
): TrafficSum {
  return { interval: { startMs, endMs: startMs + lengthMs }, records, coverage, partial, clockAhead: false };
}
