/** @module One sender's traffic of one request on its way into the pipeline: judged, offered, and settled. */
import type { TrafficBatch } from '../../pipeline/batch.ts';
import { Delivery } from '../../pipeline/delivery.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import type { TrafficEnvelope } from '../../pipeline/wire/otlp-traffic.ts';
import type { RequestNumber } from './repeats.ts';
import type { SplitPart } from './split-requests.ts';

/** Why it is not offered, if it is not. */
export type Known = 'repeat' | 'repeat_too_old';

export interface Share {
  /** Null when it does not say who sent it as which of its requests. */
  readonly envelope: TrafficEnvelope | null;
  /** What is offered; none when it is known. */
  readonly sums: readonly TrafficSum[];
  /** Items that are there already. */
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
export function batchOf(sum: TrafficSum, envelope: TrafficEnvelope | null, gap: boolean): TrafficBatch {
  const { source, epoch } = envelope ?? { source: '', epoch: '' };
  return { body: 'traffic', sum, items: itemsOf(sum), sender: { source, epoch, gap }, delivery: new Delivery() };
}

/** In the order in which their senders sent them, so that one in the same request fills what would be a gap. */
export function inOrderOfSending(shares: readonly Share[]): Share[] {
  return [...shares].sort((a, b) => placeOf(a) - placeOf(b));
}

function placeOf({ envelope }: Share): number {
  return envelope === null ? 0 : Math.min(envelope.seq, ...(envelope.replaces ?? []));
}
