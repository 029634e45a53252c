/** @module An `otlp` exporter of traffic or spans under a clock that stands still, before a real gRPC server. */
import type { ExecutionContext } from 'ava';
import { otlpGrpcConfig } from '../../../exporters/otlp/grpc-config.ts';
import { createOtlpGrpcExporter } from '../../../exporters/otlp/otlp.ts';
import type { Signal } from '../../../pipeline/component.ts';
import { exporterBench } from '../../kit/exporter.ts';
import { GrpcBackend, type ReceivedCall } from '../../kit/grpc-backend.ts';
import { until } from '../../kit/otlp-backend.ts';
import { readOtlp } from '../../kit/otlp-reading.ts';
import { idsFrom, spanIdsIn, spansBatch } from '../../kit/sent-spans.ts';
import { itemsOf } from '../../kit/slots.ts';
import { numbered, START_MS } from './stage.ts';

/** Waits between attempts are shorter, time limits of calls longer. */
const LONGEST_BACKOFF_MS = 3_600_000;

/** Everything started; `timeout` is two hours unless told, so that no call ends by accident. */
export async function startGrpcStage(t: ExecutionContext, signal: Signal, yaml: object = {}, started?: GrpcBackend) {
  const backend = started ?? (await GrpcBackend.start(t));
  const config = { endpoint: backend.endpoint, tls: { insecure: true }, source: 'weir-1', timeout: '2h', ...yaml };
  const bench = exporterBench('otlp', otlpGrpcConfig, config, { startWallMs: START_MS, signal });
  const exporter = createOtlpGrpcExporter(bench.settings);
  const { clock, balance } = bench;
  backend.now = () => clock.monoMs();
  await exporter.start();
  t.teardown(() => {
    const ended = new AbortController();
    ended.abort();
    return exporter.stop(ended.signal);
  });
  /** True when the exporter waits between two attempts. */
  const waits = () => clock.nextTimerMs !== null && clock.nextTimerMs - clock.monoMs() <= LONGEST_BACKOFF_MS;
  return {
    ...bench,
    backend,
    exporter,
    waits,
    /** Hands over the slot or the request of spans with this number; each has `ITEMS[signal]` items. */
    give: (n: number) => {
      exporter.consume(signal === 'metrics' ? numbered(n) : spansBatch(idsFrom(n * SPANS + 1, SPANS)));
    },
    /** Ends waits between attempts, one by one, until `done`; calls take the real time they take. */
    async run(done: () => boolean): Promise<void> {
      for (;;) {
        await until(() => done() || waits(), 'an end or a wait');
        if (done()) return;
        clock.fireNext();
      }
    },
    drained: () => balance.queued === 0,
  };
}

/** Spans of one request. */
const SPANS = 5;
/** Items of what `give` hands over. */
export const ITEMS: Readonly<Record<Signal, number>> = { metrics: itemsOf(numbered(0).sum), traces: SPANS };

/** What tells calls apart: the number of the slot, or that of the request of spans. */
export function numberOf(signal: Signal, { body }: ReceivedCall): number {
  if (signal === 'metrics') return Number(readOtlp(body).resource.get('weir.seq'));
  return Math.floor(((spanIdsIn(body)[0] ?? 0) - 1) / SPANS);
}
