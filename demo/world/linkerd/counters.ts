/**
 * @module What one process of a Linkerd proxy counts and shows.
 *
 * HTTP and TCP label sets of the older block vanish when idle; everything else lasts as long as the process.
 */
import { type Ending, OK } from '../ending.ts';
import { Histogram, LATENCY_BOUNDS_MS } from '../histogram.ts';
import type { EndCounters, MeshCounters, ProcessOptions, Shown } from '../mesh.ts';
import type { Place } from '../place.ts';
import type { EdgeSpec } from '../topology.ts';
import { createClientEnd, createServerEnd } from './ends.ts';
import { ADMIN_PORT, acceptedLabels, allowedLabels, endingLabels, inboundLabels } from './labels.ts';
import { createLegacyFamilies } from './legacy-families.ts';
import { createNextFamilies } from './next-families.ts';
import { createPage, type Page } from './page.ts';

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
const SCRAPE_REQUEST_BYTES = 85;

export class LinkerdCounters implements MeshCounters {
  readonly lags = { latency: false, tcpBytes: false };
  readonly clearsHistograms = true;
  readonly place: Place;
  readonly startedMs: number;
  readonly endpoints = new Map<string, EndpointSet>();
  readonly transports = new Map<string, TransportSet>();
  readonly legacy = createLegacyFamilies();
  readonly next;
  readonly #page: Page;
  #orderings = 0;
  #ownShape = 0;

  constructor({ place, startedMs, seed }: ProcessOptions) {
    this.place = place;
    this.startedMs = startedMs;
    this.next = createNextFamilies(startedMs);
    this.#page = createPage(this, seed);
  }

  /** Changes whenever a series comes or goes, or the order was changed. */
  get shape(): string {
    return `${this.#ownShape}.${this.legacy.shape}.${this.next.shape}.${this.#orderings}`;
  }

  client(edge: EdgeSpec, to: Place, clusterIp: string): EndCounters {
    return createClientEnd(this, edge, to, clusterIp);
  }

  server(edge: EdgeSpec, from: Place): EndCounters {
    return createServerEnd(this, edge, from);
  }

  /** Only an error family tells, as on a real page. */
  unreached(): Shown | null {
    this.legacy.count('outbound_http_errors_total', 'error="failfast"');
    return null;
  }

  flush(): void {}

  reorder(): void {
    this.#orderings += 1;
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
    const ended = endingLabels(ending);
    let cell = set.responses.get(ended);
    if (cell === undefined) {
      cell = { value: 0 };
      set.responses.set(ended, cell);
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

  /** Every counter starts over from 0 while process and start time stay. */
  clear(): void {
    this.legacy.clearCounters();
    this.next.clearCounters();
    for (const set of this.endpoints.values()) clearEndpoint(set);
    for (const set of this.transports.values()) clearTransport(set);
  }

  scrape(nowMs: number, retainIdleMs: number): string {
    this.#beginScrape(nowMs);
    const page = this.#page.render(nowMs);
    this.#endScrape(nowMs, page.length);
    this.#evict(nowMs - retainIdleMs);
    return page;
  }

  /** A scrape has reached the proxy: it counts itself before the page is rendered. */
  #beginScrape(nowMs: number): void {
    this.endpoint(SCRAPED, nowMs).requests += 1;
    this.legacy.count('inbound_http_authz_allow_total', SCRAPE_ALLOWED);
    this.openTransport(SCRAPE_ACCEPTED, nowMs);
    this.transport(SCRAPE_ACCEPTED, nowMs).readBytes += SCRAPE_REQUEST_BYTES;
  }

  /** The page is out: its own response is counted. */
  #endScrape(nowMs: number, pageBytes: number): void {
    this.respond(SCRAPED, OK, 0, nowMs);
    this.closeTransport(SCRAPE_ACCEPTED, nowMs);
    this.transport(SCRAPE_ACCEPTED, nowMs).writtenBytes += pageBytes;
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
