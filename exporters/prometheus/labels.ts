/** @module Labels of what the exporter shows: the attributes of traffic under their Prometheus names. */
import { foldedIdentity } from '../../pipeline/model/fold.ts';
import type { Identity, Workload } from '../../pipeline/model/resource.ts';
import type { CoverageRecord, TrafficKey } from '../../pipeline/model/traffic.ts';
import { labelsText } from '../../pipeline/wire/exposition-out/text.ts';
import {
  type Attribute,
  BOUNDS,
  CLASSIFICATION,
  CLOCK_AHEAD,
  coverageAttributes,
  labelName,
  PARTIAL,
  trafficAttributes,
} from '../../pipeline/wire/traffic-attributes.ts';

/** Labels that tell more than which workload talked to which; the user may leave them out. */
export const DETAIL_LABELS = [
  'source_pod',
  'source_pod_uid',
  'source_node',
  'source_service_account',
  'destination_pod',
  'destination_pod_uid',
  'destination_node',
  'destination_service_account',
  'destination_service',
  'destination_service_namespace',
] as const;
export type DetailLabel = (typeof DETAIL_LABELS)[number];

/**
 * Texts of labels, without braces. Totals are kept by them, too, but for the kinds of workloads: those are no part of who
 * somebody is (design §6), and a living series keeps the kinds with which it began.
 */
export interface Labels {
  /** Both ends of a record. */
  edge(key: TrafficKey): string;
  /** The workload that counted, whoever its peers and whichever its pods. */
  resource(key: TrafficKey): string;
  edgeIdentity(key: TrafficKey): string;
  resourceIdentity(key: TrafficKey): string;
  coverage(record: CoverageRecord): string;
  coverageIdentity(record: CoverageRecord): string;
  /** Marks of an interval. */
  interval(marks: { readonly partial: boolean; readonly clockAhead: boolean }): string;
}

export interface LabelOptions {
  /** Stand first in every label set. */
  readonly constant: Readonly<Record<string, string>>;
  readonly excluded: readonly DetailLabel[];
}

export function createLabels({ constant, excluded }: LabelOptions): Labels {
  const always = Object.entries(constant);
  const left = new Set<string>(excluded);
  const text = (attributes: readonly Attribute[]) =>
    labelsText([...always, ...attributes.map(([name, value]) => [labelName(name), value] as const)]);
  const edge = (key: TrafficKey) => text(trafficAttributes(key).filter(([name]) => !left.has(labelName(name))));
  const resource = (key: TrafficKey) => text(resourceAttributes(key));
  const coverage = (record: CoverageRecord) => text(coverageAttributes(record));
  return {
    edge,
    resource,
    edgeIdentity: (key) => edge(withoutKinds(key)),
    resourceIdentity: (key) => resource(withoutKinds(key)),
    coverage,
    coverageIdentity: (record) => coverage({ ...record, own: withoutOwnKind(record.own) }),
    interval: ({ partial, clockAhead }) =>
      text([
        [PARTIAL, String(partial)],
        [CLOCK_AHEAD, String(clockAhead)],
      ]),
  };
}

/** `key` with no kind but those that make a workload another one. */
function withoutKinds(key: TrafficKey): TrafficKey {
  const { own, peer } = key;
  const far = peer.workload === null ? null : withoutKind(peer.workload);
  return { ...key, own: withoutOwnKind(own), peer: { ...peer, workload: far } };
}

function withoutOwnKind(own: Identity): Identity {
  return { ...own, workload: withoutKind(own.workload) };
}

function withoutKind(workload: Workload): Workload {
  const { kind } = workload;
  return kind === '' || kind === 'Service' || kind === 'ServiceAccount' ? workload : { ...workload, kind: '' };
}

function resourceAttributes({ mesh, side, protocol, counts, own }: TrafficKey): Attribute[] {
  const { cluster, namespace, name, kind } = foldedIdentity(own).workload;
  const attributes: Attribute[] = [
    ['mesh', mesh],
    ['side', side],
    ['protocol', protocol],
    ['counts', counts],
    ['cluster', cluster],
    ['namespace', namespace],
    ['workload', name],
    ['kind', kind],
  ];
  return attributes.filter(([, value]) => value !== '');
}

const CORE = ['mesh', 'side', 'protocol', 'counts'];
const WORKLOAD = ['cluster', 'namespace', 'workload', 'kind'];
const TARGET = [...WORKLOAD, 'pod', 'pod_uid', 'node', 'service_account', 'target'];
const ENDS = ['source', 'destination'].flatMap((end) => WORKLOAD.map((name) => `${end}_${name}`));

/** Every label name that the exporter itself writes. */
export const OWN_LABELS: ReadonlySet<string> = new Set([
  ...CORE,
  ...ENDS,
  ...DETAIL_LABELS,
  ...TARGET,
  CLASSIFICATION,
  BOUNDS,
  labelName(PARTIAL),
  labelName(CLOCK_AHEAD),
  'le',
]);
