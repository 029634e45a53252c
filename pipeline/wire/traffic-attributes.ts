/**
 * @module The names under which traffic is told to others: attributes of OTLP points, labels of Prometheus series.
 *
 * Design §6; the documented table is docs/reference/traffic-metrics.md.
 */
import { type Identity, type Peer, RESOURCE_KINDS, type ResourceKind, type Workload } from '../model/resource.ts';
import type { Counts, Protocol, Side } from '../model/rules.ts';
import type { CoverageRecord, TrafficKey } from '../model/traffic.ts';
import { createTrafficKey } from '../model/traffic-key.ts';

export type Attribute = readonly [name: string, value: string];

/** Tells successes from failures in `weir.requests`. */
export const CLASSIFICATION = 'classification';
export const SUCCESS = 'success';
export const FAILURE = 'failure';
/** Tells histograms of one record with unlike bounds apart; only there. Value: the bounds in milliseconds, by spaces. */
export const BOUNDS = 'bounds';
/** Exact counts of the buckets, by spaces; only where one of them is no whole number, which is all OTLP can tell. */
export const BUCKET_COUNTS = 'bucket_counts';
/** Marks of a sum; on `weir.interval` only, and only where true. */
export const PARTIAL = 'partial';
export const CLOCK_AHEAD = 'clock_ahead';
export const LATE = 'late';

/** The Prometheus label of an attribute. */
export function labelName(attribute: string): string {
  return attribute.replaceAll('.', '_');
}

/**
 * Attributes of a record in the order of the documented table; those with no value are left out, except that a known
 * workload always has its `workload`. The client's side of an edge is `source`, the server's is `destination`, whoever
 * told it. The inverse is `trafficKeyOf`. O(fields), allocates.
 */
export function trafficAttributes(key: TrafficKey): Attribute[] {
  const { mesh, side, own, peer, protocol, counts } = key;
  const list: Attribute[] = [];
  add(list, 'mesh', mesh);
  add(list, 'side', side);
  add(list, 'protocol', protocol);
  add(list, 'counts', counts);
  if (side === 'client') addIdentity(list, 'source.', own);
  else addPeer(list, 'source.', peer);
  if (side === 'client') addPeer(list, 'destination.', peer);
  else addIdentity(list, 'destination.', own);
  add(list, 'destination.service', peer.service);
  add(list, 'destination.service_namespace', peer.serviceNamespace);
  return list;
}

/** Attributes of a coverage record, as those of traffic; its own identity has no prefix. */
export function coverageAttributes(record: CoverageRecord): Attribute[] {
  const list: Attribute[] = [];
  add(list, 'target', record.target);
  add(list, 'mesh', record.mesh);
  addIdentity(list, '', record.own);
  return list;
}

function addIdentity(list: Attribute[], prefix: string, own: Identity): void {
  addWorkload(list, prefix, own.workload);
  add(list, `${prefix}pod`, own.pod);
  add(list, `${prefix}pod_uid`, own.podUid);
  add(list, `${prefix}node`, own.node);
  add(list, `${prefix}service_account`, own.serviceAccount);
}

function addPeer(list: Attribute[], prefix: string, peer: Peer): void {
  if (peer.workload !== null) addWorkload(list, prefix, peer.workload);
  add(list, `${prefix}pod`, peer.pod);
  add(list, `${prefix}service_account`, peer.serviceAccount);
}

function addWorkload(list: Attribute[], prefix: string, workload: Workload): void {
  add(list, `${prefix}cluster`, workload.cluster);
  add(list, `${prefix}namespace`, workload.namespace);
  list.push([`${prefix}workload`, workload.name]);
  add(list, `${prefix}kind`, workload.kind);
}

function add(list: Attribute[], name: string, value: string): void {
  if (value !== '') list.push([name, value]);
}

type Attributes = ReadonlyMap<string, string>;

const SIDES: ReadonlyMap<string, Side> = new Map([['client', 'client'] as const, ['server', 'server'] as const]);
const COUNTS: ReadonlyMap<string, Counts> = new Map([
  ['requests', 'requests'] as const,
  ['attempts', 'attempts'] as const,
]);
const PROTOCOLS: ReadonlySet<string> = new Set<Protocol>(['http', 'grpc', 'tcp', '']);
const KINDS: ReadonlySet<string> = new Set<ResourceKind>(['', ...RESOURCE_KINDS]);

/**
 * The key that `trafficAttributes` told; null when side or counts are none that Weir knows. A protocol or kind of a newer
 * Weir reads as '', attributes of other names are ignored.
 */
export function trafficKeyOf(attributes: Attributes): TrafficKey | null {
  const side = SIDES.get(text(attributes, 'side'));
  const counts = COUNTS.get(text(attributes, 'counts'));
  if (side === undefined || counts === undefined) return null;
  const [near, far] = side === 'client' ? ['source.', 'destination.'] : ['destination.', 'source.'];
  return createTrafficKey({
    mesh: text(attributes, 'mesh'),
    side,
    own: identityOf(attributes, near!),
    peer: peerOf(attributes, far!),
    protocol: known<Protocol>(PROTOCOLS, text(attributes, 'protocol')),
    counts,
  });
}

/** What `coverageAttributes` told of a target; null when `attributes` name none. */
export function coverageTargetOf(attributes: Attributes): Pick<CoverageRecord, 'target' | 'mesh' | 'own'> | null {
  if (!attributes.has('workload')) return null;
  return {
    target: text(attributes, 'target'),
    mesh: text(attributes, 'mesh'),
    own: identityOf(attributes, ''),
  };
}

function identityOf(attributes: Attributes, prefix: string): Identity {
  return {
    workload: workloadOf(attributes, prefix),
    pod: text(attributes, `${prefix}pod`),
    podUid: text(attributes, `${prefix}pod_uid`),
    node: text(attributes, `${prefix}node`),
    serviceAccount: text(attributes, `${prefix}service_account`),
  };
}

function peerOf(attributes: Attributes, prefix: string): Peer {
  return {
    workload: attributes.has(`${prefix}workload`) ? workloadOf(attributes, prefix) : null,
    pod: text(attributes, `${prefix}pod`),
    service: text(attributes, 'destination.service'),
    serviceNamespace: text(attributes, 'destination.service_namespace'),
    serviceAccount: text(attributes, `${prefix}service_account`),
  };
}

function workloadOf(attributes: Attributes, prefix: string): Workload {
  return {
    cluster: text(attributes, `${prefix}cluster`),
    namespace: text(attributes, `${prefix}namespace`),
    name: text(attributes, `${prefix}workload`),
    kind: known<ResourceKind>(KINDS, text(attributes, `${prefix}kind`)),
  };
}

function text(attributes: Attributes, name: string): string {
  return attributes.get(name) ?? '';
}

function known<Word extends string>(words: ReadonlySet<string>, value: string): Word | '' {
  return words.has(value) ? (value as Word) : '';
}
