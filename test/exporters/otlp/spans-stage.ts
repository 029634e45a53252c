/** @module An `otlphttp` exporter of spans under a clock that stands still, before a real HTTP server. */
import type { ExecutionContext } from 'ava';
import { otlpHttpConfig } from '../../../exporters/otlp/config.ts';
import { createOtlpHttpExporter } from '../../../exporters/otlp/otlphttp.ts';
import { exporterBench } from '../../kit/exporter.ts';
import { OtlpBackend, type Received } from '../../kit/otlp-backend.ts';
import { spanIdsIn } from '../../kit/sent-spans.ts';
import { NO_TIMEOUT, running, START_MS } from './running.ts';

export type SpansStage = Awaited<ReturnType<typeof startSpansStage>>;

/** Everything started. */
export async function startSpansStage(
  t: ExecutionContext,
  yaml: object = {},
  started?: Awaited<ReturnType<typeof OtlpBackend.start>>,
) {
  const backend = started ?? (await OtlpBackend.start(t));
  const config = { endpoint: backend.url, timeout: NO_TIMEOUT, ...yaml };
  const bench = exporterBench('otlphttp', otlpHttpConfig, config, { startWallMs: START_MS, signal: 'traces' });
  return running(t, bench, backend, createOtlpHttpExporter(bench.settings));
}

export function idsOf({ body, headers }: Received): number[] {
  return spanIdsIn(body, headers['content-type']);
}

/** Ids of the spans of these requests, sorted, repeats included. */
export function sortedIds(requests: readonly Received[]): number[] {
  return requests.flatMap(idsOf).sort((a, b) => a - b);
}

/** Lets the process read and write for a while; no time of a test clock passes. */
export async function breathe(turns = 50): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
}
