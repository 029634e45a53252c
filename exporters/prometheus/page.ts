/** @module One page: every family with the samples of all totals, in text 0.0.4 or OpenMetrics 1.0. */
import type { RunningRecord } from '../../pipeline/model/running-totals.ts';
import { TailsByBounds } from '../../pipeline/wire/exposition-out/bucket-tails.ts';
import { bytesOf, type PageWriter } from '../../pipeline/wire/exposition-out/page-writer.ts';
import { escapeHelp, escapeLabelValue } from '../../pipeline/wire/exposition-out/text.ts';
import { type Words, wordsOf } from '../../pipeline/wire/exposition-out/words.ts';
import type { TrafficMetric } from '../../pipeline/wire/traffic-metrics.ts';
import {
  COVERAGE_FAMILIES,
  type CounterFamily,
  DURATION_METRIC,
  INTERVAL_FAMILY,
  NONE,
  ofResource,
  REQUEST_FAMILIES,
  TCP_FAMILIES,
} from './families.ts';
import type { Format } from './negotiate.ts';
import type { PageContent, Shown } from './totals.ts';

export interface PageOptions {
  /** Goes before every name with a `_`; '' for nothing. */
  readonly namespace: string;
  /** Whether OpenMetrics gets `_created` samples. */
  readonly created: boolean;
}

/** Totals between two chances for others to run: about a millisecond's work. */
const TOTALS_PER_STEP = 256;
const END = bytesOf('# EOF\n');

/** Writes pages. Everything but labels and values is made once, here. */
export class PageLayout {
  readonly #families: readonly Family[];
  readonly #tails = new TailsByBounds();
  readonly #created: boolean;

  constructor({ namespace, created }: PageOptions) {
    this.#created = created;
    const prefix = namespace === '' ? '' : `${namespace}_`;
    this.#families = [
      new Counter(prefix, INTERVAL_FAMILY, ({ intervals }) => intervals),
      ...recordFamilies(
        prefix,
        this.#tails,
        ({ edges }) => edges,
        (metric) => metric,
      ),
      ...recordFamilies(prefix, this.#tails, ({ resources }) => resources, ofResource),
      ...COVERAGE_FAMILIES.map((family) => new Counter(prefix, family, ({ coverage }) => coverage)),
    ];
  }

  /** Writes a page piece by piece; between two steps others may run, as long as they leave `content` as it is. */
  *write(content: PageContent, format: Format, writer: PageWriter): Generator<void, Uint8Array[]> {
    this.#tails.nextPage();
    const created = this.#created && format === 'openmetrics';
    for (const family of this.#families) yield* family.write(content, { format, created, writer });
    if (format === 'openmetrics') writer.append(END);
    return writer.take();
  }
}

type Records = (content: PageContent) => readonly Shown<RunningRecord>[];

function recordFamilies(
  prefix: string,
  tails: TailsByBounds,
  records: Records,
  twin: (metric: TrafficMetric) => TrafficMetric,
): Family[] {
  const counter = ({ metric, samples }: CounterFamily<RunningRecord>) =>
    new Counter(prefix, { metric: twin(metric), samples }, records);
  return [
    ...REQUEST_FAMILIES.map(counter),
    new Histogram(prefix, twin(DURATION_METRIC), tails, records),
    ...TCP_FAMILIES.map(counter),
  ];
}

interface Sheet {
  readonly format: Format;
  readonly created: boolean;
  readonly writer: PageWriter;
}

/** A family, written in steps so that others may run between them. */
abstract class Family {
  /** Writes the samples of some totals; `begun` says whether the head is written, and so does the answer. */
  protected abstract writeSome(content: PageContent, from: number, to: number, sheet: Sheet, begun: boolean): boolean;
  protected abstract count(content: PageContent): number;

  *write(content: PageContent, sheet: Sheet): Generator<void, void> {
    const count = this.count(content);
    let begun = false;
    for (let from = 0; from < count; from += TOTALS_PER_STEP) {
      begun = this.writeSome(content, from, Math.min(count, from + TOTALS_PER_STEP), sheet, begun);
      yield;
    }
  }
}

/** Head of a family, written once there is a sample to show. */
class Header {
  readonly #bytes: Readonly<Record<Format, Uint8Array>>;

