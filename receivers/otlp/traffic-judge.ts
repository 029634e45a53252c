/** @module What of a request's traffic is new: whole requests by their number, split ones point by point. */
import {
  type DecodedResource,
  type DecodedTraffic,
  decodeTrafficInSteps,
  type InSteps,
  type TrafficEnvelope,
  type TrafficMemory,
} from '../../pipeline/wire/otlp-traffic.ts';
import type { Repeats } from './repeats.ts';
import type { SplitPart, SplitRequests } from './split-requests.ts';
import { type Known, numberOf, type Share, shareId, totalItems } from './traffic-share.ts';

const NO_PARTS: ReadonlyMap<string, DecodedResource> = new Map();
const NOTHING_NEW = { sums: [], sumPoints: [] } as const;

export class TrafficJudge {
  readonly #repeats: Repeats;
  readonly #splits: SplitRequests;
  readonly #memory: TrafficMemory;

  constructor(repeats: Repeats, splits: SplitRequests, memory: TrafficMemory) {
    this.#repeats = repeats;
    this.#splits = splits;
    this.#memory = memory;
  }

  /**
   * Shares of the senders in `decoded`, which is what `body` holds; changes nothing. One that is a part of a request of more
   * points than are remembered is not offered; the others are none the worse for it. Reads `body` once more, by steps, when there
   * are parts; meanwhile nothing else may be judged.
   */
  *sharesOf(body: Uint8Array, decoded: DecodedTraffic): InSteps<Share[]> {
    const parts = new Map<string, SplitPart>();
    const tooLarge = new Set<DecodedResource>();
    for (const resource of decoded.resources) {
      const { envelope, declaredPoints } = resource;
      if (envelope === null || declaredPoints === null || !this.#isSplit(envelope, resource)) continue;
      if (!this.#splits.fits(declaredPoints)) tooLarge.add(resource);
      else parts.set(shareId(envelope), this.#splits.part({ ...numberOf(envelope), points: declaredPoints }));
    }
    const fresh = parts.size === 0 ? NO_PARTS : yield* this.#readParts(body, parts);
    return decoded.resources.map((resource) => {
      if (tooLarge.has(resource)) return notOffered(resource, 'split_too_large');
      const id = resource.envelope === null ? '' : shareId(resource.envelope);
      const part = parts.get(id);
      return part === undefined ? this.#whole(resource) : shareOfPart(resource, part, fresh.get(id));
    });
  }

  /**
   * Whether points of it are, or are to be, told apart; not once all are known to be there, or are given up. Pieces that were
   * joined may be as many points as were sent, and yet some of them twice and others not at all.
   */
  #isSplit(envelope: TrafficEnvelope, { points, pieces, declaredPoints }: DecodedResource): boolean {
    const number = numberOf(envelope);
    if (this.#splits.isOpen(number)) return true;
    return (points !== declaredPoints || pieces > 1) && this.#repeats.standing(number) === 'new';
  }

  #whole(resource: DecodedResource): Share {
    const { envelope, sums, sumPoints, points } = resource;
    const known = envelope === null ? null : this.#known(envelope);
    if (known !== null) return notOffered(resource, known);
    return { envelope, sums, sumPoints, knownItems: 0, known, part: null, points };
  }

  #known(envelope: TrafficEnvelope): Known | null {
    const standing = this.#repeats.standing(numberOf(envelope));
    if (standing === 'new') return null;
    return standing === 'repeat' ? 'repeat' : 'repeat_too_old';
  }

  /** What of the parts is new, by their ids. */
  *#readParts(body: Uint8Array, parts: ReadonlyMap<string, SplitPart>): InSteps<ReadonlyMap<string, DecodedResource>> {
    const { resources } = yield* decodeTrafficInSteps(body, {
      memory: this.#memory,
      wants: (envelope, point) => parts.get(shareId(envelope))?.wants(point) ?? true,
    });
    return new Map(resources.flatMap((found) => (found.envelope === null ? [] : [[shareId(found.envelope), found]])));
  }
}

function shareOfPart(resource: DecodedResource, part: SplitPart, fresh: DecodedResource | undefined): Share {
  if (part.wanted === 0) return notOffered(resource, 'repeat');
  const { envelope, points } = resource;
  const { sums, sumPoints } = fresh ?? NOTHING_NEW;
  return { envelope, sums, sumPoints, knownItems: 0, known: null, part, points };
}

function notOffered({ envelope, sums, points }: DecodedResource, known: Known): Share {
  return { envelope, sums: [], sumPoints: [], knownItems: totalItems(sums), known, part: null, points };
}
