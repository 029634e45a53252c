/** @module A real `linkerd` receiver on a clock of the test's own, a sink that remembers, and raw servers to scrape. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { Subject } from 'rxjs';
import { Balance } from '../../../pipeline/balance.ts';
import type { Batch, SamplesBatch } from '../../../pipeline/batch.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import { ADMITTED, type Admission, type Consumer } from '../../../pipeline/component.ts';
import { TAKEN } from '../../../pipeline/delivery.ts';
import type { Demand } from '../../../pipeline/model/rules.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import type { Meters, Observation } from '../../../pipeline/telemetry/meters.ts';
import { config as smiConfig } from '../../../processors/smi/config.ts';
import { createSmi } from '../../../processors/smi/smi.ts';
import { type LinkerdConfig, linkerdConfig } from '../../../receivers/linkerd/config.ts';
import { factory } from '../../../receivers/linkerd/factory.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { rowsOf } from '../linkerd/rows.ts';

/** A batch as it was in the moment it was consumed. */
export interface Seen extends ReturnType<typeof rowsOf> {
  readonly kind: string;
  readonly reason: string;
  readonly address: string;
  readonly key: string;
  readonly items: number;
  readonly skippedLines: number;
  readonly scheduledMs: number | null;
  readonly startedMs: number;
  readonly tookMs: number;
  readonly nextDueMs: number | null;
}

export class Sink implements Consumer {
  readonly seen: Seen[] = [];
  admission: Admission = ADMITTED;
  /** Takes each batch over in place of the sink, when there is one. */
  onward: ((batch: Batch) => void) | null = null;
  readonly #waiting: { count: number; kinds: readonly string[]; resolve: () => void }[] = [];

  admits(): Admission {
    return this.admission;
  }

