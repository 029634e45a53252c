/**
 * @module What the `smi` engine costs per sample once series are bound: deltas of a page added into its slot.
 *
 * Run it with `node test/bench/smi-deltas.ts`.
 */
import { SmiEngine } from '../../processors/smi/engine.ts';
import { bucket, counter, identity, START, TestTarget, workload } from '../kit/mesh.ts';
import { type BenchResult, formatResult, measured } from './result.ts';

const EDGES = 600;
const BOUNDS = [
  1,
  2,
  3,
  4,
  5,
  10,
  20,
  30,
  40,
  50,
  100,
  200,
  300,
  400,
  500,
  1e3,
  2e3,
  3e3,
  4e3,
  5e3,
  1e4,
  2e4,
  3e4,
  4e4,
  5e4,
  Number.POSITIVE_INFINITY,
];
const SLOT_MS = 10_000;
const T0 = 1_000_000_000_000;
const ROUNDS = 60;

export async function run(): Promise<BenchResult[]> {
  const target = new TestTarget(identity('web')).series('start', START);
  const names: string[] = [];
  const add = (name: string, meaning: Parameters<TestTarget['series']>[1]) => {
    target.series(name, meaning);
    names.push(name);
  };
  for (let edge = 0; edge < EDGES; edge++) {
    const to = workload(`peer-${edge}`);
    add(`ok${edge}`, counter('success', to));
    for (const bound of BOUNDS) add(`le${edge}-${bound}`, bucket(bound, to, 'client', `h${edge}`));
  }
  const engine = new SmiEngine({
    slotMs: SLOT_MS,
    graceMs: 1000,
    peerPod: false,
    ownExports: new Set(),
    maxRecords: 1e6,
    maxPastLives: 100,
    watchStartMs: T0,
  });
  let least = Number.POSITIVE_INFINITY;
  let leastClose = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const nowMs = T0 + round * SLOT_MS;
    const rows = names.map((name) => [name, round * 3] as const);
    const batch = target.page([['start', 1], ...rows], {
      scheduledMs: nowMs + 1000,
      nextDueMs: nowMs + SLOT_MS + 1000,
    });
    const begin = process.hrtime.bigint();
    engine.take(batch);
    const taken = process.hrtime.bigint();
    engine.close(nowMs + SLOT_MS);
    least = Math.min(least, Number(taken - begin) / names.length);
    leastClose = Math.min(leastClose, Number(process.hrtime.bigint() - taken) / EDGES);
  }
  return [
    measured('smi: deltas of a page into its slot', least, 'ns/sample'),
    measured('smi: reading a slot out', leastClose, 'ns/record'),
  ];
}

if (import.meta.main) for (const result of await run()) console.log(formatResult(result));
