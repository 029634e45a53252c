/** @module What every Envoy process shows of itself: `server.*`, its admin interface, and clusters that carry no traffic. */
import type { ProcessOptions } from '../mesh.ts';
import type { Stats } from './stats.ts';

/** Gauges of a process right after its start. */
export function addServer(stats: Stats, { restartEpoch }: ProcessOptions): void {
  stats.gauge('envoy_server_hot_restart_epoch').value = restartEpoch;
  stats.gauge('envoy_server_hot_restart_generation').value = restartEpoch + 1;
  stats.gauge('envoy_server_uptime');
  for (const [name, value] of GAUGES) stats.gauge(`envoy_server_${name}`).value = value;
  stats.counter('envoy_server_dropped_stat_flushes', '');
  stats.histogram('envoy_server_initialization_time_ms', '').record(212);
  stats.histogram('envoy_server_initialization_time_ms', '').flush();
}

const GAUGES: readonly (readonly [string, number])[] = [
  ['concurrency', 2],
  ['days_until_first_cert_expiring', 0],
  ['live', 1],
  ['memory_allocated', 8_814_096],
  ['memory_heap_size', 20_971_520],
  ['parent_connections', 0],
  ['state', 0],
  ['total_connections', 3],
  // Above 2^53, as checksums of the configuration are.
  ['version', 16_440_392_441_858_961_000],
];

/** Writes the time the process has run, as a flush does: in whole seconds. */
export function flushUptime(stats: Stats, bornMs: number, atMs: number): void {
  stats.gauge('envoy_server_uptime').value = Math.floor((atMs - bornMs) / 1000);
}
