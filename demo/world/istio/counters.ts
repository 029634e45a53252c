/**
 * @module What one process of an Istio sidecar counts, and the merged page that its agent serves: the agent's own metrics,
 * Envoy's, the application's.
 *
 * Requests count when they end, TCP bytes and histograms at a flush. HTTP connections and their bytes are on no page.
 */
import type { Ending } from '../ending.ts';
import { addServer, flushUptime } from '../envoy/server-stats.ts';
import { type Cell, Stats } from '../envoy/stats.ts';
import type { EndCounters, MeshCounters, ProcessOptions, Shown } from '../mesh.ts';
import type { Place } from '../place.ts';
import type { EdgeSpec, WorkloadSpec } from '../topology.ts';
import { agentPart, applicationPart } from './beside.ts';
import { istioLabels, localReply, outcomeOf, type Told } from './labels.ts';

/** Statuses of gRPC that a server is to blame for. */
const GRPC_FAILURES = ['2', '4', '7', '13', '14', '15'];

type Parties = Pick<Told, 'reporter' | 'source' | 'destination' | 'mutual' | 'service' | 'protocol'>;

/** Bytes of one connection that the next report will tell. */
interface Unreported {
  sent: number;
  received: number;
  readonly cells: () => { readonly sent: Cell; readonly received: Cell };
}

/** What two parties said through one Service: their label sets, idle together. */
interface Talk {
  readonly labels: Set<string>;
  usedMs: number;
}

export class IstioCounters implements MeshCounters {
  readonly lags = { latency: true, tcpBytes: true };
  readonly clearsHistograms = false;
  readonly #options: ProcessOptions;
  readonly #stats = new Stats();
  /** Label sets by the two parties they are about. */
  readonly #talks = new Map<string, Talk>();
  readonly #unreported = new Set<Unreported>();
  #scrapes = 0;

