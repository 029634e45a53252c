/**
 * @module Envoy's table: what a series of a cluster, of a listener or of an endpoint means.
 *
 * Measured with Envoy 1.40 (test/end-to-end/real-envoy.test.ts): `upstream_rq_xx` counts each request once, by its last
 * answer, retries apart (`retry_upstream_rq_xx`); `endpoint_rq_*` counts every attempt. docs/semantics.md has the facts.
 */
import type { Identity, Labels, Peer } from '../../pipeline/model/resource.ts';
import type {
  Counts,
  FilteredSeries,
  Measure,
  MeshRules,
  Protocol,
  SeriesMeaning,
  Side,
  StraySamples,
  TrafficSeries,
} from '../../pipeline/model/rules.ts';
import { parseNumber } from '../../pipeline/wire/exposition/number.ts';
import { labelKey } from '../scrape/label-key.ts';
import { type ClusterNamesOptions, createClusterNames } from './cluster-names.ts';
import type { Destination, Direction } from './cluster-pattern.ts';
import { type DottedName, type EnvoyFamily, EPOCH, familyRules, LIVE, trafficFamilies, UPTIME } from './families.ts';
import { createOwnLabels } from './own-labels.ts';
import { createPrefixes, type PrefixOptions } from './prefixes.ts';

export interface EnvoyRulesOptions {
  readonly clusters: ClusterNamesOptions;
  readonly prefixes: PrefixOptions;
  /** Clusters whose names hold a dot. */
  readonly dotted: readonly DottedName[];
  /** Which statistics the server's side is read from. */
  readonly inboundFrom: 'listeners' | 'clusters';
  readonly endpointStatistics: boolean;
  /** Identity label to label of the page, for proxies whose target tells no workload. */
  readonly ownLabels: ReadonlyMap<string, string>;
  readonly flushSeconds: number;
  /** False only for excerpts of pages, which lack the family every whole page has. */
  readonly sentinel: boolean;
}

const CONTROL = filtered('control');
const INBOUND_CLUSTER = filtered('inbound_cluster');
const OUTBOUND_LISTENER = filtered('outbound_listener');
const UNKNOWN_DIRECTION = filtered('unknown_direction');
const TOLD_BY_CLUSTER = filtered('told_by_cluster');
const INFORMATIONAL = filtered('informational');
const EXACT_CODE = filtered('exact_code');
const UNKNOWN_CLASS = filtered('unknown_class');
const UNKNOWN_CLUSTER = filtered('unknown_cluster');
const BAD_BUCKET = filtered('bad_bucket');

/**
 * A dot in a cluster's name puts the rest of it into the name of the family; `dotted_clusters` names those that are read.
 * One family shows that there is such a cluster: the classes, or where endpoints tell those, what reached none.
 */
const DOTTED = {
  reason: 'dotted_cluster',
  mend: 'name the cluster in dotted_clusters, or give it an alt_stat_name without dots',
};
const CLASSES: StraySamples = {
  ...DOTTED,
  end: '_upstream_rq_xx',
  names: /^envoy_cluster_(?!zone_|(?:.+_)?(?:internal|external|canary|retry)_upstream_rq_xx$).+_upstream_rq_xx$/,
};
const NONE_HEALTHY: StraySamples = {
  ...DOTTED,
  end: '_upstream_cx_none_healthy',
  names: /^envoy_cluster_.+_upstream_cx_none_healthy$/,
};

const NOBODY: Peer = { workload: null, pod: '', service: '', serviceNamespace: '', serviceAccount: '' };

/** What a series of a page is about once its name is understood. */
interface Subject {
  readonly side: Side;
  readonly peer: Peer;
  readonly counts: Counts | null;
}

/** The table for one receiver. */
export function createEnvoyRules(options: EnvoyRulesOptions): MeshRules {
  const families = trafficFamilies(options);
  const table = new EnvoyTable(options, families);
  return {
    mesh: 'envoy',
    families: familyRules(families),
    sentinel: options.sentinel ? LIVE : null,
    strays: options.endpointStatistics ? NONE_HEALTHY : CLASSES,
    vanished: 'evicted',
    counts: { client: 'requests', server: 'attempts' },
    uptimeLagSeconds: options.flushSeconds,
    resolve: (sample, labels, own) => table.resolve(sample, labels, own),
  };
}

