/**
 * @module What must have been counted between two pages, worked out from what Prometheus read on them.
 *
 * The mesh's table says what a series means; that is judged elsewhere. Everything else (reading the page, telling a new
 * life, which delta counts, adding up) is done here once more, as plainly as design §6 says it.
 */
import type { Identity } from '../../pipeline/model/resource.ts';
import type { MeshRules, TrafficSeries } from '../../pipeline/model/rules.ts';
import type { TrafficRecord } from '../../pipeline/model/traffic.ts';
import { createTrafficKey } from '../../pipeline/model/traffic-key.ts';
import type { QueriedSample } from './prometheus.ts';

/** A page as Prometheus holds it. */
export type ReadPage = readonly QueriedSample[];

/** Counts of one record; `latency` by the set of bounds. */
export interface JudgedCounts {
  successes: number;
  failures: number;
  unreached: number;
  opened: number;
  closed: number;
  readBytes: number;
  writtenBytes: number;
  latency: Map<string, number[]>;
}

/** One histogram of a page. */
export interface JudgedHistogram {
  /** One of its buckets. */
  readonly sample: QueriedSample;
  /** Whether it counts from 0, so that the page before does not matter. */
  readonly anew: boolean;
  /** Milliseconds in the unit of its bounds. */
  unitMs: number;
  /** Deltas, cumulative as on the page. */
  readonly buckets: [boundMs: number, delta: number][];
}

export interface JudgedRecord extends JudgedCounts {
  readonly histograms: Map<string, JudgedHistogram>;
}

/** Labels that Prometheus or the test has put on, not the page. */
const ADDED = new Set(['judge', 'job', 'instance']);

export function pageLabels({ labels }: QueriedSample): Map<string, string> {
  return new Map(Object.entries(labels).filter(([name]) => name !== '__name__' && !ADDED.has(name)));
}

function seriesText(sample: QueriedSample, without = ''): string {
  const labels = [...pageLabels(sample)].filter(([name]) => name !== without).sort();
  return JSON.stringify([sample.labels.__name__, ...labels]);
}

interface Resolved {
  readonly sample: QueriedSample;
  readonly text: string;
  readonly meaning: TrafficSeries;
}

/** One proxy, page by page. */
export class JudgedProxy {
  readonly #rules: MeshRules;
  readonly #own: Identity;
  /** Last value of each series, while it counts. */
  readonly #last = new Map<string, number>();
  #signs = new Map<string, number>();

  constructor(rules: MeshRules, own: Identity) {
    this.#rules = rules;
    this.#own = own;
  }

