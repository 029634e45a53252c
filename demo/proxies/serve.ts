/**
 * @module Serves every proxy of a world over HTTP, one port a pod, with its faults, and writes down what was scraped.
 *
 * Each scrape first lets the world run up to the caller's `now`, so that a page, its truth and its instant belong
 * together: `onScrape` hands over exactly what the target showed.
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { MeshName } from '../world/topology.ts';
import type { TruthSnapshot } from '../world/truth.ts';
import type { PodView, ScrapeFault, World } from '../world/world.ts';

/** One scrape as the target saw it. `snapshot` is the truth at that instant, also when nobody got the page. */
export interface ScrapeRecord {
  readonly pod: string;
  readonly atMs: number;
  readonly snapshot: TruthSnapshot;
  /** `good`: the whole page went out. */
  readonly outcome: 'good' | ScrapeFault['kind'];
}

export interface ServeOptions {
  /** World time, milliseconds since the epoch; asked at each scrape. */
  now(): number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** First port, counted up pod by pod; default 0: the system picks each. */
  readonly basePort?: number;
  onScrape?(record: ScrapeRecord): void;
}

/** An entry of Prometheus' `file_sd` format. */
export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface ServedWorld {
  /** What discovery should list: pods that run, of one mesh or of all, in order of their start. */
  targets(mesh?: MeshName): TargetGroup[];
  /** `host:port` of a pod's proxy; throws for a pod that is not served. */
  addressOf(pod: string): string;
  /**
   * Opens ports for pods that have come and closes those of pods that are gone. To be called after the world's pods
   * have changed (`world.onPods`), and before `targets()` is published.
   */
  refresh(): Promise<void>;
  /** Lets hanging answers go: their connections break. */
  release(): void;
  /** Scrapes that hang now. */
  readonly hanging: number;
  close(): Promise<void>;
}

/** Where each mesh's proxies serve their page. */
const PAGE_PATH: Readonly<Record<MeshName, string>> = {
  linkerd: '/metrics',
  istio: '/stats/prometheus',
  envoy: '/stats/prometheus',
};

/** Opens the ports of all present pods. */
export async function serveWorld(world: World, options: ServeOptions): Promise<ServedWorld> {
  const { host = '127.0.0.1', basePort = 0 } = options;
  const servers = new Map<string, Server>();
  const hanging = new Set<Socket>();
  let nextPort = basePort;
  let work: Promise<void> = Promise.resolve();

  async function update(): Promise<void> {
    const present = new Map(world.pods().map((pod) => [pod.name, pod]));
    const stale = [...servers.keys()].filter((name) => !present.has(name));
    await Promise.all(stale.map(closeOne));
    for (const { name, workload } of present.values()) {
      if (workload.mesh !== null && !servers.has(name)) await openOne(name, workload.mesh);
    }
  }

  async function openOne(pod: string, mesh: MeshName): Promise<void> {
    const server = createServer((request, response) => answer(pod, mesh, request, response));
    servers.set(pod, server);
    await listen(server, host, nextPort === 0 ? 0 : nextPort++);
  }

  async function closeOne(pod: string): Promise<void> {
    const server = servers.get(pod);
    servers.delete(pod);
    if (server !== undefined) await closeServer(server);
  }

  function answer(pod: string, mesh: MeshName, request: IncomingMessage, response: ServerResponse): void {
    const path = request.url?.split('?')[0];
    if (path === PAGE_PATH[mesh]) scrape(pod, request, response);
    else if (path === '/ready') response.end('ready\n');
    else if (path === '/live') response.end('live\n');
    else response.writeHead(404).end();
  }

  function scrape(pod: string, request: IncomingMessage, response: ServerResponse): void {
    world.advance(options.now());
    if (!world.pods().some(({ name }) => name === pod)) {
      request.socket.destroy();
      return;
    }
    const fault = world.takeFault(pod);
    // Rendered before the truth is read: a page may be what sets counters back.
    const page = fault === null ? world.scrape(pod) : '';
    const record: ScrapeRecord = {
      pod,
      atMs: world.nowMs,
      snapshot: world.snapshot(pod),
      outcome: fault?.kind ?? 'good',
    };
    if (fault === null) sendPage(request, response, page);
    else sendFault(fault, request, response, () => world.scrape(pod));
    if (fault?.kind === 'hang') {
      hanging.add(request.socket);
      request.socket.once('close', () => hanging.delete(request.socket));
    }
    options.onScrape?.(record);
  }

  function release(): void {
    for (const socket of hanging) socket.destroy();
    hanging.clear();
  }

  function addressOf(pod: string): string {
    const address = servers.get(pod)?.address();
    if (address === undefined || !isBound(address)) throw new Error(`pod ${pod} is not served`);
    return host.includes(':') ? `[${host}]:${address.port}` : `${host}:${address.port}`;
  }

  const served: ServedWorld = {
    targets: (mesh) =>
      world
        .pods()
        .filter((pod) => pod.phase === 'running' && servers.has(pod.name))
        .filter(({ workload }) => mesh === undefined || workload.mesh === mesh)
        .map((pod) => ({ targets: [addressOf(pod.name)], labels: labelsOf(pod) })),
    addressOf,
    refresh() {
      work = work.then(update);
      return work;
    },
    release,
    get hanging() {
      return hanging.size;
    },
    async close() {
      await work;
      release();
      await Promise.all([...servers.keys()].map(closeOne));
    },
  };
  await served.refresh();
  return served;
}