class EnvoyTable {
  readonly #options: EnvoyRulesOptions;
  readonly #families: ReadonlyMap<string, EnvoyFamily>;
  readonly #destination: (cluster: string) => Destination;
  readonly #direction: (prefix: string) => Direction | null;
  readonly #ownOf: (labels: Labels, own: Identity) => Identity | null;
  readonly #dotted: ReadonlyMap<string, string>;

  constructor(options: EnvoyRulesOptions, families: ReadonlyMap<string, EnvoyFamily>) {
    this.#options = options;
    this.#families = families;
    this.#destination = createClusterNames(options.clusters);
    this.#direction = createPrefixes(options.prefixes);
    this.#ownOf = createOwnLabels(options.ownLabels);
    this.#dotted = new Map(options.dotted.map(({ full, label, rest }) => [`${label}.${rest}`, full]));
  }

  resolve(sample: string, labels: Labels, own: Identity): SeriesMeaning {
    if (sample === LIVE) return { role: 'sentinel' };
    if (sample === UPTIME) return { role: 'uptime' };
    if (sample === EPOCH) return { role: 'restart_epoch' };
    const family = this.#families.get(sample)!;
    const subject = this.#subject(family, labels, own);
    if ('role' in subject) return subject;
    const measure = measureOf(family, labels);
    if (typeof measure !== 'string') return measure;
    const meaning = this.#traffic(sample, measure, subject, labels, own);
    if (measure !== 'unreached' || meaning.role !== 'traffic') return meaning;
    return { ...meaning, needs: clusterKey(family, labels) };
  }

  #subject(family: EnvoyFamily, labels: Labels, own: Identity): Subject | FilteredSeries {
    if (family.scope === 'cluster') return this.#cluster(family, labels, own);
    return family.scope === 'endpoint' ? this.#endpoint(family, labels, own) : this.#listener(family, labels);
  }

  #cluster(family: EnvoyFamily, labels: Labels, own: Identity): Subject | FilteredSeries {
    const destination = this.#destinationOf(family, labels);
    if (destination === null) return UNKNOWN_CLUSTER;
    if (destination.direction === 'control') return CONTROL;
    if (destination.direction === 'inbound') return this.#inboundCluster(family);
    const { endpointStatistics } = this.#options;
    if (endpointStatistics && family.content === 'class') return toldByEndpoint(clusterKey(family, labels));
    // With endpoints, the response times stand in the record of the attempts; there are no other ones.
    const counts = endpointStatistics && !isTcp(family) ? 'attempts' : null;
    return { side: 'client', peer: peerOf(destination, own), counts };
  }

  /** The connection to the application beside: the same requests that the inbound listener had. */
  #inboundCluster({ content }: EnvoyFamily): Subject | FilteredSeries {
    const isWanted = this.#options.inboundFrom === 'clusters' && (content === 'class' || content === 'bucket');
    return isWanted ? { side: 'server', peer: NOBODY, counts: null } : INBOUND_CLUSTER;
  }

  #endpoint(family: EnvoyFamily, labels: Labels, own: Identity): Subject | FilteredSeries {
    const destination = this.#destinationOf(family, labels);
    if (destination === null) return UNKNOWN_CLUSTER;
    if (destination.direction === 'control') return CONTROL;
    if (destination.direction === 'inbound') return INBOUND_CLUSTER;
    const pod = labels.get('envoy_endpoint_address') ?? '';
    return { side: 'client', peer: { ...peerOf(destination, own), pod }, counts: 'attempts' };
  }

  #listener(family: EnvoyFamily, labels: Labels): Subject | FilteredSeries {
    const label = family.scope === 'http' ? 'http_conn_manager_prefix' : 'tcp_prefix';
    const direction = this.#direction(tag(labels, label));
    if (direction === null) return UNKNOWN_DIRECTION;
    if (direction === 'control') return CONTROL;
    if (direction === 'outbound') return OUTBOUND_LISTENER;
    if (this.#options.inboundFrom === 'clusters' && !isTcp(family)) return TOLD_BY_CLUSTER;
    return { side: 'server', peer: NOBODY, counts: null };
  }

  /** Null when the rest of a cluster's name stands in that of the family, and the configuration names no such cluster. */
  #destinationOf({ rest }: EnvoyFamily, labels: Labels): Destination | null {
    const consul = consulDestination(labels);
    if (consul !== null) return consul;
    const label = tag(labels, 'cluster_name');
    const name = rest === '' ? label : this.#dotted.get(`${label}.${rest}`);
    return name === undefined || name === '' ? null : this.#destination(name);
  }

  #traffic(sample: string, measure: Measure, subject: Subject, labels: Labels, own: Identity): SeriesMeaning {
    const boundMs = measure === 'latency_bucket' ? parseNumber(labels.get('le') ?? '') : 0;
    if (boundMs === null || !(boundMs >= 0)) return BAD_BUCKET;
    const series: TrafficSeries = {
      role: 'traffic',
      measure,
      side: subject.side,
      own: this.#ownOf(labels, own),
      peer: subject.peer,
      protocol: protocolOf(measure),
      counts: subject.counts,
      boundMs,
      group: measure === 'latency_bucket' ? `${sample} ${labelKey(labels, 'le')}` : '',
    };
    return series;
  }
}

