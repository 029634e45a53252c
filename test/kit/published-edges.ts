/** @module What the running process publishes of its edges, workloads and pods, in the form of `expected-readings.ts`. */
import type { DrivenWeir } from './driven/driven-weir.ts';

export interface PublishedQuantile {
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
  readonly counts: 'requests' | 'attempts';
  readonly successes: number;
  readonly failures: number;
  /** Part of `failures`; absent for none. */
  readonly unreached?: number;
  readonly ratePerSecond: number | null;
  readonly latencyMs: {
    readonly p50: PublishedQuantile;
    readonly p90: PublishedQuantile;
    readonly p99: PublishedQuantile;
  } | null;
  readonly tcp: {
    readonly opened: number;
    readonly closed: number;
    readonly readBytes: number;
    readonly writtenBytes: number;
  } | null;
  readonly complete: boolean;
}
export interface PublishedEdges {
  readonly ready: boolean;
  readonly windowStart: string;
  readonly windowEnd: string;
  readonly windowSeconds: number;
  /** How often what came late amended the slots of the window. */
  readonly revision: number;
  /** Nothing is missing of anybody who is watched. */
  readonly complete: boolean;
  readonly edges: readonly PublishedEdge[];
}

/** One object of the SMI API. */
export interface PublishedTotals {
  readonly successes: number;
  readonly failures: number;
  /** Milliseconds; 0 without traffic. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
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

/** `source -> destination` as `expected-readings.ts` names them. */
export function edgeName({ source, destination }: Pick<PublishedEdge, 'source' | 'destination'>): string {
  const from = source === null ? '?' : `${source.namespace}/${source.name}`;
  const account = source?.kind === 'ServiceAccount' ? 'account ' : '';
  return `${account}${from} -> ${destination.namespace}/${destination.name}`;
}

interface SmiObject {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly metrics: readonly { readonly name: string; readonly value: string }[];
}

/** All objects of a list of the SMI API, v1alpha1, by `namespace/name`. */
export async function fetchTotals(weir: DrivenWeir, plural: string): Promise<Map<string, PublishedTotals>> {
  const response = await fetch(`${apiAddress(weir)}/apis/metrics.smi-spec.io/v1alpha1/${plural}`);
  const { items } = (await response.json()) as { readonly items: readonly SmiObject[] };
  return new Map(items.map((item) => [`${item.metadata.namespace}/${item.metadata.name}`, totalsOf(item)]));
}

function totalsOf({ metrics }: SmiObject): PublishedTotals {
  const read = (name: string) => quantity(metrics.find((metric) => metric.name === name)?.value ?? '');
  return {
    successes: read('success_count'),
    failures: read('failure_count'),
    p50: read('p50_response_latency'),
    p90: read('p90_response_latency'),
    p99: read('p99_response_latency'),
  };
}

const SUFFIXES = new Map([
  ['', 1],
  ['m', 1e-3],
  ['k', 1e3],
  ['M', 1e6],
]);

/** A Kubernetes quantity as a number. */
function quantity(text: string): number {
  const match = /^(\d+)([a-zA-Z]?)$/.exec(text);
  const factor = SUFFIXES.get(match?.[2] ?? '');
  if (match === null || factor === undefined) throw new Error(`"${text}" is no quantity that this reads`);
  return Number(match[1]) * factor;
}
