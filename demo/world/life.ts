/** @module One life of one proxy process: its mesh's counters, and the truth beside them. */
import type { Ending } from './ending.ts';
import type { EndCounters, MeshCounters, Shown } from './mesh.ts';
import type { Place } from './place.ts';
import type { EdgeSpec } from './topology.ts';
import type { Side, TrueCounts, TruePeer, TruthSnapshot } from './truth.ts';
import { createTrueCounts, markOf, showAll } from './truth.ts';

export interface LifeSettings {
  readonly place: Place;
  /** 1 for a pod's first process. */
  readonly number: number;
  readonly startedMs: number;
  /** Start of the first process of a chain of hot restarts. */
  readonly bornMs: number;
  readonly restartEpoch: number;
  readonly counters: MeshCounters;
  readonly keepSamples: boolean;
  /** Time between two flushes of what a page shows late; 0: at once. */
  readonly flushMs: number;
}

export class ProxyLife {
  readonly settings: LifeSettings;
  /** True once the process is gone; what comes later is counted by nobody. */
  ended = false;
  endedMs: number | null = null;
  #epoch = 1;
  #histogramEpoch = 1;
  #resetPending = false;
  /** Rises at each flush. */
  flushes = 0;
  #nextFlushMs: number;
  readonly #truth = new Map<string, TrueCounts>();

  constructor(settings: LifeSettings) {
    this.settings = settings;
    this.#nextFlushMs = settings.startedMs + settings.flushMs;
  }

  /** The client's end of calls to a pod through the Service at `clusterIp`. */
  clientEnd(edge: EdgeSpec, to: Place, clusterIp: string): End {
    const counts = this.#counts('client', { workload: to.workload, pod: to.pod }, to.workload.service);
    return new End(this, this.settings.counters.client(edge, to, clusterIp), counts, edge);
  }

  /** The server's end of calls from a pod. */
  serverEnd(edge: EdgeSpec, from: Place): End {
    const { workload } = this.settings.place;
    const counts = this.#counts('server', { workload: from.workload, pod: from.pod }, workload.service);
    return new End(this, this.settings.counters.server(edge, from), counts, edge);
  }

  /** A call that found no endpoint of `to`, over at once. */
  unreached(edge: EdgeSpec, to: TruePeer['workload'], nowMs: number): void {
    this.flushTo(nowMs);
    const shown = this.settings.counters.unreached(edge, to, nowMs);
    if (shown === null) return;
    const counts = this.#counts('client', { workload: to, pod: '' }, to.service);
    counts.unreached += 1;
    this.settle(counts, shown, 0);
  }

