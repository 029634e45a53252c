/**
 * @module What trust.md asks of a far side that is down, asks for time or answers too late (A3, A6, A9), in full length, for
 * traffic and spans over HTTP and gRPC alike.
 */
import test, { type ExecutionContext } from 'ava';
import { otlpHttpConfig } from '../../../exporters/otlp/config.ts';
import { otlpGrpcConfig } from '../../../exporters/otlp/grpc-config.ts';
import { createOtlpGrpcExporter } from '../../../exporters/otlp/otlp.ts';
import { createOtlpHttpExporter } from '../../../exporters/otlp/otlphttp.ts';
import type { Signal } from '../../../pipeline/component.ts';
import type { Meters } from '../../../pipeline/telemetry/meters.ts';
import { exporterBench } from '../../kit/exporter.ts';
import { GrpcBackend } from '../../kit/grpc-backend.ts';
import { OtlpBackend, until } from '../../kit/otlp-backend.ts';
import { readOtlp } from '../../kit/otlp-reading.ts';
import { idsFrom, spanIdsIn, spansBatch } from '../../kit/sent-spans.ts';
import { itemsOf } from '../../kit/slots.ts';
import { repeatMeters } from './repeat-meters.ts';
import { NO_TIMEOUT, running, START_MS } from './running.ts';
import { breathe } from './spans-stage.ts';
import { numbered } from './stage.ts';

const SPANS = 5;
const ITEMS: Readonly<Record<Signal, number>> = { metrics: itemsOf(numbered(0).sum), traces: SPANS };

/** What the far side does with a request. */
type Does = 'takes' | 'asks for 7 s' | { readonly takesAndAnswers: Promise<void> };

/** One request as it came: what it holds, and when. */
interface Came {
  readonly number: number;
  readonly atMs: number;
}

interface FarSide {
  does: (came: Came) => Does;
  readonly came: Came[];
  readonly mostInFlight: () => number;
  readonly stop: () => unknown;
  /** There again, at the same address; what comes goes on in the same list. */
  readonly again: () => Promise<unknown>;
}

function numberOf(signal: Signal, body: Uint8Array): number {
  if (signal === 'metrics') return Number(readOtlp(body).resource.get('weir.seq'));
  return Math.floor(((spanIdsIn(body)[0] ?? 0) - 1) / SPANS);
}

async function overHttp(t: ExecutionContext, signal: Signal, yaml: object, meters: Meters) {
  const first = await OtlpBackend.start(t);
  const config = { endpoint: first.url, timeout: NO_TIMEOUT, ...yaml };
  const bench = exporterBench('otlphttp', otlpHttpConfig, config, { startWallMs: START_MS, signal });
  const far: FarSide = {
    does: () => 'takes',
    came: [],
    mostInFlight: () => first.mostInFlight,
    stop: () => first.stop(),
    again: async () => attend(await OtlpBackend.start(t, { port: first.port })),
  };
  const attend = (backend: OtlpBackend) => {
    backend.react = async ({ body }) => {
      const came = { number: numberOf(signal, body), atMs: bench.clock.monoMs() };
      far.came.push(came);
      const does = far.does(came);
      if (does === 'asks for 7 s') return { status: 503, headers: { 'retry-after': '7' } };
      if (does !== 'takes') await does.takesAndAnswers;
      return {};
    };
  };
  attend(first);
  return { ...(await running(t, bench, first, createOtlpHttpExporter({ ...bench.settings, meters }))), far };
}

async function overGrpc(t: ExecutionContext, signal: Signal, yaml: object, meters: Meters) {
  const first = await GrpcBackend.start(t);
  const config = { endpoint: first.endpoint, tls: { insecure: true }, timeout: NO_TIMEOUT, ...yaml };
  const bench = exporterBench('otlp', otlpGrpcConfig, config, { startWallMs: START_MS, signal });
  const far: FarSide = {
    does: () => 'takes',
    came: [],
    mostInFlight: () => first.mostInFlight,
    stop: () => first.stop(),
    again: async () => attend(await GrpcBackend.start(t, { port: first.port })),
  };
  const attend = (backend: GrpcBackend) => {
    backend.react = ({ body }) => {
      const came = { number: numberOf(signal, body), atMs: bench.clock.monoMs() };
      far.came.push(came);
      const does = far.does(came);
      if (does === 'takes') return {};
      return does === 'asks for 7 s' ? { code: 14, retryAfterMs: 7000 } : does.takesAndAnswers.then(() => ({}));
    };
  };
  attend(first);
  return { ...(await running(t, bench, first, createOtlpGrpcExporter({ ...bench.settings, meters }))), far };
}

/** Everything started, with the repeats counted. */
async function start(t: ExecutionContext, way: 'http' | 'grpc', signal: Signal, yaml: object) {
  const { meters, repeats } = repeatMeters();
  const { exporter, ...stage } = await (way === 'http' ? overHttp : overGrpc)(t, signal, yaml, meters);
  const give = (n: number) =>
    exporter.consume(signal === 'metrics' ? numbered(n) : spansBatch(idsFrom(n * SPANS + 1, SPANS)));
  return { ...stage, give, repeats };
}

