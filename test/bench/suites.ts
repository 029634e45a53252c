/** @module The suites of `npm run bench` by name, in the order they run in. */
import type { BenchResult } from './result.ts';

export type Suite = () => Promise<BenchResult[]> | BenchResult[];

/** Each is loaded when its turn comes, so that none carries the memory of another's modules. */
export const SUITES: ReadonlyMap<string, () => Promise<Suite>> = new Map<string, () => Promise<Suite>>([
  ['machine', async () => (await import('./machine.ts')).run],
  ['scanner', async () => (await import('./scanner.ts')).run],
  ['scrape-to-slot', async () => (await import('./scrape-to-slot.ts')).run],
  ['smi-deltas', async () => (await import('./smi-deltas.ts')).run],
  ['smi-api', async () => (await import('./smi-api.ts')).run],
  ['otlp-spans-decode', async () => (await import('./otlp-spans-decode.ts')).run],
  ['otlp-metrics', async () => (await import('./otlp-metrics.ts')).run],
  ['otlp-traffic', async () => (await import('./otlp-traffic.ts')).run],
  ['otlp-spans', async () => (await import('./otlp-spans.ts')).run],
  ['dead-sibling', async () => (await import('./dead-sibling.ts')).run],
  ['hostile', async () => (await import('./hostile.ts')).run],
  ['prometheus-text', async () => (await import('./prometheus-text.ts')).run],
  ['weir-process', async () => (await import('./weir-process.ts')).run],
]);
