/** @module Recorded pages of Envoy through scanner and table, against rows and truths that came about by other means. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import type { FamilyRule, TrafficSeries } from '../../../pipeline/model/rules.ts';
import { SeriesTable } from '../../../pipeline/model/series.ts';
import { ExpositionScanner } from '../../../pipeline/wire/exposition/scanner.ts';
import { createClusterNames } from '../../../receivers/envoy/cluster-names.ts';
import { envoyConfig } from '../../../receivers/envoy/config.ts';
import { rulesOptions } from '../../../receivers/envoy/envoy.ts';
import { createEnvoyRules } from '../../../receivers/envoy/rules.ts';
import { SeriesBudget, SeriesIndex } from '../../../receivers/scrape/series-index.ts';
import {
  busyOnly,
  type Count,
  expectedOfClient,
  expectedOfServer,
  expectedPerEndpoint,
  NONE,
} from '../../kit/envoy-expected.ts';
import type { Attempt, Call } from '../../kit/envoy-load.ts';
import { ownOf, rowsOf } from '../linkerd/rows.ts';

const FOLDER = new URL('../../data/envoy/', import.meta.url);
const LIMITS = { sampleLimit: 500_000, labelLimit: 64, labelNameLengthBytes: 256, labelValueLengthBytes: 2048 };
const read = (name: string) => readFileSync(new URL(name, FOLDER));

function readPage(name: string, config: Record<string, unknown>, pieceBytes = 1 << 20) {
  const page = read(name);
  const rules = createEnvoyRules(rulesOptions(envoyConfig.parse({ cluster_namespace: 'shop', ...config })));
  const table = new SeriesTable();
  const index = new SeriesIndex(rules, ownOf(), table, new SeriesBudget(100_000));
  const wanted = new Map<string, FamilyRule>(rules.families.map((family) => [family.sample, family]));
  const strays = rules.strays ?? null;
  const scanner = new ExpositionScanner({ wanted, resolve: (s, l) => index.resolve(s, l), limits: LIMITS, strays });
  scanner.begin(table, 1);
  for (let at = 0; at < page.length; at += pieceBytes) scanner.feed(page.subarray(at, at + pieceBytes));
  const scan = scanner.end();
  if (scan.failure !== null) throw new Error(`${scan.failure.reason} in line ${scan.failure.line}`);
  const filtered = new Map<string, number>();
  index.countFiltered(1, (reason, samples) => filtered.set(reason, samples));
  return { table, scan, hasSentinel: index.hasSentinel(1), filtered: Object.fromEntries([...filtered].sort()) };
}

/** Requests and response times by service, on one side. */
function counts(table: SeriesTable, side: TrafficSeries['side']) {
  const found = new Map<string, Count>();
  for (let id = 0; id < table.size; id++) {
    const meaning = table.meaningOf(id);
    if (meaning.role !== 'traffic' || meaning.side !== side || meaning.protocol === 'tcp') continue;
    const name = side === 'server' ? 'all' : meaning.peer.service;
    const at = found.get(name) ?? NONE();
    const value = table.values[id]!;
    if (meaning.measure === 'success') at.successes += value;
    else if (meaning.measure === 'failure') at.failures += value;
    else if (meaning.measure === 'unreached') {
      at.failures += value;
      at.unreached += value;
    } else if (meaning.boundMs === Infinity) at.latencies += value;
    found.set(name, at);
  }
  return busyOnly(found);
}

test('the whole page of an Envoy 1.40 gives the rows written beside it, in pieces of any size', (t) => {
  const config = { inbound_prefixes: ['in', 'zip'], control_clusters: ['otlp', 'als'] };
  const expected = JSON.parse(read('envoy-1.40-admin.expected.json').toString());
  for (const pieceBytes of [1 << 20, 4096, 61]) {
    const { table, scan, filtered, hasSentinel } = readPage('envoy-1.40-admin.prom', config, pieceBytes);
    t.deepEqual({ ...rowsOf(table, 1), samples: scan.samples, filtered }, expected);
    t.is(scan.skippedLines, 0);
    t.true(hasSentinel);
  }
});

