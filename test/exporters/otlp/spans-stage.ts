/** @module An `otlphttp` exporter of spans under a clock that stands still, before a real HTTP server. */
import type { ExecutionContext } from 'ava';
import { otlpHttpConfig } from '../../../exporters/otlp/config.ts';
import { createOtlpHttpExporter } from '../../../exporters/otlp/otlphttp.ts';
import { exporterBench } from '../../kit/exporter.ts';
import { OtlpBackend, type Received, until } from '../../kit/otlp-backend.ts';
import { spanIdsIn } from '../../kit/sent-spans.ts';

export const START_MS = 1_700_000_010_000;
/** Waits between attempts are shorter, time limits of exchanges longer. */
const LONGEST_BACKOFF_MS = 3_600_000;

export type SpansStage = Awaited<ReturnType<typeof startSpansStage>>;

/** Everything started; `timeout` is two hours unless told, so that no exchange ends by accident. */
export async function startSpansStage(
  t: ExecutionContext,
  yaml: object = {},
  started?: Awaited<ReturnType<typeof OtlpBackend.start>>,
) {
  const backend = started ?? (await OtlpBackend.start(t));
  const config = { endpoint: backend.url, timeout: '2h', ...yaml };
  const bench = exporterBench('otlphttp', otlpHttpConfig, config, { startWallMs: START_MS, signal: 'traces' });
  const exporter = createOtlpHttpExporter(bench.settings);
  const { clock, balance } = bench;
  backend.now = () => clock.monoMs();
  await exporter.start();
  t.teardown(() => {
    const ended = new AbortController();
    ended.abort();
    return exporter.stop(ended.signal);
  });
  /** True when the exporter waits between attempts and nothing is under way. */
  const waits = () =>
    clock.timers > 0 && clock.nextTimerMs !== null && clock.nextTimerMs - clock.monoMs() <= LONGEST_BACKOFF_MS;
  return {
    ...bench,
    backend,
    exporter,
    waits,
    /** Ends waits between attempts, one by one, until `done`; exchanges take the real time they take. */
    async run(done: () => boolean): Promise<void> {
      for (;;) {
        await until(() => done() || waits(), 'an end or a wait');
        if (done()) return;
        clock.fireNext();
        t.is(balance.unaccounted, 0);
      }
    },
    drained: () => balance.queued === 0,
  };
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
