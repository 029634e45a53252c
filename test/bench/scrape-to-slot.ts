/**
 * @module What a scrape costs from the page's bytes to its slot, without the socket, and what a series costs that is
 * remembered: scanner, index, table and `smi` together.
 *
 * Run it with `node test/bench/scrape-to-slot.ts`. CPU time of the process over all samples of the page, wanted or not,
 * the best of several blocks. Memory is what the heap and its buffers grew by for further targets of the same shape,
 * after a collection.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createShape, type ShapeName } from '../../demo/shapes/shapes.ts';
import type { MeshRules } from '../../pipeline/model/rules.ts';
import { SmiEngine } from '../../processors/smi/engine.ts';
import { createIstioRules } from '../../receivers/istio/rules.ts';
import { createLinkerdRules } from '../../receivers/linkerd/rules.ts';
import { identity } from '../kit/mesh.ts';
import { ScannedTarget } from '../kit/scanned-target.ts';
import { type BenchResult, formatResult, measured } from './result.ts';

const SLOT_MS = 10_000;
const T0 = 1_764_000_010_000;
const PIECE_BYTES = 64 * 1024;
const BLOCKS = 40;
const SCRAPES = 5;
const MORE_TARGETS = 4;
/** Pages after which a target is as it stays: the scanner gives back room it does not need. */
const SETTLED = 40;

/** Goals of the project. */
const ISTIO_GOAL_NS = 500;
const MEMORY_GOAL_BYTES = 200;

const RULES: Readonly<Record<'linkerd' | 'istio', MeshRules>> = {
  linkerd: createLinkerdRules({ adminPort: 4191, sentinel: true }),
  istio: createIstioRules({
    nodeProxies: new Set(),
    flushSeconds: 5,
    sentinel: false,
    noResponse: 'failure',
    deniedIsFailure: false,
  }),
};

/** Namespaces of the shapes: replaced, so that no two targets show the same text, which the engine would hold once. */
const NAMESPACE = /emojivoto|bookinfo/g;

/** One engine and its targets, each of which shows two pages in turn. */
class Load {
  readonly engine = new SmiEngine({
    slotMs: SLOT_MS,
    graceMs: 5000,
    peerPod: false,
    ownExports: new Set(),
    maxRecords: 1e6,
    maxPastLives: 100,
    watchStartMs: T0,
  });
  readonly targets: ScannedTarget[] = [];
  /** Two of each target. */
  readonly #pages: readonly (readonly Uint8Array[][])[];
  readonly #rules: MeshRules;
  #round = 0;

  constructor(name: ShapeName) {
    const shape = createShape(name);
    this.#rules = RULES[name.startsWith('istio') ? 'istio' : 'linkerd'];
    const pages = [0, 1].map(() => {
      shape.next();
      return Buffer.concat(shape.page()).toString('latin1');
    });
    this.#pages = Array.from({ length: 2 + MORE_TARGETS }, (_, n) => pages.map((page) => piecesOf(page, `space-${n}`)));
  }

  add(): void {
    const n = this.targets.length;
    this.targets.push(new ScannedTarget(identity(`client-${n}`, `client-${n}-1`), this.#rules, SLOT_MS));
  }

  /** Every target is scraped once, and the slot closes. Returns CPU time in ns. */
  round(): number {
    const slotMs = T0 + this.#round * SLOT_MS;
    const turn = this.#round++ % 2;
    const before = process.cpuUsage();
    this.engine.open(slotMs, false);
    for (const [n, target] of this.targets.entries())
      this.engine.take(target.scrape(this.#pages[n]![turn]!, slotMs + 3000));
    this.engine.close(slotMs + SLOT_MS);
    const { user, system } = process.cpuUsage(before);
    return (user + system) * 1e3;
  }

  rounds(count: number): number {
    let total = 0;
    for (let i = 0; i < count; i++) total += this.round();
    return total / count;
  }

  get remembered(): number {
    return this.targets.reduce((sum, target) => sum + target.remembered.lines, 0);
  }

  get scannerBytes(): number {
    return this.targets.reduce((sum, target) => sum + target.remembered.bytes, 0);
  }
}

function piecesOf(page: string, namespace: string): Uint8Array[] {
  const bytes = Buffer.from(page.replaceAll(NAMESPACE, namespace), 'latin1');
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) pieces.push(bytes.subarray(at, at + PIECE_BYTES));
  return pieces;
}

/** Heap and buffers, but for compiled code. */
function usedBytes(collect: () => void): number {
  for (let i = 0; i < 3; i++) collect();
  const spaces = getHeapSpaceStatistics().filter(({ space_name }) => !space_name.includes('code'));
  return spaces.reduce((sum, space) => sum + space.space_used_size, process.memoryUsage().arrayBuffers);
}

/** Bytes per series remembered: all there is, and the scanner's share. */
function memoryOf(load: Load): { readonly all: number; readonly scanner: number } {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // One more before counting begins: what a second target makes the engine compile is no part of its memory.
  load.add();
  load.rounds(SETTLED);
  const [bytes, lines, scanner] = [usedBytes(collect), load.remembered, load.scannerBytes];
  for (let i = 0; i < MORE_TARGETS; i++) load.add();
  load.rounds(SETTLED);
  const more = load.remembered - lines;
  return { all: (usedBytes(collect) - bytes) / more, scanner: (load.scannerBytes - scanner) / more };
}

function benchSpeed(name: ShapeName): BenchResult {
  const load = new Load(name);
  const { samples } = createShape(name);
  load.add();
  load.rounds(SETTLED);
  let least = Number.POSITIVE_INFINITY;
  for (let block = 0; block < BLOCKS; block++) least = Math.min(least, load.rounds(SCRAPES) / samples);
  return measured(`bytes to slot: ${name}`, least, 'ns/sample', name.startsWith('istio') ? ISTIO_GOAL_NS : undefined);
}

function benchMemory(name: ShapeName): BenchResult[] {
  const load = new Load(name);
  load.add();
  const memory = memoryOf(load);
  return [
    measured(`bytes to slot: ${name}, memory in all`, memory.all, 'B/series', MEMORY_GOAL_BYTES),
    measured(`bytes to slot: ${name}, memory of the scanner`, memory.scanner, 'B/series'),
  ];
}

const NAMES = ['linkerd-20k', 'istio-20k'] as const;

/** Speed goes first: a collection on demand throws compiled code away, and not all of it is compiled again soon. */
export async function run(): Promise<BenchResult[]> {
  return [...NAMES.map(benchSpeed), ...NAMES.flatMap(benchMemory)];
}

if (import.meta.main) for (const result of await run()) console.log(formatResult(result));