test('unasked, listeners of that page whose direction nothing tells are counted as such', (t) => {
  const { table, filtered } = readPage('envoy-1.40-admin.prom', {});
  // Two listeners with 5 classes, 20 buckets and 4 numbers of connections each.
  t.is(filtered.unknown_direction, 2 * (5 + 20 + 4));
  t.deepEqual(Object.keys(counts(table, 'server')), []);
});

const { calls, attempts } = JSON.parse(read('envoy-1.40-truth.json').toString()) as {
  calls: readonly Call[];
  attempts: readonly Attempt[];
};
const SHORT = (via: string) => via.replace(/\..*/, '');
const named = <Item extends { via: string }>(items: readonly Item[]) =>
  items.map((item) => ({ ...item, via: SHORT(item.via) }));
const DOTTED = { dotted_clusters: ['reviews.default.svc'] };

test('the page beside a client tells what the client saw, a cluster with dots in its name included', (t) => {
  const { table, scan } = readPage('envoy-1.40-client.prom', DOTTED);
  t.deepEqual(counts(table, 'client'), busyOnly(expectedOfClient(named(calls))));
  t.deepEqual(counts(table, 'server'), {});
  t.is(scan.skippedLines, 0);
});

test('a cluster with dots in its name is dropped, counted and shown unless it is named', (t) => {
  const { table, scan } = readPage('envoy-1.40-client.prom', {});
  t.is(scan.straySamples, 1);
  t.regex(scan.firstStray, /^envoy_cluster_default_svc_upstream_rq_xx\{.*envoy_cluster_name="reviews"\} 7$/);
  t.is(readPage('envoy-1.40-client.prom', DOTTED).scan.straySamples, 0);
  const { reviews, ...others } = busyOnly(expectedOfClient(named(calls)));
  t.is(reviews?.successes, 7);
  t.deepEqual(counts(table, 'client'), others);
});

test('per endpoint the same page tells every attempt, and which ones reached nobody', (t) => {
  const { table, filtered } = readPage('envoy-1.40-client.prom', { ...DOTTED, endpoint_statistics: true });
  t.deepEqual(counts(table, 'client'), busyOnly(expectedPerEndpoint(named(calls), named(attempts))));
  t.is(filtered.told_by_endpoint, 8, 'classes of clusters');
});

test('the page beside the application tells what the application saw', (t) => {
  for (const config of [{}, { endpoint_statistics: true }]) {
    const { table } = readPage('envoy-1.40-server.prom', config);
    t.deepEqual(counts(table, 'server'), busyOnly(expectedOfServer(attempts)));
    t.deepEqual(counts(table, 'client'), {});
  }
});

test('read from the cluster beside, the same page tells the same but for what it times', (t) => {
  const { table } = readPage('envoy-1.40-server.prom', { inbound_from: 'clusters' });
  const expected = busyOnly(expectedOfServer(attempts));
  const resets = attempts.filter(({ ended }) => ended === 'reset').length;
  t.deepEqual(counts(table, 'server'), { all: { ...expected.all!, latencies: expected.all!.latencies - resets } });
});

test("names of a Kuma sidecar's clusters are understood, and its page of other families is no fault", (t) => {
  const { scan, table } = readPage('kuma-dp-envoy-histograms.txt', { sentinel: false });
  t.is(scan.samples, 0);
  t.is(table.live, 0);
  const names = new Set(
    read('kuma-dp-envoy-histograms.txt')
      .toString()
      .match(/(?<=envoy_cluster_name=")[^"]+/g),
  );
  const look = createClusterNames({ patterns: [], controlClusters: new Set(), namespace: '?' });
  const found = [...names].map((name) => {
    const { direction, namespace, service } = look(name);
    return `${direction} ${namespace}/${service}`;
  });
  t.deepEqual(found.sort(), [
    'control ?/access_log_sink',
    'control ?/ads_cluster',
    'control ?/kuma_envoy_admin',
    'inbound ?/inbound_passthrough_ipv4',
    'inbound ?/inbound_passthrough_ipv6',
    'inbound ?/localhost_3000',
    'outbound ?/demo-client',
    'outbound ?/outbound_passthrough_ipv4',
    'outbound ?/outbound_passthrough_ipv6',
    'outbound kuma-test/echo-server',
    'outbound kuma-test/echo-server',
    'outbound kuma-test/echo-server',
  ]);
});
