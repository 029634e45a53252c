/**
 * @module TrafficMetrics as JSON text, members in the order of smi-metrics, built by hand because lists are long.
 *
 * Source: servicemeshinterface/smi-sdk-go `pkg/apis/metrics`, answers of smi-metrics. Every name goes through
 * `quoted`, every part of a link through `linkPart`.
 */
import type {
  Figures,
  ResourceEdge,
  ResourceId,
  ResourceReading,
  TrafficReading,
} from '../../pipeline/model/reading.ts';
import { apiVersionOf } from '../../pipeline/wire/api-version.ts';
import { formatMilliseconds } from '../../pipeline/wire/duration.ts';
import { quantityText } from '../../pipeline/wire/quantity.ts';
import { GROUP, pluralOf, type Version } from './resources.ts';

/** What all items of one answer share. */
export interface Frame {
  readonly version: Version;
  /** RFC 3339, end of the window, whole seconds. */
  readonly timestamp: string;
  /** Go duration of the time covered. */
  readonly window: string;
  /** How often late traffic amended it. */
  readonly revision: number;
}

export function frameOf(reading: TrafficReading, version: Version): Frame {
  return {
    version,
    timestamp: wholeSecond(reading.interval.endMs),
    window: formatMilliseconds(reading.windowSeconds * 1000),
    revision: reading.revision,
  };
}

/** What neither JSON nor a link has to escape; nearly all names are of this kind, and looking is cheaper. */
const PLAIN = /^[A-Za-z0-9._~-]*$/;

/** A JSON string. */
function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** One segment of a path, percent-encoded. Half a surrogate pair, which no path can carry, becomes U+FFFD. */
function linkPart(text: string): string {
  return PLAIN.test(text) ? text : encodeURIComponent(text.toWellFormed());
}

/** RFC 3339 in UTC with whole seconds, the rest cut. */
export function wholeSecond(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** A reference to one object. */
export function reference({ kind, namespace, name }: ResourceId): string {
  const apiVersion = apiVersionOf(kind);
  return (
    `{"kind":${quoted(kind)}` +
    (namespace === '' ? '' : `,"namespace":${quoted(namespace)}`) +
    `,"name":${quoted(name)}` +
    (apiVersion === '' ? '}' : `,"apiVersion":${quoted(apiVersion)}}`)
  );
}

/** Path of an object, percent-encoded, so that it needs no further escaping. */
export function linkOf(version: Version, { kind, namespace, name }: ResourceId): string {
  const inside = namespace === '' ? '' : `/namespaces/${linkPart(namespace)}`;
  return `/apis/${GROUP}/${version}${inside}/${linkPart(pluralOf(kind))}/${linkPart(name)}`;
}

/** Totals of a resource as one object. */
export function renderObject(frame: Frame, { resource, figures }: ResourceReading): string {
  const peer = frame.version === 'v1alpha1' ? 'null' : '{}';
  const edge = renderEdge(frame.version, 'from', figures?.side ?? '', peer);
  return renderItem(frame, resource, linkOf(frame.version, resource), edge, figures);
}

/** One edge of `resource` as an object; `link` is the path of its edges. The other end must be known. */
export function renderEdgeObject(
  frame: Frame,
  resource: ResourceId,
  link: string,
  edge: ResourceEdge & { other: ResourceId },
): string {
  const { direction, side, other, figures } = edge;
  return renderItem(frame, resource, link, renderEdge(frame.version, direction, side, reference(other)), figures);
}

/** A list; `resource` and `items` are JSON texts. */
export function renderList(version: Version, link: string, resource: string, items: readonly string[]): string {
  return (
    `{"kind":"TrafficMetricsList","apiVersion":"${GROUP}/${version}","metadata":{"selfLink":"${link}"},` +
    `"resource":${resource},"items":[${items.join(',')}]}`
  );
}

function renderItem(frame: Frame, resource: ResourceId, link: string, edge: string, figures: Figures | null): string {
  const { version, timestamp, window } = frame;
  const namespace = resource.namespace === '' ? '' : `"namespace":${quoted(resource.namespace)},`;
  return (
    `{"kind":"TrafficMetrics","apiVersion":"${GROUP}/${version}","metadata":{"name":${quoted(resource.name)},` +
    `${namespace}"selfLink":"${link}","creationTimestamp":"${timestamp}"},` +
    `"timestamp":"${timestamp}","window":"${window}","resource":${reference(resource)},"edge":${edge},` +
    `${version === 'v1alpha1' ? '' : '"backend":null,'}"metrics":${renderMetrics(figures)}` +
    `${version === 'v1alpha1' || figures === null ? '' : `,"x-weir":${renderExtension(figures, frame.revision)}`}}`
  );
}

/** What SMI has no place for, and what tells two figures of one workload apart. `v1alpha1` is smi-metrics' form, member by member. */
function renderExtension({ meshes, counts, unreached, complete }: Figures, revision: number): string {
  const mesh = meshes.length === 1 ? quoted(meshes[0]!) : `[${meshes.map(quoted).join(',')}]`;
  const lost = unreached === 0 ? '' : `"unreached":${unreached},`;
  const amended = revision === 0 ? '' : `,"revision":${revision}`;
  return `{"mesh":${mesh},"counts":"${counts}",${lost}"complete":${complete}${amended}}`;
}

function renderEdge(version: Version, direction: 'to' | 'from', side: string, resource: string): string {
  const known = side !== '' || version === 'v1alpha2';
  return `{"direction":"${direction}",${known ? `"side":"${side}",` : ''}"resource":${resource}}`;
}

/** Exactly these five in this order: known readers take them by position. No traffic reads 0, SMI has no other way. */
function renderMetrics(figures: Figures | null): string {
  return (
    `[{"name":"p99_response_latency","unit":"ms","value":"${quantityText(figures?.p99?.valueMs ?? 0)}"},` +
    `{"name":"p90_response_latency","unit":"ms","value":"${quantityText(figures?.p90?.valueMs ?? 0)}"},` +
    `{"name":"p50_response_latency","unit":"ms","value":"${quantityText(figures?.p50?.valueMs ?? 0)}"},` +
    `{"name":"success_count","value":"${quantityText(figures?.successes ?? 0)}"},` +
    `{"name":"failure_count","value":"${quantityText(figures?.failures ?? 0)}"}]`
  );
}
