/** @module What must hold of a stalled run, and what happened window by window where it does not. */
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { observedCounts } from '../expected-traffic.ts';
import { metricOf, type TrafficMessage } from '../schema.ts';
import type { StalledRun } from './stalled-run.ts';

type Side = 'client' | 'server';

/** Sentences about what is wrong; none when all is right. */
export function judgeRun(run: StalledRun): string[] {
  const faults = [...booksFaults(run), ...slotFaults(run), ...windowFaults(run), ...sumFaults(run)];
  return faults.length === 0 ? [] : [...faults, ...storyOf(run)];
}

/** Window by window what was told, what each side counted, and how many of its scrapes were due and missed. */
function storyOf({ slots, messages }: StalledRun): string[] {
  const lines: string[] = [];
  for (const window of [...toldWindows(messages).values()].flat()) {
    const sides = (['client', 'server'] as const).map((side) => `${side} ${countedIn(slots, window, side)}`);
    lines.push(`${textOf(window)}; ${sides.join(', ')}; ${missesIn(slots, window)}`);
  }
  return lines;
}

function missesIn(slots: readonly TrafficSum[], { startMs, endMs }: ToldWindow): string {
  const misses = new Map<string, [missed: number, due: number]>();
  for (const { interval, coverage } of slots) {
    if (Math.round(interval.startMs) < startMs || Math.round(interval.endMs) > endMs) continue;
    for (const { own, scrapesDue, scrapesMissed } of coverage) {
      const [missed, due] = misses.get(own.pod) ?? [0, 0];
      misses.set(own.pod, [missed + scrapesMissed, due + scrapesDue]);
    }
  }
  return [...misses].map(([pod, [missed, due]]) => `${pod} missed ${missed} of ${due}`).join(', ');
}

function booksFaults({ unaccounted, dropped }: StalledRun): string[] {
  return [...unaccounted.filter((items) => items !== 0).map((items) => `${items} items unaccounted`), ...dropped];
}

/** Slots of each pod, side and peer add up to what stood on the last committed page more than on the first. */
function slotFaults({ slots, expected }: StalledRun): string[] {
  const counted = new Map<string, [number, number, number]>();
  for (const slot of slots) {
    for (const [key, { successes, failures, buckets }] of observedCounts(slot)) {
      const at = counted.get(key) ?? [0, 0, 0];
      counted.set(key, [at[0] + successes, at[1] + failures, at[2] + buckets.reduce((sum, n) => sum + n, 0)]);
    }
  }
  const truth = new Map<string, [number, number, number]>();
  for (const counts of expected.slots.values()) {
    for (const [key, { successes, failures, latenciesMs }] of counts) {
      if (successes + failures + latenciesMs.length > 0) truth.set(key, [successes, failures, latenciesMs.length]);
    }
  }
  return [...new Set([...counted.keys(), ...truth.keys()])]
    .filter((key) => String(counted.get(key)) !== String(truth.get(key)))
    .map((key) => `${key}: slots count ${counted.get(key)}, its pages ${truth.get(key)}`);
}

export interface ToldWindow {
  readonly edge: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly side: Side;
  readonly complete: boolean;
  readonly successes: number;
  readonly failures: number;
}

/** Windows of edges by edge, in order. */
export function toldWindows(messages: readonly TrafficMessage[]): Map<string, ToldWindow[]> {
  const edges = new Map<string, ToldWindow[]>();
  for (const message of messages) {
    const { resource, edge, 'x-weir': weir } = message;
    if (weir.record !== 'edge') continue;
    const far = edge.resource;
    const name = `${resource.namespace}/${resource.name} ${edge.direction} ${far.namespace}/${far.name}`;
    const window: ToldWindow = {
      edge: name,
      startMs: Date.parse(weir.windowStart),
      endMs: Date.parse(weir.windowEnd),
      side: edge.side as Side,
      complete: weir.complete,
      successes: metricOf(message, 'success_count'),
      failures: metricOf(message, 'failure_count'),
    };
    edges.set(name, [...(edges.get(name) ?? []), window]);
  }
  for (const windows of edges.values()) windows.sort((a, b) => a.startMs - b.startMs);
  return edges;
}

