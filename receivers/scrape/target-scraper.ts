/** @module One target's pages: fetched, scanned into its columns, and judged as a whole: it counts or it does not. */
import type { Target } from '../../pipeline/batch.ts';
import type { Clock } from '../../pipeline/clock/clock.ts';
import type { FamilyRule, MeshRules } from '../../pipeline/model/rules.ts';
import { SeriesTable } from '../../pipeline/model/series.ts';
import type { HttpClient } from '../../pipeline/net/http-client.ts';
import type { ScanLimits, ScanResult } from '../../pipeline/wire/exposition/scan-types.ts';
import { ExpositionScanner } from '../../pipeline/wire/exposition/scanner.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';
import type { Access } from './access.ts';
import { failure, type ScrapeFailure } from './failure.ts';
import { fetchPage, type PageFetch } from './page.ts';
import { type SeriesBudget, SeriesIndex } from './series-index.ts';
import type { TargetSpec } from './targets.ts';

/** What all targets of a receiver share. */
export interface ScraperContext {
  readonly receiver: string;
  readonly clock: Clock;
  readonly access: Access;
  readonly rulesOf: (spec: TargetSpec) => MeshRules;
  /** Families that something downstream wants, by sample name. */
  readonly wanted: ReadonlyMap<string, FamilyRule>;
  readonly budget: SeriesBudget;
  readonly limits: ScanLimits;
  readonly bodyLimitBytes: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** A committed page: the target's columns hold it until the next scrape begins. */
export interface GoodPage {
  readonly scrape: number;
  readonly scan: ScanResult;
  /**
   * Lines may be missing although nothing failed: it ends more weakly than others did, or only with the connection and
   * without `# EOF`. Then the absence of a series tells nothing.
   */
  readonly mayBeCut: boolean;
}

export type ScrapeOutcome =
  | { readonly page: GoodPage; readonly failed: null }
  | { readonly page: null; readonly failed: ScrapeFailure };

type EndsMark = ScanResult['endsMark'];
const ENDS: Readonly<Record<EndsMark, string>> = {
  eof: 'with # EOF',
  newline: 'with a whole line',
  none: 'in the middle of a line',
};
/** Pages in a row that must end in a new, weaker way before that is how this target ends its pages. */
const SAME_END_PAGES = 3;
/** The same before any good page: a number that was cut must not become what the next page is compared with. */
const SAME_FIRST_END_PAGES = 2;

/** Series kept beyond twice those of a page before old ones are forgotten. */
const SERIES_SLACK = 1000;
/** Pages without a series after which it may be forgotten. */
const KEPT_PAGES = 8;
/**
 * The same while pages have lines that cannot be read or may be cut: the series may be there and hidden, and one that
 * comes back after it was forgotten counts from 0. A line unreadable for so long must not fill `max_series` for ever.
 */
const KEPT_HIDDEN_PAGES = 64;

export class TargetScraper {
  readonly target: Target;
  readonly index: SeriesIndex;
  readonly #context: ScraperContext;
  readonly #host: string;
  readonly #path: string | null;
  readonly #rules: MeshRules;
  readonly scanner: ExpositionScanner;
  #client: HttpClient | null = null;
  #accessVersion = 0;
  #scrape = 0;
  #tidiedAt = 0;
  #fetch: PageFetch | null = null;
  /** The strongest end a good page has had. */
  #bestEnd = 0;
  /** How good pages end; null before the first. */
  #goodEnd: EndsMark | null = null;
  #weakEnd: EndsMark | null = null;
  #weakEndPages = 0;

  constructor(spec: TargetSpec, context: ScraperContext) {
    const series = new SeriesTable();
    const { receiver, intervalMs } = context;
    const rules = context.rulesOf(spec);
    this.#rules = rules;
    this.target = { key: spec.key, receiver, address: spec.address, own: spec.own, rules, series, intervalMs };
    this.index = new SeriesIndex(rules, spec.own, series, context.budget);
    this.#context = context;
    this.#host = spec.host;
    this.#path = spec.path;
    this.scanner = new ExpositionScanner({
      wanted: context.wanted,
      resolve: (sample, labels) => this.index.resolve(sample, labels),
      strays: rules.strays ?? null,
      limits: context.limits,
      hashSeed: Number.parseInt(context.clock.randomId().slice(0, 8), 16),
    });
  }

