/**
 * @module A proxy's `/metrics` page as bytes a real one would send: the older block, the newer one, `# EOF`.
 *
 * Everything but the numbers is kept from page to page; it is laid out anew only when a series comes or goes, and then
 * existing lines move too, as in a hash map that grows.
 */

import type { Histogram } from '../histogram.ts';
import { hashText } from '../random.ts';
import type { EndpointSet, LinkerdCounters, TransportSet } from './counters.ts';
import type { Family, FamilySet } from './families.ts';
import {
  AUTHORIZATION_FAMILIES,
  CONTROL_FAMILIES,
  LATENCY_FAMILY,
  REQUEST_FAMILY,
  RESPONSE_FAMILY,
  STACK_FAMILIES,
  TCP_FAMILIES,
} from './legacy-families.ts';
import { showTime } from './next-families.ts';

/** Writes lines of present values. */
type Writer = (out: string[]) => void;

interface Layout {
  readonly shape: string;
  readonly writers: readonly Writer[];
}

/** Renders pages of one process. */
export interface Page {
  /** The page at `nowMs`; the scrape itself must have been counted before. */
  render(nowMs: number): string;
}

export function createPage(proxy: LinkerdCounters, seed: number): Page {
  let layout: Layout = { shape: '', writers: [] };
  return {
    render(nowMs) {
      showTime(proxy.next, proxy.startedMs, nowMs);
      if (layout.shape !== proxy.shape) layout = { shape: proxy.shape, writers: layOut(proxy, seed) };
      const out: string[] = [];
      for (const write of layout.writers) write(out);
      return out.join('');
    },
  };
}

function layOut(proxy: LinkerdCounters, seed: number): Writer[] {
  const salt = hashText(proxy.shape, seed);
  const endpoints = shuffled(proxy.endpoints, salt);
  const transports = shuffled(proxy.transports, salt);
  return [
    ...legacyFamilies(proxy.legacy, AUTHORIZATION_FAMILIES, salt),
    ...endpointFamilies(endpoints),
    ...legacyFamilies(proxy.legacy, CONTROL_FAMILIES, salt),
    ...transportFamilies(transports),
    ...legacyFamilies(proxy.legacy, STACK_FAMILIES, salt),
    ...nextFamilies(proxy.next, salt),
    (out) => out.push('# EOF\n'),
  ];
}

/** Entries in the order of a hash of their key: stable while the salt is. */
function shuffled<Value>(map: ReadonlyMap<string, Value>, salt: number): [string, Value][] {
  return [...map]
    .map(([key, value]) => ({ rank: hashText(key, salt), key, value }))
    .sort((a, b) => a.rank - b.rank || (a.key < b.key ? -1 : 1))
    .map(({ key, value }) => [key, value]);
}

function head(family: Family): Writer {
  const unit = family.unit === '' ? '' : `# UNIT ${family.name} ${family.unit}\n`;
  const text = `# HELP ${family.name} ${family.help}\n# TYPE ${family.name} ${family.type}\n${unit}`;
  return (out) => out.push(text);
}

function withHead(family: Family, writers: Writer[]): Writer[] {
  return writers.length === 0 ? [] : [head(family), ...writers];
}

function sample(name: string, labels: string, read: () => string | number): Writer {
  const prefix = labels === '' ? `${name} ` : `${name}{${labels}} `;
  return (out) => out.push(`${prefix}${read()}\n`);
}

function legacyFamilies(set: FamilySet, families: readonly Family[], salt: number): Writer[] {
  return families.flatMap((family) =>
    withHead(family, [
      ...shuffled(set.cells(family.name), salt).map(([labels, cell]) => sample(family.name, labels, () => cell.value)),
      ...shuffled(set.histograms(family.name), salt).map(([labels, histogram]) =>
        legacyHistogram(family.name, labels, histogram),
      ),
    ]),
  );
}

/** Buckets ascending with `le` last and whole numbers, then count, then sum. */
function legacyHistogram(name: string, labels: string, histogram: Histogram): Writer {
  const bounds = [...histogram.bounds.map(String), '+Inf'];
  const prefixes = bounds.map((bound) => `${name}_bucket{${labels},le="${bound}"} `);
  const count = `${name}_count{${labels}} `;
  const sum = `${name}_sum{${labels}} `;
  return (out) => {
    pushBuckets(out, prefixes, histogram);
    out.push(`${count}${histogram.count}\n`, `${sum}${histogram.sum}\n`);
  };
}

function pushBuckets(out: string[], prefixes: readonly string[], histogram: Histogram): void {
  let below = 0;
  for (let i = 0; i < prefixes.length; i++) {
    below += histogram.counts[i]!;
    out.push(`${prefixes[i]}${below}\n`);
  }
}

function endpointFamilies(sets: readonly [string, EndpointSet][]): Writer[] {
  const requests = sets.map(([labels, set]) => sample(REQUEST_FAMILY.name, labels, () => set.requests));
  const latency = sets.flatMap(([labels, set]) =>
    [...set.latency].map(([status, histogram]) =>
      legacyHistogram(LATENCY_FAMILY.name, `${labels},status_code="${status}"`, histogram),
    ),
  );
  const responses = sets.flatMap(([labels, set]) =>
    [...set.responses].map(([ending, cell]) => sample(RESPONSE_FAMILY.name, `${labels},${ending}`, () => cell.value)),
  );
  return [
    ...withHead(REQUEST_FAMILY, requests),
    ...withHead(LATENCY_FAMILY, latency),
    ...withHead(RESPONSE_FAMILY, responses),
  ];
}

function transportFamilies(sets: readonly [string, TransportSet][]): Writer[] {
  const { closed, ...others } = TCP_FAMILIES;
  const fields = Object.keys(others) as (keyof typeof others)[];
  return [
    ...fields.flatMap((field) =>
      withHead(
        others[field],
        sets.map(([labels, set]) => sample(others[field].name, labels, () => set[field])),
      ),
    ),
    ...withHead(
      closed,
      sets
        .filter(([, set]) => set.everClosed)
        .map(([labels, set]) => sample(closed.name, `${labels},errno=""`, () => set.closed)),
    ),
  ];
}

function nextFamilies(set: FamilySet, salt: number): Writer[] {
  return set.table.flatMap((family) => {
    const name = family.type === 'counter' ? `${family.name}_total` : family.name;
    const ownSalt = hashText(family.name, salt);
    const cells = shuffled(set.cells(family.name), ownSalt).map(([labels, cell]) =>
      sample(name, labels, () => (cell.float ? floatText(cell.value) : cell.value)),
    );
    const histograms = shuffled(set.histograms(family.name), ownSalt).map(([labels, histogram]) =>
      nextHistogram(name, labels, histogram),
    );
    return withHead(family, [...cells, ...histograms]);
  });
}

/** Sum and count first, then buckets with `le` in front and float bounds. */
function nextHistogram(name: string, labels: string, histogram: Histogram): Writer {
  const bounds = [...histogram.bounds.map(floatText), '+Inf'];
  const prefixes = bounds.map((bound) => `${name}_bucket{le="${bound}",${labels}} `);
  const sum = `${name}_sum{${labels}} `;
  const count = `${name}_count{${labels}} `;
  return (out) => {
    out.push(`${sum}${floatText(histogram.sum)}\n`, `${count}${histogram.count}\n`);
    pushBuckets(out, prefixes, histogram);
  };
}

/** Shortest text of a float that is never without its point: `12.0`, `0.05`. */
function floatText(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
