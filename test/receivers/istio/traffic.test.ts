/** @module From two scrapes of an Istio page to records of traffic: the receiver with the `smi` processor behind it. */
import test, { type ExecutionContext } from 'ava';
import { Balance } from '../../../pipeline/balance.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import type { TrafficRecord } from '../../../pipeline/model/traffic.ts';
import { istioConfig } from '../../../receivers/istio/config.ts';
import { factory } from '../../../receivers/istio/factory.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { createTestMeters, http, Sink, serve, smiBehind } from '../scrape/harness.ts';

/** Name, labels and the value on the first and on the second page. */
type Line = readonly [sample: string, labels: Record<string, string>, first: number, second: number];

const WEB_TO_API = {
  source_workload: 'web',
  source_workload_namespace: 'shop',
  destination_workload: 'api',
  destination_workload_namespace: 'shop',
  destination_service: 'api.shop.svc.cluster.local',
  destination_service_name: 'api',
  destination_service_namespace: 'shop',
  request_protocol: 'http',
  response_code: '200',
  response_flags: '-',
};
const NOBODY = { destination_workload: 'unknown', destination_workload_namespace: 'unknown' };
const REQUESTS = 'istio_requests_total';
const BUCKET = 'istio_request_duration_milliseconds_bucket';

function pageOf(lines: readonly Line[], at: 2 | 3, uptime: number): string {
  const texts = lines.map(([sample, labels, ...values]) => {
    const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
    return `${sample}{${pairs.join(',')}} ${values[at - 2]}`;
  });
  return [...texts, `envoy_server_uptime{} ${uptime}`, 'envoy_server_hot_restart_epoch{} 0', ''].join('\n');
}

/** Records of what the second page has more than the first one. */
async function recordsOf(t: ExecutionContext, labels: Record<string, string>, lines: readonly Line[]) {
  t.timeout(60_000);
  const server = await serve(t, http(pageOf(lines, 2, 1000)));
  const clock = createTestClock();
  const time = createEngineTime(clock);
  const log = createTestLog();
  const balance = new Balance();
  const sink = new Sink();
  const receiver = await factory.create({
    id: 'istio',
    config: istioConfig.parse({ static_configs: [{ targets: [server.address], labels }] }),
    clock,
    time,
    log,
    meters: createTestMeters(),
    balance,
    balanceOf: () => balance,
    startedMs: clock.wallMs(),
    next: sink,
    signals: new Set(['metrics'] as const),
    demand: new Set(['requests', 'latency', 'tcp'] as const),
  });
  t.teardown(() => receiver.stop(AbortSignal.abort()));
  const smi = await smiBehind(t, { clock, time, log, sink });
  await receiver.start();
  await sink.come(1, 'scraped', 'failed');
  server.answer = http(pageOf(lines, 3, 1010));
  clock.advance(Math.max(0, (sink.seen.at(-1)?.nextDueMs ?? 0) - time.nowMs()));
  await sink.come(2, 'scraped', 'failed');
  await smi.close();
  t.is(sink.count('failed'), 0);
  t.is(balance.unaccounted, 0);
  const sums = smi.sums.flatMap(({ records }) => records);
  return { records: sums.filter(hasTraffic), balance, coverage: smi.sums.flatMap(({ coverage }) => coverage) };
}

function hasTraffic({ successes, failures, tcp }: TrafficRecord): boolean {
  return successes + failures > 0 || tcp !== null;
}

const WEB = { namespace: 'shop', deployment: 'web', pod: 'web-1' };

