/** @module An `otlphttp` exporter under a clock that stands still, before a real HTTP server. */
import type { ExecutionContext } from 'ava';
import { otlpHttpConfig } from '../../../exporters/otlp/config.ts';
import { createOtlpHttpExporter } from '../../../exporters/otlp/otlphttp.ts';
import { exporterBench } from '../../kit/exporter.ts';
import { OtlpBackend, type Received } from '../../kit/otlp-backend.ts';
import { type OtlpReading, readOtlp } from '../../kit/otlp-reading.ts';
import { type EdgeCounts, slot, trafficBatch } from '../../kit/slots.ts';
import { NO_TIMEOUT, running, START_MS } from './running.ts';

export const SLOT_MS = 10_000;
export const NEVER = new AbortController().signal;

export const WEB: EdgeCounts = { source: 'web', destination: 'emoji', successes: 9, failures: 1 };

export function numbered(n: number, edges: readonly EdgeCounts[] = [WEB]) {
  return trafficBatch(slot(START_MS + n * SLOT_MS, START_MS + (n + 1) * SLOT_MS, edges));
}

/** Everything started. */
export async function startStage(
  t: ExecutionContext,
  yaml: object = {},
  started?: Awaited<ReturnType<typeof OtlpBackend.start>>,
) {
  const backend = started ?? (await OtlpBackend.start(t));
  const config = { endpoint: backend.url, source: 'weir-1', timeout: NO_TIMEOUT, ...yaml };
  const bench = exporterBench('otlphttp', otlpHttpConfig, config, { startWallMs: START_MS });
  return running(t, bench, backend, createOtlpHttpExporter(bench.settings));
}

export function readingOf({ body, headers }: Received): OtlpReading {
  return readOtlp(body, headers['content-type']);
}

export const seqOf = (request: Received) => Number(readingOf(request).resource.get('weir.seq'));

/** Requests without repeats, in the order in which each number came first. */
export function distinct(requests: readonly Received[]): Received[] {
  const bySeq = new Map<number, Received>();
  for (const request of requests) {
    const seq = seqOf(request);
    if (!bySeq.has(seq)) bySeq.set(seq, request);
  }
  return [...bySeq.values()];
}

/** `side source>destination classification` → requests, over all points of these requests. */
export function requestCounts(requests: readonly Received[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { metric, attributes, value } of requests.flatMap((request) => readingOf(request).points)) {
    if (metric !== 'weir.requests') continue;
    const edge = `${attributes.get('source.workload')}>${attributes.get('destination.workload')}`;
    const key = `${attributes.get('side')} ${edge} ${attributes.get('classification')}`;
    counts.set(key, (counts.get(key) ?? 0) + value);
  }
  return counts;
}

/** The interval of each request, from its own point. */
export function intervals(requests: readonly Received[]): [startMs: number, endMs: number][] {
  return requests.flatMap((request) =>
    readingOf(request)
      .points.filter(({ metric }) => metric === 'weir.interval')
      .map(({ startMs, endMs }): [number, number] => [startMs, endMs]),
  );
}
