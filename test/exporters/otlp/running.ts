/** @module A started exporter over OTLP before a real server, under a clock that stands still, whatever it sends and how. */
import type { ExecutionContext } from 'ava';
import type { Exporter } from '../../../pipeline/component.ts';
import type { ExporterBench } from '../../kit/exporter.ts';
import { until } from '../../kit/otlp-backend.ts';

/** The wall clock of all stages at their start, milliseconds. */
export const START_MS = 1_700_000_010_000;
/** Time limit of an exchange unless a test says another: none ends by accident. */
export const NO_TIMEOUT = '2h';
/** Waits between attempts are shorter, time limits of exchanges longer. */
const LONGEST_BACKOFF_MS = 3_600_000;

/** Starts the exporter, and stops it when the test ends. */
export async function running<Config, Backend extends { now: () => number }>(
  t: ExecutionContext,
  bench: ExporterBench<Config>,
  backend: Backend,
  exporter: Exporter,
) {
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
