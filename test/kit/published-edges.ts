/** @module What the running process publishes of its edges, beside the truth of the same window. */
import type { DrivenWeir } from './driven/driven-weir.ts';
import type { ExpectedTraffic } from './expected-traffic.ts';

interface PublishedQuantile {
  readonly value: number;
  readonly lo: number;
  readonly hi: number | null;
}
interface End {
  readonly namespace: string;
  readonly name: string;
  readonly kind: string;
}
export interface PublishedEdge {
  readonly source: End | null;
  readonly destination: End;
  readonly side: 'client' | 'server';
  readonly successes: number;
  readonly failures: number;
  readonly ratePerSecond: number | null;
  readonly latencyMs: {
    readonly p50: PublishedQuantile;
    readonly p90: PublishedQuantile;
    readonly p99: PublishedQuantile;
  } | null;
  readonly complete: boolean;
}
export interface PublishedEdges {
  readonly ready: boolean;
  readonly windowStart: string;
  readonly windowEnd: string;
  readonly windowSeconds: number;
  readonly edges: readonly PublishedEdge[];
}

export interface QuantileCase {
  readonly edge: string;
  readonly share: number;
  readonly interval: PublishedQuantile;
  /** All true latencies of the edge in the window, ascending, milliseconds. */
  readonly truth: readonly number[];
}

/** Address of the SMI API as the process' log tells it. */
export function apiAddress(weir: DrivenWeir): string {
  const line = weir.log.find(({ msg }) => msg === 'SMI API listens');
  if (line === undefined) throw new Error('the process did not say where its API listens');
  return `http://${line.host}:${line.port}`;
}

export async function fetchEdges(weir: DrivenWeir): Promise<PublishedEdges> {
  const response = await fetch(`${apiAddress(weir)}/v1/edges`);
  return (await response.json()) as PublishedEdges;
}

/** Every quantile of client-side edges with the true latencies of that edge over the window's slots. */
export function quantileCases(published: PublishedEdges, expected: ExpectedTraffic, slotMs: number): QuantileCase[] {
  const cases: QuantileCase[] = [];
  for (const { source, destination, side, latencyMs } of published.edges) {
    if (side !== 'client' || source === null || latencyMs === null) continue;
    const edge = `${source.namespace}/${source.name} -> ${destination.namespace}/${destination.name}`;
    const truth = trueLatencies(edge, published, expected, slotMs);
    for (const [share, interval] of [
      [0.5, latencyMs.p50],
      [0.9, latencyMs.p90],
      [0.99, latencyMs.p99],
    ] as const) {
      cases.push({ edge, share, interval, truth });
    }
  }
  return cases;
}

function trueLatencies(
  edge: string,
  { windowStart, windowEnd }: PublishedEdges,
  expected: ExpectedTraffic,
  slotMs: number,
): number[] {
  const latencies: number[] = [];
  for (let slot = Date.parse(windowStart) / slotMs; slot < Date.parse(windowEnd) / slotMs; slot++) {
    for (const [key, counts] of expected.slots.get(slot) ?? []) {
      if (expected.edgeOf(key) === edge) latencies.push(...counts.latenciesMs);
    }
  }
  return latencies.sort((a, b) => a - b);
}
