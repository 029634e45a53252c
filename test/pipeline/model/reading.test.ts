/** @module How traffic is read: sides, rates, completeness, accounts, kinds, and who is known. */
import test from 'ava';
import { foldPods } from '../../../pipeline/model/fold.ts';
import {
  type EdgeReading,
  type ResourceReading,
  readTraffic,
  type TrafficReading,
} from '../../../pipeline/model/reading.ts';
import type { CoverageRecord, TrafficRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { buckets, covered, own, peer, record, sumOf, workload } from '../../kit/traffic.ts';

function read(records: TrafficRecord[], coverage: CoverageRecord[], sum: Partial<TrafficSum> = {}): TrafficReading {
  return readTraffic({ ...sumOf(records, coverage), ...sum }, { defaultKind: 'Deployment', windowMs: 30_000 });
}
const end = (w: { namespace: string; name: string } | null) => (w === null ? '?' : `${w.namespace}/${w.name}`);
const edgeText = ({ source, destination, figures: f }: EdgeReading) =>
  `${end(source)} > ${end(destination)} ${f.side} ${f.successes}+${f.failures}`;
const edgesOf = (reading: TrafficReading) => reading.edges.map(edgeText);
const resourceText = ({ resource: r, figures: f }: ResourceReading) =>
  `${r.kind} ${r.namespace}/${r.name} ${f === null ? 'idle' : `${f.side} ${f.successes}+${f.failures}`}`;
const texts = (readings: readonly ResourceReading[]) => readings.map(resourceText);

const web = own('x/web', { account: 'web', node: 'n1' });
const api = own('x/api', { account: 'api', node: 'n2' });
const both = [covered(web), covered(api)];

test('an edge is read from the client, a workload from the server, and the two are never added', (t) => {
  const reading = read(
    [record('client', web, peer('x/api'), 98, 2), record('server', api, peer('x/web'), 97, 1)],
    both,
  );
  t.deepEqual(edgesOf(reading), ['x/web > x/api client 98+2']);
  t.deepEqual(texts(reading.workloads), ['Deployment x/api server 97+1', 'Deployment x/web idle']);
  t.is(reading.edges[0]!.figures.counts, 'attempts');
  t.is(reading.workloads[0]!.figures!.counts, 'requests');
});

const sideCases: [string, number, number, Partial<CoverageRecord>, Partial<CoverageRecord>, string][] = [
  ['exactly 5 % more on the server keeps the client', 100, 105, {}, {}, 'client'],
  ['over 5 % more on the server means clients that are not watched', 100, 106, {}, {}, 'server'],
  ['an incomplete client yields to a complete server', 100, 98, { scrapesMissed: 1 }, {}, 'server'],
  ['a client whose first sight was a baseline yields', 50, 100, { firstSight: true }, {}, 'server'],
  ['a client with a reset yields', 100, 100, { resets: 1 }, {}, 'server'],
  ['two incomplete sides leave the client', 100, 100, { resets: 1 }, { scrapesMissed: 1 }, 'client'],
  ['a client whose page covers three quarters saw as much', 75, 100, { coveredSeconds: 22.5 }, {}, 'client'],
  ['a client of short life counts for its life', 20, 106, { coveredSeconds: 6 }, {}, 'server'],
  ['a server’s catch-up is no sign of more clients', 100, 133, {}, { coveredSeconds: 40 }, 'client'],
  ['what a server’s pages did not cover is no evidence', 100, 100, {}, { coveredSeconds: 20 }, 'client'],
  [
    'an incomplete client that missed a third still saw more',
    67,
    70,
    { scrapesMissed: 1, coveredSeconds: 20 },
    {},
    'client',
  ],
  ['an incomplete client stays when the server saw far less', 100, 30, { scrapesMissed: 1 }, {}, 'client'],
];
for (const [title, client, server, clientCoverage, serverCoverage, side] of sideCases) {
  test(`side of an edge: ${title}`, (t) => {
    const reading = read(
      [record('client', web, peer('x/api'), client), record('server', api, peer('x/web'), server)],
      [covered(web, clientCoverage), covered(api, serverCoverage)],
    );
    t.deepEqual(edgesOf(reading), [`x/web > x/api ${side} ${side === 'client' ? client : server}+0`]);
  });
}

test('side of a total: mirrored, with the clients stepping in for servers that are not watched', (t) => {
  const unwatched = read([record('client', web, peer('y/db', { kind: 'StatefulSet' }), 40, 1)], both);
  t.true(texts(unwatched.workloads).includes('StatefulSet y/db client 40+1'));
  const partly = read([record('client', web, peer('x/api'), 106), record('server', api, peer('x/web'), 100)], both);
  t.true(texts(partly.workloads).includes('Deployment x/api client 106+0'));
  const enough = read([record('client', web, peer('x/api'), 105), record('server', api, peer('x/web'), 100)], both);
  t.true(texts(enough.workloads).includes('Deployment x/api server 100+0'));
});

test('a pod has only its own records: totals and from by server, to by client', (t) => {
  const reading = read([record('client', web, peer('x/api'), 10), record('server', api, peer('x/web'), 200)], both);
  t.deepEqual(texts(reading.pods), ['Pod x/api-1 server 200+0', 'Pod x/web-1 idle']);
  const seen = reading.edgesOf(reading.pods[1]!.resource);
  t.deepEqual(
    seen.map((e) => [e.direction, e.side, e.other?.name, e.figures.successes]),
    [['to', 'client', 'api', 10]],
  );
});

test('rate: each pod is scaled by its own coverage, so a dead or young pod does not bend it', (t) => {
  const pods = ['a', 'b', 'c'].map((pod) => own('x/api', { pod }));
  const [a, b, c] = pods as [typeof api, typeof api, typeof api];
  const reading = read(
    [record('server', a, peer(null), 300), record('server', b, peer(null), 200), record('server', c, peer(null), 90)],
    [
      covered(a),
      covered(b, { coveredSeconds: 20 }),
      covered(c, { coveredSeconds: 9, expectedSeconds: 9, scrapesDue: 1 }),
    ],
  );
  // 300 + 200 / 20 × 30 + 90 requests in 30 s: 10/s + 10/s + what the young pod served of its life, 3/s.
  t.is(reading.workloads[0]!.figures!.ratePerSecond, 23);
  t.is(reading.workloads[0]!.figures!.sources, 3);
});

test('rate: a pod with nothing covered adds nothing, and null says that none was covered', (t) => {
  const [a, b] = [own('x/api', { pod: 'a' }), own('x/api', { pod: 'b' })];
  const records = [record('server', a, peer(null), 300), record('server', b, peer(null), 30)];
  const one = read(records, [covered(a), covered(b, { coveredSeconds: 0 })]);
  t.is(one.workloads[0]!.figures!.ratePerSecond, 10);
  const none = read(records, [covered(a, { coveredSeconds: 0 }), covered(b, { coveredSeconds: 0 })]);
  t.is(none.workloads[0]!.figures!.ratePerSecond, null);
  t.is(none.workloads[0]!.figures!.successes, 330);
});

test('rate: an edge takes the factor of its own side, and merged pods take the mean of their workload', (t) => {
  const merged = own('x/web', { pod: '' });
  const [a, b] = [own('x/web', { pod: 'a' }), own('x/web', { pod: 'b' })];
  const reading = read(
    [record('client', merged, peer('x/api'), 60)],
    [covered(a, { coveredSeconds: 10 }), covered(b), covered(api, { coveredSeconds: 1 })],
  );
  t.is(reading.edges[0]!.figures.ratePerSecond, (60 / 40) * (60 / 30));
});

test('complete: no scrape missed, no baseline, no reset, not cut short, and somebody vouches', (t) => {
  const records = [record('server', api, peer(null), 5)];
  const complete = (coverage: CoverageRecord[], sum: Partial<TrafficSum> = {}) =>
    read(records, coverage, sum).workloads[0]!.figures!.complete;
  t.true(complete([covered(api)]));
  t.false(complete([covered(api, { scrapesMissed: 1 })]));
  t.false(complete([covered(api, { firstSight: true })]));
  t.false(complete([covered(api, { resets: 1 })]));
  t.false(complete([covered(api)], { partial: true }));
  t.false(complete([]));
});

test('an account becomes the one workload known with it, by its own label or by what clients say', (t) => {
  const account = peer('x/web', { kind: 'ServiceAccount' });
  const byOwn = read([record('server', api, account, 7)], both);
  t.deepEqual(edgesOf(byOwn), ['x/web > x/api server 7+0']);
  t.is(byOwn.edges[0]!.source?.kind, 'Deployment');
  const byPeer = read(
    [
      record('server', api, peer('x/jobs', { kind: 'ServiceAccount' }), 7),
      record('client', web, peer('x/worker', { account: 'jobs' }), 1),
    ],
    both,
  );
  t.deepEqual(edgesOf(byPeer), ['x/web > x/worker client 1+0', 'x/worker > x/api server 7+0']);
});

test('an account of no known workload stays an account and never becomes the default kind', (t) => {
  const reading = read([record('server', api, peer('w/web', { kind: 'ServiceAccount' }), 7)], both);
  t.deepEqual(edgesOf(reading), ['w/web > x/api server 7+0']);
  t.is(reading.edges[0]!.source?.kind, 'ServiceAccount');
  t.deepEqual(texts(reading.workloads), ['Deployment x/api server 7+0', 'Deployment x/web idle']);
  t.deepEqual(
    reading.edgesOf(reading.workloads[0]!.resource).map((e) => e.other?.kind),
    ['ServiceAccount'],
  );
});

const two = [own('x/web', { account: 'shared' }), own('x/cron', { account: 'shared' })] as const;
const shared = record('server', api, peer('x/shared', { kind: 'ServiceAccount' }), 9);

test('an account of several workloads is shown until one of them is seen calling the same server', (t) => {
  const coverage = [covered(two[0]), covered(two[1]), covered(api)];
  t.deepEqual(edgesOf(read([shared], coverage)), ['x/shared > x/api server 9+0']);
  t.deepEqual(edgesOf(read([shared, record('client', two[0], peer('x/api'), 9)], coverage)), [
    'x/web > x/api client 9+0',
  ]);
  const elsewhere = read([shared, record('client', two[0], peer('x/other'), 9)], coverage);
  t.deepEqual(edgesOf(elsewhere), ['x/shared > x/api server 9+0', 'x/web > x/other client 9+0']);
});

test('an account hides behind a client of unknown account in its namespace, not in another one', (t) => {
  const coverage = [covered(api)];
  const stranger = (path: string, account = '') => record('client', own(path, { account }), peer('x/api'), 3);
  t.deepEqual(edgesOf(read([shared, stranger('x/ui')], coverage)), ['x/ui > x/api client 3+0']);
  t.is(edgesOf(read([shared, stranger('x/ui', 'ui')], coverage)).length, 2);
  t.is(edgesOf(read([shared, stranger('y/ui')], coverage)).length, 2);
});

test('a kind is told by whoever knows it in the same sum, the own label first, the default last', (t) => {
  const daemon = own('x/log', { kind: 'DaemonSet' });
  const reading = read(
    [
      record('client', web, peer('x/log', { kind: 'StatefulSet' }), 1),
      record('client', web, peer('x/db'), 1),
      record('client', daemon, peer('x/db', { kind: 'StatefulSet' }), 1),
      record('client', web, peer('x/new'), 1),
    ],
    [covered(web), covered(daemon)],
  );
  t.deepEqual(
    reading.workloads.map((w) => `${w.resource.kind} ${w.resource.name}`),
    ['StatefulSet db', 'DaemonSet log', 'Deployment new', 'Deployment web'],
  );
  t.deepEqual(
    reading.edges.map((e) => `${e.source?.kind} ${e.destination?.kind}`),
    ['DaemonSet StatefulSet', 'Deployment StatefulSet', 'Deployment DaemonSet', 'Deployment Deployment'],
  );
});

test('an unknown source is an edge of its own', (t) => {
  const reading = read(
    [
      record('server', api, peer(null), 4, 1),
      record('client', web, peer('x/api'), 3),
      record('server', api, peer('x/web', { kind: 'ServiceAccount' }), 3),
    ],
    both,
  );
  t.deepEqual(edgesOf(reading), ['x/web > x/api client 3+0', '? > x/api server 4+1']);
});

test('a namespace sums what its workloads received, and its edges are those between namespaces and within', (t) => {
  const out = own('w/web');
  const reading = read(
    [
      record('client', web, peer('x/api'), 10),
      record('client', out, peer('x/api'), 20),
      record('server', api, peer('x/web'), 10),
      record('server', api, peer('w/web'), 20),
      record('client', api, peer('y/db'), 5, 5),
    ],
    [...both, covered(out)],
  );
  t.deepEqual(texts(reading.namespaces), ['Namespace /w idle', 'Namespace /x server 30+0', 'Namespace /y client 5+5']);
  const seen = reading.edgesOf(reading.namespaces[1]!.resource);
  t.deepEqual(
    seen.map((e) => `${e.direction} ${e.other?.name} ${e.figures.successes}+${e.figures.failures}`),
    ['from x 10+0', 'from w 20+0', 'to x 10+0', 'to y 5+5'],
  );
});

test('nodes hold what their pods received, services what clients asked them for', (t) => {
  const reading = read(
    [
      record('client', web, peer('x/api', { service: 'api-svc' }), 10, 0, { latency: [buckets([[10, 10]])] }),
      record('server', api, peer('x/web'), 11),
    ],
    both,
  );
  t.deepEqual(texts(reading.nodes), ['Node /n1 idle', 'Node /n2 server 11+0']);
  t.deepEqual(texts(reading.services), ['Service x/api-svc client 10+0']);
  t.deepEqual(reading.edges[0]!.services, ['api-svc']);
  t.is(reading.services[0]!.figures!.p50?.valueMs, 7.5);
  t.deepEqual(
    reading.edgesOf(reading.services[0]!.resource).map((e) => `${e.direction} ${e.other?.name}`),
    ['from web'],
  );
});

test('who is up or was met is known and idle; a target that is down is not', (t) => {
  const dead = own('x/dead');
  const sum = sumOf([], [covered(web), covered(dead, { coveredSeconds: 0, scrapesMissed: 3 })]);
  const known = { workloads: [workload('y/db', 'StatefulSet')], services: [] };
  const reading = readTraffic(sum, { defaultKind: 'Deployment', windowMs: 30_000, known });
  t.deepEqual(texts(reading.workloads), ['Deployment x/web idle', 'StatefulSet y/db idle']);
  t.deepEqual(texts(reading.pods), ['Pod x/web-1 idle']);
});

test('TCP alone is traffic without requests and without a rate', (t) => {
  const tcp = { opened: 1, closed: 0, readBytes: 10, writtenBytes: 20 };
  const reading = read([record('server', api, peer(null), 0, 0, { tcp })], both);
  t.like(reading.workloads[0]!.figures, { successes: 0, failures: 0, ratePerSecond: null, p50: null, tcp });
});

test('names that look like prototype members or like other names stay apart', (t) => {
  const reading = read(
    [record('client', own('x/__proto__'), peer('constructor/1:x'), 1), record('client', own('x/a'), peer('x1/:b'), 1)],
    [],
  );
  t.deepEqual(edgesOf(reading), ['x/__proto__ > constructor/1:x client 1+0', 'x/a > x1/:b client 1+0']);
});

for (const [title, target, name] of [
  ['told by its pod alone', own('x/', { pod: 'worker-1' }), 'worker-1'],
  ['whose owner was guessed', own('x/worker', { kind: 'StatefulSet', pod: 'worker-1' }), 'worker'],
] as const) {
  test(`a watched pod that its clients know by its own name counts once: ${title}`, (t) => {
    const bare = peer('x/worker-1', { kind: 'Pod', service: 'svc' });
    const records = [record('client', web, bare, 300), record('server', target, peer('x/web'), 300)];
    const known = { workloads: [workload('x/worker-1', 'Pod')], services: [] };
    const sum = sumOf(records, [covered(web), covered(target)]);
    const reading = readTraffic(sum, { defaultKind: 'Deployment', windowMs: 30_000, known });
    t.deepEqual(edgesOf(reading), [`x/web > x/${name} client 300+0`]);
    t.deepEqual(reading.edges[0]!.services, ['svc']);
    t.is(reading.edges[0]!.destination?.kind, name === 'worker' ? 'StatefulSet' : 'Pod');
    t.deepEqual(texts(reading.namespaces), ['Namespace /x server 300+0']);
    t.deepEqual(texts(reading.pods), ['Pod x/web-1 idle', 'Pod x/worker-1 server 300+0']);
  });
}

test('a watched pod that its clients know by its own name counts once also when pods were folded', (t) => {
  const target = own('x/worker', { kind: 'StatefulSet', pod: 'worker-1' });
  const bare = peer('x/worker-1', { kind: 'Pod' });
  const records = [record('client', web, bare, 300), record('server', target, peer('x/web'), 300)];
  const { interval, ...sum } = foldPods(sumOf(records, [covered(web), covered(target)]));
  const reading = read([...sum.records], [...sum.coverage], { interval });
  t.deepEqual(edgesOf(reading), ['x/web > x/worker client 300+0']);
});

test('a pod of that name in another namespace or cluster stays apart', (t) => {
  const target = own('x/worker', { kind: 'StatefulSet', pod: 'worker-1' });
  const elsewhere = { ...workload('x/worker-1', 'Pod'), cluster: 'far' };
  const reading = read(
    [
      record('client', web, peer('y/worker-1', { kind: 'Pod' }), 1),
      record('client', web, { ...peer(null), workload: elsewhere }, 2),
      record('server', target, peer('x/web'), 4),
    ],
    [covered(web), covered(target)],
  );
  t.deepEqual(edgesOf(reading).sort(), [
    'x/web > x/worker server 4+0',
    'x/web > x/worker-1 client 2+0',
    'x/web > y/worker-1 client 1+0',
  ]);
});
