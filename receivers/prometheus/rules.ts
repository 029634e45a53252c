/** @module From a `mapping` to a mesh's table: the same kind of rules the built-in meshes have. */
import type { Identity, Labels } from '../../pipeline/model/resource.ts';
import type {
  FamilyRule,
  FilteredSeries,
  Measure,
  MeshRules,
  SeriesMeaning,
  Side,
  TrafficSeries,
} from '../../pipeline/model/rules.ts';
import { labelKey } from '../scrape/label-key.ts';
import { EndReader } from './end.ts';
import {
  type Condition,
  type LatencyMapping,
  type Mapping,
  type RequestsMapping,
  type SharedMapping,
  type TcpMapping,
  unitExponent,
} from './mapping-config.ts';
import { type RelabelRule, relabel } from './relabel.ts';

const IGNORED = filtered('ignored');
const RELABELLED = filtered('metric_relabel');
const UNKNOWN_SIDE = filtered('unknown_side');
const UNCLASSIFIED = filtered('unclassified');
const BAD_BUCKET = filtered('bad_bucket');
const START: SeriesMeaning = { role: 'start' };
const SENTINEL: SeriesMeaning = { role: 'sentinel' };

const TCP_MEASURES = {
  opened: 'tcp_opened',
  closed: 'tcp_closed',
  read_bytes: 'tcp_read_bytes',
  written_bytes: 'tcp_written_bytes',
} as const satisfies Record<TcpMapping['measure'], Measure>;

/**
 * Meaning of a series of one sample name. `labels` are as the rules left them, `page` as they stand there: what is one
 * counter on the page stays one, whatever the rules make equal.
 */
type Reading = (labels: Labels, own: Identity, page: Labels) => SeriesMeaning;

export interface MappedRulesOptions {
  readonly mapping: Mapping;
  readonly metricRelabel: readonly RelabelRule[];
  readonly honorLabels: boolean;
}

/** Everything of the table that is the same for all targets of a job. */
export class MappedRules {
  readonly #families: readonly FamilyRule[];
  readonly #readings: ReadonlyMap<string, Reading>;
  readonly #options: MappedRulesOptions;

  constructor(options: MappedRulesOptions) {
    const { mapping } = options;
    this.#options = options;
    this.#families = familiesOf(mapping);
    this.#readings = readingsOf(mapping);
  }

  /** The table for a target with these labels, which series are read together with their own. */
  forTarget(targetLabels: Labels): MeshRules {
    const { mapping } = this.#options;
    return {
      mesh: mapping.mesh,
      families: this.#families,
      sentinel: mapping.sentinel ?? null,
      vanished: mapping.vanished,
      counts: mapping.counts,
      resolve: (sample, labels, own) => this.#resolve(sample, labels, own, targetLabels),
    };
  }

  #resolve(sample: string, page: Labels, own: Identity, target: Labels): SeriesMeaning {
    const { metricRelabel, honorLabels } = this.#options;
    const reading = this.#readings.get(sample);
    if (reading === undefined) return UNCLASSIFIED;
    const joined = joinLabels(page, target, honorLabels);
    if (metricRelabel.length === 0) return reading(joined, own, page);
    joined.set('__name__', sample);
    const relabelled = relabel(metricRelabel, joined);
    if (relabelled === null) return RELABELLED;
    relabelled.delete('__name__');
    return reading(relabelled, own, page);
  }
}

/** Labels of a series and its target as Prometheus joins them: a clash is kept as `exported_<name>`, or the page's wins. */
export function joinLabels(page: Labels, target: Labels, honorLabels: boolean): Map<string, string> {
  const joined = new Map(page);
  for (const [name, value] of target) {
    const scraped = joined.get(name);
    if (scraped !== undefined && honorLabels) continue;
    if (scraped !== undefined) joined.set(exportedName(name, joined), scraped);
    joined.set(name, value);
  }
  return joined;
}

function exportedName(name: string, taken: Labels): string {
  let exported = `exported_${name}`;
  while (taken.has(exported)) exported = `exported_${exported}`;
  return exported;
}

function familiesOf(mapping: Mapping): FamilyRule[] {
  const { start_time: start, sentinel } = mapping;
  const families = new Map<string, FamilyRule>();
  const add = (rule: FamilyRule) => families.set(rule.sample, rule);
  for (const { sample } of mapping.requests) add({ sample, family: sample, type: 'counter', demand: 'requests' });
  for (const { family } of mapping.latency)
    add({ sample: `${family}_bucket`, family, type: 'histogram', demand: 'latency' });
  for (const { sample } of mapping.tcp) add({ sample, family: sample, type: 'counter', demand: 'tcp' });
  if (start !== undefined) add({ sample: start, family: start, type: 'gauge', demand: null });
  if (sentinel !== undefined)
    add({ ...(families.get(sentinel) ?? { sample: sentinel, family: sentinel, type: 'untyped' }), demand: null });
  return [...families.values()];
}