function measureOf({ content, scope }: EnvoyFamily, labels: Labels): Measure | FilteredSeries {
  if (content === 'bucket') return 'latency_bucket';
  if (content !== 'class') return content;
  const group = tag(labels, 'response_code_class');
  if (group !== '') return measureOfClass(group);
  return tag(labels, 'response_code') === '101' && scope === 'cluster' ? 'success' : EXACT_CODE;
}

/**
 * Class 1 is charged beside the final answer; an upgrade (101), whose final answer it is, is counted by its exact code
 * where there is one. gRPC cannot be told apart: its failures are of class 2, unless the proxy itself made them.
 */
function measureOfClass(group: string): Measure | FilteredSeries {
  if (!/^[1-5](?:xx)?$/.test(group)) return UNKNOWN_CLASS;
  if (group[0] === '1') return INFORMATIONAL;
  return group[0] === '5' ? 'failure' : 'success';
}

function protocolOf(measure: Measure): Protocol {
  return measure.startsWith('tcp_') ? 'tcp' : 'http';
}

function isTcp({ content }: EnvoyFamily): boolean {
  return content.startsWith('tcp_');
}

/** Value of a tag under its default name or, as Istio has it, without the prefix; '' when it is missing. */
function tag(labels: Labels, name: string): string {
  return labels.get(`envoy_${name}`) ?? labels.get(name) ?? '';
}

/** Consul's own tags tell more than the name of the cluster, which Envoy cuts at its first dot. */
function consulDestination(labels: Labels): Destination | null {
  const service = labels.get('consul_destination_service') ?? '';
  if (service === '') return null;
  const namespace = labels.get('consul_destination_namespace') ?? 'default';
  return { direction: 'outbound', service, namespace, workload: '' };
}

function peerOf({ service, namespace, workload }: Destination, own: Identity): Peer {
  const { cluster } = own.workload;
  return {
    workload:
      workload === ''
        ? { cluster, namespace, name: service, kind: 'Service' }
        : { cluster, namespace, name: workload, kind: '' },
    pod: '',
    service,
    serviceNamespace: '',
    serviceAccount: '',
  };
}

/** What tells a cluster from others on the page. */
function clusterKey({ rest }: EnvoyFamily, labels: Labels): string {
  return `${tag(labels, 'cluster_name')}.${rest}`;
}

/**
 * Requests of a cluster, which its endpoints tell; and a proof that it has requests. Connections of TCP that find no
 * endpoint are counted in the same families as requests that find none, but end in no class.
 */
function toldByEndpoint(cluster: string): FilteredSeries {
  return { role: 'filtered', reason: 'told_by_endpoint', proves: cluster };
}

function filtered(reason: string): FilteredSeries {
  return { role: 'filtered', reason };
}
