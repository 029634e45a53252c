/**
 * @module What one process of a plain Envoy proxy counts and shows: clusters it calls, the listener it is called on, and
 * much that is no traffic.
 *
 * Names by envoyproxy/envoy (`docs/root/configuration`), pages of Envoy 1.40. A cluster is one Service, never one pod; the
 * listener does not know who calls. Only final responses are in `upstream_rq_xx`; the ones that were retried have copies
 * of their own.
 */
import type { Ending } from '../ending.ts';
import type { EndCounters, MeshCounters, ProcessOptions, Shown } from '../mesh.ts';
import type { Place } from '../place.ts';
import type { EdgeSpec, WorkloadSpec } from '../topology.ts';
import { addServer, flushUptime } from './server-stats.ts';
import { Stats } from './stats.ts';

const INBOUND = 'envoy_http_conn_manager_prefix="ingress_http"';
const ADMIN = 'envoy_http_conn_manager_prefix="admin"';
const CONTROL = 'envoy_cluster_name="xds_cluster"';
const CLASSES = ['1', '2', '3', '4', '5'];
/** What a client is told when its server went away or there was none. */
const LOCAL_REPLY = '503';
const SCRAPE_REQUEST_BYTES = 120;

/** `<service>_<namespace>_svc_<port>`, as Kuma names clusters. */
export function clusterOf({ service, namespace, port }: WorkloadSpec): string {
  return `${service}_${namespace}_svc_${port}`;
}

export class EnvoyCounters implements MeshCounters {
  readonly lags = { latency: true, tcpBytes: false };
  readonly clearsHistograms = false;
  readonly #stats = new Stats();
  readonly #options: ProcessOptions;
  readonly #listener: string;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.#listener = `envoy_listener_address="0.0.0.0_${options.place.workload.port}"`;
    addServer(this.#stats, options);
    this.#addListener(ADMIN);
    this.#addListener(INBOUND);
    for (const family of ['upstream_rq_total', 'upstream_rq_completed']) this.#count(`cluster_${family}`, CONTROL);
    this.#count('cluster_upstream_rq_xx', `envoy_response_code_class="2",${CONTROL}`);
    this.#stats.gauge('envoy_cluster_manager_active_clusters', '').value = 6;
  }