/** What one side of an edge counted in the slots of an interval. */
export function countedIn(
  slots: readonly TrafficSum[],
  { edge, startMs, endMs }: ToldWindow,
  side: Side,
): [number, number] {
  const counts: [number, number] = [0, 0];
  for (const { interval, records } of slots) {
    // Windows have whole milliseconds.
    if (Math.round(interval.startMs) < startMs || Math.round(interval.endMs) > endMs) continue;
    for (const { key, successes, failures } of records) {
      if (key.side !== side || edgeOf(key) !== edge) continue;
      counts[0] += successes;
      counts[1] += failures;
    }
  }
  return counts;
}

function edgeOf({ side, own, peer }: TrafficSum['records'][number]['key']): string {
  const [a, b] = [own.workload, peer.workload];
  const [from, to] = side === 'client' ? [a, b] : [b, a];
  return `${from?.namespace}/${from?.name} to ${to?.namespace}/${to?.name}`;
}

/** Windows do not overlap, and each tells what its side counted in its slots; one with late counts tells more. */
function windowFaults({ slots, messages }: StalledRun): string[] {
  const faults: string[] = [];
  for (const windows of toldWindows(messages).values()) {
    windows.forEach((window, i) => {
      const before = windows[i - 1];
      if (before !== undefined && before.endMs > window.startMs) faults.push(`${textOf(window)} overlaps`);
      const counted = countedIn(slots, window, window.side);
      const more = [window.successes - counted[0], window.failures - counted[1]];
      const isChange = before !== undefined && before.side !== window.side;
      if (more.every((count) => count === 0) || (isChange && !window.complete)) return;
      faults.push(`${textOf(window)} but its slots ${counted}`);
    });
  }
  return faults;
}

export function textOf({ edge, startMs, endMs, side, complete, successes, failures }: ToldWindow): string {
  const at = (ms: number) => new Date(ms).toISOString().slice(17, -1);
  return `${edge} ${at(startMs)}–${at(endMs)} ${side}${complete ? '' : ' incomplete'}: ${successes}, ${failures}`;
}

/**
 * An edge that kept its side adds up to what this side's pages showed. One that changed it tells no call twice; but for
 * edges with several pods on a side, which miss pages one by one, and for first looks in two windows (docs/adr/0006).
 */
function sumFaults(run: StalledRun): string[] {
  const faults: string[] = [];
  for (const [edge, windows] of toldWindows(run.messages)) {
    const whole: ToldWindow = { ...windows[0]!, startMs: Number.NEGATIVE_INFINITY, endMs: Number.POSITIVE_INFINITY };
    const told = sumOf(windows);
    const [client, server] = (['client', 'server'] as const).map((side) => countedIn(run.slots, whole, side));
    const sides = new Set(windows.map(({ side }) => side));
    const calls = run.callsOf(edge);
    const text = `${edge} tells ${told} from ${[...sides]}; client ${client}, server ${server}, calls ${calls}`;
    if (sides.size === 1 && String(told) !== String(sides.has('client') ? client : server)) faults.push(text);
    const isExact = edge !== run.manyPods && firstLooks(run.slots, windows);
    if (sides.size > 1 && isExact && told.some((count, i) => count > calls[i]!)) faults.push(`${text}: too many`);
  }
  return faults;
}

/** Whether both sides were first looked at in the first window. */
function firstLooks(slots: readonly TrafficSum[], [first]: readonly ToldWindow[]): boolean {
  const seen = new Set<string>();
  for (const { interval, records } of slots) {
    if (interval.startMs >= first!.endMs) break;
    for (const { key } of records) if (edgeOf(key) === first!.edge) seen.add(key.side);
  }
  return seen.size === 2;
}

function sumOf(windows: readonly ToldWindow[]): [successes: number, failures: number] {
  return windows.reduce((sum, { successes, failures }) => [sum[0] + successes, sum[1] + failures], [0, 0]);
}