  /** What the page brings since the one before, by the id of the record; the first page is a baseline and brings nothing. */
  next(page: ReadPage, first: boolean): Map<string, JudgedRecord> {
    const { series, signs } = this.#resolve(page);
    const anew = first || this.#beganAnew(signs);
    const records = new Map<string, JudgedRecord>();
    for (const group of groupsOf(series)) {
      const fresh = anew || group.some(({ sample, text }) => sample.value < (this.#last.get(text) ?? 0));
      if (!first)
        for (const each of group) this.#add(records, each, fresh ? 0 : (this.#last.get(each.text) ?? 0), fresh);
    }
    if (this.#rules.vanished === 'evicted' || anew) this.#last.clear();
    for (const { sample, text } of series) this.#last.set(text, sample.value);
    this.#signs = signs;
    for (const record of records.values()) uncumulate(record);
    return records;
  }

  #resolve(page: ReadPage): { series: Resolved[]; signs: Map<string, number> } {
    const series: Resolved[] = [];
    const signs = new Map<string, number>();
    const wanted = new Set(this.#rules.families.map(({ sample }) => sample));
    for (const sample of page) {
      const name = sample.labels.__name__ ?? '';
      if (!wanted.has(name)) continue;
      const meaning = this.#rules.resolve(name, pageLabels(sample), this.#own);
      if (meaning.role === 'traffic') series.push({ sample, text: seriesText(sample), meaning });
      else if (meaning.role !== 'filtered') signs.set(meaning.role, sample.value);
    }
    return { series, signs };
  }

  #beganAnew(signs: ReadonlyMap<string, number>): boolean {
    const [start, epoch] = [signs.get('start'), signs.get('restart_epoch')];
    if (start !== this.#signs.get('start') || epoch !== this.#signs.get('restart_epoch')) return true;
    return (signs.get('uptime') ?? 0) < (this.#signs.get('uptime') ?? 0);
  }

  #add(records: Map<string, JudgedRecord>, each: Resolved, before: number, anew: boolean): void {
    const { sample, meaning } = each;
    const { mesh, counts: usual } = this.#rules;
    const { side, peer, protocol, measure } = meaning;
    const own = meaning.own ?? this.#own;
    const counts = meaning.counts ?? usual[side];
    const { id } = createTrafficKey({ mesh, side, own, peer: { ...peer, pod: '' }, protocol, counts });
    const record = records.get(id) ?? emptyRecord();
    records.set(id, record);
    const delta = sample.value - before;
    if (measure === 'latency_bucket') addBucket(record, each, delta, anew);
    else addCount(record, measure, delta);
  }
}

/** Series that are one counter together; the others each alone. */
function groupsOf(series: readonly Resolved[]): Resolved[][] {
  const groups = new Map<string, Resolved[]>();
  for (const each of series) {
    const name = each.meaning.group === '' ? `alone ${each.text}` : `group ${each.meaning.group}`;
    groups.set(name, [...(groups.get(name) ?? []), each]);
  }
  return [...groups.values()];
}

function emptyRecord(): JudgedRecord {
  const none = { successes: 0, failures: 0, unreached: 0, opened: 0, closed: 0, readBytes: 0, writtenBytes: 0 };
  return { ...none, latency: new Map(), histograms: new Map() };
}

function addCount(record: JudgedRecord, measure: TrafficSeries['measure'], delta: number): void {
  if (measure === 'success') record.successes += delta;
  else if (measure === 'failure') record.failures += delta;
  else if (measure === 'unreached') {
    record.failures += delta;
    record.unreached += delta;
  } else if (measure === 'tcp_opened') record.opened += delta;
  else if (measure === 'tcp_closed') record.closed += delta;
  else if (measure === 'tcp_read_bytes') record.readBytes += delta;
  else if (measure === 'tcp_written_bytes') record.writtenBytes += delta;
}

function addBucket(record: JudgedRecord, { sample, meaning }: Resolved, delta: number, anew: boolean): void {
  const text = seriesText(sample, 'le');
  const histogram = record.histograms.get(text) ?? { sample, anew, unitMs: 1, buckets: [] };
  record.histograms.set(text, histogram);
  histogram.buckets.push([meaning.boundMs, delta]);
  if (Number.isFinite(meaning.boundMs)) histogram.unitMs = Math.round(meaning.boundMs / Number(sample.labels.le));
}

/** Only histograms with equal bounds are added up. */
function uncumulate(record: JudgedRecord): void {
  for (const { buckets } of record.histograms.values()) {
    const sorted = buckets.sort(([a], [b]) => a - b);
    const bounds = boundsText(sorted.map(([boundMs]) => boundMs));
    const counts = record.latency.get(bounds) ?? sorted.map(() => 0);
    for (const [i, [, delta]] of sorted.entries()) counts[i]! += delta - (i === 0 ? 0 : sorted[i - 1]![1]);
    record.latency.set(bounds, counts);
  }
}

function boundsText(boundsMs: readonly number[]): string {
  return boundsMs.filter((bound) => bound !== Number.POSITIVE_INFINITY).join(' ');
}

/** Our record in the same form. */
export function countsOf({ successes, failures, unreached, latency, tcp }: TrafficRecord): JudgedCounts {
  const { opened = 0, closed = 0, readBytes = 0, writtenBytes = 0 } = tcp ?? {};
  return {
    ...{ successes, failures, unreached, opened, closed, readBytes, writtenBytes },
    latency: new Map((latency ?? []).map((histogram) => [boundsText(histogram.boundsMs), [...histogram.counts]])),
  };
}

/** Without what nothing was counted of; null when that is all. */
export function nonZero(record: JudgedCounts): JudgedCounts | null {
  const { successes, failures, unreached, opened, closed, readBytes, writtenBytes } = record;
  const latency = new Map([...record.latency].filter(([, counts]) => counts.some((count) => count > 0)));
  const counts = { successes, failures, unreached, opened, closed, readBytes, writtenBytes };
  return latency.size === 0 && Object.values(counts).every((count) => count === 0) ? null : { ...counts, latency };
}
