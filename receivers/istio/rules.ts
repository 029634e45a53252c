/**
 * @module Istio's table: the families of sidecars, gateways, waypoints and ztunnel from 1.5 on, and what each series
 * means.
 *
 * Sources: istio/proxy (`extensions/stats`), envoyproxy/envoy (`contrib/istio/filters/http/istio_stats`), istio/ztunnel
 * (`src/proxy/metrics.rs`); recorded pages. Durations in seconds are of Mixer, which is gone since 1.8, and are not read.
 */
import type { Identity, Labels } from '../../pipeline/model/resource.ts';
import type {
  FamilyRule,
  FilteredSeries,
  Measure,
  MeshRules,
  Protocol,
  SeriesMeaning,
  Side,
  TrafficSeries,
} from '../../pipeline/model/rules.ts';
import { parseNumber } from '../../pipeline/wire/exposition/number.ts';
import { labelKey } from '../scrape/label-key.ts';
import { type Ends, endsOf } from './ends.ts';
import { known } from './labels.ts';
import { isUnreached, type OutcomeOptions, outcomeOf } from './outcome.ts';

const UPTIME = 'envoy_server_uptime';
const RESTART_EPOCH = 'envoy_server_hot_restart_epoch';
const BUILD = 'istio_build';
const REQUESTS = 'istio_requests_total';
const DURATION = 'istio_request_duration_milliseconds';

const FAMILIES: readonly FamilyRule[] = [
  ...[UPTIME, RESTART_EPOCH, BUILD].map(
    (sample): FamilyRule => ({ sample, family: sample, type: 'gauge', demand: null }),
  ),
  counter(REQUESTS, 'requests'),
  { sample: `${DURATION}_bucket`, family: DURATION, type: 'histogram', demand: 'latency' },
  counter('istio_tcp_connections_opened_total', 'tcp'),
  counter('istio_tcp_connections_closed_total', 'tcp'),
  counter('istio_tcp_sent_bytes_total', 'tcp'),
  counter('istio_tcp_received_bytes_total', 'tcp'),
];

/**
 * Bytes are named from where the proxy stands: `received` came from the client, `sent` went to it, on both reporters
 * (istio/istio#32399). So a client writes what is called received.
 */
const TCP_MEASURES: Readonly<Record<Side, ReadonlyMap<string, Measure>>> = {
  client: tcpMeasures('tcp_read_bytes', 'tcp_written_bytes'),
  server: tcpMeasures('tcp_written_bytes', 'tcp_read_bytes'),
};

/** What writes `istio_build` on a page of traffic; on a merged page the agent or the application may do so too. */
const PROXY_COMPONENTS: ReadonlySet<string> = new Set(['proxy', 'ztunnel']);

const UNKNOWN_REPORTER = filtered('unknown_reporter');
const BAD_BUCKET = filtered('bad_bucket');
const OTHER_BUILD = filtered('other_build');

export interface IstioRulesOptions extends OutcomeOptions {
  /** Workloads whose pages speak for other pods, e.g. ztunnel. */
  readonly nodeProxies: ReadonlySet<string>;
  /** Interval at which Envoy writes its uptime, seconds. */
  readonly flushSeconds: number;
  /** False only for excerpts of pages, which lack the families every whole page has. */
  readonly sentinel: boolean;
}

/** The table for one receiver. A client's proxy counts a request once, the server's each of its tries. */
export function createIstioRules(options: IstioRulesOptions): MeshRules {
  return {
    mesh: 'istio',
    families: FAMILIES,
    sentinel: options.sentinel ? UPTIME : null,
    vanished: 'evicted',
    counts: { client: 'requests', server: 'attempts' },
    uptimeLagSeconds: options.flushSeconds,
    resolve: (sample, labels, own) => resolve(sample, labels, own, options),
  };
}

function resolve(sample: string, labels: Labels, target: Identity, options: IstioRulesOptions): SeriesMeaning {
  if (sample === UPTIME) return { role: 'uptime' };
  if (sample === RESTART_EPOCH) return { role: 'restart_epoch' };
  if (sample === BUILD) return PROXY_COMPONENTS.has(known(labels, 'component')) ? { role: 'sentinel' } : OTHER_BUILD;
  const ends = endsOf(labels, target, options.nodeProxies);
  if (ends === null) return UNKNOWN_REPORTER;
  const tcp = TCP_MEASURES[ends.side].get(sample);
  if (tcp !== undefined) return traffic(tcp, ends, 'tcp', labels);
  const outcome = outcomeOf(labels, options);
  if (outcome !== 'success' && outcome !== 'failure') return filtered(outcome);
  return sample === REQUESTS ? requests(outcome, ends, labels) : bucket(ends, labels);
}

function requests(outcome: 'success' | 'failure', ends: Ends, labels: Labels): TrafficSeries {
  const unreached = outcome === 'failure' && ends.side === 'client' && isUnreached(labels);
  return traffic(unreached ? 'unreached' : outcome, ends, protocolOf(labels), labels);
}

function bucket(ends: Ends, labels: Labels): SeriesMeaning {
  const boundMs = parseNumber(labels.get('le') ?? '');
  if (boundMs === null || !(boundMs >= 0)) return BAD_BUCKET;
  return { ...traffic('latency_bucket', ends, protocolOf(labels), labels), boundMs, group: labelKey(labels, 'le') };
}

/** A waypoint hides its tries from the client as a client's own proxy does. */
function traffic(measure: Measure, ends: Ends, protocol: Protocol, labels: Labels): TrafficSeries {
  const { side, own, peer } = ends;
  const counts = labels.get('reporter') === 'waypoint' ? 'requests' : null;
  return { role: 'traffic', measure, side, own, peer, protocol, counts, boundMs: 0, group: '' };
}

/** Counts and latency carry the same labels, so that both are told apart alike. */
function protocolOf(labels: Labels): Protocol {
  return known(labels, 'request_protocol') === 'grpc' ? 'grpc' : 'http';
}

function tcpMeasures(sent: Measure, received: Measure): ReadonlyMap<string, Measure> {
  return new Map([
    ['istio_tcp_connections_opened_total', 'tcp_opened'],
    ['istio_tcp_connections_closed_total', 'tcp_closed'],
    ['istio_tcp_sent_bytes_total', sent],
    ['istio_tcp_received_bytes_total', received],
  ]);
}

function counter(sample: string, demand: 'requests' | 'tcp'): FamilyRule {
  return { sample, family: sample, type: 'counter', demand };
}

function filtered(reason: string): FilteredSeries {
  return { role: 'filtered', reason };
}