  /** One scrape; `done` is called once. One at a time. */
  scrape(done: (outcome: ScrapeOutcome) => void): void {
    const scrape = ++this.#scrape;
    const { clock, access, timeoutMs, bodyLimitBytes } = this.#context;
    this.scanner.begin(this.target.series, scrape);
    const client = this.#connection();
    if (typeof client === 'string') {
      this.scanner.end();
      done({ page: null, failed: failure('connect', client) });
      return;
    }
    this.#fetch = fetchPage({
      client,
      path: this.#path ?? access.path,
      headers: access.headersFor(this.#host),
      clock,
      timeoutMs,
      bodyLimitBytes,
      feed: (piece) => this.scanner.feed(piece),
      done: (failed, endsByClose) => {
        const scan = this.scanner.end();
        const reason = failed ?? this.#judge(scan, scrape);
        if (reason === null) {
          done({ page: { scrape, scan, mayBeCut: this.#mayBeCut(scan.endsMark, endsByClose) }, failed: null });
          return;
        }
        this.discard();
        done({ page: null, failed: reason });
      },
    });
  }

  /**
   * The page at hand does not count: series that it was the first to show are forgotten, nobody has heard of them.
   * Otherwise a target whose every page fails could fill `max_series` for all others. O(bytes remembered) when it had any.
   */
  discard(): void {
    const forgotten = this.index.forgetFresh();
    if (forgotten.size > 0) this.scanner.forgetSeries(forgotten);
  }

  /**
   * Forgets series that have been over for some pages, when they outnumber those on this one. Call after everybody has
   * taken `page`: a series that comes back later is a new one, which counts from 0 as an evicted one does.
   */
  tidy({ scan, scrape, mayBeCut }: GoodPage): void {
    this.index.keepFresh();
    if (this.#rules.vanished !== 'evicted') return;
    const pages = scan.skippedLines > 0 || mayBeCut ? KEPT_HIDDEN_PAGES : KEPT_PAGES;
    if (this.index.live <= 2 * scan.samples + SERIES_SLACK || scrape < this.#tidiedAt + KEPT_PAGES) return;
    this.#tidiedAt = scrape;
    this.scanner.forgetOlderThan(pages);
    this.index.forgetBefore(scrape - pages + 1);
  }

  /** Ends the scrape under way, if any, with this failure. */
  abort(reason: ScrapeFailure): void {
    this.#fetch?.abort(reason);
  }

  /** Gives everything back; no scrape may follow. */
  close(): void {
    this.#client?.close();
    this.index.release();
  }

  /** The client for this target, or why there is none. Nothing may be thrown: nobody awaits a scrape. */
  #connection(): HttpClient | string {
    const { access } = this.#context;
    if (this.#client !== null && this.#accessVersion === access.version) return this.#client;
    this.#client?.close();
    this.#client = null;
    try {
      this.#client = access.createClient(this.target.address);
    } catch (error) {
      return `no client for this address: ${printableShort(error instanceof Error ? error.message : String(error))}`;
    }
    this.#accessVersion = access.version;
    return this.#client;
  }

  /** Null when the page counts. */
  #judge(scan: ScanResult, scrape: number): ScrapeFailure | null {
    if (scan.failure !== null) {
      const { reason, line, detail } = scan.failure;
      return { reason, text: `line ${line}: ${detail}` };
    }
    const cut = this.#judgeEnd(scan.endsMark);
    if (cut !== null) return cut;
    if (this.index.hasSentinel(scrape)) return null;
    const { mesh, sentinel } = this.#rules;
    return failure(
      'partial_page',
      `status 200, but ${scan.lines} lines without ${sentinel}, which every whole ${mesh} page has`,
    );
  }

  /**
   * A page that ends more weakly than the good ones before it was cut, although the transport did not notice. A proxy
   * of another version at the same address may end its pages so for good: then the same end comes again and again.
   */
  #judgeEnd(end: EndsMark): ScrapeFailure | null {
    const good = this.#goodEnd;
    if (strength(end) >= strength(good ?? 'newline')) return this.#acceptEnd(end);
    this.#weakEndPages = end === this.#weakEnd ? this.#weakEndPages + 1 : 1;
    this.#weakEnd = end;
    if (this.#weakEndPages >= (good === null ? SAME_FIRST_END_PAGES : SAME_END_PAGES)) return this.#acceptEnd(end);
    const expected = good === null ? 'a whole page ends with a line feed' : `the last good one ended ${ENDS[good]}`;
    return failure('body_cut', `the page ends ${ENDS[end]}, ${expected}`);
  }

  /** Of a good page. A proxy that ends its pages so for good never has a series vanish, which only delays forgetting. */
  #mayBeCut(end: EndsMark, endsByClose: boolean): boolean {
    this.#bestEnd = Math.max(this.#bestEnd, strength(end));
    return strength(end) < this.#bestEnd || (endsByClose && end !== 'eof');
  }

  #acceptEnd(end: EndsMark): null {
    this.#goodEnd = end;
    this.#weakEndPages = 0;
    return null;
  }
}

function strength(end: EndsMark): number {
  return end === 'eof' ? 2 : end === 'newline' ? 1 : 0;
}
