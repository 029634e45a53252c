/**
 * @module Child process of the allocation test: scans prepared pages, hands each to `smi`, and prints what the heap did,
 * as JSON.
 *
 * Run with `--expose-gc` and a young generation so large that nothing is collected between two readings: then the
 * growth of the used memory is what was allocated. Arguments: shape, pages to measure.
 */

import { createShape, type ShapeName } from '../../demo/shapes/shapes.ts';
import type { Target } from '../../pipeline/batch.ts';
import { Delivery } from '../../pipeline/delivery.ts';
import type { Identity } from '../../pipeline/model/resource.ts';
import { SeriesTable } from '../../pipeline/model/series.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { ExpositionScanner } from '../../pipeline/wire/exposition/scanner.ts';
import { SmiEngine } from '../../processors/smi/engine.ts';
import { createLinkerdRules } from '../../receivers/linkerd/rules.ts';
import { SeriesBudget, SeriesIndex } from '../../receivers/scrape/series-index.ts';
import { WIDE_LIMITS } from './scan.ts';

const SLOT_MS = 10_000;
const T0 = 1_764_000_010_000;
const ROUNDS = 5;
/** Pages after which the hot functions are compiled for good: what they allocate before that is no property of them. */
const WARM_PAGES = 800;
/** Slots closed in one measurement of records. */
const SLOTS = 40;
const OWN: Identity = {
  workload: { cluster: '', namespace: 'emojivoto', name: 'web', kind: 'Deployment' },
  pod: 'web-1',
  podUid: '',
  node: 'n1',
  serviceAccount: 'web',
};

const [, , shapeName, pageCount] = process.argv;
const rules = createLinkerdRules({ adminPort: 4191, sentinel: true });
const series = new SeriesTable();
const target: Target = {
  key: 'linkerd|web-1',
  receiver: 'linkerd',
  address: '127.0.0.1:4191',
  own: OWN,
  rules,
  series,
  intervalMs: SLOT_MS,
};
const index = new SeriesIndex(rules, OWN, series, new SeriesBudget(1e6));
const scanner = new ExpositionScanner({
  wanted: new Map(rules.families.map((family) => [family.sample, family])),
  limits: WIDE_LIMITS,
  resolve: (sample, labels) => index.resolve(sample, labels),
});
const engine = new SmiEngine({
  slotMs: SLOT_MS,
  graceMs: 5000,
  peerPod: false,
  ownExports: new Set(),
  maxRecords: 1e6,
  maxPastLives: 100,
  watchStartMs: T0,
});

/** A page and its successors, whose values rise from page to page as a proxy's do. */
function pagesOf(name: ShapeName, count: number): Uint8Array[][] {
  const shape = createShape(name);
  return Array.from({ length: count }, () => {
    shape.next();
    return shape.page();
  });
}
const pages = pagesOf(shapeName as ShapeName, 4);

let scrape = 0;
let slot = 0;
let samples = 0;
/** Samples that the engine did not add to a record. */
let lost = 0;

/** One scrape in the open slot; the slot does not close by it. */
function take(): void {
  scrape += 1;
  scanner.begin(series, scrape);
  for (const piece of pages[scrape % pages.length]!) scanner.feed(piece);
  const scan = scanner.end();
  if (scan.failure !== null || !index.hasSentinel(scrape)) throw new Error('the page was misread');
  samples += scan.samples;
  const scheduledMs = T0 + slot * SLOT_MS + 3000;
  const { merged } = engine.take({
    body: 'samples',
    target,
    event: { kind: 'scraped', scrape, skippedLines: 0 },
    scheduledMs,
    startedMs: scheduledMs,
    startedMonoMs: scheduledMs - T0,
    nextDueMs: scheduledMs + SLOT_MS,
    items: scan.samples,
    delivery: new Delivery(),
  });
  lost += scan.samples - merged;
}

function close(): TrafficSum {
  const [sum] = engine.close(T0 + ++slot * SLOT_MS);
  if (sum === undefined) throw new Error('the slot did not close');
  return sum;
}

/** Heap and buffers: typed arrays of more than a few numbers lie outside the heap. */
function usedBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Buffers that one collection finds to be garbage are freed by the next one at the latest. */
function collectAll(): void {
  for (let i = 0; i < 3; i++) globalThis.gc!();
}

function takeMany(count: number): void {
  for (let i = 0; i < count; i++) take();
}

/** Bytes allocated by `work`, which must fit the young generation. */
function allocated(work: () => void): number {
  globalThis.gc!();
  const start = usedBytes();
  work();
  return usedBytes() - start;
}

/** Bytes allocated per sample over `count` pages, all of one slot. */
function perSample(count: number): number {
  samples = 0;
  const bytes = allocated(() => takeMany(count));
  close();
  return bytes / samples;
}

/** Bytes per record that closing a slot costs: the record, its histogram, and its share of the slot's own column. */
function perRecord(): number {
  let read = 0;
  const taken = allocated(() => takeMany(SLOTS));
  close();
  const bytes = allocated(() => {
    for (let i = 0; i < SLOTS; i++) {
      take();
      read += close().records.length;
    }
  });
  return (bytes - taken) / read;
}

takeMany(WARM_PAGES);
for (let i = 0; i < 20; i++) {
  take();
  close();
}
take();
const { records } = close();
const requests = records.reduce((sum, record) => sum + record.successes + record.failures, 0);
const rounds = Array.from({ length: ROUNDS }, () => perSample(Number(pageCount)));
const recordRounds = Array.from({ length: ROUNDS }, perRecord);
collectAll();
const { heapUsed, arrayBuffers } = process.memoryUsage();
takeMany(300);
close();
collectAll();
const after = process.memoryUsage();
console.log(
  JSON.stringify({
    rounds,
    recordRounds,
    records: records.length,
    requests,
    lost,
    grown: after.heapUsed - heapUsed,
    externalGrown: after.arrayBuffers - arrayBuffers,
    memoryPerSeries: scanner.memoryBytes / scanner.rememberedLines,
    lines: scanner.rememberedLines,
  }),
);
