/** @module One scanner with a table and a caller that keys series by label set, run over whole pages in pieces. */
import type { FamilyRule, FamilyType, SeriesMeaning } from '../../pipeline/model/rules.ts';
import { SeriesTable } from '../../pipeline/model/series.ts';
import {
  LIMITED_SERIES,
  type ScanLimits,
  type ScanResult,
  UNWANTED_SERIES,
} from '../../pipeline/wire/exposition/scan-types.ts';
import { ExpositionScanner } from '../../pipeline/wire/exposition/scanner.ts';
import { type ReferenceSample, referenceScan, seriesKey, type Verdict } from './reference-scanner.ts';

export const WIDE_LIMITS: Required<ScanLimits> = {
  sampleLimit: 500_000,
  labelLimit: 64,
  labelNameLengthBytes: 256,
  labelValueLengthBytes: 2048,
  lineBytes: 1024 * 1024,
};

const MEANING: SeriesMeaning = { role: 'filtered', reason: 'test' };

export function rule(sample: string, type: FamilyType = 'counter', family = sample): [string, FamilyRule] {
  return [sample, { sample, family, type, demand: null }];
}

export interface BenchSettings {
  readonly wanted: ReadonlyMap<string, FamilyRule>;
  readonly limits?: Partial<ScanLimits>;
  readonly verdict?: (key: string) => Verdict;
}

export interface Scanned {
  readonly result: ScanResult;
  /** What the page put into the table, by label set. */
  readonly series: Map<string, ReferenceSample>;
}

/** A scanner and its table; `resolve` adds one id per label set. */
export class ScanBench {
  readonly table = new SeriesTable();
  readonly ids = new Map<string, number>();
  readonly limits: Required<ScanLimits>;
  readonly scanner: ExpositionScanner;
  readonly #settings: BenchSettings;
  readonly #verdict: (key: string) => Verdict;
  /** Calls of `resolve` so far. */
  resolved = 0;
  #scrape = 0;

  constructor(settings: BenchSettings) {
    this.#settings = settings;
    this.#verdict = settings.verdict ?? (() => 'store');
    this.limits = { ...WIDE_LIMITS, ...settings.limits };
    this.scanner = new ExpositionScanner({
      wanted: settings.wanted,
      limits: this.limits,
      resolve: (sample, labels) => this.#resolve(sample, labels),
    });
  }

  /** Scans one page, given in pieces. */
  scan(pieces: Iterable<Uint8Array>): Scanned {
    this.#scrape += 1;
    this.scanner.begin(this.table, this.#scrape);
    for (const piece of pieces) this.scanner.feed(piece);
    return { result: this.scanner.end(), series: this.#stored() };
  }

  /** Scans a page and compares all that can be seen with the reference; returns the first difference, else null. */
  difference(page: Uint8Array, pieces: Iterable<Uint8Array> = [page]): string | null {
    const { result, series } = this.scan(pieces);
    const expected = referenceScan(page, {
      wanted: this.#settings.wanted,
      limits: this.limits,
      verdict: this.#verdict,
    });
    const failure = (f: { reason: string; line: number } | null) => (f === null ? 'none' : `${f.reason}:${f.line}`);
    if (failure(result.failure) !== failure(expected.failure)) {
      return `failure ${failure(result.failure)}, expected ${failure(expected.failure)}`;
    }
    if (result.failure !== null) return null;
    for (const field of COMPARED) {
      if (result[field] !== expected[field]) return `${field} ${result[field]}, expected ${expected[field]}`;
    }
    if (failure(result.firstSkipped) !== failure(expected.firstSkipped)) {
      return `skipped ${failure(result.firstSkipped)}, expected ${failure(expected.firstSkipped)}`;
    }
    return seriesDifference(series, expected.series);
  }

  #resolve(sample: string, labels: Map<string, string>): number {
    this.resolved += 1;
    const key = seriesKey(sample, labels);
    const verdict = this.#verdict(key);
    if (verdict !== 'store') return verdict === 'limited' ? LIMITED_SERIES : UNWANTED_SERIES;
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    const id = this.table.add(MEANING);
    this.ids.set(key, id);
    return id;
  }

  #stored(): Map<string, ReferenceSample> {
    const stored = new Map<string, ReferenceSample>();
    for (const [key, id] of this.ids) {
      if (this.table.seen[id] !== this.#scrape) continue;
      stored.set(key, { value: this.table.values[id]!, repeats: this.table.repeats[id]! });
    }
    return stored;
  }
}

const COMPARED = [
  'samples',
  'unwantedSamples',
  'limitedSamples',
  'lines',
  'bytes',
  'skippedLines',
  'endsInNewline',
  'sawEof',
  'endsMark',
] as const;

function seriesDifference(found: Map<string, ReferenceSample>, expected: Map<string, ReferenceSample>): string | null {
  if (found.size !== expected.size) return `${found.size} series, expected ${expected.size}`;
  for (const [key, sample] of expected) {
    const other = found.get(key);
    if (other === undefined) return `missing ${key}`;
    if (!Object.is(other.value, sample.value)) return `${key} is ${other.value}, expected ${sample.value}`;
    if (other.repeats !== sample.repeats) return `${key} stands ${other.repeats} times, expected ${sample.repeats}`;
  }
  return null;
}

/** `bytes` cut at the given places (any numbers; taken modulo the length). */
export function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [...places].map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    pieces.push(bytes.slice(from, to));
    from = to;
  }
  return pieces;
}
