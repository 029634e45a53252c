/** @module Holds what a gateway tells, slot by slot and window by window, against what the scrapes of its agents told. */
import type { ExecutionContext } from 'ava';
import type { World } from '../../demo/world/world.ts';
import { TrafficAccumulator } from '../../pipeline/model/sum.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { ExpectedReadings, type Factors, factorsOf, type SlotRange } from './expected-readings.ts';
import { bucketsOf, observedCounts } from './expected-traffic.ts';
import { expectedOf, type JoinedTruth, type WatchedLife } from './joined-truth.ts';
import { edgeName, type PublishedEdge, type PublishedEdges } from './published-edges.ts';

export interface GatewayRun {
  readonly world: World;
  readonly lives: readonly WatchedLife[];
  readonly truth: JoinedTruth;
  /** What the gateway has told of each slot. */
  readonly slots: ReadonlyMap<number, TrafficSum>;
  readonly slotMs: number;
  /** By how much longer pods lived in slots than they were covered; what `slots` tell of it, unless given. */
  factors?(range: SlotRange): Factors;
  /** Number of the run's first slot, for messages. */
  readonly firstSlot: number;
  /** Whether the gateway cannot have told all of a slot in its time: it was away, or could not be reached. */
  isBehind(slot: number): boolean;
  /** The last of the slots that are told as one: what came late into a stream is in the oldest slot open then. Default: itself. */
  toldIn?(slot: number): number;
  /** How often the gateway amended a slot in the end. Default: a window is never read before its last amendment. */
  amendmentsOf?(slot: number): number;
}

/** Every slot has the rows that the world has, with the same counts, and no others. Returns how many. */
export function checkSlots(t: ExecutionContext, run: GatewayRun): number {
  const { lives, truth, firstSlot, toldIn = (slot) => slot } = run;
  const all = new Set([...lives.flatMap(({ expected }) => [...expected.slots.keys()]), ...run.slots.keys()]);
  let rows = 0;
  for (const [last, slots] of Map.groupBy(all, toldIn)) {
    const label = `slot ${last - firstSlot}`;
    const want = expectedOf(lives, ...slots);
    const sums = new TrafficAccumulator();
    for (const slot of slots) if (run.slots.has(slot)) sums.add(run.slots.get(slot)!);
    const seen = observedCounts(sums.take());
    t.deepEqual([...seen.keys()].sort(), [...want.keys()], label);
    for (const [key, { latenciesMs, ...counts }] of want) {
      const buckets = latenciesMs.length === 0 ? [] : bucketsOf(latenciesMs, truth.meshOf(key.split(' ')[1]!));
      t.deepEqual(seen.get(key), { ...counts, buckets }, `${label}: ${key}`);
      rows += 1;
    }
  }
  return rows;
}

/** Edges of a window, by how they were compared. */
export interface ComparedWindow {
  /** In every figure. */
  exact: number;
  /** Those of windows that were read, or told, before the gateway had heard everything: gaps show, and nothing is too much. */
  behind: number;
  /** Of both. */
  incomplete: number;
}

/**
 * Every edge of a window against the truth of its slots: none is missing, none is there beside them. Where the gateway had not
 * heard everything when it was read, that shows: then the window is not complete, nor is any edge that is not the truth's.
 */
export function checkWindow(t: ExecutionContext, run: GatewayRun, published: PublishedEdges): ComparedWindow {
  const compared = { exact: 0, incomplete: 0, behind: 0 };
  if (!published.ready) return compared;
  const { slotMs, firstSlot } = run;
  // The first slot of a gateway begins with it.
  const from = Math.floor(Date.parse(published.windowStart) / slotMs);
  const to = Date.parse(published.windowEnd) / slotMs;
  const range = { from, to };
  const factors = run.factors?.(range) ?? factorsOf([...run.slots.values()], slotMs, range);
  const want = new ExpectedReadings(run.world, run.truth, range, factors).edges();
  const slots = Array.from({ length: to - from }, (_, i) => from + i);
  const amendments = slots.reduce((sum, slot) => sum + (run.amendmentsOf?.(slot) ?? 0), 0);
  const isAmended = run.amendmentsOf !== undefined && published.revision < amendments;
  const isBehind = !published.complete && (isAmended || slots.some((slot) => run.isBehind(slot)));
  const label = `slots ${from - firstSlot} to ${to - firstSlot}`;
  const seen = new Set(published.edges.map(edgeName));
  // Who has not been heard may stand there as nobody, or as an account, and not as complete.
  const isStandIn = (edge: PublishedEdge) =>
    isBehind && !edge.complete && !want.has(edgeName(edge)) && /^(\?|account \S+) ->/.test(edgeName(edge));
  const named = published.edges.filter((edge) => !isStandIn(edge));
  t.deepEqual(named.map(edgeName).sort(), [...want.keys()].filter((name) => !isBehind || seen.has(name)).sort(), label);
  compared.behind += published.edges.length - named.length;
  for (const edge of named) {
    const name = `${label}: ${edgeName(edge)}`;
    const { side, counts, successes, failures, unreached = 0, complete } = edge;
    const { latenciesMs: _, meshes, shared, tcp, ...figures } = want.get(edgeName(edge))!;
    if (!complete) compared.incomplete += 1;
    if (isBehind) {
      compared.behind += 1;
      t.true(figures.complete !== false || !complete, `${name}: a gap shows`);
      if (side !== figures.side) continue;
      const isAll = successes === figures.successes && failures === figures.failures;
      t.true(isAll || !complete, `${name}: who misses something says so`);
      // Calls of clients that have not been heard are among those of nobody until they are.
      const { namespace, name: workload } = edge.destination;
      const most = edge.source === null ? unnamedTo(run, slots, `${namespace}/${workload}`) : figures;
      const isWithin = successes <= most.successes && failures <= most.failures;
      t.true(isWithin, `${name}: nothing is too much`);
      continue;
    }
    compared.exact += 1;
    const said = { ...figures, complete: figures.complete ?? complete };
    t.deepEqual({ side, counts, successes, failures, unreached, complete }, said, name);
    if (!shared) t.deepEqual(edge.tcp, tcp, name);
  }
  return compared;
}

/** Calls that servers of a workload counted and named no caller of. */
function unnamedTo({ truth, lives }: GatewayRun, slots: readonly number[], workload: string): Outcomes {
  const calls = { successes: 0, failures: 0 };
  for (const [key, { successes, failures }] of expectedOf(lives, ...slots)) {
    const pod = /^server (\S+) ← unknown$/.exec(key)?.[1];
    if (pod === undefined || truth.ownerOf(pod) !== workload) continue;
    calls.successes += successes;
    calls.failures += failures;
  }
  return calls;
}

interface Outcomes {
  successes: number;
  failures: number;
}
