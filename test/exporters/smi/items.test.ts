/** @module Every listed object can be got under its own link, whatever names targets and clusters have. */
import test from 'ava';
import type { Identity, Peer, ResourceKind } from '../../../pipeline/model/resource.ts';
import { buckets, covered, own, peer, record, sumOf } from '../../kit/traffic.ts';
import { END_MS, startServer } from './server.ts';

const BASE = '/apis/metrics.smi-spec.io/v1alpha2';

interface Listed {
  metadata: { name: string; namespace?: string; selfLink: string };
  edge: { direction: string; side: string; resource: { name: string } };
  metrics: { value: string }[];
}

function ownIn(cluster: string, path: string): Identity {
  const me = own(path, { node: 'n1' });
  return { ...me, workload: { ...me.workload, cluster } };
}

function peerIn(cluster: string, path: string, kind: ResourceKind = ''): Peer {
  const far = peer(path, { kind, service: 'svc' });
  return { ...far, workload: { ...far.workload!, cluster } };
}

const [webA, apiA] = [ownIn('a', 'x/web'), ownIn('a', 'x/api')];
const webB = ownIn('b', 'x/web');

/** In cluster a the server counted one more than the client; in b only clients are watched for x/api. */
function twoClusters() {
  const fast = [buckets([[10, 101]])];
  const slow = [buckets([[1000, 300]])];
  const records = [
    record('client', webA, peerIn('a', 'x/api'), 100),
    record('server', apiA, peerIn('a', 'x/web'), 101, 0, { latency: fast }),
    record('client', webB, peerIn('b', 'x/api'), 299, 1, { latency: slow }),
    record('client', webB, peerIn('b', '/egress.example', 'Service'), 3),
  ];
  const coverage = [webA, apiA, webB].map((me) => covered(me));
  return sumOf(records, coverage, { startMs: END_MS - 30_000 });
}

function hostile() {
  const names = ['x/.', 'x/..', './api', '../api', 'x/%2e', 'x/ok'];
  const targets = names.map((name) => own(name, { pod: name.split('/')[1]! }));
  const peers = [peer('/vm', { kind: 'ExternalWorkload' }), peer('x/vm', { kind: 'ExternalWorkload' })];
  const more = [...peers, peer('x/nightly', { kind: 'CronJob' })];
  const records = more.map((each) => record('client', own('x/ok', { pod: 'ok' }), each, 1));
  return sumOf(
    records,
    targets.map((me) => covered(me)),
    { startMs: END_MS - 30_000 },
  );
}

for (const [title, sum] of [
  ['two clusters with the same names', twoClusters()],
  ['names that are no names', hostile()],
] as const) {
  test(`every listed item is found under its own link, and is the same there: ${title}`, async (t) => {
    const { get } = await startServer(t, { sums: [sum] });
    const listed = ['trafficmetrics', 'deployments', 'pods', 'namespaces', 'nodes', 'services'];
    for (const list of listed) {
      const { items }: { items: Listed[] } = await get(`${BASE}/${list}`);
      t.is(new Set(items.map(({ metadata }) => metadata.selfLink)).size, items.length, list);
      for (const item of items) {
        const { selfLink } = item.metadata;
        t.is(new URL(selfLink, 'http://weir').pathname, selfLink, 'a client would rewrite it');
        t.deepEqual(await get(selfLink), item);
      }
    }
  });
}

test('the same name in two clusters is one object with the counts of both, each from its own side', async (t) => {
  const { get } = await startServer(t, { sums: [twoClusters()] });
  const api: Listed & { kind: string } = await get(`${BASE}/namespaces/x/deployments/api`);
  const values = api.metrics.map(({ value }) => value);
  // The median of 101 in 0-10 ms and 300 in 500-1000 ms.
  t.deepEqual(values.slice(2), ['665833m', '400', '1']);
  t.is(api.edge.side, 'client');
  const { items }: { items: Listed[] } = await get(`${BASE}/namespaces`);
  t.deepEqual(
    items.map(({ metadata, metrics }) => [metadata.name, metrics[3]!.value]),
    [['x', '400']],
  );
});

test('edges of one name in two clusters are those of both', async (t) => {
  const { get } = await startServer(t, { sums: [twoClusters()] });
  const { items }: { items: Listed[] } = await get(`${BASE}/namespaces/x/deployments/web/edges`);
  t.deepEqual(
    items.map(({ edge, metrics }) => `${edge.direction} ${edge.resource.name} ${metrics[3]!.value}`),
    ['to api 100', 'to api 299', 'to egress.example 3'],
  );
});

test('what lies outside of every namespace makes no namespace without a name', async (t) => {
  const { get } = await startServer(t, { sums: [twoClusters()] });
  const { items }: { items: Listed[] } = await get(`${BASE}/namespaces/x/edges`);
  t.true(items.every(({ edge }) => edge.resource.name === 'x'));
});

for (const path of ['deployments/.', 'deployments/..', 'deployments/./edges', 'pods/..']) {
  test(`${path} is not found`, async (t) => {
    const { ask } = await startServer(t, { sums: [hostile()] });
    t.is((await ask(`${BASE}/namespaces/x/${path}`)).status, 404);
  });
}