  constructor(options: ProcessOptions) {
    this.#options = options;
    addServer(this.#stats, options);
    addNoise(this.#stats);
  }

  get #legacy(): boolean {
    return this.#options.place.workload.proxyGeneration === 'old';
  }

  client(edge: EdgeSpec, to: Place): EndCounters {
    const { workload } = this.#options.place;
    const mutual = to.workload.mesh === 'istio';
    return this.#end(edge, {
      reporter: 'source',
      source: workload,
      // Where the peer cannot tell who it is, the control plane has told with the endpoint.
      destination: to.workload,
      mutual,
      service: to.workload,
      protocol: edge.protocol,
    });
  }

  server(edge: EdgeSpec, from: Place): EndCounters {
    const { workload } = this.#options.place;
    const mutual = from.workload.mesh === 'istio';
    return this.#end(edge, {
      reporter: 'destination',
      source: mutual ? from.workload : null,
      destination: workload,
      mutual,
      service: workload,
      protocol: edge.protocol,
    });
  }

  unreached(edge: EdgeSpec, to: WorkloadSpec, nowMs: number): Shown | null {
    // Without an endpoint a TCP connection is closed at once, and counted under flags that no table reads.
    if (edge.protocol === 'tcp') return null;
    const { workload } = this.#options.place;
    const parties: Parties = {
      reporter: 'source',
      source: workload,
      destination: null,
      mutual: false,
      service: to,
      protocol: edge.protocol,
    };
    this.#request({ ...parties, ...localReply(edge.protocol, 'UH') }, edge, 0, nowMs);
    return { success: false, timed: true };
  }

  #end(edge: EdgeSpec, parties: Parties): EndCounters {
    return edge.protocol === 'tcp' ? this.#tcpEnd(edge, parties) : this.#httpEnd(edge, parties);
  }

  #httpEnd(edge: EdgeSpec, parties: Parties): EndCounters {
    const retries = parties.reporter === 'source';
    return {
      showsTcp: false,
      shown: (ending) => ({ success: isSuccess(outcomeOf(ending, edge.protocol)), timed: true }),
      opened() {},
      closed() {},
      began() {},
      retried: retries ? () => {} : null,
      ended: (ending: Ending, latencyMs, nowMs) =>
        this.#request({ ...parties, ...outcomeOf(ending, edge.protocol) }, edge, latencyMs, nowMs),
    };
  }

  #request(told: Told, edge: EdgeSpec, latencyMs: number, nowMs: number): void {
    const labels = this.#used(told, nowMs);
    this.#stats.counter('istio_requests_total', labels).value += 1;
    this.#stats.histogram('istio_request_duration_milliseconds', labels).record(latencyMs);
    this.#stats.histogram('istio_request_bytes', labels).record(edge.requestBytes);
    this.#stats.histogram('istio_response_bytes', labels).record(edge.responseBytes);
  }

  #tcpEnd(edge: EdgeSpec, parties: Parties): EndCounters {
    const told: Told = { ...parties, code: '', grpc: '', flags: '-' };
    const count = (family: string, nowMs: number) => {
      this.#stats.counter(`istio_tcp_${family}_total`, this.#used(told, nowMs)).value += 1;
    };
    const cell = (family: string) =>
      this.#stats.counter(`istio_tcp_${family}_bytes_total`, istioLabels(told, this.#legacy));
    const unreported: Unreported = {
      sent: 0,
      received: 0,
      cells: () => ({ sent: cell('sent'), received: cell('received') }),
    };
    return {
      showsTcp: true,
      shown: () => null,
      opened: (nowMs) => count('connections_opened', nowMs),
      closed: (nowMs) => {
        count('connections_closed', nowMs);
        this.#report(unreported);
      },
      began: (nowMs) => {
        this.#used(told, nowMs);
        unreported.received += edge.requestBytes;
        this.#unreported.add(unreported);
      },
      retried: null,
      ended: ({ fate }, _latencyMs, nowMs) => {
        this.#used(told, nowMs);
        if (fate === 'broken') return;
        unreported.sent += edge.responseBytes;
        this.#unreported.add(unreported);
      },
    };
  }

  #report(unreported: Unreported): void {
    if (!this.#unreported.delete(unreported)) return;
    const { sent, received } = unreported.cells();
    sent.value += unreported.sent;
    received.value += unreported.received;
    unreported.sent = 0;
    unreported.received = 0;
  }

  #used(told: Told, nowMs: number): string {
    const { reporter, source, service } = told;
    const labels = istioLabels(told, this.#legacy);
    const parties = `${reporter} ${source?.namespace}/${source?.name} ${service.namespace}/${service.name}`;
    const talk = this.#talks.get(parties) ?? { labels: new Set(), usedMs: nowMs };
    this.#talks.set(parties, talk);
    talk.labels.add(labels);
    talk.usedMs = nowMs;
    return labels;
  }

  flush(nowMs: number): void {
    for (const unreported of this.#unreported) this.#report(unreported);
    this.#stats.flush();
    flushUptime(this.#stats, this.#options.bornMs, nowMs);
  }

  scrape(nowMs: number, retainIdleMs: number): string {
    this.#scrapes += 1;
    const { startedMs } = this.#options.place;
    const page = `${agentPart(this.#scrapes)}${this.#stats.render()}${applicationPart(startedMs, nowMs)}`;
    this.#evict(nowMs - retainIdleMs);
    return page;
  }

  /**
   * A real proxy drops each series by itself. One that is back before the next page looks as if it had gone on, which no
   * observer can know better; here only what two parties no longer say at all is dropped, so that pages tell the truth.
   */
  #evict(staleMs: number): void {
    for (const [parties, { labels, usedMs }] of this.#talks) {
      if (usedMs >= staleMs) continue;
      this.#talks.delete(parties);
      for (const each of labels) this.#stats.drop(each);
    }
  }

  clear(): void {
    this.#stats.clearCounters();
  }

  reorder(): void {
    this.#stats.reorder();
  }
}

function isSuccess({ code, grpc }: { readonly code: string; readonly grpc: string }): boolean {
  return grpc === '' ? !code.startsWith('5') : !GRPC_FAILURES.includes(grpc);
}

/** What a default sidecar has beside its traffic: its build, its link to the control plane. */
function addNoise(stats: Stats): void {
  stats.gauge('istio_build', 'component="proxy",tag="1.28.0"').value = 1;
  const control = 'cluster_name="xds-grpc"';
  for (const [family, value] of [
    ['envoy_cluster_upstream_rq_total', 2],
    ['envoy_cluster_upstream_rq_completed', 1],
    ['envoy_cluster_internal_upstream_rq_completed', 1],
    ['envoy_cluster_upstream_cx_total', 1],
  ] as const) {
    stats.counter(family, control).value = value;
  }
  stats.counter('envoy_cluster_upstream_rq', `response_code_class="2xx",${control}`).value = 1;
  stats.counter('envoy_cluster_manager_cluster_added', '').value = 28;
  stats.counter('envoy_listener_manager_listener_create_success', '').value = 22;
}
