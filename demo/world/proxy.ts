/**
 * @module One life of one proxy process: what it has counted, in Linkerd's terms, and the truth beside it.
 *
 * HTTP and TCP label sets of the older block vanish when idle; everything else lasts as long as the process.
 */
import { Histogram, LATENCY_BOUNDS_MS } from './histogram.ts';
import type { Ending, Place } from './labels.ts';
import { ADMIN_PORT, acceptedLabels, allowedLabels, createEnding, inboundLabels } from './labels.ts';
import { createLegacyFamilies } from './legacy-families.ts';
import { createNextFamilies } from './next-families.ts';
import type { Side, TrueCounts, TruePeer, TruthSnapshot } from './truth.ts';
import { createTrueCounts, markOf } from './truth.ts';

/** Counters of one HTTP endpoint label set. */
export interface EndpointSet {
  requests: number;
  /** By the labels of how it ended. */
  readonly responses: Map<string, { value: number }>;
  /** By status code. */
  readonly latency: Map<string, Histogram>;
  updatedMs: number;
}

/** Counters of one TCP label set. */
export interface TransportSet {
  opened: number;
  /** Open now. */
  open: number;
  closed: number;
  /** A proxy prints its closings only once there was one. */
  everClosed: boolean;
  readBytes: number;
  writtenBytes: number;
  updatedMs: number;
}

const ADMIN_IP = '0.0.0.0';
const SCRAPED = inboundLabels(ADMIN_IP, ADMIN_PORT, null);
const SCRAPE_ALLOWED = allowedLabels(ADMIN_IP, ADMIN_PORT, null);
const SCRAPE_ACCEPTED = acceptedLabels(ADMIN_IP, ADMIN_PORT, null);
const SCRAPE_ENDING = createEnding('200', true);
const SCRAPE_REQUEST_BYTES = 85;

export class MeshProxy {
  readonly place: Place;
  readonly life: number;
  readonly startedMs: number;
  readonly endpoints = new Map<string, EndpointSet>();
  readonly transports = new Map<string, TransportSet>();
  readonly legacy = createLegacyFamilies();
  readonly next;
  /** True once the process is gone; what comes later is counted by nobody. */
  ended = false;
  endedMs: number | null = null;
  epoch = 1;
  /** Raised by `reorder`: the same series in another order. */
  orderings = 0;
  #ownShape = 0;
  #resetPending = false;
  readonly #truth = new Map<string, TrueCounts>();
  readonly #keepSamples: boolean;

  constructor(place: Place, life: number, startedMs: number, keepSamples: boolean) {
    this.place = place;
    this.life = life;
    this.startedMs = startedMs;
    this.next = createNextFamilies(startedMs);
    this.#keepSamples = keepSamples;
  }

  /** Changes whenever a series comes or goes, or the order was changed. */
  get shape(): string {
    return `${this.#ownShape}.${this.legacy.shape}.${this.next.shape}.${this.orderings}`;
  }

  endpoint(labels: string, nowMs: number): EndpointSet {
    let set = this.endpoints.get(labels);
    if (set === undefined) {
      set = { requests: 0, responses: new Map(), latency: new Map(), updatedMs: nowMs };
      this.endpoints.set(labels, set);
      this.#ownShape += 1;
    }
    set.updatedMs = nowMs;
    return set;
  }

  transport(labels: string, nowMs: number): TransportSet {
    let set = this.transports.get(labels);
    if (set === undefined) {
      set = { opened: 0, open: 0, closed: 0, everClosed: false, readBytes: 0, writtenBytes: 0, updatedMs: nowMs };
      this.transports.set(labels, set);
      this.#ownShape += 1;
    }
    set.updatedMs = nowMs;
    return set;
  }

  openTransport(labels: string, nowMs: number): void {
    const set = this.transport(labels, nowMs);
    set.opened += 1;
    set.open += 1;
  }

  closeTransport(labels: string, nowMs: number): void {
    const set = this.transport(labels, nowMs);
    set.open -= 1;
    set.closed += 1;
    if (!set.everClosed) this.#ownShape += 1;
    set.everClosed = true;
  }

