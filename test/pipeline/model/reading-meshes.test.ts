/** @module Sides over several meshes: failures no server saw, retries, services, and callers a server cannot name. */
import test from 'ava';
import { readTraffic, type TrafficReading } from '../../../pipeline/model/reading.ts';
import type { CoverageRecord, TrafficRecord } from '../../../pipeline/model/traffic.ts';
import { buckets, covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

function read(records: TrafficRecord[], coverage: CoverageRecord[] = []): TrafficReading {
  return readTraffic(sumOf(records, coverage), { defaultKind: 'Deployment', windowMs: 30_000 });
}

const web = own('x/web', { account: 'web' });
const api = own('x/api', { account: 'api' });
const db = own('x/db', { account: 'db' });
const both = [covered(web), covered(api)];
const name = (w: { namespace: string; name: string; kind: string } | null) =>
  w === null ? '?' : `${w.kind === 'Service' ? 'svc:' : ''}${w.name}`;

function edgesOf({ edges }: TrafficReading): string[] {
  return edges.map(({ source, destination, figures: f }) => {
    const unreached = f.unreached === 0 ? '' : ` (${f.unreached} unreached)`;
    return `${name(source)} > ${name(destination)} ${f.side} ${f.successes}+${f.failures}${unreached}`;
  });
}
const totalOf = (reading: TrafficReading, which: string) =>
  reading.workloads.find(({ resource }) => resource.name === which)?.figures ?? null;

const ISTIO = { mesh: 'istio', counts: 'requests' } as const;
const ISTIO_SERVER = { mesh: 'istio', counts: 'attempts' } as const;

test('failures no server saw are added to a total that its own side tells, and are in an edge its client tells', (t) => {
  const reading = read(
    [
      record('client', web, peer('x/api'), 90, 10, { ...ISTIO, unreached: 6 }),
      record('server', api, peer('x/web'), 90, 4, ISTIO_SERVER),
    ],
    both,
  );
  t.deepEqual(edgesOf(reading), ['web > api client 90+10 (6 unreached)']);
  t.like(totalOf(reading, 'api'), { side: 'server', successes: 90, failures: 10, unreached: 6 });
  t.like(reading.namespaces[0]!.figures, { successes: 90, failures: 10, unreached: 6 });
});

test('a pod tells only what it counted itself', (t) => {
  const reading = read(
    [record('client', web, peer('x/api'), 0, 10, { unreached: 10 }), record('server', api, peer('x/web'), 5)],
    both,
  );
  t.like(reading.pods.find(({ resource }) => resource.name === 'api-1')!.figures, { failures: 0, unreached: 0 });
});

test('an edge told by its server has them added once', (t) => {
  const reading = read(
    [
      record('client', web, peer('x/api'), 90, 10, { ...ISTIO, unreached: 10 }),
      record('server', api, peer('x/web'), 95, 0, ISTIO_SERVER),
    ],
    [covered(web, { resets: 1 }), covered(api)],
  );
  t.deepEqual(edgesOf(reading), ['web > api server 95+10 (10 unreached)']);
});

test('their rate takes the factor of the client that told them, and their latency is not taken', (t) => {
  const latency = [buckets([[1, 60]])];
  const reading = read(
    [
      record('client', web, peer('x/api'), 0, 60, { unreached: 60, latency }),
      record('server', api, peer('x/web'), 300, 0, { latency: [buckets([[100, 300]])] }),
    ],
    [covered(web, { coveredSeconds: 20 }), covered(api)],
  );
  t.is(totalOf(reading, 'api')!.ratePerSecond, 300 / 30 + 60 / 20);
  t.is(totalOf(reading, 'api')!.p50!.loMs, 50);
});

test('a total told by its clients has them already', (t) => {
  const reading = read([record('client', web, peer('x/db'), 5, 7, { unreached: 7 })], both);
  t.like(totalOf(reading, 'db'), { side: 'client', successes: 5, failures: 7, unreached: 7 });
});

test('sides are compared by what a server could have seen', (t) => {
  const total = (client: TrafficRecord) =>
    totalOf(read([client, record('server', api, peer('x/web'), 100)], both), 'api')!;
  // 140 of the client's 240 requests reached nobody: both saw 100.
  t.like(total(record('client', web, peer('x/api'), 100, 140, { unreached: 140 })), { side: 'server', failures: 140 });
  t.like(total(record('client', web, peer('x/api'), 100, 140, { unreached: 134 })), { side: 'client', failures: 140 });
});

test('retries are no sign of clients that are not watched: only successes beyond the client’s requests are', (t) => {
  const edge = (client: TrafficRecord, server: TrafficRecord) => edgesOf(read([client, server], both))[0];
  const client = record('client', web, peer('x/api'), 95, 5, ISTIO);
  const retried = record('server', api, peer('x/web'), 95, 60, ISTIO_SERVER);
  t.is(edge(client, retried), 'web > api client 95+5');
  t.is(edge(client, record('server', api, peer('x/web'), 106, 0, ISTIO_SERVER)), 'web > api server 106+0');
  // Where both count attempts, more attempts are more callers.
  const linkerd = record('client', web, peer('x/api'), 95, 5);
  t.is(edge(linkerd, record('server', api, peer('x/web'), 95, 60, { counts: 'attempts' })), 'web > api server 95+60');
});

test('requests of clients beyond a server’s attempts are servers that are not watched, whatever failed', (t) => {
  const total = (server: TrafficRecord) =>
    totalOf(read([record('client', web, peer('x/api'), 50, 50, ISTIO), server], both), 'api')!.side;
  t.is(total(record('server', api, peer('x/web'), 50, 50, ISTIO_SERVER)), 'server');
  t.is(total(record('server', api, peer('x/web'), 45, 45, ISTIO_SERVER)), 'client');
});

const noEndpoint = (service: string, failures: number, me = web) =>
  record('client', me, peer(`x/${service}`, { kind: 'Service', service }), 0, failures, {
    ...ISTIO,
    unreached: failures,
  });

test('a service that clients reached one workload by is that workload, also when they could choose no endpoint', (t) => {
  const reading = read(
    [
      record('client', web, peer('x/api', { service: 'api-svc' }), 40, 0, ISTIO),
      record('client', db, peer('x/api', { service: 'api-svc' }), 1, 0, ISTIO),
      noEndpoint('api-svc', 3),
      record('server', api, peer('x/web'), 40, 0, ISTIO_SERVER),
      record('server', api, peer('x/db'), 1, 0, ISTIO_SERVER),
    ],
    [...both, covered(db)],
  );
  t.deepEqual(edgesOf(reading), ['db > api client 1+0', 'web > api client 40+3 (3 unreached)']);
  t.like(totalOf(reading, 'api'), { side: 'server', successes: 41, failures: 3, unreached: 3 });
});

test('a service of several workloads stays a service, even one of the service’s own name', (t) => {
  const reading = read(
    [
      record('client', web, peer('x/api', { service: 'api' }), 40, 0, ISTIO),
      record('client', web, peer('x/api-canary', { service: 'api' }), 4, 0, ISTIO),
      noEndpoint('api', 3),
      record('server', api, peer('x/web'), 40, 0, ISTIO_SERVER),
    ],
    both,
  );
  t.deepEqual(edgesOf(reading), [
    'web > api client 40+0',
    'web > svc:api client 0+3 (3 unreached)',
    'web > api-canary client 4+0',
  ]);
  t.like(totalOf(reading, 'api'), { failures: 0 });
  t.like(reading.namespaces[0]!.figures, { successes: 44, failures: 3 });
});

test('a service that nobody reached is the workload of its name where there is one, else a service', (t) => {
  const reading = read([noEndpoint('api', 3), noEndpoint('gone', 2), record('server', api, peer(null), 7)], both);
  t.deepEqual(edgesOf(reading), [
    'web > api client 0+3 (3 unreached)',
    'web > svc:gone client 0+2 (2 unreached)',
    '? > api server 7+0',
  ]);
  t.like(totalOf(reading, 'api'), { successes: 7, failures: 3 });
});

test('a Linkerd client of an Istio server: one edge, whichever way the server’s page tells who called', (t) => {
  const client = record('client', web, peer('x/api'), 100);
  const server = (caller: ReturnType<typeof peer>) => record('server', api, caller, 100, 0, ISTIO_SERVER);
  for (const caller of [peer(null), peer('x/web'), peer('x/web', { kind: 'ServiceAccount' })]) {
    const reading = read([client, server(caller)], both);
    t.deepEqual(edgesOf(reading), ['web > api client 100+0'], JSON.stringify(caller));
    t.is(reading.edges[0]!.mesh, 'linkerd');
    t.like(totalOf(reading, 'api'), { side: 'server', successes: 100, meshes: ['istio'] });
  }
});

test('callers that a server cannot name are shown without those that told their calls themselves', (t) => {
  const reading = read(
    [
      record('client', web, peer('x/api'), 100, 10, { unreached: 4 }),
      record('server', api, peer(null), 150, 20, ISTIO_SERVER),
    ],
    both,
  );
  t.deepEqual(edgesOf(reading), ['web > api client 100+10 (4 unreached)', '? > api server 50+14']);
  t.like(totalOf(reading, 'api'), { successes: 150, failures: 24 });
  const few = read([
    record('client', web, peer('x/api'), 100),
    record('server', api, peer(null), 105, 0, ISTIO_SERVER),
  ]);
  t.deepEqual(edgesOf(few), ['web > api client 100+0']);
});

test('pods of unlike scrape phases are compared by what their scrapes covered, retried or not', (t) => {
  const [young, old] = [own('x/web', { account: 'web', pod: 'young' }), own('x/web', { account: 'web', pod: 'old' })];
  const shares = [covered(young, { coveredSeconds: 8, expectedSeconds: 10 }), covered(old, { coveredSeconds: 25 })];
  const reading = read(
    [
      record('client', young, peer('x/api'), 80, 0, ISTIO),
      record('client', old, peer('x/api'), 250, 0, ISTIO),
      record('server', api, peer('x/web'), 400, 50, ISTIO_SERVER),
    ],
    [...shares, covered(api)],
  );
  t.deepEqual(edgesOf(reading), ['web > api client 330+0']);
  t.is(reading.edges[0]!.figures.ratePerSecond, 400 / 30);
});

test('a client of another mesh whose page is late makes no strangers, and a server’s late page neither', (t) => {
  const strangers = (client: Partial<CoverageRecord>, server: Partial<CoverageRecord>) =>
    edgesOf(
      read(
        [record('client', web, peer('x/api'), 100), record('server', api, peer(null), 150, 0, ISTIO_SERVER)],
        [covered(web, client), covered(api, server)],
      ),
    ).slice(1);
  t.deepEqual(strangers({}, {}), ['? > api server 50+0']);
  t.deepEqual(strangers({ coveredSeconds: 20, scrapesMissed: 1 }, {}), []);
  t.deepEqual(strangers({}, { coveredSeconds: 45 }), []);
});

/** Connections as the server counts them. */
const connections = (opened: number, bytes: number) => ({
  tcp: { opened, closed: opened, readBytes: bytes, writtenBytes: 2 * bytes },
});
const mirror = (opened: number, bytes: number) => ({
  tcp: { opened, closed: opened, readBytes: 2 * bytes, writtenBytes: bytes },
});
const strangersTcp = ({ edges }: TrafficReading) => edges.find(({ source }) => source === null)?.figures.tcp ?? null;

test('connections of callers that a server cannot name go with their calls', (t) => {
  const tcp = record('server', api, peer(null), 0, 0, { ...ISTIO_SERVER, protocol: 'tcp', ...connections(60, 3000) });
  const reading = (server: number, client = 100) =>
    read(
      [record('client', web, peer('x/api'), client), record('server', api, peer(null), server, 0, ISTIO_SERVER), tcp],
      both,
    );
  for (const [server, client] of [
    [102, 100],
    [0, 0],
  ] as const) {
    t.deepEqual(edgesOf(reading(server, client)), client === 0 ? [] : ['web > api client 100+0']);
  }
  t.deepEqual(edgesOf(reading(150)), ['web > api client 100+0', '? > api server 50+0']);
  t.deepEqual(strangersTcp(reading(150)), { opened: 20, closed: 20, readBytes: 1000, writtenBytes: 2000 });
  t.is(tcp.tcp!.opened, 60);
  // Nobody tells them: all are shown.
  const nobody = read([record('server', api, peer(null), 0, 0, ISTIO_SERVER), tcp], both);
  t.deepEqual(strangersTcp(nobody), tcp.tcp);
});

test('on a port that tells no calls, connections are shown less those that clients told themselves', (t) => {
  const reading = (opened: number, bytes: number) =>
    read(
      [
        record('client', web, peer('x/db'), 0, 0, { protocol: 'tcp', ...mirror(30, 600) }),
        record('server', db, peer(null), 0, 0, { ...ISTIO_SERVER, protocol: 'tcp', ...connections(opened, bytes) }),
      ],
      [...both, covered(db)],
    );
  t.is(strangersTcp(reading(31, 620)), null);
  t.is(strangersTcp(reading(31, 900)), null);
  t.deepEqual(strangersTcp(reading(40, 800)), { opened: 10, closed: 10, readBytes: 200, writtenBytes: 400 });
  t.deepEqual(edgesOf(reading(40, 800)), ['web > db client 0+0', '? > db server 0+0']);
  t.like(totalOf(reading(40, 800), 'db')!.tcp, { opened: 40 });
});

test('a mesh whose servers name no caller does not show its own clients twice', (t) => {
  const envoy = { mesh: 'envoy', counts: 'requests' } as const;
  const reading = read(
    [record('client', web, peer('x/api'), 60, 0, envoy), record('server', api, peer(null), 60, 0, envoy)],
    both,
  );
  t.deepEqual(edgesOf(reading), ['web > api client 60+0']);
});

test('an Istio client of a server that nobody watches, and of an Envoy', (t) => {
  const reading = read(
    [
      record('client', web, peer('x/db'), 9, 2, { ...ISTIO, unreached: 1 }),
      record('client', web, peer('x/api'), 50, 0, ISTIO),
      record('server', api, peer(null), 50, 30, { mesh: 'envoy', counts: 'attempts' }),
    ],
    both,
  );
  // 30 failed attempts may be retries of the 50 requests.
  t.deepEqual(edgesOf(reading), ['web > api client 50+0', 'web > db client 9+2 (1 unreached)']);
  t.like(totalOf(reading, 'api'), { side: 'server', successes: 50, failures: 30, counts: 'attempts' });
  t.like(totalOf(reading, 'db'), { side: 'client', successes: 9, failures: 2, unreached: 1 });
});
