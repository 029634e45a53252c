/** @module A running `smi` exporter for tests, fed with sums made by hand, and a client for it. */
import { request } from 'node:http';
import type { ExecutionContext } from 'ava';
import { config } from '../../../exporters/smi/config.ts';
import { createSmiExporter } from '../../../exporters/smi/smi.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import type { DiscoveryProblem, SeriesListing, SeriesQuery, TargetStatus } from '../../../pipeline/component.ts';
import { Delivery } from '../../../pipeline/delivery.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import type { Logger } from '../../../pipeline/telemetry/logger.ts';
import { NO_METERS } from '../../../pipeline/telemetry/meters.ts';
import { createTestClock } from '../../kit/clock.ts';
import { ToldBalance } from '../../kit/told-balance.ts';
import { buckets, covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

/** End of the fixture's slot; 2023-11-14T22:14:00Z. */
export const END_MS = 1_700_000_040_000;

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

export const SILENT: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => SILENT,
};

export interface ServerOptions {
  readonly written?: Record<string, unknown>;
  readonly sums?: readonly TrafficSum[];
  readonly targets?: readonly TargetStatus[];
  readonly discoveryProblems?: readonly DiscoveryProblem[];
  readonly series?: (query: SeriesQuery) => SeriesListing;
  /** Engine time at the first question. */
  readonly nowMs?: number;
  readonly windowMs?: number;
}

/** Slots of 30 s unless a sum is shorter; engine time stands 1 s after the fixture's slot. */
export async function startServer(t: ExecutionContext, options: ServerOptions = {}) {
  const { written = {}, sums = [fixture()], nowMs = END_MS + 1_000, windowMs = 30_000 } = options;
  const { targets = [], discoveryProblems = [] } = options;
  const clock = createTestClock(nowMs);
  const balance = new ToldBalance();
  const exporter = createSmiExporter({
    id: 'smi',
    config: config.parse({ endpoint: '127.0.0.1:0', ...written }),
    clock,
    time: createEngineTime(clock),
    log: SILENT,
    meters: NO_METERS,
    balance,
    balanceOf: () => balance,
    signal: 'metrics' as const,
    startedMs: END_MS - 28_000,
    windowMs,
    slotMs: 10_000,
    targets: () => targets,
    discoveryProblems: () => discoveryProblems,
    ...(options.series === undefined ? {} : { series: options.series }),
  });
  await exporter.start();
  t.teardown(() => exporter.stop(AbortSignal.abort()));
  const feed = (sum: TrafficSum): Delivery => {
    const delivery = new Delivery();
    exporter.consume({ body: 'traffic', sum, items: sum.records.length + sum.coverage.length, delivery });
    return delivery;
  };
  for (const sum of sums) feed(sum);
  const port = exporter.port!;
  const ask = (path: string, parts: AskParts = {}) => askServer(port, path, parts);
  return { exporter, port, clock, balance, feed, ask, get: async (path: string) => JSON.parse((await ask(path)).text) };
}

export interface AskParts {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export function askServer(port: number, path: string, { method = 'GET', headers = {}, body = '' }: AskParts = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece) => {
        text += piece;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/**
 * The mesh of the conformance list: x/web and w/web call x/api, x/api calls y/db; x/idle is up and idle. 102 requests
 * have no exact p90 and p99 as asked for, so the latencies are 400 observations that have.
 */
export function fixture(): TrafficSum {
  const [api1, api2] = [own('x/api', { pod: 'api-1', node: 'n1' }), own('x/api', { pod: 'api-2', node: 'n2' })];
  const [web, otherWeb] = [own('x/web', { account: 'web' }), own('w/web', { account: 'web' })];
  const idle = own('x/idle');
  const [job, set] = [own('x/migrate', { kind: 'Job' }), own('x/bare', { kind: 'ReplicaSet' })];
  const latency = [
    buckets([
      [10, 190],
      [20, 40],
      [40, 130],
      [200, 5],
      [300, 32],
      [400, 3],
    ]),
  ];
  return sumOf(
    [
      record('client', web, peer('x/api', { service: 'api' }), 60, 1),
      record('client', otherWeb, peer('x/api', { service: 'api' }), 40, 1),
      record('client', api1, peer('y/db'), 25),
      record('server', api1, peer('x/web', { kind: 'ServiceAccount' }), 60, 1, { latency }),
      record('server', api2, peer('w/web', { kind: 'ServiceAccount' }), 40, 1),
    ],
    [api1, api2, web, otherWeb, idle, job, set].map((me) => covered(me)),
    { startMs: END_MS - 30_000 },
  );
}
