/** @module The way of judged traffic into the pipeline: asked for, claimed, handed on, and booked when it is settled. */
import type { Balance } from '../../pipeline/balance.ts';
import type { Batch } from '../../pipeline/batch.ts';
import { ADMITTED, type Admission, type Consumer } from '../../pipeline/component.ts';
import { type Outcome, TAKEN, type Terms } from '../../pipeline/delivery.ts';
import { type DecodedTraffic, type InSteps, ITEM_WORK, Pace } from '../../pipeline/wire/otlp-traffic.ts';
import type { Claim, Repeats } from './repeats.ts';
import { type Ended, type Fate, type Settled, TrafficBooks } from './traffic-books.ts';
import { batchOf, inOrderOfSending, itemsOf, numberOf, type Share, shareId } from './traffic-share.ts';
import type { TrafficEvents } from './traffic-telemetry.ts';

/** A share that is on its way. */
interface Handed {
  readonly share: Share;
  readonly claim: Claim | null;
  readonly settled: readonly Promise<Settled>[];
}

/** How far a request came that is being handed on. */
interface Progress {
  readonly pace: Pace;
  /** Something of it is taken, or may be: the rest is taken too, above limits if need be, as all was asked before. */
  isBegun: boolean;
  /** The first refusal of something that was asked before. */
  refusal: Extract<Outcome, { kind: 'retry' }> | null;
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
  readonly #repeats: Repeats;
  readonly #events: TrafficEvents;
  readonly #books: TrafficBooks;
  /** Requests of which the pipeline has not said yet what becomes of them, by source, epoch and number. */
  readonly #undecided = new Map<string, Promise<unknown>>();

  constructor({ next, balance, repeats, events }: TrafficOfferSettings) {
    this.#next = next;
    this.#books = new TrafficBooks({ balance, repeats, events });
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
    for (const share of shares) this.#books.refused(share);
  }

  /**
   * Hands everything on by steps, one share after another; what became of them settles later, for all together. The pipeline is
   * asked again for the first batch, and may refuse it: then nothing of the request is applied. What was taken of senders that
   * number their requests is a repeat when it comes again; what has no number is handed on only if nothing was refused before.
   */
  *offer(shares: readonly Share[]): InSteps<Promise<Fate[]>> {
    const handed: Handed[] = [];
    const progress: Progress = { pace: new Pace(), isBegun: false, refusal: null };
    let isKnown = false;
    for (const share of inOrderOfSending(shares)) {
      if (share.known === 'split_too_large') handed.push({ share, claim: null, settled: [] });
      else if (share.known !== null) {
        this.#books.repeated(share, share.known);
        isKnown = true;
      } else handed.push(yield* this.#handOn(share, progress));
      if (progress.pace.isStep(ITEM_WORK)) yield;
    }
    const fates = this.#close(handed, isKnown);
    for (const { share } of handed) if (share.envelope !== null) this.#undecide(shareId(share.envelope), fates);
    return fates;
  }

  *#handOn(share: Share, progress: Progress): InSteps<Handed> {
    const { envelope } = share;
    if (progress.refusal !== null && envelope === null)
      return { share, claim: null, settled: notOffered(share, 0, progress.refusal) };
    const isNew = envelope !== null && this.#repeats.standing(numberOf(envelope)) === 'new';
    const claim = isNew ? this.#repeats.claim(numberOf(envelope)) : null;
    if (claim !== null) this.#events.claimed(envelope!, claim, share.sums);
    return { share, claim, settled: yield* this.#consumeAll(share, claim?.gap === true, progress) };
  }

  /** Nothing more is offered of a share whose first batches are refused. */
  *#consumeAll(share: Share, gap: boolean, progress: Progress): InSteps<readonly Promise<Settled>[]> {
    const { envelope, sums, sumPoints } = share;
    const settled: Promise<Settled>[] = [];
    let isBegun = false;
    for (const [i, sum] of sums.entries()) {
      const terms: Terms = progress.isBegun ? 'firm' : 'open';
      const batch = batchOf(sum, envelope, gap && i === 0, terms);
      settled.push(this.#consume(batch, sumPoints[i]!));
      const { outcome } = batch.delivery;
      if (outcome === null || outcome.kind === 'taken') isBegun = true;
      progress.isBegun ||= isBegun;
      if (outcome?.kind === 'retry') {
        progress.refusal ??= outcome;
        if (!isBegun) return [...settled, ...notOffered(share, i + 1, outcome)];
      }
      if (progress.pace.isStep(BATCH_WORK + itemsOf(sum) * ITEM_WORK)) yield;
    }
    return settled;
  }

  #consume(batch: Batch, points: number): Promise<Settled> {
    return new Promise((resolve) => {
      batch.delivery.onSettled((outcome) => resolve({ items: batch.items, points, outcome }));
      this.#next.consume(batch);
    });
  }

  /** Bounded by the requests that are being taken. */
  #undecide(id: string, fates: Promise<unknown>): void {
    const wait = fates.then(() => {
      this.#undecided.delete(id);
    });
    this.#undecided.set(id, wait);
  }

  async #close(handed: readonly Handed[], isKnown: boolean): Promise<Fate[]> {
    const ended: Ended[] = await Promise.all(
      handed.map(async ({ share, claim, settled }) => ({ share, claim, settled: await Promise.all(settled) })),
    );
    const fates = this.#books.close(ended);
    return isKnown ? [...fates, KNOWN] : fates;
  }
}

/** What is left of a share from one of its sums on, as refused. */
function notOffered({ sums, sumPoints }: Share, from: number, outcome: Outcome): Promise<Settled>[] {
  return sums.slice(from).map((sum, i) => {
    return Promise.resolve({ items: itemsOf(sum), points: sumPoints[from + i]!, outcome });
  });
}
