/** @module Every recorded answer of smi-metrics beside Weir's: equal, or the reason why not. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import type { ResourceKind } from '../../../pipeline/model/resource.ts';
import type { TrafficRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { buckets, covered, own, peer, record, sumOf } from '../../kit/traffic.ts';
import { END_MS, startServer } from './server.ts';

interface Case {
  readonly prometheus: 'ok' | 'empty' | 'nan' | '500' | 'down';
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly body: unknown;
}
const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL('../../data/smi/smi-metrics-answers.json', import.meta.url), 'utf8'),
).cases;

/** One recorded answer turned into the one Weir gives, with its status and why. */
interface Reason {
  readonly status: number;
  readonly why: string;
  readonly body: (recorded: Case) => unknown;
}

/** How Weir's answer differs: a status, and what becomes of the recorded body. Several are applied in their order. */
function because(
  status: number,
  why: string,
  ...changes: readonly ((body: unknown, recorded: Case) => unknown)[]
): Reason {
  return { status, why, body: (recorded) => changes.reduce((body, change) => change(body, recorded), recorded.body) };
}

/** `metav1.Status` in place of whatever was recorded. */
function failed(code: number, reason: string, message: string, details?: object): () => unknown {
  const parts = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason };
  return () => ({ ...parts, ...(details === undefined ? {} : { details }), code });
}

function notFound(plural: string, name: string): Reason {
  const message = `${plural}.metrics.smi-spec.io "${name}" not found`;
  const details = { name, group: 'metrics.smi-spec.io', kind: plural };
  return because(404, 'errors are metav1.Status with a fitting code', failed(404, 'NotFound', message, details));
}

function badWindow(text: string): Reason {
  const message = `unable to use t="${text}": it must be from 1s to 5m0s (the retention)`;
  return because(400, "a window that cannot be is the asker's fault", failed(400, 'BadRequest', message));
}

const NO_RESOURCE = failed(404, 'NotFound', 'the server could not find the requested resource', {});
const NO_METHOD = because(
  405,
  'the body of a 405 is a metav1.Status',
  failed(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {}),
);
const NO_SUCH_RESOURCE = because(404, 'errors are metav1.Status with a fitting code', NO_RESOURCE);
const DOUBLE = because(404, 'a namespace is no resource inside a namespace', NO_RESOURCE);

/** Each kind also has its edges, and there are more kinds, in alphabetical order. */
function withMoreKinds(body: unknown): unknown {
  const list = body as { resources: { name: string; namespaced: boolean }[] };
  const names = list.resources.map(({ name }) => name);
  const [known] = list.resources;
  const more = ['jobs', 'nodes', 'replicasets', 'replicationcontrollers', 'services'].map((name) => ({
    ...known,
    name,
    namespaced: name !== 'nodes',
  }));
  if (more.some(({ name }) => names.includes(name))) throw new Error('the recorded answer has them already');
  const sorted = [...list.resources, ...more].sort((a, b) => (a.name < b.name ? -1 : 1));
  const resources = sorted.flatMap((entry) => [
    entry,
    { ...entry, name: `${entry.name}/edges`, kind: 'TrafficMetricsList', verbs: ['get'] },
  ]);
  return { ...list, resources };
}

/** Kubernetes' spelling of the two kinds that smi-metrics writes with one capital letter. */
function spelled(body: unknown): unknown {
  return JSON.parse(
    JSON.stringify(body).replaceAll('"Daemonset"', '"DaemonSet"').replaceAll('"Statefulset"', '"StatefulSet"'),
  );
}

function ownLink(body: unknown, { path }: Case): unknown {
  return { ...(body as object), metadata: { selfLink: path.replace(/\/$/, '') } };
}

function noItems(body: unknown): unknown {
  return { ...(body as object), items: [] };
}

/** The kind is served, and the fixture has none of it. */
function emptyList(resource: object): (body: unknown, recorded: Case) => unknown {
  return (_body, { path }) => ({
    kind: 'TrafficMetricsList',
    apiVersion: 'metrics.smi-spec.io/v1alpha1',
    metadata: { selfLink: path },
    resource,
    items: [],
  });
}

/** The answer recorded for the same question while Prometheus was well. */
function answerOf(index: number): () => unknown {
  return () => cases[index]!.body;
}

const MORE = because(200, 'discovery also lists edges and the kinds smi-metrics does not know', withMoreKinds);
const KIND = because(200, 'Kubernetes spells the kind DaemonSet and StatefulSet', spelled);
const LINK = because(200, 'the link of a namespaced list is its own path', ownLink);
const SERVED = 'nodes and services are served';
const MEMORY = 'answers come from memory; there is no Prometheus to be down or to send NaN';
const EMPTY = 'an empty list is [], never null';
const WAITING = because(
  503,
  MEMORY,
  failed(503, 'ServiceUnavailable', 'no slot has closed yet: first numbers in 9s', { retryAfterSeconds: 9 }),
);
const WATCH = failed(
  405,
  'MethodNotAllowed',
  'watch is not supported on resources of kind "deployments.metrics.smi-spec.io"',
  { group: 'metrics.smi-spec.io', kind: 'deployments' },
);

/**
 * Where Weir answers otherwise, by index of the case. All answers, these after their change, are equal after
 * `normalise`: times, Weir's additions (`apiVersion` of references, `edge.side`) and the order of items, which
 * smi-metrics takes from Prometheus.
 */
