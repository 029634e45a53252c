/** @module One target from bytes to `smi` without a socket: scanner, index and table as a receiver puts them together. */
import type { SamplesBatch, Target } from '../../pipeline/batch.ts';
import { Delivery } from '../../pipeline/delivery.ts';
import type { Identity } from '../../pipeline/model/resource.ts';
import type { MeshRules } from '../../pipeline/model/rules.ts';
import { SeriesTable } from '../../pipeline/model/series.ts';
import { ExpositionScanner } from '../../pipeline/wire/exposition/scanner.ts';
import { SeriesBudget, SeriesIndex } from '../../receivers/scrape/series-index.ts';
import { WIDE_LIMITS } from './scan.ts';

export class ScannedTarget {
  readonly target: Target;
  readonly index: SeriesIndex;
  readonly #scanner: ExpositionScanner;
  readonly #series = new SeriesTable();
  #scrape = 0;

  constructor(own: Identity, rules: MeshRules, intervalMs: number) {
    const key = JSON.stringify([rules.mesh, own.pod]);
    const series = this.#series;
    this.target = { key, receiver: rules.mesh, address: own.pod, own, rules, series, intervalMs };
    this.index = new SeriesIndex(rules, own, series, new SeriesBudget(1e7));
    this.#scanner = new ExpositionScanner({
      wanted: new Map(rules.families.map((family) => [family.sample, family])),
      limits: WIDE_LIMITS,
      resolve: (sample, labels) => this.index.resolve(sample, labels),
      hashSeed: 42,
    });
  }

  /** Scans a page; the batch says that it was scheduled for `scheduledMs`. */
  scrape(pieces: readonly Uint8Array[], scheduledMs: number): SamplesBatch {
    const scrape = ++this.#scrape;
    this.#scanner.begin(this.#series, scrape);
    for (const piece of pieces) this.#scanner.feed(piece);
    const scan = this.#scanner.end();
    if (scan.failure !== null || !this.index.hasSentinel(scrape)) throw new Error('the page was misread');
    this.index.keepFresh();
    return {
      body: 'samples',
      target: this.target,
      event: { kind: 'scraped', scrape, skippedLines: scan.skippedLines },
      scheduledMs,
      startedMs: scheduledMs,
      startedMonoMs: scheduledMs,
      nextDueMs: scheduledMs + this.target.intervalMs,
      items: scan.samples,
      delivery: new Delivery(),
    };
  }

  /** Lines that the scanner remembers, and the bytes it does so with. */
  get remembered(): { readonly lines: number; readonly bytes: number } {
    return { lines: this.#scanner.rememberedLines, bytes: this.#scanner.memoryBytes };
  }
}
