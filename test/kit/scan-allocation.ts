/**
 * @module Child process of the allocation test: scans prepared pages and prints what the heap did, as JSON.
 *
 * Run with `--expose-gc` and a young generation so large that nothing is collected between two readings: then the
 * growth of the used heap is what was allocated. Arguments: shape, pages to measure.
 */

import { SeriesTable } from '../../pipeline/model/series.ts';
import { ExpositionScanner } from '../../pipeline/wire/exposition/scanner.ts';
import { createShape, type ShapeName } from '../bench/shapes.ts';
import { WIDE_LIMITS } from './scan.ts';

const [, , shapeName, pageCount] = process.argv;
const shape = createShape(shapeName as ShapeName);
const table = new SeriesTable();
const scanner = new ExpositionScanner({
  wanted: shape.wanted,
  limits: WIDE_LIMITS,
  resolve: () => table.add({ role: 'sentinel' }),
});

const before = shape.page();
shape.next();
const pages = [before, shape.page()];
let scrape = 0;
let samples = 0;

function scan(count: number): void {
  for (let i = 0; i < count; i++) {
    scrape += 1;
    scanner.begin(table, scrape);
    for (const piece of pages[scrape & 1]!) scanner.feed(piece);
    samples += scanner.end().samples;
  }
}

/** Bytes allocated per sample over `count` pages. */
function allocated(count: number): number {
  globalThis.gc!();
  samples = 0;
  const start = process.memoryUsage().heapUsed;
  scan(count);
  return (process.memoryUsage().heapUsed - start) / samples;
}

scan(60);
const rounds = Array.from({ length: 5 }, () => allocated(Number(pageCount)));
globalThis.gc!();
const settled = process.memoryUsage().heapUsed;
const external = process.memoryUsage().arrayBuffers;
scan(300);
globalThis.gc!();
const grown = process.memoryUsage().heapUsed - settled;
const externalGrown = process.memoryUsage().arrayBuffers - external;
const memoryPerSeries = scanner.memoryBytes / scanner.rememberedLines;
console.log(JSON.stringify({ rounds, grown, externalGrown, memoryPerSeries, lines: scanner.rememberedLines }));
