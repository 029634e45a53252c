/** @module An `otlp` exporter of traffic or spans under a clock that stands still, before a real gRPC server. */
import type { ExecutionContext } from 'ava';
import { otlpGrpcConfig } from '../../../exporters/otlp/grpc-config.ts';
import { createOtlpGrpcExporter } from '../../../exporters/otlp/otlp.ts';
import type { Signal } from '../../../pipeline/component.ts';
import { exporterBench } from '../../kit/exporter.ts';
import { GrpcBackend, type ReceivedCall } from '../../kit/grpc-backend.ts';
import { readOtlp } from '../../kit/otlp-reading.ts';
import { idsFrom, spanIdsIn, spansBatch } from '../../kit/sent-spans.ts';
import { itemsOf } from '../../kit/slots.ts';
import { NO_TIMEOUT, running, START_MS } from './running.ts';
import { numbered } from './stage.ts';

/** Everything started. */
export async function startGrpcStage(t: ExecutionContext, signal: Signal, yaml: object = {}, started?: GrpcBackend) {
  const backend = started ?? (await GrpcBackend.start(t));
  const config = {
    endpoint: backend.endpoint,
    tls: { insecure: true },
    source: 'weir-1',
    timeout: NO_TIMEOUT,
    ...yaml,
  };
  const bench = exporterBench('otlp', otlpGrpcConfig, config, { startWallMs: START_MS, signal });
  const stage = await running(t, bench, backend, createOtlpGrpcExporter(bench.settings));
  return {
    ...stage,
    /** Hands over the slot or the request of spans with this number; each has `ITEMS[signal]` items. */
    give: (n: number) => {
      stage.exporter.consume(signal === 'metrics' ? numbered(n) : spansBatch(idsFrom(n * SPANS + 1, SPANS)));
    },
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
