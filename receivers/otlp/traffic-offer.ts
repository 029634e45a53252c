/** @module The way of judged traffic into the pipeline: asked for, claimed, handed on, and booked when it is settled. */
import type { Balance } from '../../pipeline/balance.ts';
import type { Batch } from '../../pipeline/batch.ts';
import { ADMITTED, type Admission, type Consumer } from '../../pipeline/component.ts';
import { type Outcome, TAKEN } from '../../pipeline/delivery.ts';
import { type DecodedTraffic, type InSteps, ITEM_WORK, Pace } from '../../pipeline/wire/otlp-traffic.ts';
import { worstOf } from './outcomes.ts';
import type { Claim, Repeats } from './repeats.ts';
import { batchOf, inOrderOfSending, itemsOf, numberOf, type Share, shareId } from './traffic-share.ts';
import type { TrafficEvents } from './traffic-telemetry.ts';

/** What one part of a request came to, and how many data points it has. */
export interface Fate {
  readonly outcome: Outcome;
  readonly points: number;
}

/** A batch, and what became of it. */
interface Settled {
  readonly items: number;
  readonly outcome: Outcome;
}

/** What handing on a batch costs beside its items, as work of `Pace`: about 50 µs. */
const BATCH_WORK = 32 * ITEM_WORK;
const KNOWN: Fate = { outcome: TAKEN, points: 0 };

export interface TrafficOfferSettings {
  readonly next: Consumer;
  /** Books of traffic. */
  readonly balance: Balance;
  readonly repeats: Repeats;
  readonly events: TrafficEvents;
}

/** Only one request at a time may be between the judgement of its shares and the end of `offer`. */
export class TrafficOffer {
  readonly #next: Consumer;
  readonly #balance: Balance;
  readonly #repeats: Repeats;
  readonly #events: TrafficEvents;
  /** Requests of which the pipeline has not said yet what becomes of them, by source, epoch and number. */
  readonly #undecided = new Map<string, Promise<unknown>>();

  constructor({ next, balance, repeats, events }: TrafficOfferSettings) {
    this.#next = next;
    this.#balance = balance;
    this.#repeats = repeats;
    this.#events = events;
  }

  /** What has to be decided first: requests that this one repeats, as a whole or in part. */
  waits({ resources }: DecodedTraffic): Promise<unknown>[] {
    if (this.#undecided.size === 0) return [];
    return resources.flatMap(({ envelope }) => {
      if (envelope === null) return [];
      const { seq, replaces = [] } = envelope;
      return [seq, ...replaces].flatMap((number) => this.#undecided.get(shareId({ ...envelope, seq: number })) ?? []);
    });
  }

  /** Settles when the pipeline has decided on all that was offered so far. */
  async decided(): Promise<void> {
    await Promise.all(this.#undecided.values());
  }

  /** Whether the pipeline would take all of it now: each batch is asked about with all that goes before it. */
  *admission(shares: readonly Share[]): InSteps<Admission> {
    const pace = new Pace();
    let items = 0;
    for (const { envelope, sums } of shares) {
      for (const sum of sums) {
        items += itemsOf(sum);
        const verdict = this.#next.admits({ ...batchOf(sum, envelope, false), items });
        if (!verdict.ok) return verdict;
        if (pace.isStep(ITEM_WORK)) yield;
      }
    }
    return ADMITTED;
  }

  /** Books what was not admitted, of which nothing was offered. */
  refuse(shares: readonly Share[]): void {
    for (const { envelope, sums } of shares) {
      for (const sum of sums) this.#balance.refused += itemsOf(sum);
      this.#events.ended('refused', envelope);
    }
  }

  /**
   * Hands everything on by steps, one share after another; what became of each settles later. The pipeline is asked again for
   * each batch, so that a share that has no room any more is refused by itself, and what was taken before is a repeat later.
   */
  *offer(shares: readonly Share[]): InSteps<Promise<Fate>[]> {
    const fates: Promise<Fate>[] = [];
    const pace = new Pace();
    let isKnown = false;
    for (const share of inOrderOfSending(shares)) {
      if (share.known !== null) {
        this.#tellKnown(share);
        isKnown = true;
      } else fates.push(yield* this.#offerOne(share, pace));
      if (pace.isStep(ITEM_WORK)) yield;
    }
    return isKnown ? [...fates, Promise.resolve(KNOWN)] : fates;
  }

  #tellKnown({ envelope, known, knownItems }: Share): void {
    this.#balance.accepted += knownItems;
    this.#balance.filter(known!, knownItems);
    if (envelope !== null) this.#repeats.pass(numberOf(envelope));
    this.#events.ended(known!, envelope);
  }

  *#offerOne(share: Share, pace: Pace): InSteps<Promise<Fate>> {
    const { envelope, sums } = share;
    const isNew = envelope !== null && this.#repeats.standing(numberOf(envelope)) === 'new';
    const claim = isNew ? this.#repeats.claim(numberOf(envelope)) : null;
    const gap = claim?.gap === true;
    if (claim !== null) this.#events.claimed(envelope!, claim, sums);
    const settled: Promise<Settled>[] = [];
    for (const [i, sum] of sums.entries()) {
      settled.push(this.#consume(batchOf(sum, envelope, gap && i === 0)));
      if (pace.isStep(BATCH_WORK + itemsOf(sum) * ITEM_WORK)) yield;
    }
    const fate = this.#settle(share, claim, Promise.all(settled));
    if (envelope !== null) this.#undecide(shareId(envelope), fate);
    return fate;
  }

  #consume(batch: Batch): Promise<Settled> {
    return new Promise((resolve) => {
      batch.delivery.onSettled((outcome) => resolve({ items: batch.items, outcome }));
      this.#next.consume(batch);
    });
  }

  /** Bounded by the requests that are being taken. */
  #undecide(id: string, fate: Promise<Fate>): void {
    const wait = fate.then(() => {
      this.#undecided.delete(id);
    });
    this.#undecided.set(id, wait);
  }

  /** What a share came to: it counts as taken when the pipeline has taken any of it. */
  async #settle(share: Share, claim: Claim | null, outcomes: Promise<readonly Settled[]>): Promise<Fate> {
    const settled = await outcomes;
    const outcome = worstOf(settled);
    if (settled.length > 0 && !settled.some((one) => one.outcome.kind === 'taken')) {
      claim?.undo();
      for (const { items } of settled) this.#bookUntaken(items, outcome);
      this.#events.ended(outcome.kind === 'retry' ? 'refused' : 'rejected', share.envelope);
      return { outcome, points: share.points };
    }
    claim?.keep();
    this.#bookTaken(settled);
    this.#tellTaken(share);
    return { outcome: TAKEN, points: share.points };
  }

  #bookUntaken(items: number, outcome: Outcome): void {
    if (outcome.kind === 'retry') this.#balance.refused += items;
    else {
      this.#balance.accepted += items;
      if (outcome.kind === 'rejected') this.#balance.drop(outcome.reason, items);
    }
  }

  #bookTaken(settled: readonly Settled[]): void {
    for (const { items, outcome } of settled) {
      this.#balance.accepted += items;
      if (outcome.kind === 'taken') this.#balance.delivered += items;
      else {
        this.#balance.drop(outcome.reason, items);
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
