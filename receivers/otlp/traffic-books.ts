/** @module What became of a request's traffic: claims kept or undone, books, and what its sender is to hear. */
import type { Balance, DropCause } from '../../pipeline/balance.ts';
import { type Outcome, TAKEN } from '../../pipeline/delivery.ts';
import type { TrafficEnvelope } from '../../pipeline/wire/otlp-traffic.ts';
import { worstOf } from './outcomes.ts';
import type { Claim, Repeats } from './repeats.ts';
import { numberOf, type Repeat, type Share, totalItems } from './traffic-share.ts';
import type { TrafficEvents } from './traffic-telemetry.ts';

/** What one part of a request came to, and how many data points it has. */
export interface Fate {
  readonly outcome: Outcome;
  readonly points: number;
  /** It was taken, and would be taken again, or is lost in part: its sender must not be told to come again. */
  readonly isLast?: boolean;
}

/** A batch, and what became of it. */
export interface Settled {
  readonly items: number;
  readonly points: number;
  readonly outcome: Outcome;
}

/** A share of which the pipeline has said what becomes of all its batches. */
export interface Ended {
  readonly share: Share;
  /** Null when its number was claimed before, or when it has none. */
  readonly claim: Claim | null;
  readonly settled: readonly Settled[];
}

export interface TrafficBooksSettings {
  /** Books of traffic. */
  readonly balance: Balance;
  readonly repeats: Repeats;
  readonly events: TrafficEvents;
}

export class TrafficBooks {
  readonly #balance: Balance;
  readonly #repeats: Repeats;
  readonly #events: TrafficEvents;

  constructor({ balance, repeats, events }: TrafficBooksSettings) {
    this.#balance = balance;
    this.#repeats = repeats;
    this.#events = events;
  }

  /** What was taken before, told at once: what comes after it in the order of sending has no gap before it. */
  repeated({ envelope, knownItems }: Share, known: Repeat): void {
    this.#balance.accepted += knownItems;
    this.#balance.filter(known, knownItems);
    if (envelope !== null) this.#repeats.pass(numberOf(envelope));
    this.#events.ended(known, envelope);
  }

  /** A share of which nothing was offered, for its sender is to come again. */
  refused({ envelope, sums, knownItems }: Share): void {
    this.#balance.refused += knownItems + totalItems(sums);
    this.#events.ended('refused', envelope);
  }

  /** Books all of a request. What is refused is to come again only where nothing counts twice by that, and else is dropped. */
  close(ended: readonly Ended[]): Fate[] {
    const mayComeAgain = !ended.some(isLast);
    const comesAgain = mayComeAgain && ended.some(({ settled }) => worstOf(settled).kind === 'retry');
    return ended.flatMap((one) => {
      if (one.share.known !== null) return [this.#closeTooLarge(one.share, comesAgain)];
      if (isTakenInPart(one)) return this.#closeTaken(one);
      return [this.#closeUntaken(one, mayComeAgain)];
    });
  }

  /** It is told of when no more is to come of the request. */
  #closeTooLarge({ envelope, knownItems, points }: Share, comesAgain: boolean): Fate {
    if (comesAgain) this.#balance.refused += knownItems;
    else {
      this.#balance.accepted += knownItems;
      this.#balance.drop('split_too_large', knownItems, causeOf(envelope));
    }
    this.#events.ended(comesAgain ? 'refused' : 'rejected', envelope);
    return { outcome: TOO_LARGE, points };
  }

  #closeUntaken({ share, claim, settled }: Ended, mayComeAgain: boolean): Fate {
    const worst = worstOf(settled);
    const outcome = mayComeAgain ? worst : lastWord(worst);
    claim?.undo();
    for (const { items } of settled) this.#bookUntaken(items, outcome, causeOf(share.envelope));
    this.#events.ended(outcome.kind === 'retry' ? 'refused' : 'rejected', share.envelope);
    return { outcome, points: pointsOf(settled) };
  }

  #bookUntaken(items: number, outcome: Outcome, cause: DropCause): void {
    if (outcome.kind === 'retry') this.#balance.refused += items;
    else {
      this.#balance.accepted += items;
      if (outcome.kind === 'rejected') this.#balance.drop(outcome.reason, items, cause);
    }
  }

  /** A share counts as taken when the pipeline has taken any of it; the rest is a gap to whoever adds up. */
  #closeTaken(ended: Ended): Fate[] {
    const { share, claim, settled } = ended;
    const left = settled.filter(({ outcome }) => outcome.kind !== 'taken');
    claim?.keep();
    this.#bookTaken(settled, causeOf(share.envelope));
    this.#tellTaken(share);
    const taken = { outcome: TAKEN, points: pointsOf(settled) - pointsOf(left), isLast: isLast(ended) };
    if (left.length === 0) return [taken];
    if (share.envelope !== null) this.#repeats.lose(share.envelope);
    return [taken, { outcome: lastWord(worstOf(left)), points: pointsOf(left) }];
  }

  #bookTaken(settled: readonly Settled[], cause: DropCause): void {
    for (const { items, outcome } of settled) {
      this.#balance.accepted += items;
      if (outcome.kind === 'taken') this.#balance.delivered += items;
      else {
        this.#balance.drop(outcome.reason, items, cause);
        this.#events.partlyTaken(items, outcome.reason);
      }
    }
  }

  #tellTaken({ envelope, part, points }: Share): void {
    if (part === null) this.#events.ended(envelope === null ? 'unnumbered' : 'taken', envelope);
    else {
      this.#events.ended('split', envelope);
      this.#events.repeatedPoints(Math.max(0, points - part.wanted));
      part.commit();
    }
  }
}

const TOO_LARGE: Outcome = {
  kind: 'rejected',
  reason: 'the request was split on the way, and has more points than max_split_points',
};

/** Whose traffic it is, for the drop journal. */
function causeOf(envelope: TrafficEnvelope | null): DropCause {
  return { sample: () => ({ sender: envelope?.source ?? '' }) };
}

function isTakenInPart({ settled }: Ended): boolean {
  return settled.length === 0 || settled.some(({ outcome }) => outcome.kind === 'taken');
}

/** Whether its sender must not come again: nobody would know the repeat, or know what of it is missing. */
function isLast(ended: Ended): boolean {
  const { share, settled } = ended;
  if (share.known !== null || !isTakenInPart(ended)) return false;
  return share.envelope === null || settled.some(({ outcome }) => outcome.kind !== 'taken');
}

/** What is said of it once nobody is told to come again. */
export function lastWord(outcome: Outcome): Outcome {
  return outcome.kind === 'retry' ? { kind: 'rejected', reason: outcome.reason } : outcome;
}

function pointsOf(settled: readonly Settled[]): number {
  return settled.reduce((total, { points }) => total + points, 0);
}
