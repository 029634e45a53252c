/** @module Small sums of traffic for tests: workloads by name, both sides, counts to choose. */
import fc from 'fast-check';
import type { TrafficBatch } from '../../pipeline/batch.ts';
import { Delivery } from '../../pipeline/delivery.ts';
import type { Identity, Workload } from '../../pipeline/model/resource.ts';
import type { Side } from '../../pipeline/model/rules.ts';
import type { CoverageRecord, TrafficRecord, TrafficSum } from '../../pipeline/model/traffic.ts';

export const BOUNDS_MS = [1, 10, 100, 1000];

export function workload(name: string, namespace = 'shop'): Workload {
  return { cluster: '', namespace, name, kind: 'Deployment' };
}

export function identity(name: string, namespace = 'shop'): Identity {
  return {
    workload: workload(name, namespace),
    pod: `${name}-0`,
    podUid: `uid-${name}`,
    node: 'node-1',
    serviceAccount: name,
  };
}

/** One edge seen from one side; latencies all between 10 and 100 ms. */
export function record(
  side: Side,
  source: string,
  destination: string,
  successes: number,
  failures = 0,
): TrafficRecord {
  const [own, peer] = side === 'client' ? [source, destination] : [destination, source];
  const counts = new Float64Array(BOUNDS_MS.length + 1);
  counts[2] = successes + failures;
  return {
    key: {
      id: JSON.stringify(['linkerd', side, own, peer]),
      mesh: 'linkerd',
      side,
      own: identity(own),
      peer: { workload: workload(peer), pod: '', service: '', serviceNamespace: '', serviceAccount: peer },
      protocol: 'http',
      counts: side === 'client' ? 'attempts' : 'requests',
    },
    successes,
    failures,
    unreached: 0,
    latency: [{ boundsMs: BOUNDS_MS, counts }],
    tcp: null,
  };
}

export function coverage(name: string, seconds: number): CoverageRecord {
  return {
    target: `linkerd/${name}`,
    mesh: 'linkerd',
    own: identity(name),
    scrapesDue: 1,
    scrapesMissed: 0,
    coveredSeconds: seconds,
    expectedSeconds: seconds,
    resets: 0,
    firstSight: false,
  };
}

/** One edge with its counts. */
export interface EdgeCounts {
  readonly source: string;
  readonly destination: string;
  readonly successes: number;
  readonly failures: number;
}

/** A slot in which every edge was seen from both sides alike and every workload was covered. */
export function slot(startMs: number, endMs: number, edges: readonly EdgeCounts[]): TrafficSum {
  const names = new Set(edges.flatMap((edge) => [edge.source, edge.destination]));
  return {
    interval: { startMs, endMs },
    records: edges.flatMap(({ source, destination, successes, failures }) => [
      record('client', source, destination, successes, failures),
      record('server', source, destination, successes, failures),
    ]),
    coverage: [...names].map((name) => coverage(name, (endMs - startMs) / 1000)),
    partial: false,
    clockAhead: false,
  };
}

export function itemsOf(sum: TrafficSum): number {
  return sum.records.length + sum.coverage.length;
}

export function trafficBatch(sum: TrafficSum): TrafficBatch {
  return { body: 'traffic', sum, items: itemsOf(sum), delivery: new Delivery() };
}

/** Successes and failures by record id over many sums. */
export function totals(sums: Iterable<TrafficSum>): Map<string, [successes: number, failures: number]> {
  const found = new Map<string, [number, number]>();
  for (const sum of sums) {
    for (const { key, successes, failures } of sum.records) {
      const held = found.get(key.id) ?? [0, 0];
      found.set(key.id, [held[0] + successes, held[1] + failures]);
    }
  }
  return found;
}

const NAMES = ['web', 'emoji', 'voting'];

/** Edges among three workloads. */
export const edgeCounts: fc.Arbitrary<EdgeCounts[]> = fc.uniqueArray(
  fc.record({
    source: fc.constantFrom(...NAMES),
    destination: fc.constantFrom(...NAMES),
    successes: fc.nat(100),
    failures: fc.nat(10),
  }),
  { maxLength: 4, selector: (edge) => `${edge.source}>${edge.destination}` },
);