function readingsOf(mapping: Mapping): Map<string, Reading> {
  const readings = new Map<string, Reading>();
  if (mapping.sentinel !== undefined) readings.set(mapping.sentinel, () => SENTINEL);
  if (mapping.start_time !== undefined) readings.set(mapping.start_time, () => START);
  for (const each of mapping.requests) readings.set(each.sample, requestsReading(mapping, each));
  for (const each of mapping.latency) readings.set(`${each.family}_bucket`, latencyReading(mapping, each));
  for (const each of mapping.tcp) readings.set(each.sample, tcpReading(mapping, each));
  return readings;
}

function requestsReading(mapping: Mapping, own: RequestsMapping): Reading {
  const traffic = trafficReading(mapping, own, 'http');
  return (labels, identity) => {
    const measure = classify(own, labels);
    return measure === null ? UNCLASSIFIED : traffic(measure, labels, identity);
  };
}

/** Null when neither condition holds and both are written. */
function classify({ success, failure, unreached }: RequestsMapping, labels: Labels): Measure | null {
  if (failure !== undefined && holds(failure, labels)) return failureOf(unreached, labels);
  if (success === undefined) return failure === undefined ? null : 'success';
  if (holds(success, labels)) return 'success';
  return failure === undefined ? failureOf(unreached, labels) : null;
}

function failureOf(unreached: Condition | undefined, labels: Labels): Measure {
  return unreached !== undefined && holds(unreached, labels) ? 'unreached' : 'failure';
}

function latencyReading(mapping: Mapping, own: LatencyMapping): Reading {
  const traffic = trafficReading(mapping, own, 'http');
  const exponent = unitExponent(own) ?? 0;
  return (labels, identity, page) => {
    const boundMs = boundOf(labels.get('le') ?? '', exponent);
    if (boundMs === null) return BAD_BUCKET;
    const series = traffic('latency_bucket', labels, identity);
    return series.role === 'traffic' ? { ...series, boundMs, group: groupOf(own.family, page, labels) } : series;
  };
}

/** Buckets of one histogram of the page; of one record, too, so that rules may tell its buckets apart. */
function groupOf(family: string, page: Labels, labels: Labels): string {
  return `${family} ${labelKey(page, 'le')} ${labelKey(labels, 'le')}`;
}

function tcpReading(mapping: Mapping, own: TcpMapping): Reading {
  const traffic = trafficReading(mapping, own, 'tcp');
  return (labels, identity) => traffic(TCP_MEASURES[own.measure], labels, identity);
}

/** What all kinds of series have: side, ends, protocol; a family's own keys come before the mapping's. */
function trafficReading(mapping: Mapping, own: SharedMapping, usual: 'http' | 'tcp') {
  const unknown = new Set(mapping.unknown_values);
  const source = new EndReader(own.source ?? mapping.source ?? {}, unknown);
  const destination = new EndReader(own.destination ?? mapping.destination ?? {}, unknown);
  const ignore = own.ignore ?? mapping.ignore;
  const side = own.side ?? mapping.side;
  const protocol = own.protocol ?? (usual === 'tcp' ? 'tcp' : (mapping.protocol ?? usual));
  return (measure: Measure, labels: Labels, identity: Identity): TrafficSeries | FilteredSeries => {
    if (ignore !== undefined && holds(ignore, labels)) return IGNORED;
    const from = side === undefined ? null : sideOf(side, labels);
    if (from === null) return UNKNOWN_SIDE;
    const [near, far] = from === 'client' ? [source, destination] : [destination, source];
    const told = near.ownOf(labels, identity);
    const peer = far.peerOf(labels, told ?? identity);
    // Only a client's failures can have been seen by nobody else.
    const kept = measure === 'unreached' && from === 'server' ? 'failure' : measure;
    return {
      role: 'traffic',
      measure: kept,
      side: from,
      own: told,
      peer,
      protocol,
      counts: null,
      boundMs: 0,
      group: '',
    };
  };
}

function sideOf(side: NonNullable<SharedMapping['side']>, labels: Labels): Side | null {
  if (typeof side === 'string') return side;
  const value = labels.get(side.label) ?? '';
  if (value === side.client) return 'client';
  return value === side.server ? 'server' : null;
}

function holds(condition: Condition, labels: Labels): boolean {
  for (const [label, pattern] of condition) if (!pattern.test(labels.get(label) ?? '')) return false;
  return true;
}

const PLAIN_NUMBER = /^\+?(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,3}))?$/;

/** Milliseconds of an upper bound, shifted as decimal text so that 0.07 s is 70 ms and nothing beside; null for none. */
export function boundOf(le: string, exponent: number): number | null {
  if (/^\+?inf(?:inity)?$/i.test(le)) return Number.POSITIVE_INFINITY;
  const match = PLAIN_NUMBER.exec(le);
  if (match === null) return null;
  const bound = Number(`${match[1]}e${Number(match[2] ?? 0) + exponent}`);
  return Number.isFinite(bound) ? bound : null;
}

function filtered(reason: string): FilteredSeries {
  return { role: 'filtered', reason };
}