  consume(batch: Batch): void {
    if (batch.body !== 'samples') throw new Error('only samples come from a scraper');
    this.seen.push(look(batch));
    if (this.onward === null) batch.delivery.settle(TAKEN);
    else this.onward(batch);
    for (const waiting of this.#waiting.splice(0)) this.#settle(waiting);
  }

  /** Resolves once `count` events of these kinds have come since the beginning. */
  async come(count: number, ...kinds: string[]): Promise<void> {
    await new Promise<void>((resolve) => this.#settle({ count, kinds, resolve }));
  }

  count(...kinds: string[]): number {
    return this.seen.filter((event) => kinds.includes(event.kind)).length;
  }

  #settle(waiting: { count: number; kinds: readonly string[]; resolve: () => void }): void {
    if (this.count(...waiting.kinds) >= waiting.count) waiting.resolve();
    else this.#waiting.push(waiting);
  }
}

function look(batch: SamplesBatch): Seen {
  const { event, target } = batch;
  return {
    kind: event.kind,
    reason: event.kind === 'failed' ? event.reason : '',
    address: target.address,
    key: target.key,
    items: batch.items,
    skippedLines: event.kind === 'scraped' ? event.skippedLines : 0,
    scheduledMs: batch.scheduledMs,
    startedMs: batch.startedMs,
    tookMs: batch.tookMs ?? Number.NaN,
    nextDueMs: batch.nextDueMs,
    ...(event.kind === 'scraped' ? rowsOf(target.series, event.scrape) : { start: null, rows: [] }),
  };
}

/** Meters whose values can be asked for. */
export function createTestMeters(): Meters & {
  read(name: string, attributes?: Record<string, string>): number | null;
  all(name: string): Observation[];
} {
  const reads = new Map<string, () => Iterable<Observation>>();
  const register = (name: string, _help: string, read: () => Iterable<Observation>) => {
    reads.set(name, read);
    return () => reads.delete(name);
  };
  return {
    counter: register,
    gauge: register,
    seconds: () => ({ record() {} }),
    all: (name) => [...(reads.get(name)?.() ?? [])],
    read(name, attributes = {}) {
      for (const observation of reads.get(name)?.() ?? []) {
        const same = Object.entries(attributes).every(([key, value]) => observation.attributes[key] === value);
        if (same) return observation.value;
      }
      return null;
    },
  };
}

export const OWNER = { namespace: 'shop', deployment: 'web', pod: 'web-1' };

/** A receiver, not yet started. `config` is what a user would write; `watch` may put something in its place. Stopped at the end of the test. */
export async function createHarness(
  t: ExecutionContext,
  config: Record<string, unknown>,
  demand: readonly Demand[] = ['requests', 'latency', 'tcp'],
  watch: (config: LinkerdConfig) => LinkerdConfig = (parsed) => parsed,
) {
  t.timeout(60_000);
  const clock = createTestClock();
  const log = createTestLog();
  const meters = createTestMeters();
  const balance = new Balance();
  const sink = new Sink();
  const time = createEngineTime(clock);
  const receiver = await factory.create({
    id: 'linkerd',
    config: watch(linkerdConfig.parse(config)),
    clock,
    time,
    log,
    meters,
    balance,
    balanceOf: () => balance,
    startedMs: clock.wallMs(),
    next: sink,
    signals: new Set(['metrics'] as const),
    demand: new Set(demand),
  });
  t.teardown(() => receiver.stop(AbortSignal.abort()));
  /** Moves on to the next scrape that the last event announced, and no further: nothing times out meanwhile. */
  const toNextScrape = () => clock.advance(Math.max(0, (sink.seen.at(-1)?.nextDueMs ?? 0) - time.nowMs()));
  return { clock, time, log, meters, balance, sink, receiver, toNextScrape };
}

/** The `smi` processor behind a harness's sink, with a balance of its own and the slots it closed. */
export async function smiBehind(
  t: ExecutionContext,
  { clock, time, log, sink }: Pick<Awaited<ReturnType<typeof createHarness>>, 'clock' | 'time' | 'log' | 'sink'>,
) {
  const balance = new Balance();
  const smi = createSmi({
    id: 'smi',
    config: smiConfig.parse({}),
    clock,
    time,
    log,
    meters: createTestMeters(),
    balance,
    balanceOf: () => balance,
    startedMs: time.nowMs(),
    slotMs: 10_000,
    scrapeTimeoutMs: 10_000,
    receives: new Set(['samples'] as const),
    demand: new Set(['requests', 'latency', 'tcp']),
  });
  const source = new Subject<Batch>();
  const sums: TrafficSum[] = [];
  source.pipe(smi.stage).subscribe((batch) => {
    if (batch.body === 'traffic') sums.push(batch.sum);
    batch.delivery.settle(TAKEN);
  });
  sink.onward = (batch) => source.next(batch);
  t.teardown(() => smi.stop(AbortSignal.abort()));
  return { balance, sums, close: () => smi.stop(AbortSignal.abort()) };
}

/** One target at `address` with an owner. */
export function oneTarget(address: string): Record<string, unknown> {
  return { static_configs: [{ targets: [address], labels: OWNER }] };
}

export interface RawServer {
  readonly address: string;
  /** What to do with each request; may be changed between requests. */
  answer: (socket: Socket, request: string) => void;
  readonly requests: string[];
  connections: number;
  readonly sockets: Set<Socket>;
  /** Resolves once so many requests have come. */
  asked(count: number): Promise<void>;
  close(): void;
}

/** A server on TCP alone, so that it can break every rule of HTTP. */
export async function serve(t: ExecutionContext, answer: RawServer['answer'], host = '127.0.0.1'): Promise<RawServer> {
  const waiting: { count: number; resolve: () => void }[] = [];
  const server = createServer((socket) => {
    raw.connections += 1;
    raw.sockets.add(socket);
    socket.on('close', () => raw.sockets.delete(socket));
    socket.on('error', () => {});
    let text = '';
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      if (!text.includes('\r\n\r\n')) return;
      raw.requests.push(text);
      const request = text;
      text = '';
      raw.answer(socket, request);
      for (const one of waiting.splice(0)) settle(one);
    });
  });
  const settle = (one: { count: number; resolve: () => void }) => {
    if (raw.requests.length >= one.count) one.resolve();
    else waiting.push(one);
  };
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const raw: RawServer = {
    address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    answer,
    requests: [],
    connections: 0,
    sockets: new Set(),
    asked: (count) => new Promise((resolve) => settle({ count, resolve })),
    close() {
      server.close();
      for (const socket of raw.sockets) socket.destroy();
    },
  };
  t.teardown(() => raw.close());
  return raw;
}

/** A whole answer with its length. */
export function http(body: string | Uint8Array, headers: Record<string, string> = {}, status = '200 OK') {
  const bytes = Buffer.from(body);
  const all = { 'content-type': 'text/plain', 'content-length': String(bytes.length), ...headers };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return (socket: Socket) => {
    socket.write(`HTTP/1.1 ${status}\r\n${head.join('')}\r\n`);
    socket.write(bytes);
  };
}

/** A small page: `ok` successes of web → api. */
export function page(ok: number): string {
  return [
    '# TYPE response_total counter',
    `response_total{direction="outbound",target_port="8080",dst_namespace="shop",dst_deployment="api",status_code="200",classification="success"} ${ok}`,
    '# TYPE process_start_time_seconds gauge',
    'process_start_time_seconds 1690000000',
    '# EOF',
    '',
  ].join('\n');
}

/** Turns of the event loop, in each of which arrived bytes are read. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
