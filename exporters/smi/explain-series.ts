/** @module The series and targets behind a number, as their pages show them now, and the rules of their meshes. */
import type { SeriesListing, SeriesQuery, SeriesSource, SeriesStatus, TargetStatus } from '../../pipeline/component.ts';
import type { Explained, PodShare } from '../../pipeline/model/reading-explain.ts';
import type { Identity } from '../../pipeline/model/resource.ts';
import type { Measure, MeshRules, SeriesMeaning, TrafficSeries } from '../../pipeline/model/rules.ts';
import { createTrafficKey } from '../../pipeline/model/traffic-key.ts';

/** Filtered series listed at most: they only show that something on the page is left out. */
const MOST_FILTERED = 20;

export interface SeriesBehind {
  readonly counted: SeriesListing;
  readonly filtered: SeriesListing;
  /** How many series of these targets are left out, by reason. */
  readonly leftOut: ReadonlyMap<string, number>;
}

const NOTHING: SeriesListing = { series: [], more: 0 };

/**
 * Series that the records behind a number were made of, at most `limit`, and those of the same targets that are left out.
 * `measures` null: all.
 */
export function seriesBehind(
  explained: Explained,
  measures: readonly Measure[] | null,
  limit: number,
  list: ((query: SeriesQuery) => SeriesListing) | undefined,
): SeriesBehind {
  if (list === undefined) return { counted: NOTHING, filtered: NOTHING, leftOut: new Map() };
  const wanted = measures === null ? null : new Set(measures);
  const whole = new Set(explained.keys.map(({ id }) => id));
  const lost = new Set(explained.unreachedKeys.map(({ id }) => id));
  const owners = ownersOf(explained.pods);
  const isCounted = (meaning: SeriesMeaning, source: SeriesSource) => {
    if (meaning.role !== 'traffic' || (wanted !== null && !wanted.has(meaning.measure))) return false;
    if (!isOwner(owners, meaning.own ?? source.own)) return false;
    const ids = idsOf(meaning, source);
    return ids.some((id) => whole.has(id) || (meaning.measure === 'unreached' && lost.has(id)));
  };
  const leftOut = new Map<string, number>();
  const isFiltered = (meaning: SeriesMeaning, source: SeriesSource) => {
    if (meaning.role !== 'filtered' || !isOwner(owners, source.own)) return false;
    leftOut.set(meaning.reason, (leftOut.get(meaning.reason) ?? 0) + 1);
    return true;
  };
  return {
    counted: list({ wants: isCounted, limit }),
    filtered: list({ wants: isFiltered, limit: Math.min(limit, MOST_FILTERED) }),
    leftOut,
  };
}

/** Keys of the record that a series adds to, with and without the pod of its peer. */
function idsOf(series: TrafficSeries, { own: target, rules }: SeriesSource): string[] {
  const { side, protocol, peer } = series;
  const fields = {
    mesh: rules.mesh,
    side,
    own: series.own ?? target,
    protocol,
    counts: series.counts ?? rules.counts[side],
  };
  const ids = [createTrafficKey({ ...fields, peer: { ...peer, pod: '' } }).id];
  if (peer.pod !== '') ids.push(createTrafficKey({ ...fields, peer }).id);
  return ids;
}

interface Owners {
  readonly workloads: ReadonlySet<string>;
  readonly pods: ReadonlySet<string>;
}

function ownersOf(pods: readonly PodShare[]): Owners {
  return {
    workloads: new Set(pods.map(({ workload }) => key(workload.namespace, workload.name))),
    pods: new Set(pods.filter(({ pod }) => pod !== '').map(({ workload, pod }) => key(workload.namespace, pod))),
  };
}

function isOwner({ workloads, pods }: Owners, { workload, pod }: Identity): boolean {
  return pod === '' ? workloads.has(key(workload.namespace, workload.name)) : pods.has(key(workload.namespace, pod));
}

function key(namespace: string, name: string): string {
  return JSON.stringify([namespace, name]);
}

/** Targets of the pods that counted, and those whose pages told of them. */
export function targetsBehind(
  explained: Explained,
  { counted }: SeriesBehind,
  targets: readonly TargetStatus[],
): readonly TargetStatus[] {
  const { workloads, pods } = ownersOf(explained.pods);
  const told = new Set(counted.series.map(({ source }) => key(source.receiver, source.address)));
  return targets.filter(({ namespace, workload, pod, receiver, address }) => {
    const own = pod === '' ? workloads.has(key(namespace, workload)) : pods.has(key(namespace, pod));
    return own || told.has(key(receiver, address));
  });
}

/** One series for people: as its line reads, what it has come to, and what it means. */
export function seriesRow({ source, sample, labels, value, meaning }: SeriesStatus): object {
  const row = { target: source.address, series: lineOf(sample, labels), value: Number.isFinite(value) ? value : null };
  if (meaning.role === 'filtered') return { ...row, filtered: meaning.reason };
  if (meaning.role !== 'traffic') return { ...row, role: meaning.role };
  const { measure, side, boundMs } = meaning;
  const bound = measure === 'latency_bucket' ? { boundMs: Number.isFinite(boundMs) ? boundMs : null } : {};
  return { ...row, measure, side, mesh: source.rules.mesh, ...bound };
}

/** Characters of a label's value that are shown. */
const LONGEST_VALUE = 200;

/** As the line reads in the exposition format; JSON's escapes are a superset of it. */
function lineOf(sample: string, labels: ReadonlyMap<string, string>): string {
  const parts = [...labels].map(([name, value]) => `${name}=${JSON.stringify(shortened(value))}`);
  return parts.length === 0 ? sample : `${sample}{${parts.join(',')}}`;
}

function shortened(value: string): string {
  return value.length <= LONGEST_VALUE ? value : `${value.slice(0, LONGEST_VALUE)}…`;
}

/** What the tables of the meshes say about the counts, each mesh once, and where it is written. */
export function meshRows(
  { counted, filtered }: Pick<SeriesBehind, 'counted' | 'filtered'>,
  meshes: readonly string[],
): object[] {
  const rules = new Map<string, MeshRules>();
  for (const { source } of [...counted.series, ...filtered.series]) rules.set(source.rules.mesh, source.rules);
  return meshes.map((mesh) => ({ mesh, rule: ruleText(rules.get(mesh)), docs: `docs/semantics.md#${anchorOf(mesh)}` }));
}

const NO_RULE = 'its rule is not at hand here: series are listed only for pages that this Weir scrapes itself';

function ruleText(rules: MeshRules | undefined): string {
  if (rules === undefined) return NO_RULE;
  const { counts, vanished, sentinel } = rules;
  const counting =
    counts.client === counts.server
      ? `both sides count ${counts.client}`
      : `clients count ${counts.client}, servers ${counts.server}`;
  const gone = vanished === 'evicted' ? 'a series that is back after it vanished counts from 0' : 'series never vanish';
  const whole = sentinel === null ? '' : `; a page without ${sentinel} is partial and does not count`;
  return `${counting}; ${gone}${whole}`;
}

const SECTIONS = new Set(['linkerd', 'istio', 'envoy']);

/** Section of the page: a mesh of a mapping has the one of the receiver that reads by mappings. */
function anchorOf(mesh: string): string {
  return SECTIONS.has(mesh) ? mesh : 'anything-with-an-exposition-prometheus-receiver';
}