const REASONS = new Map<number, Reason>([
  [0, MORE],
  [1, MORE],
  [5, KIND],
  [6, KIND],
  [8, because(200, SERVED, emptyList({ kind: 'Service' }))],
  [9, because(200, SERVED, emptyList({ kind: 'Node' }))],
  [10, NO_SUCH_RESOURCE],
  [12, notFound('namespaces', 'missing')],
  [14, LINK],
  [15, LINK],
  [17, notFound('deployments', 'missing')],
  [19, NO_SUCH_RESOURCE],
  [21, KIND],
  [22, KIND],
  [23, because(200, SERVED, emptyList({ kind: 'Service', namespace: 'x' }))],
  [24, NO_SUCH_RESOURCE],
  [25, DOUBLE],
  [26, DOUBLE],
  [27, NO_SUCH_RESOURCE],
  [32, badWindow('0s')],
  [33, badWindow('-5s')],
  [34, badWindow('500ms')],
  [35, because(405, 'watch and selectors are refused, not ignored', WATCH)],
  [36, NO_METHOD],
  [37, NO_METHOD],
  [38, NO_METHOD],
  [39, NO_METHOD],
  [41, NO_METHOD],
  [42, because(200, EMPTY, noItems)],
  [43, because(200, EMPTY, noItems, ownLink)],
  [44, notFound('deployments', 'api')],
  [45, because(200, MEMORY, answerOf(2))],
  [46, because(200, MEMORY, answerOf(14), ownLink)],
  [47, because(200, MEMORY, answerOf(16))],
  [48, WAITING],
  [49, WAITING],
  [50, WAITING],
  [51, WAITING],
  [52, WAITING],
  [53, WAITING],
]);

const KINDS = new Map<string, ResourceKind>([
  ['daemonsets', 'DaemonSet'],
  ['statefulsets', 'StatefulSet'],
]);

/** The stub's numbers: 1008.1 successes, p50 162.5 ms, p90 268.75 ms, p99 296.875 ms. */
const numbers = {
  latency: [
    buckets([
      [100, 20],
      [200, 48],
      [300, 32],
    ]),
  ],
};

/** The stub answers every question with the same numbers, so each question has its own mesh. */
function stub({ prometheus, path }: Case): TrafficSum[] {
  if (prometheus === '500' || prometheus === 'down') return [];
  const records = prometheus === 'empty' ? [] : recordsFor(path);
  const lengthMs = lengthOf(path);
  return [
    sumOf(
      records,
      records.map(({ key }) => covered(key.own)),
      { startMs: END_MS - lengthMs, lengthMs },
    ),
  ];
}

/** As long as the window that is asked for, where it is longer than the default one. */
function lengthOf(path: string): number {
  if (path.endsWith('?t=1m')) return 60_000;
  return path.endsWith('?t=90s') ? 90_000 : 30_000;
}

function recordsFor(path: string): TrafficRecord[] {
  const kind = KINDS.get([...KINDS.keys()].find((plural) => path.includes(plural)) ?? '') ?? 'Deployment';
  const [api, web] = [own('x/api', { kind, pod: 'api' }), own('x/web', { kind, pod: 'web' })];
  if (path.endsWith('/edges')) {
    return [
      record('client', own('w/web'), peer('x/api'), 1008.1, 0, numbers),
      record('client', api, peer('y/db'), 1008.1, 0, numbers),
    ];
  }
  const received = record('server', api, peer(null), 1008.1, 0, numbers);
  return /\/namespaces(\/x)?$/.test(path)
    ? [received]
    : [received, record('server', web, peer(null), 1008.1, 0, numbers)];
}

/** Times out, additions out, items in one order; members stay in theirs. */
function normalise(body: unknown): string {
  return JSON.stringify(body, (key, value: unknown) => {
    if (key === 'creationTimestamp' || key === 'timestamp') return 'T';
    if (key === 'side') return undefined;
    if ((key === 'resource' || key === 'items') && Array.isArray(value)) return [...value].sort(byText);
    if (key === 'resource' && typeof value === 'object' && value !== null && 'apiVersion' in value) {
      return { ...value, apiVersion: undefined };
    }
    return value;
  });
}

function byText(a: unknown, b: unknown): number {
  const [left, right] = [normalise(a), normalise(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function parsed(text: string): unknown {
  return text === '' ? '' : JSON.parse(text);
}

test('all 54 cases are looked at', (t) => {
  t.is(cases.length, 54);
});

test('each reason changes the answer it stands beside', (t) => {
  for (const [index, { status, body, why }] of REASONS) {
    const recorded = cases[index]!;
    const same = status === recorded.status && normalise(body(recorded)) === normalise(recorded.body);
    t.false(same, `${index}: ${why}`);
  }
});

for (const [index, recorded] of cases.entries()) {
  const { prometheus, method, path, status } = recorded;
  const reason = REASONS.get(index);
  test(`${index} (${prometheus}) ${method} ${path.slice(36)}: ${reason?.why ?? 'equal'}`, async (t) => {
    const { ask } = await startServer(t, { sums: stub(recorded) });
    const answer = await ask(path, { method });
    t.is(answer.status, reason?.status ?? status);
    t.is(answer.headers['content-type'], 'application/json');
    t.is(normalise(parsed(answer.text)), normalise(reason === undefined ? recorded.body : reason.body(recorded)));
  });
}