  /** A listener shows its statistics from its start. */
  #addListener(prefix: string): void {
    for (const family of ['rq_total', 'rq_completed', 'cx_total', 'cx_destroy', 'cx_rx_bytes_total']) {
      this.#count(`http_downstream_${family}`, prefix, 0);
    }
    this.#count('http_downstream_cx_tx_bytes_total', prefix, 0);
    for (const digit of CLASSES) {
      this.#count('http_downstream_rq_xx', `envoy_response_code_class="${digit}",${prefix}`, 0);
    }
    this.#stats.gauge('envoy_http_downstream_cx_active', prefix);
  }

  #count(family: string, labels: string, by = 1): void {
    this.#stats.counter(`envoy_${family}`, labels).value += by;
  }

  client(edge: EdgeSpec, to: Place): EndCounters {
    const cluster = `envoy_cluster_name="${clusterOf(to.workload)}"`;
    const active = this.#stats.gauge('envoy_cluster_upstream_cx_active', cluster);
    this.#stats.gauge('envoy_cluster_membership_total', cluster).value = to.workload.replicas;
    return {
      showsTcp: true,
      shown: (ending) => ({ success: !isFailure(statusOf(ending)), timed: ending.fate === 'answered' }),
      opened: () => {
        this.#count('cluster_upstream_cx_total', cluster);
        this.#count('cluster_upstream_cx_destroy', cluster, 0);
        active.value += 1;
      },
      closed: () => {
        this.#count('cluster_upstream_cx_destroy', cluster);
        active.value -= 1;
      },
      began: () => {
        this.#count('cluster_upstream_rq_total', cluster);
        this.#count('cluster_upstream_cx_tx_bytes_total', cluster, edge.requestBytes);
      },
      retried: (ending) => {
        const status = statusOf(ending);
        this.#count('cluster_upstream_rq_retry', cluster);
        this.#count('cluster_retry_upstream_rq_xx', `${classLabel(status)},${cluster}`);
        if (ending.fate === 'answered') this.#received(cluster, edge);
      },
      ended: (ending, latencyMs) => {
        this.#answered(cluster, statusOf(ending));
        if (ending.fate === 'broken') return;
        this.#received(cluster, edge);
        this.#stats.histogram('envoy_cluster_upstream_rq_time', cluster).record(latencyMs);
        this.#stats.histogram('envoy_cluster_external_upstream_rq_time', cluster).record(latencyMs);
      },
    };
  }

  #received(cluster: string, { responseBytes }: EdgeSpec): void {
    this.#count('cluster_upstream_cx_rx_bytes_total', cluster, responseBytes);
  }

  /** A final response: counted by class, by code, and all of it once more by where it came from. */
  #answered(cluster: string, status: string): void {
    this.#count('cluster_upstream_rq_completed', cluster);
    for (const origin of ['', 'external_']) {
      this.#count(`cluster_${origin}upstream_rq_xx`, `${classLabel(status)},${cluster}`);
      this.#count(`cluster_${origin}upstream_rq`, `envoy_response_code="${status}",${cluster}`);
    }
  }

  server(edge: EdgeSpec): EndCounters {
    const local = `envoy_cluster_name="localhost_${this.#options.place.workload.port}"`;
    const active = this.#stats.gauge('envoy_http_downstream_cx_active', INBOUND);
    return {
      showsTcp: true,
      shown: (ending) => ({ success: !isFailure(statusOf(ending)), timed: true }),
      opened: () => {
        this.#count('http_downstream_cx_total', INBOUND);
        active.value += 1;
      },
      closed: () => {
        this.#count('http_downstream_cx_destroy', INBOUND);
        active.value -= 1;
      },
      began: () => {
        this.#count('http_downstream_rq_total', INBOUND);
        this.#count('http_downstream_cx_rx_bytes_total', INBOUND, edge.requestBytes);
      },
      retried: null,
      ended: (ending, latencyMs) => {
        const status = statusOf(ending);
        this.#count('http_downstream_rq_completed', INBOUND);
        this.#count('http_downstream_rq_xx', `${classLabel(status)},${INBOUND}`);
        this.#count('listener_http_downstream_rq_xx', `${classLabel(status)},${INBOUND},${this.#listener}`);
        this.#count('http_downstream_cx_tx_bytes_total', INBOUND, edge.responseBytes);
        this.#stats.histogram('envoy_http_downstream_rq_time', INBOUND).record(latencyMs);
        // The way on to the application is a cluster too.
        this.#answered(local, status);
        this.#stats.histogram('envoy_cluster_upstream_rq_time', local).record(latencyMs);
      },
    };
  }

  /** No host was tried: a response made up for the cluster, which no histogram times. */
  unreached(_edge: EdgeSpec, to: WorkloadSpec): Shown | null {
    const cluster = `envoy_cluster_name="${clusterOf(to)}"`;
    this.#count('cluster_upstream_cx_none_healthy', cluster);
    this.#answered(cluster, LOCAL_REPLY);
    return { success: false, timed: false };
  }

  flush(nowMs: number): void {
    this.#stats.flush();
    flushUptime(this.#stats, this.#options.bornMs, nowMs);
  }

  /** The admin interface is a listener of its own, on which the scrape counts itself once it is answered. */
  scrape(): string {
    this.#count('http_downstream_rq_total', ADMIN);
    this.#count('http_downstream_cx_total', ADMIN);
    this.#count('http_downstream_cx_rx_bytes_total', ADMIN, SCRAPE_REQUEST_BYTES);
    const page = this.#stats.render();
    this.#count('http_downstream_rq_completed', ADMIN);
    this.#count('http_downstream_rq_xx', `envoy_response_code_class="2",${ADMIN}`);
    this.#count('http_downstream_cx_destroy', ADMIN);
    this.#count('http_downstream_cx_tx_bytes_total', ADMIN, page.length);
    this.#stats.histogram('envoy_http_downstream_rq_time', ADMIN).record(2);
    return page;
  }

  clear(): void {
    this.#stats.clearCounters();
  }

  reorder(): void {
    this.#stats.reorder();
  }
}

/** Without the gRPC filter a failed gRPC call is what its HTTP status says. */
function statusOf({ fate, status }: Ending): string {
  return fate === 'broken' ? LOCAL_REPLY : status;
}

function isFailure(status: string): boolean {
  return status.startsWith('5');
}

function classLabel(status: string): string {
  return `envoy_response_code_class="${status.slice(0, 1)}"`;
}
