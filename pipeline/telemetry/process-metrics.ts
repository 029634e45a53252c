/** @module Metrics of the process itself: memory, processor time, delay of the event loop, build. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meters, Observation } from './meters.ts';

/** Resolution in milliseconds at which the event loop's delay is sampled; 20 ms would cost 0.25 % of a core. */
const RESOLUTION_MS = 200;
const QUANTILES = [0.5, 0.99, 1] as const;

type DelayHistogram = ReturnType<typeof monitorEventLoopDelay>;

export interface ProcessFacts {
  /** Weir's version as in package.json. */
  readonly version: string;
  /** Wall clock (ms since the epoch) at the process' start. */
  readonly startedWallMs: number;
}

/** Registers the metrics and starts sampling. Returns a function that ends both. Does not keep the process alive. */
export function registerProcessMetrics(meters: Meters, facts: ProcessFacts): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const removals = [
    meters.gauge('weir_build_info', 'Always 1; the labels name the version and its Node.', () => [
      { value: 1, attributes: { version: facts.version, node: process.versions.node } },
    ]),
    meters.gauge('weir_process_start_time_seconds', 'Start of the process, seconds since the epoch.', () =>
      single(facts.startedWallMs / 1000),
    ),
    meters.gauge('weir_memory_rss_bytes', 'Resident memory of the process.', () => single(process.memoryUsage.rss())),
    meters.gauge('weir_memory_heap_used_bytes', 'JavaScript heap in use.', () =>
      single(process.memoryUsage().heapUsed),
    ),
    meters.counter('weir_cpu_seconds_total', 'Processor time used, user and system.', () => single(cpuSeconds())),
    meters.gauge(
      'weir_event_loop_delay_seconds',
      'How late the event loop ran since the metrics were last read, by quantile.',
      () => readDelay(delay),
    ),
  ];
  return () => {
    delay.disable();
    for (const remove of removals) remove();
  };
}

function single(value: number): Observation[] {
  return [{ value, attributes: {} }];
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Reads and forgets, so that one pause shows in one reading and not in all later ones. */
function readDelay(delay: DelayHistogram): Observation[] {
  const observations = QUANTILES.map((quantile) => ({
    value: lateSeconds(delay, quantile),
    attributes: { quantile: String(quantile) },
  }));
  delay.reset();
  return observations;
}

/** The histogram holds whole intervals between samples in nanoseconds; what exceeds the resolution is the delay. */
function lateSeconds(delay: DelayHistogram, quantile: number): number {
  if (delay.count === 0) return 0;
  return Math.max(0, delay.percentile(quantile * 100) / 1e9 - RESOLUTION_MS / 1e3);
}
