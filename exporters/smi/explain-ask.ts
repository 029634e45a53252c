/** @module What `/v1/explain` is asked: the words of the query, and the resource or edge of a reading that they name. */
import { nearest } from '../../pipeline/config/nearest.ts';
import type { EdgeReading, ResourceId, ResourceReading, TrafficReading } from '../../pipeline/model/reading.ts';
import type { HttpAnswer } from '../../pipeline/net/http-server.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';
import { METRICS, type Metric } from './explain-metrics.ts';
import { targetOf, type Watched } from './explain-unmet.ts';
import { listOf } from './items.ts';
import * as answers from './status.ts';

/** What is to be explained. */
export type Subject =
  | { readonly kind: 'resource'; readonly reading: ResourceReading }
  | { readonly kind: 'edge'; readonly edge: EdgeReading };

export type Found<Item> =
  | { readonly ok: true; readonly item: Item }
  | { readonly ok: false; readonly answer: HttpAnswer };

/** One end as written: `deploy/web`, `shop/deploy/web`, `shop/web` or `web`; absent parts are null. */
interface Ref {
  readonly text: string;
  readonly kind: string | null;
  readonly namespace: string | null;
  readonly name: string;
}

/** Kinds as people and kubectl write them, besides plurals. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ['deploy', 'Deployment'],
  ['deployment', 'Deployment'],
  ['sts', 'StatefulSet'],
  ['statefulset', 'StatefulSet'],
  ['ds', 'DaemonSet'],
  ['daemonset', 'DaemonSet'],
  ['rs', 'ReplicaSet'],
  ['replicaset', 'ReplicaSet'],
  ['rc', 'ReplicationController'],
  ['replicationcontroller', 'ReplicationController'],
  ['job', 'Job'],
  ['cj', 'CronJob'],
  ['cronjob', 'CronJob'],
  ['po', 'Pod'],
  ['pod', 'Pod'],
  ['svc', 'Service'],
  ['service', 'Service'],
  ['sa', 'ServiceAccount'],
  ['serviceaccount', 'ServiceAccount'],
  ['ns', 'Namespace'],
  ['namespace', 'Namespace'],
  ['no', 'Node'],
  ['node', 'Node'],
  ['externalworkload', 'ExternalWorkload'],
]);
/** The end of an edge that nobody knows. */
const UNKNOWN = /^\(?unknown\)?$/;
/** Names told beside an error. */
const MOST_NAMES = 8;

/** The metric asked for; null for all. */
export function askedMetric(query: URLSearchParams): Found<Metric | null> {
  const text = query.get('metric') ?? '';
  if (text === '') return { ok: true, item: null };
  const metric = METRICS.find(({ name, alias }) => name === text || alias === text);
  if (metric !== undefined) return { ok: true, item: metric };
  const names = METRICS.map(({ name }) => name);
  const near = nearest(text, names);
  const hint = near === null ? '' : ` (did you mean ${near}?)`;
  return bad(`no metric "${printableShort(text)}"${hint}: it is one of ${names.join(', ')}`);
}

/** The resource, or with `peer` the edge from it to that, that the query names. O(resources or edges, and targets). */
export function askedSubject(reading: TrafficReading, query: URLSearchParams, watched: Watched): Found<Subject> {
  const text = query.get('resource') ?? '';
  if (text === '') return bad('resource is missing: say deploy/web, or with peer=deploy/api the edge between them');
  const [from = '', to] = text.split('->', 2);
  const peer = query.get('peer') ?? to ?? '';
  const resource = refOf(from.trim(), query.get('namespace'));
  if (!resource.ok) return resource;
  if (peer === '') return findResource(reading, resource.item, watched);
  const other = refOf(peer.trim(), null);
  return other.ok ? findEdge(reading, resource.item, other.item) : other;
}

function refOf(text: string, namespace: string | null): Found<Ref> {
  const parts = text.split('/');
  const [first = '', second = '', third] = parts;
  if (parts.length > 3 || parts.includes('')) return bad(`"${printableShort(text)}" is no resource: say deploy/web`);
  const within = namespace === '' ? null : namespace;
  if (parts.length === 1) return { ok: true, item: { text, kind: null, namespace: within, name: first } };
  const kind = kindOf(third === undefined ? first : second);
  if (third !== undefined) {
    if (kind === null) return badKind(second);
    return { ok: true, item: { text, kind, namespace: first, name: third } };
  }
  // shop/web, as `weir targets` takes it.
  if (kind === null) return { ok: true, item: { text, kind: null, namespace: first, name: second } };
  return { ok: true, item: { text, kind, namespace: within, name: second } };
}

