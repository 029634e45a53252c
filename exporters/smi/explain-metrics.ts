/** @module The metrics that `/v1/explain` knows: what each is of a figure, and which series it is made of. */
import type { Figures } from '../../pipeline/model/reading.ts';
import type { Measure } from '../../pipeline/model/rules.ts';

export interface Metric {
  readonly name: string;
  readonly alias?: string;
  readonly unit: '' | 'ms' | '1/s' | 'B' | 'ratio';
  /** Series it is made of. */
  readonly measures: readonly Measure[];
  readonly value: (figures: Figures) => number | null;
}

const REQUESTS: readonly Measure[] = ['success', 'failure', 'unreached'];
const LATENCY: readonly Measure[] = ['latency_bucket'];

export const METRICS: readonly Metric[] = [
  { name: 'success_count', unit: '', measures: ['success'], value: ({ successes }) => successes },
  { name: 'failure_count', unit: '', measures: ['failure', 'unreached'], value: ({ failures }) => failures },
  {
    name: 'unreached_count',
    alias: 'unreached',
    unit: '',
    measures: ['unreached'],
    value: ({ unreached }) => unreached,
  },
  { name: 'success_rate', unit: 'ratio', measures: REQUESTS, value: successRate },
  { name: 'rate', alias: 'rps', unit: '1/s', measures: REQUESTS, value: ({ ratePerSecond }) => ratePerSecond },
  {
    name: 'p50',
    alias: 'p50_response_latency',
    unit: 'ms',
    measures: LATENCY,
    value: ({ p50 }) => p50?.valueMs ?? null,
  },
  {
    name: 'p90',
    alias: 'p90_response_latency',
    unit: 'ms',
    measures: LATENCY,
    value: ({ p90 }) => p90?.valueMs ?? null,
  },
  {
    name: 'p99',
    alias: 'p99_response_latency',
    unit: 'ms',
    measures: LATENCY,
    value: ({ p99 }) => p99?.valueMs ?? null,
  },
  { name: 'tcp_opened', alias: 'tcp', unit: '', measures: ['tcp_opened'], value: ({ tcp }) => tcp?.opened ?? null },
  { name: 'tcp_closed', unit: '', measures: ['tcp_closed'], value: ({ tcp }) => tcp?.closed ?? null },
  { name: 'tcp_read_bytes', unit: 'B', measures: ['tcp_read_bytes'], value: ({ tcp }) => tcp?.readBytes ?? null },
  {
    name: 'tcp_written_bytes',
    unit: 'B',
    measures: ['tcp_written_bytes'],
    value: ({ tcp }) => tcp?.writtenBytes ?? null,
  },
];

/** Share of successes, 0 to 1; null without requests. */
export function successRate({ successes, failures }: Figures): number | null {
  return successes + failures === 0 ? null : successes / (successes + failures);
}