test('a client: successes, failures, failures no server saw, and latency of the same requests', async (t) => {
  const out = { ...WEB_TO_API, reporter: 'source' };
  const { records, balance } = await recordsOf(t, WEB, [
    [REQUESTS, out, 100, 110],
    [REQUESTS, { ...out, response_code: '500' }, 7, 9],
    [REQUESTS, { ...out, response_code: '503', response_flags: 'UO' }, 1, 4],
    [REQUESTS, { ...out, ...NOBODY, response_code: '503', response_flags: 'UH' }, 20, 25],
    [REQUESTS, { ...out, response_code: '0', response_flags: 'DC' }, 0, 50],
    [BUCKET, { ...out, le: '25' }, 60, 66],
    [BUCKET, { ...out, le: '50' }, 90, 99],
    [BUCKET, { ...out, le: '+Inf' }, 100, 110],
  ]);
  t.is(records.length, 2);
  const [api, service] = records[0]!.key.peer.workload?.kind === '' ? records : [records[1]!, records[0]!];
  t.like(api, { successes: 10, failures: 5, unreached: 3 });
  t.like(api?.key, { mesh: 'istio', side: 'client', protocol: 'http', counts: 'requests' });
  t.like(api?.key.own.workload, { namespace: 'shop', name: 'web', kind: 'Deployment' });
  t.deepEqual(
    api?.latency?.map(({ boundsMs, counts }) => [boundsMs, [...counts]]),
    [
      [
        [25, 50],
        [6, 3, 1],
      ],
    ],
  );
  t.like(service, { successes: 0, failures: 5, unreached: 5 });
  t.like(service?.key.peer, { workload: { kind: 'Service', namespace: 'shop', name: 'api' }, service: 'api' });
  t.deepEqual(Object.fromEntries(balance.filtered), { client_gone: 2 });
});

test('a server counts attempts and names its client', async (t) => {
  const { records } = await recordsOf(t, { namespace: 'shop', deployment: 'api' }, [
    [REQUESTS, { ...WEB_TO_API, reporter: 'destination' }, 100, 130],
  ]);
  t.is(records.length, 1);
  t.like(records[0], { successes: 30, failures: 0, unreached: 0 });
  t.like(records[0]?.key, { side: 'server', counts: 'attempts' });
  t.like(records[0]?.key.peer.workload, { namespace: 'shop', name: 'web' });
});

test('a waypoint speaks for the servers behind it and covers them', async (t) => {
  const { records, coverage } = await recordsOf(t, { namespace: 'shop', deployment: 'waypoint' }, [
    [REQUESTS, { ...WEB_TO_API, reporter: 'waypoint' }, 100, 130],
  ]);
  t.is(records.length, 1);
  t.like(records[0]?.key, { side: 'server', counts: 'requests' });
  t.like(records[0]?.key.own.workload, { namespace: 'shop', name: 'api', kind: '' });
  const covered = coverage.map(({ own, coveredSeconds }) => [own.workload.name, coveredSeconds > 0]);
  t.true(covered.some(([name, isCovered]) => name === 'api' && isCovered === true));
});

test('a target without labels belongs to whom its series name', async (t) => {
  const { records } = await recordsOf(t, {}, [[REQUESTS, { ...WEB_TO_API, reporter: 'source' }, 100, 101]]);
  t.like(records[0]?.key.own.workload, { namespace: 'shop', name: 'web' });
});

test('bytes of a ztunnel are read and written from where each end stands', async (t) => {
  const tcp = { ...WEB_TO_API, request_protocol: 'tcp' };
  const lines = ['source', 'destination'].flatMap((reporter): Line[] => [
    ['istio_tcp_connections_opened_total', { ...tcp, reporter }, 5, 7],
    ['istio_tcp_sent_bytes_total', { ...tcp, reporter }, 1000, 5000],
    ['istio_tcp_received_bytes_total', { ...tcp, reporter }, 100, 130],
  ]);
  const { records } = await recordsOf(t, { namespace: 'istio-system', daemonset: 'ztunnel', node: 'n1' }, lines);
  const bySide = new Map(records.map((record) => [record.key.side, record]));
  t.is(records.length, 2);
  t.deepEqual(bySide.get('client')?.tcp, { opened: 2, closed: 0, readBytes: 4000, writtenBytes: 30 });
  t.deepEqual(bySide.get('server')?.tcp, { opened: 2, closed: 0, readBytes: 30, writtenBytes: 4000 });
  t.is(bySide.get('client')?.key.own.workload.name, 'web');
  t.is(bySide.get('server')?.key.own.workload.name, 'api');
  t.like(bySide.get('client'), { successes: 0, failures: 0, latency: null });
});
