/**
 * @module The two ends of an Istio series: whose it is, and who the other end was.
 *
 * Labels by istio/proxy (`extensions/stats`) and istio/ztunnel (`src/proxy/metrics.rs`): `source_*` and `destination_*`
 * name both ends whoever reports. No label tells the kind of a workload.
 */
import type { Identity, Labels, Peer, Workload } from '../../pipeline/model/resource.ts';
import type { Side } from '../../pipeline/model/rules.ts';
import { known } from './labels.ts';

/** Side and ends of one series. */
export interface Ends {
  readonly side: Side;
  /** Null: the target's own. */
  readonly own: Identity | null;
  readonly peer: Peer;
}

type Role = 'source' | 'destination';

interface Service {
  readonly name: string;
  readonly namespace: string;
}

interface Account {
  readonly namespace: string;
  readonly name: string;
}

const PRINCIPAL = /^(?:spiffe:\/\/)?[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/;
const SERVICE_HOST = /^([^.:]+)\.([^.:]+)\.svc(?:[.:].*)?$/;
const IP_HOST = /^(?:\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|\[.*)$/;
/** Traffic that belongs to no service goes by the name of Envoy's catch-all cluster. */
const CATCH_ALL = /^(?:BlackHoleCluster|(?:Inbound)?PassthroughCluster.*)$/;

/** Null for a reporter that is none of Istio's. `nodeProxies` are workloads whose pages speak for other pods. */
export function endsOf(labels: Labels, target: Identity, nodeProxies: ReadonlySet<string>): Ends | null {
  const isOthers = !isNamed(target) || nodeProxies.has(target.workload.name);
  switch (labels.get('reporter')) {
    case 'source':
      return clientEnds(labels, target, isOthers);
    case 'destination':
      return serverEnds(labels, target, isOthers);
    case 'waypoint':
      return waypointEnds(labels, target);
    default:
      return null;
  }
}

/** A waypoint stands before the server, on a node of its own, and speaks for it; where it found none, for the client. */
function waypointEnds(labels: Labels, target: Identity): Ends {
  const found = known(labels, 'destination_workload') !== '';
  const elsewhere: Identity = { ...target, node: '' };
  return found ? serverEnds(labels, elsewhere, true) : clientEnds(labels, elsewhere, true);
}

function clientEnds(labels: Labels, target: Identity, isOthers: boolean): Ends {
  const own = isOthers ? ownOf(labels, 'source', target) : null;
  return { side: 'client', own, peer: serverOf(labels, target) };
}

function serverEnds(labels: Labels, target: Identity, isOthers: boolean): Ends {
  const own = isOthers ? ownOf(labels, 'destination', target) : null;
  return { side: 'server', own, peer: clientOf(labels, target) };
}

/** False when nothing named the target's workload, so that its address stands for one. */
function isNamed({ workload, pod }: Identity): boolean {
  return workload.kind !== '' || pod !== '';
}

/** The pods of a node proxy are on its node; nothing tells which pod it was. Null when the series does not name it. */
function ownOf(labels: Labels, role: Role, target: Identity): Identity | null {
  const name = known(labels, `${role}_workload`);
  if (name === '') return null;
  const account = accountOf(labels, role);
  const namespace = namespaceOf(labels, role, account);
  return {
    workload: { cluster: target.workload.cluster, namespace, name, kind: '' },
    pod: '',
    podUid: '',
    node: target.node,
    serviceAccount: account?.name ?? '',
  };
}

function serverOf(labels: Labels, target: Identity): Peer {
  const account = accountOf(labels, 'destination');
  const workload = workloadOf(labels, 'destination', account, target);
  const service = serviceOf(labels);
  const cluster = clusterOf(labels, 'destination', target);
  const asked = service !== null && (workload === null || !CATCH_ALL.test(service.name)) ? service : null;
  const namespace = workload?.namespace ?? asked?.namespace ?? '';
  return {
    workload: workload ?? (asked === null ? null : { cluster, ...asked, kind: 'Service' }),
    pod: '',
    service: asked?.name ?? '',
    serviceNamespace: asked === null || asked.namespace === namespace ? '' : asked.namespace,
    serviceAccount: account?.name ?? '',
  };
}

/** A client without a name goes by its service account; one outside of the mesh has neither. */
function clientOf(labels: Labels, target: Identity): Peer {
  const account = accountOf(labels, 'source');
  const cluster = clusterOf(labels, 'source', target);
  const named = workloadOf(labels, 'source', account, target);
  const byAccount: Workload | null = account === null ? null : { cluster, ...account, kind: 'ServiceAccount' };
  return {
    workload: named ?? byAccount,
    pod: '',
    service: '',
    serviceNamespace: '',
    serviceAccount: account?.name ?? '',
  };
}

function workloadOf(labels: Labels, role: Role, account: Account | null, target: Identity): Workload | null {
  const name = known(labels, `${role}_workload`);
  if (name === '') return null;
  return { cluster: clusterOf(labels, role, target), namespace: namespaceOf(labels, role, account), name, kind: '' };
}

function namespaceOf(labels: Labels, role: Role, account: Account | null): string {
  const namespace = known(labels, `${role}_workload_namespace`) || (account?.namespace ?? '');
  if (namespace !== '' || role === 'source') return namespace;
  return serviceOf(labels)?.namespace ?? '';
}

function serviceOf(labels: Labels): Service | null {
  const short = known(labels, 'destination_service_name');
  if (CATCH_ALL.test(short)) return { name: short, namespace: '' };
  const full = known(labels, 'destination_service');
  const match = SERVICE_HOST.exec(full) ?? SERVICE_HOST.exec(short);
  if (match !== null) return { name: match[1]!, namespace: match[2]! };
  const name = withoutPort(short === '' ? full : short);
  return name === '' ? null : { name, namespace: known(labels, 'destination_service_namespace') };
}

function accountOf(labels: Labels, role: Role): Account | null {
  const match = PRINCIPAL.exec(known(labels, `${role}_principal`));
  return match === null ? null : { namespace: match[1]!, name: match[2]! };
}

/**
 * Ids of clusters are Istio's own (`Kubernetes` by default) and say only whether both ends are in one: then the peer's
 * is the target's, whatever its labels call it.
 */
function clusterOf(labels: Labels, role: Role, target: Identity): string {
  const id = known(labels, `${role}_cluster`);
  const other = known(labels, role === 'source' ? 'destination_cluster' : 'source_cluster');
  return id !== '' && other !== '' && id !== other ? id : target.workload.cluster;
}

function withoutPort(host: string): string {
  return IP_HOST.test(host) ? host : host.replace(/:\d+$/, '');
}