function kindOf(text: string): string | null {
  const lower = text.toLowerCase();
  return KINDS.get(lower) ?? KINDS.get(lower.replace(/s$/, '')) ?? null;
}

function findResource(reading: TrafficReading, ref: Ref, watched: Watched): Found<Subject> {
  const all = listOf(reading, ref.kind);
  const found = all.filter(({ resource }) => matches(ref, resource));
  const places = new Set(found.map(({ resource }) => `${resource.kind} ${resource.namespace}`));
  if (places.size > 1)
    return bad(`${shown(ref)} is not one: say which of ${namesOf(found.map((each) => each.resource))}`);
  const [first] = found;
  if (first === undefined) {
    const target = targetOf((id) => matches(ref, id), watched, reading);
    if (target !== '') return notFound(`${shown(ref)} is not known in this window; ${target}`);
    return missing(reading, ref, all);
  }
  return { ok: true, item: { kind: 'resource', reading: found.length === 1 ? first : reading.joined(found) } };
}

function matches({ kind, namespace, name }: Ref, end: Pick<ResourceId, 'kind' | 'namespace' | 'name'>): boolean {
  const isHere = namespace === null || end.namespace === namespace || end.kind === 'Namespace' || end.kind === 'Node';
  return end.name === name && isHere && (kind === null || end.kind === kind);
}

function missing(reading: TrafficReading, ref: Ref, all: readonly ResourceReading[]): Found<never> {
  const everybody = [...reading.workloads, ...reading.pods, ...reading.services].map(({ resource }) => resource);
  const namesake = everybody.filter(({ name }) => name === ref.name);
  if (namesake.length > 0) return notFound(`${shown(ref)} is not known, but ${namesOf(namesake)} is`);
  const here = all
    .map(({ resource }) => resource)
    .filter((id) => ref.namespace === null || id.namespace === ref.namespace);
  const near = nearest(ref.name, new Set(here.map(({ name }) => name)));
  const meant = near === null ? '' : ` (did you mean ${namesOf(here.filter(({ name }) => name === near))}?)`;
  const known = here.length === 0 ? 'nothing of that kind is known there' : `known: ${namesOf(here)}`;
  return notFound(`${shown(ref)} is not known${meant}; ${known}`);
}

function findEdge(reading: TrafficReading, from: Ref, to: Ref): Found<Subject> {
  const found = reading.edges.filter(({ source, destination }) => isEnd(from, source) && isEnd(to, destination));
  const [first] = found;
  if (first !== undefined && found.length === 1) return { ok: true, item: { kind: 'edge', edge: first } };
  if (first !== undefined)
    return bad(`${shown(from)} -> ${shown(to)} is not one edge: say which of ${edgeNames(found)}`);
  const near = reading.edges.filter(({ source, destination }) => isEnd(from, source) || isEnd(to, destination));
  const others = near.length === 0 ? 'neither end has an edge' : `there are ${edgeNames(near)}`;
  return notFound(`no edge ${shown(from)} -> ${shown(to)} had traffic; ${others}`);
}

function isEnd(ref: Ref, end: ResourceId | null): boolean {
  return end === null ? UNKNOWN.test(ref.text) : matches(ref, end);
}

function shown({ text, namespace }: Ref): string {
  const here =
    namespace === null || text.startsWith(`${namespace}/`) ? '' : ` in namespace ${printableShort(namespace)}`;
  return `${printableShort(text)}${here}`;
}

/** One resource as `explain` takes it. */
export function nameOf(id: ResourceId | null): string {
  if (id === null) return 'unknown';
  const { kind, namespace, name } = id;
  const here = namespace === '' ? '' : `${printableShort(namespace)}/`;
  return `${here}${kind.toLowerCase()}/${printableShort(name)}`;
}

function namesOf(ids: readonly ResourceId[]): string {
  return listed([...new Set(ids.map(nameOf))]);
}

function edgeNames(edges: readonly EdgeReading[]): string {
  return listed(edges.map(({ source, destination }) => `${nameOf(source)} -> ${nameOf(destination)}`));
}

function listed(names: readonly string[]): string {
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return names.slice(0, MOST_NAMES).join(', ') + more;
}

function badKind(text: string): Found<never> {
  const near = nearest(text, KINDS.keys());
  return bad(`no kind "${printableShort(text)}"${near === null ? '' : ` (did you mean ${near}?)`}`);
}

function bad(message: string): Found<never> {
  return { ok: false, answer: answers.badRequest(message) };
}

function notFound(message: string): Found<never> {
  return { ok: false, answer: answers.unknownSubject(message) };
}
