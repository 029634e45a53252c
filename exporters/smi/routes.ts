/** @module Paths of the SMI API: from a request to one answer. */
import type { TrafficReading } from '../../pipeline/model/reading.ts';
import type { HttpAnswer, HttpRequest } from '../../pipeline/net/http-server.ts';
import { apiVersionOf } from '../../pipeline/wire/api-version.ts';
import { allItems, findItem, type Item, itemEdges, itemsOf } from './items.ts';
import { type Frame, frameOf, linkOf, reference, renderEdgeObject, renderList, renderObject } from './render.ts';
import {
  apiGroup,
  apiGroupList,
  GROUP,
  isVersion,
  objectResource,
  resourceByPlural,
  resourceList,
  type SmiResource,
  type Version,
} from './resources.ts';
import * as answers from './status.ts';

/** How routes get at traffic: a reading, or the answer to give instead. */
export interface Source {
  read(query: URLSearchParams, lenient: boolean): TrafficReading | HttpAnswer;
}

/** What a path means. */
type Target =
  | { readonly kind: 'list'; readonly resource: SmiResource; readonly namespace: string | null }
  | { readonly kind: 'all'; readonly namespace: string | null }
  | { readonly kind: 'object'; readonly resource: SmiResource; readonly namespace: string; readonly name: string }
  | { readonly kind: 'edges'; readonly resource: SmiResource; readonly namespace: string; readonly name: string };

/** Answers everything below `/apis`. Pure but for what `source` reads. */
export function answerApi(source: Source, { method, path, query }: HttpRequest): HttpAnswer {
  if (method !== 'GET' && method !== 'HEAD') return answers.methodNotAllowed();
  const segments = segmentsOf(path);
  if (segments === null) return answers.noSuchResource();
  const [, group, version, ...rest] = segments;
  if (group === undefined) return answers.json(JSON.stringify(apiGroupList()));
  if (group !== GROUP) return answers.text('404 page not found\n', 404);
  if (version === undefined) return answers.json(JSON.stringify(apiGroup()));
  if (!isVersion(version)) return answers.noSuchResource();
  if (rest.length === 0) return answers.json(JSON.stringify(resourceList(version)));
  const target = targetOf(version, rest);
  if (target === null) return answers.noSuchResource();
  return checkQuery(target, query) ?? answerTarget(source, version, target, query);
}

/** Decoded segments of a path, one trailing slash ignored; null when it cannot be decoded. */
function segmentsOf(path: string): string[] | null {
  try {
    const trimmed = path.endsWith('/') ? path.slice(1, -1) : path.slice(1);
    return trimmed.split('/').map(decodeURIComponent);
  } catch {
    return null;
  }
}

function targetOf(version: Version, segments: readonly string[]): Target | null {
  const [first = '', name, third, ...rest] = segments;
  if (first === 'namespaces' && third !== undefined && third !== 'edges') {
    return name === undefined || name === '' ? null : namespacedTarget(version, name, third, rest);
  }
  if (rest.length > 0) return null;
  if (first === 'trafficmetrics' && version === 'v1alpha2')
    return name === undefined ? { kind: 'all', namespace: null } : null;
  const resource = resourceByPlural(first);
  if (resource === undefined) return null;
  if (name === undefined) return { kind: 'list', resource, namespace: null };
  if (resource.namespaced) return null;
  return objectTarget(resource, '', name, third === undefined ? [] : [third]);
}

function namespacedTarget(version: Version, namespace: string, plural: string, rest: readonly string[]): Target | null {
  const [name, ...deeper] = rest;
  if (plural === 'trafficmetrics' && version === 'v1alpha2')
    return name === undefined ? { kind: 'all', namespace } : null;
  const resource = name === undefined ? resourceByPlural(plural) : objectResource(plural);
  if (resource === undefined || !resource.namespaced) return null;
  if (name === undefined) return { kind: 'list', resource, namespace };
  return objectTarget(resource, namespace, name, deeper);
}

function objectTarget(resource: SmiResource, namespace: string, name: string, rest: readonly string[]): Target | null {
  if (rest.length === 0) return { kind: 'object', resource, namespace, name };
  return rest.length === 1 && rest[0] === 'edges' ? { kind: 'edges', resource, namespace, name } : null;
}

/** Parameters that would change what a list means, and that are not served, are refused rather than ignored. */
function checkQuery(target: Target, query: URLSearchParams): HttpAnswer | null {
  const watch = query.get('watch');
  if (watch !== null && !['', '0', 'f', 'false', 'F', 'False', 'FALSE'].includes(watch)) {
    return answers.watchNotSupported(target.kind === 'all' ? 'trafficmetrics' : target.resource.plural);
  }
  for (const parameter of ['labelSelector', 'fieldSelector']) {
    if ((query.get(parameter) ?? '') === '') continue;
    return answers.badRequest(`${parameter} is not supported by this server: leave it out and filter the whole list`);
  }
  return null;
}

function answerTarget(source: Source, version: Version, target: Target, query: URLSearchParams): HttpAnswer {
  const reading = source.read(query, version === 'v1alpha1');
  if (!('edges' in reading)) return reading;
  const frame = frameOf(reading, version);
  if (target.kind === 'list') return answers.json(listText(reading, frame, target.resource, target.namespace));
  if (target.kind === 'all') return answers.json(allText(reading, frame, target.namespace));
  const { resource, namespace, name } = target;
  const found = findItem(reading, resource, namespace, name);
  if (found === undefined) return answers.notFound(resource.plural, name);
  return answers.json(target.kind === 'object' ? renderObject(frame, found.reading) : edgesText(reading, frame, found));
}

function listText(reading: TrafficReading, frame: Frame, resource: SmiResource, namespace: string | null): string {
  const items: string[] = [];
  for (const { reading: item } of itemsOf(reading, resource)) {
    const wanted = namespace === null || item.resource.namespace === namespace;
    if (wanted && item.resource.kind === resource.kind) items.push(renderObject(frame, item));
  }
  const link = listLink(frame.version, namespace, resource.plural);
  return renderList(frame.version, link, listResource(resource.kind, namespace, apiVersionOf(resource.kind)), items);
}

/** Workloads of every kind. */
function allText(reading: TrafficReading, frame: Frame, namespace: string | null): string {
  const items: string[] = [];
  for (const { reading: item } of allItems(reading)) {
    if (namespace === null || item.resource.namespace === namespace) items.push(renderObject(frame, item));
  }
  const link = listLink(frame.version, namespace, 'trafficmetrics');
  const resource = listResource('TrafficMetrics', namespace, `${GROUP}/${frame.version}`);
  return renderList(frame.version, link, resource, items);
}

function listLink(version: Version, namespace: string | null, plural: string): string {
  const inside = namespace === null ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `/apis/${GROUP}/${version}${inside}/${plural}`;
}

function listResource(kind: string, namespace: string | null, apiVersion: string): string {
  return JSON.stringify(namespace === null ? { kind, apiVersion } : { kind, namespace, apiVersion });
}

/** Edges whose other end is unknown have no place in SMI (readers want its name); `/v1/edges` has them. */
function edgesText(reading: TrafficReading, frame: Frame, item: Item): string {
  const { resource } = item.reading;
  const link = `${linkOf(frame.version, resource)}/edges`;
  const items: string[] = [];
  for (const edge of itemEdges(reading, item)) {
    const { other } = edge;
    if (other !== null && other.name !== '') items.push(renderEdgeObject(frame, resource, link, { ...edge, other }));
  }
  return renderList(frame.version, link, reference(resource), items);
}
