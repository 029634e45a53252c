/** @module The `istio` receiver over real HTTP: recorded pages, partial merged pages, duplicates, configuration. */
import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { Balance } from '../../../pipeline/balance.ts';
import type { Batch } from '../../../pipeline/batch.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import type { TargetLists } from '../../../pipeline/component.ts';
import { TAKEN } from '../../../pipeline/delivery.ts';
import { checkIstioConfig, istioConfig } from '../../../receivers/istio/config.ts';
import { factory } from '../../../receivers/istio/factory.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { createTestMeters, http, Sink, serve } from '../scrape/harness.ts';
import { rowsOf } from './rows.ts';

const DATA = new URL('../../data/istio/', import.meta.url);
const REVIEWS = { namespace: 'default', deployment: 'reviews-v1', pod: 'reviews-v1-1' };
const ZTUNNEL = { namespace: 'istio-system', daemonset: 'ztunnel', pod: 'ztunnel-x2v4q', node: 'n1' };

async function scrapeOnce(
  t: ExecutionContext,
  body: string | Uint8Array,
  extra: Record<string, unknown> = {},
  labels: Record<string, string> = REVIEWS,
) {
  t.timeout(60_000);
  const server = await serve(t, http(body));
  const clock = createTestClock();
  const meters = createTestMeters();
  const balance = new Balance();
  const sink = new Sink();
  const pages: ReturnType<typeof rowsOf>[] = [];
  sink.onward = (batch: Batch) => {
    if (batch.body === 'samples' && batch.event.kind === 'scraped') {
      pages.push(rowsOf(batch.target.series, batch.event.scrape));
    }
    batch.delivery.settle(TAKEN);
  };
  const receiver = await factory.create({
    id: 'istio',
    config: istioConfig.parse({ static_configs: [{ targets: [server.address], labels }], ...extra }),
    clock,
    time: createEngineTime(clock),
    log: createTestLog(),
    meters,
    balance,
    balanceOf: () => balance,
    startedMs: clock.wallMs(),
    next: sink,
    signals: new Set(['metrics'] as const),
    demand: new Set(['requests', 'latency', 'tcp'] as const),
  });
  t.teardown(() => receiver.stop(AbortSignal.abort()));
  await receiver.start();
  await sink.come(1, 'scraped', 'failed');
  return { sink, pages, balance, meters, server, receiver, failed: sink.seen.find(({ kind }) => kind === 'failed') };
}

function expectedOf(name: string) {
  return JSON.parse(readFileSync(new URL(`${name}.expected.json`, DATA), 'utf8'));
}

const MERGED = readFileSync(new URL('sidecar-1.11.4-merged-excerpt.txt', DATA), 'utf8');

test('a merged page of a sidecar is asked for at /stats/prometheus and gives the rows written beside it', async (t) => {
  const { pages, balance, server, sink } = await scrapeOnce(t, MERGED);
  const { rows, uptime, samples, filtered } = expectedOf('sidecar-1.11.4-merged-excerpt');
  t.deepEqual(pages, [{ rows, uptime }]);
  t.regex(server.requests[0] ?? '', /^GET \/stats\/prometheus HTTP/);
  t.is(balance.accepted, samples);
  t.deepEqual(Object.fromEntries(balance.filtered), filtered);
  t.is(balance.unaccounted, 0);
  t.is(sink.seen[1]?.start, null);
});

test('the page of a ztunnel gives the edges of its node, each from both of its ends', async (t) => {
  const page = readFileSync(new URL('ztunnel-1.24-bookinfo.txt', DATA));
  const { pages, server } = await scrapeOnce(t, page, { metrics_path: '/metrics' }, ZTUNNEL);
  t.regex(server.requests[0] ?? '', /^GET \/metrics HTTP/);
  t.deepEqual(pages[0]?.rows, expectedOf('ztunnel-1.24-bookinfo').rows);
  const opened = (pages[0]?.rows ?? [])
    .filter(({ side }) => side === 'client')
    .map(({ own, peer, tcp }) => [own.replace('default/', ''), peer.name, tcp?.opened]);
  t.deepEqual(opened, [
    ['productpage-v1', 'details-v1', 831],
    ['productpage-v1', 'reviews-v1', 270],
    ['productpage-v1', 'reviews-v2', 294],
    ['productpage-v1', 'reviews-v3', 267],
    ['reviews-v2', 'ratings-v1', 52],
    ['reviews-v3', 'ratings-v1', 55],
    ['traffic-gen', 'productpage-v1', 831],
  ]);
});

test('an excerpt without what every page has is taken only when it is said to be one', async (t) => {
  const page = readFileSync(new URL('sidecar-1.5-ungrouped-passthrough-excerpt.txt', DATA));
  const whole = Buffer.concat([page, Buffer.from('\n')]);
  t.is((await scrapeOnce(t, whole)).failed?.reason, 'partial_page');
  t.deepEqual((await scrapeOnce(t, whole, { sentinel: false })).pages, [{ uptime: null, rows: [] }]);
});