/**
 * Until nothing has moved for a while of the machine's own time: sockets know no other, and what is on its way must arrive before
 * the time that it has is over.
 */
async function calm(moved: () => number): Promise<void> {
  for (let before = Number.NaN; before !== moved(); ) {
    before = moved();
    const sinceMs = performance.now();
    while (performance.now() - sinceMs < 20) await breathe(5);
  }
}

const numbers = (came: readonly Came[]) => [...new Set(came.map(({ number }) => number))].sort((a, b) => a - b);
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

for (const [way, signal] of [
  ['http', 'metrics'],
  ['http', 'traces'],
  ['grpc', 'metrics'],
  ['grpc', 'traces'],
] as const) {
  const what = `${signal === 'metrics' ? 'traffic' : 'spans'} over ${way}`;
  const perNumber = ITEMS[signal];

  test.serial(
    `A3, ${what}: a far side that is down for 30 minutes gets everything once it is back, while more comes`,
    async (t) => {
      const queue = { num_consumers: 3 };
      const stage = await start(t, way, signal, { sending_queue: queue, retry_on_failure: { max_elapsed_time: '0s' } });
      const { far, give, clock, balance, waits, drained } = stage;
      await far.stop();
      for (let n = 0; n < 90; n++) {
        give(n);
        await until(waits, 'a wait');
        clock.advance(20_000);
        t.is(balance.unaccounted, 0);
      }
      t.deepEqual([balance.accepted, balance.delivered], [90 * perNumber, 0]);
      await far.again();
      for (let n = 90; n < 100; n++) {
        give(n);
        await until(() => waits() || drained(), 'a wait or the end');
        clock.advance(20_000);
      }
      await stage.run(drained);
      t.deepEqual(numbers(far.came), upTo(100));
      t.is(far.came.length, 100, 'what never arrived came once');
      t.deepEqual([balance.delivered, balance.dropped.size, balance.unaccounted], [100 * perNumber, 0, 0]);
    },
  );

  test.serial(`A6, ${what}: asked for 7 s for two minutes, it calls no sooner, and nothing is lost`, async (t) => {
    const { far, give, clock, balance, waits, drained } = await start(t, way, signal, {
      retry_on_failure: { initial_interval: '1s', randomization_factor: 0 },
      sending_queue: { num_consumers: 3 },
    });
    const untilMs = 120_000;
    far.does = ({ atMs }) => (atMs < untilMs ? 'asks for 7 s' : 'takes');
    for (const n of upTo(6)) give(n);
    while (!drained()) {
      await until(() => drained() || waits(), 'a wait');
      await breathe();
      if (!drained()) clock.advance(500);
    }
    const calls = [...new Set(far.came.map(({ atMs }) => atMs))].filter((atMs) => atMs <= untilMs + 7000);
    for (const [i, atMs] of calls.entries()) {
      if (i > 0 && calls[i - 1]! < untilMs) t.true(atMs - calls[i - 1]! >= 7000, `${atMs} after ${calls[i - 1]}`);
    }
    t.true(calls.length >= 5);
    t.deepEqual(numbers(far.came.filter(({ atMs }) => atMs >= untilMs)), upTo(6));
    t.deepEqual([balance.delivered, balance.dropped.size, balance.unaccounted], [6 * perNumber, 0, 0]);
  });

  test.serial(
    `A9, ${what}: a far side that takes and answers after 60 s: sent again, each repeat counted, few in flight`,
    async (t) => {
      const { far, give, clock, balance, repeats, drained } = await start(t, way, signal, {
        timeout: '5s',
        sending_queue: { num_consumers: 3 },
      });
      const late: { readonly dueMs: number; readonly answer: () => void }[] = [];
      const tries = new Map<number, number>();
      far.does = ({ number, atMs }) => {
        tries.set(number, (tries.get(number) ?? 0) + 1);
        if (tries.get(number)! > 2) return 'takes';
        return { takesAndAnswers: new Promise((answer) => late.push({ dueMs: atMs + 60_000, answer })) };
      };
      for (const n of upTo(6)) give(n);
      let answered = 0;
      while (!drained() || answered < late.length) {
        await calm(() => far.came.length + repeats() + balance.delivered + answered);
        clock.advance(1000);
        for (; answered < late.length && late[answered]!.dueMs <= clock.monoMs(); answered++) late[answered]!.answer();
        t.is(balance.unaccounted, 0);
      }
      await breathe();
      t.deepEqual(
        [...tries].sort(([a], [b]) => a - b),
        upTo(6).map((n) => [n, 3]),
      );
      t.is(answered, 12, 'all late answers came, and changed nothing');
      t.is(repeats(), 12);
      t.true(far.mostInFlight() <= (signal === 'metrics' ? 1 : 3), `${far.mostInFlight()} in flight`);
      t.deepEqual([balance.delivered, balance.dropped.size, balance.queued], [6 * perNumber, 0, 0]);
    },
  );
}