  constructor(name: string, type: 'counter' | 'histogram', { unit, description }: TrafficMetric) {
    const help = escapeHelp(`${description}.`);
    const base = name.replace(/_total$/, '');
    const units = new Map([
      ['s', 'seconds'],
      ['ms', 'seconds'],
      ['By', 'bytes'],
    ]);
    const word = units.get(unit);
    const told = word !== undefined && base.endsWith(`_${word}`) ? `# UNIT ${base} ${word}\n` : '';
    this.#bytes = {
      text: bytesOf(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`),
      openmetrics: bytesOf(`# HELP ${base} ${help}\n# TYPE ${base} ${type}\n${told}`),
    };
  }

  of(format: Format): Uint8Array {
    return this.#bytes[format];
  }
}

/** A total, as far as its start goes. */
interface Started {
  readonly startMs: number;
}

class Counter<Total extends Started> extends Family {
  readonly #header: Header;
  readonly #head: Words;
  readonly #createdHead: Words;
  readonly #samples: readonly { readonly tail: Words; readonly value: (total: Total) => number }[];
  readonly #pick: (content: PageContent) => readonly Shown<Total>[];

  constructor(
    prefix: string,
    { metric, samples }: CounterFamily<Total>,
    pick: (content: PageContent) => readonly Shown<Total>[],
  ) {
    super();
    const name = prefix + metric.prometheus;
    this.#header = new Header(name, 'counter', metric);
    this.#head = wordsOf(`${name}{`);
    this.#createdHead = wordsOf(`${name.replace(/_total$/, '')}_created{`);
    this.#samples = samples.map(({ label, value }) => ({ tail: wordsOf(tailText(label)), value }));
    this.#pick = pick;
  }

  protected count(content: PageContent): number {
    return this.#pick(content).length;
  }

  protected writeSome(content: PageContent, from: number, to: number, sheet: Sheet, begun: boolean): boolean {
    const shown = this.#pick(content);
    let under = begun;
    for (let i = from; i < to; i++) under = this.#writeTotal(shown[i]!, sheet, under);
    return under;
  }

  #writeTotal({ total, labels }: Shown<Total>, sheet: Sheet, begun: boolean): boolean {
    const { writer, format } = sheet;
    let under = begun;
    for (const { tail, value } of this.#samples) {
      const number = value(total);
      if (number === NONE) continue;
      if (!under) writer.append(this.#header.of(format));
      under = true;
      writer.sample(this.#head, labels, tail, number);
      if (sheet.created) writer.timeSample(this.#createdHead, labels, tail, total.startMs);
    }
    return under;
  }
}

function tailText(label: readonly [name: string, value: string] | null): string {
  return label === null ? '} ' : `,${label[0]}="${escapeLabelValue(label[1])}"} `;
}

class Histogram extends Family {
  readonly #header: Header;
  readonly #bucketHead: Words;
  readonly #countHead: Words;
  readonly #createdHead: Words;
  readonly #tails: TailsByBounds;
  readonly #pick: Records;

  constructor(prefix: string, metric: TrafficMetric, tails: TailsByBounds, pick: Records) {
    super();
    const name = prefix + metric.prometheus;
    this.#header = new Header(name, 'histogram', metric);
    this.#bucketHead = wordsOf(`${name}_bucket{`);
    this.#countHead = wordsOf(`${name}_count{`);
    this.#createdHead = wordsOf(`${name}_created{`);
    this.#tails = tails;
    this.#pick = pick;
  }

  protected count(content: PageContent): number {
    return this.#pick(content).length;
  }

  protected writeSome(content: PageContent, from: number, to: number, sheet: Sheet, begun: boolean): boolean {
    const shown = this.#pick(content);
    let under = begun;
    for (let i = from; i < to; i++) {
      const each = shown[i]!;
      if (each.total.latency === null || each.total.latency.length === 0) continue;
      if (!under) sheet.writer.append(this.#header.of(sheet.format));
      under = true;
      this.#writeTotal(each, sheet);
    }
    return under;
  }

  /** Each set of bounds is a histogram of its own: nothing is added bound by bound. */
  #writeTotal({ total, labels }: Shown<RunningRecord>, sheet: Sheet): void {
    const { writer } = sheet;
    for (const { boundsMs, counts } of total.latency ?? []) {
      const tails = this.#tails.of(boundsMs);
      const count = writer.buckets(this.#bucketHead, labels, tails, counts);
      writer.sample(this.#countHead, labels, tails.plain, count);
      if (sheet.created) writer.timeSample(this.#createdHead, labels, tails.plain, total.startMs);
    }
  }
}