test('a merged page whose part of Envoy is missing fails as partial, whatever agent and application wrote', async (t) => {
  const page = [
    '# TYPE istio_agent_scrapes_total counter',
    'istio_agent_scrapes_total 9',
    '# TYPE istio_build gauge',
    'istio_build{component="agent",tag="1.28.0"} 1',
    'istio_build{component="pilot",tag="1.28.0"} 1',
    '# TYPE process_start_time_seconds gauge',
    'process_start_time_seconds 1690000000',
    '# EOF',
    '',
  ].join('\n');
  const { failed, balance, receiver } = await scrapeOnce(t, page);
  t.is(failed?.reason, 'partial_page');
  t.is(balance.accepted, 0);
  t.regex(receiver.targets?.()[0]?.lastError ?? '', /envoy_server_uptime/);
});

test('a page that a filter kept only the build of a proxy on is whole', async (t) => {
  const lines = MERGED.split('\n').filter((line) => !line.includes('envoy_server_uptime'));
  const { pages } = await scrapeOnce(t, lines.join('\n'));
  t.deepEqual(pages, [{ uptime: null, rows: expectedOf('sidecar-1.11.4-merged-excerpt').rows }]);
});

test('series that a page holds twice are summed and counted', async (t) => {
  const line = MERGED.split('\n').find((text) => text.startsWith('istio_requests_total')) ?? '';
  const twice = MERGED.replace(line, `${line}\n${line.replace(/ \d+$/, ' 41')}`);
  const { pages, meters } = await scrapeOnce(t, twice);
  t.is(pages[0]?.rows[0]?.successes, 42);
  t.is(meters.read('weir_scrape_repeated_series_total'), 1);
});

test('a name into which a tag leaked is no traffic', async (t) => {
  const line = MERGED.split('\n').find((text) => text.startsWith('istio_requests_total')) ?? '';
  const leaked = `envoy_request_url____api_v1____${line}`;
  const { pages } = await scrapeOnce(t, MERGED.replace(line, `${line}\n${leaked}`));
  t.is(pages[0]?.rows[0]?.successes, 1);
});

test('a page with samples that count for nobody says so by reason', async (t) => {
  const line = MERGED.split('\n').find((text) => text.startsWith('istio_requests_total')) ?? '';
  const gone = line
    .replace('response_code="200"', 'response_code="0"')
    .replace('response_flags="-"', 'response_flags="DC"');
  const { balance, pages } = await scrapeOnce(t, MERGED.replace(line, `${line}\n${gone}`));
  t.deepEqual(Object.fromEntries(balance.filtered), { client_gone: 1 });
  t.is(pages[0]?.rows[0]?.successes, 1);
  t.is(balance.unaccounted, 0);
});

function issuesOf(config: Record<string, unknown>) {
  return checkIstioConfig(istioConfig.parse({ static_configs: [{ targets: ['127.0.0.1:15090'] }], ...config }));
}

test('defaults are those of a sidecar', (t) => {
  const config = istioConfig.parse({});
  t.like(config, { metrics_path: '/stats/prometheus', scrape_interval: 10_000, stats_flush_interval: 5_000 });
  t.deepEqual(issuesOf({}), []);
});

test('scrapes faster than the flush are warned of, slower ones are not', (t) => {
  t.like(issuesOf({ scrape_interval: '2s' }), [{ path: ['scrape_interval'], severity: 'warning' }]);
  t.deepEqual(issuesOf({ scrape_interval: '5s' }), []);
  t.deepEqual(issuesOf({ scrape_interval: '2s', stats_flush_interval: '1s' }), []);
});

test('nothing to scrape, unknown keys and empty names are errors', (t) => {
  t.like(checkIstioConfig(istioConfig.parse({})), [{ path: [] }]);
  t.false(istioConfig.safeParse({ admin_port: 15000 }).success);
  t.false(istioConfig.safeParse({ node_proxies: [''] }).success);
  t.false(istioConfig.safeParse({ no_response: 'success' }).success);
});

test('without labels the series tell whose they are, and the target says so; with them the labels do', async (t) => {
  const page = readFileSync(new URL('sidecar-1.11.4-merged-excerpt.txt', DATA), 'utf8');
  const identityWith = async (labels: Record<string, string>) => {
    const { receiver } = await scrapeOnce(t, page, {}, labels);
    const listed = receiver as TargetLists;
    const owners = new Set<string>();
    listed.series!({
      limit: 0,
      wants: (meaning) => {
        if (meaning.role === 'traffic') owners.add(meaning.own?.workload.name ?? 'the target');
        return false;
      },
    });
    return [listed.targets!()[0]!.identity, [...owners]];
  };
  t.deepEqual(await identityWith({}), ['series', ['reviews-v1']]);
  t.deepEqual(await identityWith(REVIEWS), ['labels', ['the target']]);
});