/** Identity labels as a discovery would give them. */
function labelsOf({ workload, name, node }: PodView): Record<string, string> {
  return {
    namespace: workload.namespace,
    [workload.kind]: workload.name,
    pod: name,
    service_account: workload.serviceAccount,
    node,
  };
}

function sendPage(request: IncomingMessage, response: ServerResponse, page: string): void {
  const zipped = String(request.headers['accept-encoding'] ?? '').includes('gzip');
  const body = zipped ? gzipSync(page) : Buffer.from(page);
  response.writeHead(200, {
    'content-type': 'text/plain',
    'content-length': body.length,
    ...(zipped ? { 'content-encoding': 'gzip' } : {}),
  });
  response.end(body);
}

function sendFault(fault: ScrapeFault, request: IncomingMessage, response: ServerResponse, page: () => string): void {
  switch (fault.kind) {
    case 'refused':
      request.socket.destroy();
      return;
    case 'unavailable':
      response.writeHead(503, { 'content-type': 'text/plain' }).end('upstream connect error\n');
      return;
    case 'hang':
      response.writeHead(200, { 'content-type': 'text/plain' }).flushHeaders();
      return;
    case 'cut':
      sendCut(response, page(), fault.clean);
      return;
    case 'partial':
      sendPage(request, response, withoutFamilies(page(), fault.without));
  }
}

/** Sends the page up to the middle of a line near its middle. */
function sendCut(response: ServerResponse, page: string, clean: boolean): void {
  const half = page.slice(0, page.indexOf('\n', page.length >> 1) + 20);
  response.writeHead(200, { 'content-type': 'text/plain' });
  if (clean) response.end(half);
  else response.write(half, () => response.destroy());
}

/** The page without all lines, comments included, of some families; `*` at the end of a name stands for any ending. */
export function withoutFamilies(page: string, families: readonly string[]): string {
  return page
    .split('\n')
    .filter((line) => !families.some((family) => isOf(line, family)))
    .join('\n');
}

function isOf(line: string, family: string): boolean {
  const name = /^(?:# \w+ )?([^ {]+)/.exec(line)?.[1] ?? '';
  if (family.endsWith('*')) return name.startsWith(family.slice(0, -1));
  return (
    name === family ||
    (name.startsWith(`${family}_`) && /^(?:total|bucket|sum|count)$/.test(name.slice(family.length + 1)))
  );
}

function isBound(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
