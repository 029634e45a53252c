/**
 * @module The resources of the SMI API: their plural names and kinds, and the discovery documents.
 *
 * Source: servicemeshinterface/smi-spec `apis/traffic-metrics`.
 */

export const GROUP = 'metrics.smi-spec.io';
export const VERSIONS = ['v1alpha1', 'v1alpha2'] as const;
export type Version = (typeof VERSIONS)[number];
/** Preferred because only its kinds let kubectl find its way back from a kind to a resource. */
const PREFERRED: Version = 'v1alpha2';

export interface SmiResource {
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

function resource(plural: string, kind: string, namespaced = true): SmiResource {
  return { plural, kind, namespaced };
}

/** In alphabetical order, as discovery lists them. */
const RESOURCES: readonly SmiResource[] = [
  resource('daemonsets', 'DaemonSet'),
  resource('deployments', 'Deployment'),
  resource('jobs', 'Job'),
  resource('namespaces', 'Namespace', false),
  resource('nodes', 'Node', false),
  resource('pods', 'Pod'),
  resource('replicasets', 'ReplicaSet'),
  resource('replicationcontrollers', 'ReplicationController'),
  resource('services', 'Service'),
  resource('statefulsets', 'StatefulSet'),
];
const BY_PLURAL = new Map(RESOURCES.map((entry) => [entry.plural, entry]));
/** Kinds that appear as ends of edges or in `trafficmetrics` without a list of their own. */
const OTHERS = [
  resource('cronjobs', 'CronJob'),
  resource('externalworkloads', 'ExternalWorkload'),
  resource('serviceaccounts', 'ServiceAccount'),
];
const OTHER_BY_PLURAL = new Map(OTHERS.map((entry) => [entry.plural, entry]));
const BY_KIND = new Map([...RESOURCES, ...OTHERS].map((entry) => [entry.kind, entry]));

export function resourceByPlural(plural: string): SmiResource | undefined {
  return BY_PLURAL.get(plural);
}

/** Also of kinds without a list: the links of their items in `trafficmetrics` lead somewhere. */
export function objectResource(plural: string): SmiResource | undefined {
  return BY_PLURAL.get(plural) ?? OTHER_BY_PLURAL.get(plural);
}

/** Plural of a kind; lower case with an s for kinds Kubernetes does not have. */
export function pluralOf(kind: string): string {
  return BY_KIND.get(kind)?.plural ?? `${kind.toLowerCase()}s`;
}

export function isVersion(text: string): text is Version {
  return VERSIONS.some((version) => version === text);
}

/** `APIResourceList` of one version. */
export function resourceList(version: Version): object {
  const resources = RESOURCES.flatMap((entry) => discovered(entry, version));
  if (version === 'v1alpha2') {
    const all = { name: 'trafficmetrics', singularName: '', namespaced: true, kind: 'TrafficMetrics', verbs: ['list'] };
    resources.push({ ...all, shortNames: ['tm'] });
  }
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${GROUP}/${version}`, resources };
}

function discovered({ plural, kind, namespaced }: SmiResource, version: Version): object[] {
  const own = version === 'v1alpha1' ? 'TrafficMetrics' : `${kind}TrafficMetrics`;
  return [
    { name: plural, singularName: '', namespaced, kind: own, verbs: ['get', 'list'] },
    { name: `${plural}/edges`, singularName: '', namespaced, kind: 'TrafficMetricsList', verbs: ['get'] },
  ];
}

const VERSION_LIST = [...VERSIONS].reverse().map(groupVersion);

function groupVersion(version: Version): { groupVersion: string; version: Version } {
  return { groupVersion: `${GROUP}/${version}`, version };
}

/** `APIGroup` of the SMI metrics group. */
export function apiGroup(): object {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupBody() };
}

/** `APIGroupList` with the one group. */
export function apiGroupList(): object {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: [groupBody()] };
}

function groupBody(): object {
  return { name: GROUP, versions: VERSION_LIST, preferredVersion: groupVersion(PREFERRED) };
}
