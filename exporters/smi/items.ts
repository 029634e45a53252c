/** @module What SMI paths can name: one item per kind, namespace and name, whatever clusters it is in. */
import type { ResourceEdge, ResourceId, ResourceReading, TrafficReading } from '../../pipeline/model/reading.ts';
import { compareNamed } from '../../pipeline/model/reading-order.ts';
import type { SmiResource } from './resources.ts';

/** One object of the API. Paths carry no cluster, so it sums what has the same name in several. */
export interface Item {
  readonly reading: ResourceReading;
  /** Resources summed, one per cluster; at least one. */
  readonly members: readonly ResourceId[];
}

type Items = ReadonlyMap<string, Item>;

/** Items of a list by key, made when they are first asked for: far cheaper than looking through the list. */
const kept = new WeakMap<readonly ResourceReading[], Items>();

/** Items of one kind of resource, and of the other kinds that share its list; sorted by namespace, then name. */
export function itemsOf(reading: TrafficReading, resource: SmiResource): Iterable<Item> {
  return itemsByKey(reading, listOf(reading, resource.kind)).values();
}

/** Workloads of every kind, sorted likewise. */
export function allItems(reading: TrafficReading): Iterable<Item> {
  return itemsByKey(reading, reading.workloads).values();
}

/** Undefined when no path names it or nobody knows it. */
export function findItem(reading: TrafficReading, resource: SmiResource, namespace: string, name: string) {
  const id = { kind: resource.kind, cluster: '', namespace, name };
  return itemsByKey(reading, listOf(reading, resource.kind)).get(keyOf(id));
}

/** Edges of all members: first those they receive. An end that several clusters have is there once for each. */
export function itemEdges(reading: TrafficReading, { members }: Item): readonly ResourceEdge[] {
  const edges = members.flatMap((member) => reading.edgesOf(member));
  return members.length === 1 ? edges : edges.sort((a, b) => rankOf(a) - rankOf(b));
}

function rankOf({ direction }: ResourceEdge): number {
  return direction === 'from' ? 0 : 1;
}

/** Resources of `kind`, among them those of other kinds that share its list: workloads for what is null or unknown. */
export function listOf(reading: TrafficReading, kind: string | null): readonly ResourceReading[] {
  switch (kind) {
    case 'Namespace':
      return reading.namespaces;
    case 'Node':
      return reading.nodes;
    case 'Pod':
      return reading.pods;
    case 'Service':
      return reading.services;
    default:
      return reading.workloads;
  }
}

function itemsByKey(reading: TrafficReading, list: readonly ResourceReading[]): Items {
  let items = kept.get(list);
  if (items === undefined) {
    items = makeItems(reading, list);
    kept.set(list, items);
  }
  return items;
}

function makeItems(reading: TrafficReading, list: readonly ResourceReading[]): Items {
  const groups = Map.groupBy(list.filter(isNameable), ({ resource }) => keyOf(resource));
  const items = [...groups].map(([key, members]): [string, Item] => [key, makeItem(reading, members)]);
  // Lists are sorted by cluster first, which paths do not have.
  items.sort(([, a], [, b]) => compareNamed(placeOf(a), placeOf(b)));
  return new Map(items);
}

function makeItem(reading: TrafficReading, readings: readonly ResourceReading[]): Item {
  const members = readings.map(({ resource }) => resource);
  const [only] = readings;
  return { reading: readings.length === 1 && only !== undefined ? only : reading.joined(readings), members };
}

function placeOf({ reading }: Item) {
  const { namespace, name } = reading.resource;
  return { cluster: '', namespace, name };
}

/**
 * Clients rewrite a path with a segment `.` or `..` to that of another resource; Kubernetes forbids these names. What is
 * in no namespace (hosts outside, targets that tell none) has no path either, unless its kind is of cluster scope.
 */
function isNameable({ resource: { kind, namespace, name } }: ResourceReading): boolean {
  if (namespace === '' && kind !== 'Namespace' && kind !== 'Node') return false;
  return name !== '' && !isDots(name) && !isDots(namespace);
}

function isDots(segment: string): boolean {
  return segment === '.' || segment === '..';
}

/** Unambiguous: kinds are those of Kubernetes. */
function keyOf({ kind, namespace, name }: ResourceId): string {
  return `${kind}/${namespace.length}:${namespace}/${name}`;
}
