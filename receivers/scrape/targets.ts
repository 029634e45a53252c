/** @module Which targets there are: groups of addresses and labels → distinct targets with identity; what changed. */
import { parseEndpoint } from '../../pipeline/config/types.ts';
import type { Identity, Labels } from '../../pipeline/model/resource.ts';
import { isHost } from '../../pipeline/net/host.ts';
import { identityOf, type OwnerSource } from './identity.ts';

/** A target as discovery names it. */
export interface TargetSpec {
  /** Receiver id, address and identity as JSON text; equal specs are one target. */
  readonly key: string;
  /** `host:port`, IPv6 in brackets. */
  readonly address: string;
  readonly host: string;
  readonly own: Identity;
  readonly ownerSource: OwnerSource;
  /** Labels that its series are read together with. */
  readonly seriesLabels: Labels;
  /** Path and query to ask for; null: as all of the receiver. */
  readonly path: string | null;
}

/** What a receiver makes of a target that discovery names, before it is one: other labels, another address, or none. */
export type PrepareTarget = (address: string, labels: Labels) => PreparedTarget | null;
export interface PreparedTarget {
  /** Satisfies `isTargetAddress`. */
  readonly address: string;
  /** Those that say whose it is. */
  readonly labels: Labels;
  /** Those that its series are read together with. */
  readonly seriesLabels: Labels;
  /** Path and query to ask for; null: as all of the receiver. */
  readonly path: string | null;
  /** Further text by which targets differ; '' for none. */
  readonly distinct: string;
}

interface Group {
  readonly targets: readonly string[];
  readonly labels: Labels;
}

/** True for `host:port` with a host name, an IPv4 or a bracketed IPv6 address and a port above 0. */
export function isTargetAddress(text: string): boolean {
  const endpoint = parseEndpoint(text);
  return endpoint !== null && endpoint.port > 0 && isHost(endpoint.host, text.startsWith('['));
}

export interface FoundTargets {
  readonly targets: ReadonlyMap<string, TargetSpec>;
  /** Those beyond the limit. */
  readonly refused: number;
  /** The first of those, as many as the limit allows targets. */
  readonly refusedTargets: readonly TargetSpec[];
}

/** The distinct targets of `groups` in order, at most `limit` of them. Addresses must satisfy `isTargetAddress`. */
export function targetsOf(
  receiver: string,
  groups: Iterable<Group>,
  limit: number,
  prepare: PrepareTarget = asDiscovered,
): FoundTargets {
  const targets = new Map<string, TargetSpec>();
  const refused = new Set<string>();
  const refusedTargets: TargetSpec[] = [];
  for (const group of groups) {
    for (const address of group.targets) {
      const prepared = prepare(address, group.labels);
      const spec = prepared === null ? null : specOf(receiver, prepared);
      if (spec === null || targets.has(spec.key)) continue;
      if (targets.size < limit) targets.set(spec.key, spec);
      else if (!refused.has(spec.key)) {
        refused.add(spec.key);
        if (refusedTargets.length < limit) refusedTargets.push(spec);
      }
    }
  }
  return { targets, refused: refused.size, refusedTargets };
}

function asDiscovered(address: string, labels: Labels): PreparedTarget {
  return { address, labels, seriesLabels: labels, path: null, distinct: '' };
}

function specOf(receiver: string, { address: text, labels, seriesLabels, path, distinct }: PreparedTarget): TargetSpec {
  const { host, port } = parseEndpoint(text)!;
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const { own, source } = identityOf(labels, address);
  const { workload, pod, podUid, node, serviceAccount } = own;
  const { cluster, namespace, name, kind } = workload;
  const who = [receiver, address, cluster, namespace, kind, name, pod, podUid, node, serviceAccount];
  const key = JSON.stringify(distinct === '' ? who : [...who, distinct]);
  return { key, address, host, own, ownerSource: source, seriesLabels, path };
}

/** What to stop and what to begin on the way from `before` to `now`. */
export function diffTargets(
  before: ReadonlyMap<string, unknown>,
  now: ReadonlyMap<string, TargetSpec>,
): { gone: string[]; added: TargetSpec[] } {
  return {
    gone: [...before.keys()].filter((key) => !now.has(key)),
    added: [...now.values()].filter((spec) => !before.has(spec.key)),
  };
}