  /** Counts a response of an endpoint; its latency only when there was a status. */
  respond(labels: string, ending: Ending, latencyMs: number, nowMs: number): void {
    const set = this.endpoint(labels, nowMs);
    let cell = set.responses.get(ending.labels);
    if (cell === undefined) {
      cell = { value: 0 };
      set.responses.set(ending.labels, cell);
      this.#ownShape += 1;
    }
    cell.value += 1;
    if (ending.status !== '') this.#latency(set, ending.status).record(latencyMs);
  }

  #latency(set: EndpointSet, status: string): Histogram {
    let histogram = set.latency.get(status);
    if (histogram === undefined) {
      histogram = new Histogram(LATENCY_BOUNDS_MS);
      set.latency.set(status, histogram);
      this.#ownShape += 1;
    }
    return histogram;
  }

  /** Truth towards one pod of a peer through one Service; made when it is new. */
  truth(side: Side, peer: TruePeer, service: string): TrueCounts {
    const key = `${side} ${peer.pod} ${service}`;
    let counts = this.#truth.get(key);
    if (counts === undefined) {
      counts = createTrueCounts(side, peer, service);
      this.#truth.set(key, counts);
    }
    return counts;
  }

  /** Counts a response in the truth. */
  settle(counts: TrueCounts, ending: Ending, latencyMs: number): void {
    if (ending.success) counts.successes += 1;
    else counts.failures += 1;
    if (this.#keepSamples && ending.status !== '') counts.latenciesMs.push(latencyMs);
  }

  snapshot(atMs: number): TruthSnapshot {
    const entries = [...this.#truth.values()].map((counts) => ({ ...markOf(counts), counts, zero: counts.zero }));
    const { life, epoch, startedMs, place } = this;
    return { pod: place.pod, life, epoch, atMs, startedMs, entries };
  }

  /** Every counter starts over from 0 while process and start time stay: at once, or just before the next page. */
  reset(when: 'now' | 'next page'): void {
    if (when === 'next page') {
      this.#resetPending = true;
      return;
    }
    this.#resetPending = false;
    this.epoch += 1;
    this.legacy.clearCounters();
    this.next.clearCounters();
    for (const set of this.endpoints.values()) clearEndpoint(set);
    for (const set of this.transports.values()) clearTransport(set);
    for (const counts of this.#truth.values()) counts.zero = markOf(counts);
  }

  /** A scrape has reached the proxy: it counts itself before the page is rendered. */
  beginScrape(nowMs: number): void {
    if (this.#resetPending) this.reset('now');
    this.endpoint(SCRAPED, nowMs).requests += 1;
    this.legacy.count('inbound_http_authz_allow_total', SCRAPE_ALLOWED);
    this.openTransport(SCRAPE_ACCEPTED, nowMs);
    this.transport(SCRAPE_ACCEPTED, nowMs).readBytes += SCRAPE_REQUEST_BYTES;
  }

  /** The page is out: its own response is counted, and what it found idle since `retainIdleMs` is dropped. */
  endScrape(nowMs: number, pageBytes: number, retainIdleMs: number): void {
    this.respond(SCRAPED, SCRAPE_ENDING, 0, nowMs);
    this.closeTransport(SCRAPE_ACCEPTED, nowMs);
    this.transport(SCRAPE_ACCEPTED, nowMs).writtenBytes += pageBytes;
    this.#evict(nowMs - retainIdleMs);
  }

  #evict(staleMs: number): void {
    for (const [labels, set] of this.endpoints) {
      if (set.updatedMs < staleMs) this.#drop(this.endpoints, labels);
    }
    for (const [labels, set] of this.transports) {
      if (set.updatedMs < staleMs && set.open === 0) this.#drop(this.transports, labels);
    }
  }

  #drop(sets: Map<string, unknown>, labels: string): void {
    sets.delete(labels);
    this.#ownShape += 1;
  }
}

function clearEndpoint(set: EndpointSet): void {
  set.requests = 0;
  for (const cell of set.responses.values()) cell.value = 0;
  for (const histogram of set.latency.values()) histogram.clear();
}

function clearTransport(set: TransportSet): void {
  set.opened = 0;
  set.closed = 0;
  set.readBytes = 0;
  set.writtenBytes = 0;
}
