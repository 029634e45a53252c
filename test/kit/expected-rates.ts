/** @module Holds published rates through a rolling deployment against the calls that the world's clients really made. */
import type { ExecutionContext } from 'ava';
import { assertBalanced } from './driven/balanced.ts';
import { DrivenWorld, type DrivenWorldOptions, SLOT_MS } from './driven-world.ts';
import { fetchEdges, type PublishedEdge } from './published-edges.ts';

export interface Rollout {
  readonly world: DrivenWorldOptions['world'];
  /** Workload `namespace/name` whose pods are replaced. */
  readonly workload: string;
  /** Share by which a published rate may differ from the true one. */
  readonly tolerance: number;
  /** Edges that are not compared, `from -> to`. */
  readonly except?: readonly string[];
}

/** Replaces all pods one by one under constant rates per pod, and compares every window; returns how many rates it compared. */
export async function checkRollout(t: ExecutionContext, rollout: Rollout): Promise<number> {
  const stage = await DrivenWorld.start({
    world: { arrivals: 'constant', rateFactor: 20, ...rollout.world },
    leadMs: 20_000,
    exporters: '  smi: { endpoint: "127.0.0.1:0" }',
    exporterIds: ['smi'],
  });
  t.teardown(() => stage.close());
  await stage.advance(60_000);
  const marks = new Map([[stage.weir.wallMs, edgeTotals(stage)]]);
  stage.world.rollOut(rollout.workload, 6_700);
  await stage.publishChanges();
  let compared = 0;
  for (let slot = 0; slot < 9; slot++) {
    await stage.advance(SLOT_MS, 100);
    marks.set(stage.weir.wallMs, edgeTotals(stage));
    if (slot >= 2) compared += await checkRates(t, stage, marks, rollout);
  }
  assertBalanced(t, await stage.weir.stop());
  return compared;
}

type EdgeTotals = ReadonlyMap<string, number>;

async function checkRates(
  t: ExecutionContext,
  stage: DrivenWorld,
  marks: ReadonlyMap<number, EdgeTotals>,
  { tolerance, except = [] }: Rollout,
): Promise<number> {
  const published = await fetchEdges(stage.weir);
  const [from, to] = [published.windowStart, published.windowEnd].map((at) => marks.get(Date.parse(at)));
  t.truthy(from && to, `the world was marked at both ends of the window that ends ${published.windowEnd}`);
  let compared = 0;
  for (const edge of published.edges) {
    const name = edgeOf(edge);
    if (name === null || except.includes(name) || edge.ratePerSecond === null) continue;
    const rate = (to!.get(name)! - (from!.get(name) ?? 0)) / published.windowSeconds;
    const label = `${name} in the window that ends ${published.windowEnd}`;
    t.true(
      Math.abs(edge.ratePerSecond / rate - 1) < tolerance,
      `${label}: ${edge.ratePerSecond} published, ${rate} true`,
    );
    compared += 1;
  }
  return compared;
}

function edgeOf({ source, destination }: PublishedEdge): string | null {
  if (source === null) return null;
  return `${source.namespace}/${source.name} -> ${destination.namespace}/${destination.name}`;
}

/** Responses of every edge since the world began, as its clients' proxies had them. */
function edgeTotals({ world }: DrivenWorld): EdgeTotals {
  const totals = new Map<string, number>();
  for (const { workload, entries } of world.truth()) {
    for (const { counts } of entries) {
      if (counts.side !== 'client') continue;
      const { namespace, name } = counts.peer.workload;
      const edge = `${workload.namespace}/${workload.name} -> ${namespace}/${name}`;
      totals.set(edge, (totals.get(edge) ?? 0) + counts.successes + counts.failures);
    }
  }
  return totals;
}
