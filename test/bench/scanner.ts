/**
 * @module How long the exposition scanner takes per sample: warm, after a full reorder, at first sight.
 *
 * Run it with `node test/bench/scanner.ts [shape…]`. Each figure is CPU time of the thread, the best of several
 * pages, over all samples of the page, wanted or not; pages lie ready in 64 KiB pieces.
 */
import type { SeriesMeaning } from '../../pipeline/model/rules.ts';
import { SeriesTable } from '../../pipeline/model/series.ts';
import { ExpositionScanner } from '../../pipeline/wire/exposition/scanner.ts';
import { type BenchResult, formatResult, measured } from './result.ts';
import { createShape, type Shape, type ShapeName } from './shapes.ts';

const NO_LIMITS = { sampleLimit: 1e9, labelLimit: 64, labelNameLengthBytes: 256, labelValueLengthBytes: 2048 };
const MEANING: SeriesMeaning = { role: 'filtered', reason: 'bench' };
const SHAPES: readonly ShapeName[] = ['linkerd-2k', 'linkerd-20k', 'linkerd-200k', 'istio-20k'];

/** Goals of the project for linkerd-20k, ns per sample; first sight and memory hold for every shape. */
const WARM_GOAL_NS = 150;
const REORDER_GOAL_NS = 600;
const FIRST_SIGHT_GOAL_NS = 4000;
const MEMORY_GOAL_BYTES = 200;

class Target {
  readonly table = new SeriesTable();
  readonly scanner: ExpositionScanner;
  #scrape = 0;

  constructor(shape: Shape) {
    this.scanner = new ExpositionScanner({
      wanted: shape.wanted,
      resolve: () => this.table.add(MEANING),
      limits: NO_LIMITS,
      hashSeed: 42,
    });
  }

  /** Scans one page and returns the CPU time it took in ns. */
  scan(pieces: readonly Uint8Array[], wantedSamples: number): number {
    this.#scrape += 1;
    const before = process.threadCpuUsage();
    this.scanner.begin(this.table, this.#scrape);
    for (const piece of pieces) this.scanner.feed(piece);
    const result = this.scanner.end();
    const { user, system } = process.threadCpuUsage(before);
    if (result.samples !== wantedSamples || result.failure !== null) throw new Error('the scanner misread the shape');
    return (user + system) * 1e3;
  }
}

function best(times: readonly number[], samples: number): number {
  return Math.min(...times) / samples;
}

/** All figures of one shape. `rounds` pages per figure. */
export function benchShape(name: ShapeName, rounds: number): BenchResult[] {
  const shape = createShape(name);
  const { samples, wantedSamples } = shape;
  const first = shape.page();
  const times = { first: [] as number[], warm: [] as number[], reorder: [] as number[], after: [] as number[] };
  let target = new Target(shape);
  for (let i = 0; i < Math.max(3, rounds / 4); i++) {
    target = new Target(shape);
    times.first.push(target.scan(first, wantedSamples));
  }
  for (let i = 0; i < rounds; i++) {
    if (i % 4 === 0) shape.next();
    times.warm.push(target.scan(i % 4 === 0 ? shape.page() : first, wantedSamples));
  }
  const bytes = target.scanner.memoryBytes / target.scanner.rememberedLines;
  for (let i = 0; i < Math.max(3, rounds / 4); i++) {
    shape.reorder();
    const page = shape.page();
    times.reorder.push(target.scan(page, wantedSamples));
    for (let again = 0; again < 3; again++) times.after.push(target.scan(page, wantedSamples));
  }
  const main = name === 'linkerd-20k';
  return [
    measured(`scanner ${name} warm`, best(times.warm, samples), 'ns/sample', main ? WARM_GOAL_NS : undefined),
    measured(
      `scanner ${name} reordered`,
      best(times.reorder, samples),
      'ns/sample',
      main ? REORDER_GOAL_NS : undefined,
    ),
    measured(`scanner ${name} warm after reorder`, best(times.after, samples), 'ns/sample'),
    measured(`scanner ${name} first sight`, best(times.first, samples), 'ns/sample', FIRST_SIGHT_GOAL_NS),
    measured(`scanner ${name} memory`, bytes, 'B/series', MEMORY_GOAL_BYTES),
  ];
}

export async function run(shapes: readonly ShapeName[] = SHAPES): Promise<BenchResult[]> {
  return shapes.flatMap((name) => benchShape(name, name === 'linkerd-200k' ? 8 : 40));
}

if (import.meta.main) {
  const named = SHAPES.filter((name) => process.argv.includes(name));
  for (const result of await run(named.length > 0 ? named : SHAPES)) console.log(formatResult(result));
}
