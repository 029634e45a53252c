/** @module One sender's traffic of one request on its way into the pipeline: judged, offered, and settled. */
import type { TrafficBatch } from '../../pipeline/batch.ts';
import { Delivery, type Terms } from '../../pipeline/delivery.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import type { TrafficEnvelope } from '../../pipeline/wire/otlp-traffic.ts';
import type { RequestNumber } from './repeats.ts';
import type { SplitPart } from './split-requests.ts';

/** How it is known that a request was taken before. */
export type Repeat = 'repeat' | 'repeat_too_old';
/** Why it is not offered, if it is not. */
export type Known = Repeat | 'split_too_large';

export interface Share {
  /** Null when it does not say who sent it as which of its requests. */
  readonly envelope: TrafficEnvelope | null;
  /** What is offered; none when it is known. */
  readonly sums: readonly TrafficSum[];
  /** Data points of each of `sums`. */
  readonly sumPoints: readonly number[];
  /** Items that are not offered. */
  readonly knownItems: number;
  readonly known: Known | null;
  /** Of a request that came in parts. */
  readonly part: SplitPart | null;
  /** Data points that came. */
  readonly points: number;
}

export function itemsOf({ records, coverage }: TrafficSum): number {
  return records.length + coverage.length;
}

export function totalItems(sums: readonly TrafficSum[]): number {
  return sums.reduce((total, sum) => total + itemsOf(sum), 0);
}

export function numberOf({ source, epoch, seq, replaces = [] }: TrafficEnvelope): RequestNumber {
  return { source, epoch, seq, replaces };
}

/** Text that only requests of the same source, epoch and number have. */
export function shareId({ source, epoch, seq }: TrafficEnvelope): string {
  return JSON.stringify([source, epoch, seq]);
}

/** A sum as a batch. Traffic that names no sender comes from one without a name: it is not what this Weir counted. */
export function batchOf(
  sum: TrafficSum,
  envelope: TrafficEnvelope | null,
  gap: boolean,
  terms: Terms = 'open',
): TrafficBatch {
  const { source, epoch } = envelope ?? { source: '', epoch: '' };
  return { body: 'traffic', sum, items: itemsOf(sum), sender: { source, epoch, gap }, delivery: new Delivery(terms) };
}

/**
 * In the order in which their senders sent them, so that one in the same request fills what would be a gap. What says of no
 * sender comes last: it can be refused as long as nothing of it is taken, and no longer.
 */
export function inOrderOfSending(shares: readonly Share[]): Share[] {
  const places = new Map(shares.map((share) => [share, placeOf(share)]));
  const place = (share: Share) => places.get(share)!;
  return [...shares].sort((a, b) => (place(a) < place(b) ? -1 : Number(place(a) > place(b))));
}

function placeOf({ envelope }: Share): number {
  return envelope === null ? Number.POSITIVE_INFINITY : Math.min(envelope.seq, ...(envelope.replaces ?? []));
}