  /** Truth towards one pod of a peer through one Service; made when it is new. */
  #counts(side: Side, peer: TruePeer, service: string): TrueCounts {
    const key = `${side} ${peer.pod} ${peer.pod === '' ? peer.workload.namespace : ''} ${service}`;
    let counts = this.#truth.get(key);
    if (counts === undefined) {
      counts = createTrueCounts(side, peer, service);
      this.#truth.set(key, counts);
    }
    return counts;
  }

  /** Counts a response in the truth. */
  settle(counts: TrueCounts, { success, timed }: Shown, latencyMs: number): void {
    if (success) counts.successes += 1;
    else counts.failures += 1;
    if (this.settings.keepSamples && timed) counts.latenciesMs.push(latencyMs);
    if (!this.lags.latency) counts.shown.latencies = counts.latenciesMs.length;
  }

  get lags(): MeshCounters['lags'] {
    return this.settings.counters.lags;
  }

  /** Lets the flushes that are due by now happen. Called before anything else does at `nowMs`. */
  flushTo(nowMs: number): void {
    const { flushMs, counters } = this.settings;
    if (!this.lags.latency && !this.lags.tcpBytes) return;
    if (nowMs < this.#nextFlushMs) return;
    const late = flushMs === 0 ? 0 : (nowMs - this.#nextFlushMs) % flushMs;
    counters.flush(nowMs - late);
    this.#nextFlushMs = nowMs - late + flushMs;
    this.flushes += 1;
    for (const counts of this.#truth.values()) showAll(counts);
  }

  snapshot(atMs: number): TruthSnapshot {
    this.flushTo(atMs);
    const entries = [...this.#truth.values()].map((counts) => ({ ...markOf(counts), counts, zero: counts.zero }));
    const { number: life, startedMs, place } = this.settings;
    const [epoch, histogramEpoch] = [this.#epoch, this.#histogramEpoch];
    return { pod: place.pod, workload: place.workload, life, epoch, histogramEpoch, atMs, startedMs, entries };
  }

  /** Every counter starts over from 0 while process and start time stay: at once, or just before the next page. */
  reset(when: 'now' | 'next page'): void {
    this.#resetPending = when === 'next page';
    if (this.#resetPending) return;
    const { counters } = this.settings;
    counters.clear();
    this.#epoch += 1;
    if (counters.clearsHistograms) this.#histogramEpoch += 1;
    for (const counts of this.#truth.values()) {
      const { latencies } = counts.zero;
      counts.zero = counters.clearsHistograms ? markOf(counts) : { ...markOf(counts), latencies };
    }
  }

  /** The page at this instant; the scrape counts itself as on a real proxy. */
  scrape(nowMs: number, retainIdleMs: number): string {
    this.flushTo(nowMs);
    if (this.#resetPending) this.reset('now');
    return this.settings.counters.scrape(nowMs, retainIdleMs);
  }
}

/** One end of a link: tells the counters and the truth the same. */
export class End {
  readonly #life: ProxyLife;
  readonly #counters: EndCounters;
  readonly #counts: TrueCounts;
  readonly #edge: EdgeSpec;
  #unshown = { flushes: 0, readBytes: 0, writtenBytes: 0 };

  constructor(life: ProxyLife, counters: EndCounters, counts: TrueCounts, edge: EdgeSpec) {
    this.#life = life;
    this.#counters = counters;
    this.#counts = counts;
    this.#edge = edge;
  }

  get alive(): boolean {
    return !this.#life.ended;
  }

  get retries(): boolean {
    return this.alive && this.#counters.retried !== null;
  }

  opened(nowMs: number): void {
    this.#life.flushTo(nowMs);
    this.#counters.opened(nowMs);
    if (this.#counters.showsTcp) this.#counts.tcp.opened += 1;
  }

  closed(nowMs: number): void {
    this.#life.flushTo(nowMs);
    this.#counters.closed(nowMs);
    if (!this.#counters.showsTcp) return;
    this.#counts.tcp.closed += 1;
    this.#showBytes();
  }

  began(nowMs: number): void {
    this.#life.flushTo(nowMs);
    this.#counters.began(nowMs);
    this.#move(this.#counts.side === 'client' ? 'writtenBytes' : 'readBytes', this.#edge.requestBytes);
  }

  retried(ending: Ending, nowMs: number): void {
    this.#life.flushTo(nowMs);
    this.#counters.retried?.(ending, nowMs);
    this.#answered(ending);
  }

  ended(ending: Ending, latencyMs: number, nowMs: number): void {
    this.#life.flushTo(nowMs);
    this.#counters.ended(ending, latencyMs, nowMs);
    const shown = this.#counters.shown(ending);
    if (shown !== null) this.#life.settle(this.#counts, shown, latencyMs);
    this.#answered(ending);
  }

  #answered({ fate }: Ending): void {
    if (fate === 'broken') return;
    this.#move(this.#counts.side === 'client' ? 'readBytes' : 'writtenBytes', this.#edge.responseBytes);
  }

  #move(way: 'readBytes' | 'writtenBytes', bytes: number): void {
    const { tcp, shown } = this.#counts;
    if (!this.#counters.showsTcp) return;
    tcp[way] += bytes;
    if (!this.#life.lags.tcpBytes) shown[way] += bytes;
    else this.#waiting()[way] += bytes;
  }

  /** Bytes of this end that no flush has shown yet. */
  #waiting(): { readBytes: number; writtenBytes: number } {
    if (this.#unshown.flushes !== this.#life.flushes) {
      this.#unshown = { flushes: this.#life.flushes, readBytes: 0, writtenBytes: 0 };
    }
    return this.#unshown;
  }

  /** A connection that closes reports what it has not yet. */
  #showBytes(): void {
    const { shown } = this.#counts;
    const waiting = this.#waiting();
    shown.readBytes += waiting.readBytes;
    shown.writtenBytes += waiting.writtenBytes;
    waiting.readBytes = 0;
    waiting.writtenBytes = 0;
  }
}
