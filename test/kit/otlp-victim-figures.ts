/** @module What an attack did to a victim, in figures. */
import type { Tried } from './otlp-victim-attack.ts';
import { percentile } from './otlp-victim-watch.ts';

/** Of one attack; times in milliseconds. */
export interface AttackFigures {
  readonly tried: readonly Tried[];
  /** The 99th percentile of probes and of good clients without an attack, before all. */
  readonly quietP99Ms: number;
  /** How much resident memory grew at most over what it was before; 0 where the system does not tell. */
  readonly grewBytes: number;
  readonly livez: Quantiles;
  readonly good: Quantiles;
  /** Longest time from the first byte of an attacker to its answer. */
  readonly slowestMs: number;
}

export interface Quantiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export function quantiles(ascending: readonly number[]): Quantiles {
  return { count: ascending.length, p50Ms: percentile(ascending, 0.5), p99Ms: percentile(ascending, 0.99) };
}

export function figuresText({ tried, quietP99Ms, grewBytes, livez, good, slowestMs }: AttackFigures): string {
  const times = ({ count, p50Ms, p99Ms }: Quantiles) =>
    `p50 ${p50Ms.toFixed(0)} p99 ${p99Ms.toFixed(0)} ms of ${count}`;
  const grown = `${(grewBytes / 2 ** 20).toFixed(0)} MiB`;
  return `${tried.length} tries, slowest ${slowestMs.toFixed(0)} ms; memory +${grown}; /livez ${times(livez)}; good clients ${times(good)}; without an attack p99 ${quietP99Ms.toFixed(0)} ms`;
}
