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

/**
 * Where Weir answers otherwise, by index of the case, with its status and why. All other cases are equal after
 * `normalise`: times, Weir's additions (`apiVersion` of references, `edge.side`) and the order of items, which
 * smi-metrics takes from Prometheus.
 */
const MORE = 'discovery also lists edges and the kinds smi-metrics does not know';
const KIND = 'Kubernetes spells the kind DaemonSet and StatefulSet';
const LINK = 'the link of a namespaced list is its own path';
const STATUS = 'errors are metav1.Status with a fitting code';
const MORE_KINDS = 'nodes and services are served';
const DOUBLE = 'a namespace is no resource inside a namespace';
const LONGER = 'only 30 s are retained in this fixture; the window answered is what is covered';
const NO_METHOD = 'the body of a 405 is a metav1.Status';
const EMPTY = 'an empty list is [], never null';
const MEMORY = 'answers come from memory; there is no Prometheus to be down or to send NaN';
const REASONS = new Map<number, readonly [status: number, reason: string]>([
  [0, [200, MORE]],
  [1, [200, MORE]],
  [5, [200, KIND]],
  [6, [200, KIND]],
  [8, [200, MORE_KINDS]],
  [9, [200, MORE_KINDS]],
  [10, [404, STATUS]],
  [12, [404, STATUS]],
  [14, [200, LINK]],
  [15, [200, LINK]],
  [17, [404, STATUS]],
  [19, [404, STATUS]],
  [21, [200, KIND]],
  [22, [200, KIND]],
  [23, [200, MORE_KINDS]],
  [24, [404, STATUS]],
  [25, [404, DOUBLE]],
  [26, [404, DOUBLE]],
  [27, [404, STATUS]],
  [28, [200, LONGER]],
  [29, [200, LONGER]],
  [32, [400, STATUS]],
  [33, [400, STATUS]],
  [34, [400, STATUS]],
  [35, [405, 'watch and selectors are refused, not ignored']],
  [36, [405, NO_METHOD]],
  [37, [405, NO_METHOD]],
  [38, [405, NO_METHOD]],
  [39, [405, NO_METHOD]],
  [41, [405, NO_METHOD]],
  [42, [200, EMPTY]],
  [43, [200, EMPTY]],
  [44, [404, STATUS]],
  [45, [200, MEMORY]],
  [46, [200, MEMORY]],
  [47, [200, MEMORY]],
  [48, [503, MEMORY]],
  [49, [503, MEMORY]],
  [50, [503, MEMORY]],
  [51, [503, MEMORY]],
  [52, [503, MEMORY]],
  [53, [503, MEMORY]],
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
  return [
    sumOf(
      records,
      records.map(({ key }) => covered(key.own)),
      { startMs: END_MS - 30_000 },
    ),
  ];
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

for (const [index, recorded] of cases.entries()) {
  const { prometheus, method, path } = recorded;
  const reason = REASONS.get(index);
  test(`${index} (${prometheus}) ${method} ${path.slice(36)}: ${reason?.[1] ?? 'equal'}`, async (t) => {
    const { ask } = await startServer(t, { sums: stub(recorded) });
    const answer = await ask(path, { method });
    t.is(answer.status, reason?.[0] ?? recorded.status);
    t.is(answer.headers['content-type'], 'application/json');
    const same = normalise(parsed(answer.text)) === normalise(recorded.body);
    t.is(same, reason === undefined, answer.text);
  });
}
