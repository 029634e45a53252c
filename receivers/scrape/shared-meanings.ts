/**
 * @module What many series of one target have in common, held once: the buckets of a histogram differ in their bound
 * only, and one peer or workload stands behind many series. One for all targets would outlive them.
 */
import type { Identity, Peer, Workload } from '../../pipeline/model/resource.ts';
import type { SeriesMeaning, TrafficSeries } from '../../pipeline/model/rules.ts';
import { digestOf } from './digest.ts';

export class SharedMeanings {
  readonly #peers = new Map<string, Peer>();
  readonly #owns = new Map<string, Identity>();
  /** One series of each group, by the digest of the name the rules gave the group. */
  readonly #groups = new Map<string, TrafficSeries>();
  /** Groups ever named, so that no short name is used twice. */
  #named = 0;

  /** The same meaning, what others have as well shared with them, and its group under a short name. O(names). */
  share(meaning: SeriesMeaning): SeriesMeaning {
    if (meaning.role !== 'traffic') return meaning;
    if (meaning.group === '') return this.#lone(meaning, '');
    const name = digestOf(meaning.group);
    const first = this.#groups.get(name) ?? this.#begin(name, meaning);
    // Series of one group differ in measure and bound only.
    const { peer, own, group } = first;
    return { ...meaning, peer, own, group };
  }

  /** Keeps only what `meanings` refer to. O(meanings). */
  keep(meanings: Iterable<SeriesMeaning>): void {
    const peers = new Set<Peer>();
    const owns = new Set<Identity | null>();
    const groups = new Set<string>();
    for (const meaning of meanings) {
      if (meaning.role !== 'traffic') continue;
      peers.add(meaning.peer);
      owns.add(meaning.own);
      groups.add(meaning.group);
    }
    for (const [key, peer] of this.#peers) if (!peers.has(peer)) this.#peers.delete(key);
    for (const [key, own] of this.#owns) if (!owns.has(own)) this.#owns.delete(key);
    for (const [key, { group }] of this.#groups) if (!groups.has(group)) this.#groups.delete(key);
  }

  #begin(name: string, meaning: TrafficSeries): TrafficSeries {
    const first = this.#lone(meaning, `${++this.#named}`);
    this.#groups.set(name, first);
    return first;
  }

  #lone(series: TrafficSeries, group: string): TrafficSeries {
    const { role, measure, side, own, peer, protocol, counts, boundMs, needs } = series;
    const [ownShared, peerShared] = [own === null ? null : this.#ownOf(own), this.#peerOf(peer)];
    const lone = { role, measure, side, own: ownShared, peer: peerShared, protocol, counts, boundMs, group };
    return needs === undefined ? lone : { ...lone, needs };
  }

  #peerOf(peer: Peer): Peer {
    return shared(this.#peers, peerKey(peer), peer);
  }

  #ownOf(own: Identity): Identity {
    return shared(this.#owns, ownKey(own), own);
  }
}

function shared<T>(held: Map<string, T>, key: string, value: T): T {
  const known = held.get(key);
  if (known === undefined) held.set(key, value);
  return known ?? value;
}

function peerKey({ workload, pod, service, serviceNamespace, serviceAccount }: Peer): string {
  const texts = [pod, service, serviceNamespace, serviceAccount];
  return (workload === null ? '-' : `+${workloadText(workload)}`) + texts.map(sized).join('');
}

function ownKey({ workload, pod, podUid, node, serviceAccount }: Identity): string {
  return workloadText(workload) + [pod, podUid, node, serviceAccount].map(sized).join('');
}

/** With the kind, which is no part of a workload's identity but of what is told of it. */
function workloadText({ cluster, namespace, name, kind }: Workload): string {
  return [cluster, namespace, name, kind].map(sized).join('');
}

function sized(text: string): string {
  return `${text.length}:${text}`;
}
