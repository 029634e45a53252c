/**
 * @module How long the exposition scanner takes per sample: warm, after a full reorder, at first sight.
 *
 * Run it with `node test/bench/scanner.ts [shape…]`. Each figure is CPU time of the process over all samples of the
 * page, wanted or not, the best of several blocks. That of the thread alone ticks in milliseconds on some machines, so
 * that the best of blocks would be too good; the process has the engine's own threads in it.
 * Pages lie ready in 64 KiB pieces.
 */

import { createShape, type Shape, type ShapeName } from '../../demo/shapes/shapes.ts';
import type { SeriesMeaning } from '../../pipeline/model/rules.ts';
import { SeriesTable } from '../../pipeline/model/series.ts';
import { ExpositionScanner } from '../../pipeline/wire/exposition/scanner.ts';
import { type BenchResult, formatResult, measured } from './result.ts';

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
    const before = process.cpuUsage();
    this.scanner.begin(this.table, this.#scrape);
    for (const piece of pieces) this.scanner.feed(piece);
    const result = this.scanner.end();
    const { user, system } = process.cpuUsage(before);
    if (result.samples !== wantedSamples || result.failure !== null) throw new Error('the scanner misread the shape');
    return (user + system) * 1e3;
  }
}

/** CPU ns per sample: the least of `blocks` blocks of scans of about `blockSamples` samples. */
function best(blocks: number, blockSamples: number, samples: number, scan: (index: number) => number): number {
  const scans = Math.max(1, Math.round(blockSamples / samples));
  let least = Number.POSITIVE_INFINITY;
  for (let block = 0; block < blocks; block++) {
    let total = 0;
    for (let i = 0; i < scans; i++) total += scan(i);
    least = Math.min(least, total / scans / samples);
  }
  return least;
}

/** All figures of one shape. */
export function benchShape(name: ShapeName): BenchResult[] {
  const shape = createShape(name);
  const { samples, wantedSamples } = shape;
  const now = shape.page();
  shape.next();
  const next = shape.page();
  let target = new Target(shape);
  const first = best(10, 2e4, samples, () => {
    target = new Target(shape);
    return target.scan(now, wantedSamples);
  });
  const warm = best(60, 1e5, samples, (i) => target.scan(i % 2 === 0 ? next : now, wantedSamples));
  const bytes = target.scanner.memoryBytes / target.scanner.rememberedLines;
  const reordered = best(12, 2e4, samples, () => {
    shape.reorder();
    return target.scan(shape.page(), wantedSamples);
  });
  const page = shape.page();
  const after = best(30, 1e5, samples, () => target.scan(page, wantedSamples));
  const main = name === 'linkerd-20k';
  return [
    measured(`scanner ${name} warm`, warm, 'ns/sample', main ? WARM_GOAL_NS : undefined),
    measured(`scanner ${name} reordered`, reordered, 'ns/sample', main ? REORDER_GOAL_NS : undefined),
    measured(`scanner ${name} warm after reorder`, after, 'ns/sample'),
    measured(`scanner ${name} first sight`, first, 'ns/sample', FIRST_SIGHT_GOAL_NS),
    measured(`scanner ${name} memory`, bytes, 'B/series', MEMORY_GOAL_BYTES),
  ];
}

export async function run(shapes: readonly ShapeName[] = SHAPES): Promise<BenchResult[]> {
  return shapes.flatMap(benchShape);
}

if (import.meta.main) {
  const named = SHAPES.filter((name) => process.argv.includes(name));
  for (const result of await run(named.length > 0 ? named : SHAPES)) console.log(formatResult(result));
}
