/**
 * @module Traffic of other Weirs on its way into slots: each record goes to the slot in which its interval ends; where
 * that is closed, into the oldest open one as a part of its own.
 */
import type { TrafficSender } from '../../pipeline/batch.ts';
import type { Watched } from '../../pipeline/model/coverage.ts';
import { type Overflow, TrafficAccumulator } from '../../pipeline/model/sum.ts';
import { inOneGo, SumPace, type SumSteps } from '../../pipeline/model/sum-steps.ts';
import type { CoverageRecord, Interval, TrafficSum } from '../../pipeline/model/traffic.ts';
import { doubtTargets, missedScrape, Vouched } from './doubts.ts';
import { withPartsInSteps } from './parts.ts';
import { type Heard, type SenderSettings, Senders } from './senders.ts';

export interface ReceivedSettings extends SenderSettings {
  /** How far ahead (ms) of this Weir's clock an interval may end and still have its own slot. */
  readonly maxAheadMs: number;
  /** Records and coverage records held in slots that are open, and `LATE_SHARE_ITEMS` for each closed slot told of in one of them. */
  readonly maxItems: number;
}

/**
 * What is told of one closed slot takes memory of its own, about 2 kB, whatever is in it: as much as so many records.
 */
export const LATE_SHARE_ITEMS = 4;

/** Nobody reads further back than `retention` of the `smi` exporter may be: what is later than that needs no slot of its own. */
const LONGEST_RETENTION_MS = 3600e3;

/** What became of one sum. */
export interface Placed {
  /** Items that met one already held. */
  readonly merged: number;
  /** Its slot was closed. */
  readonly isLate: boolean;
  /** Its interval ends so far ahead that its sender's clock is not believed. */
  readonly isAhead: boolean;
}

/** A slot that closes, with everything that belongs into it. */
export interface ClosedSlot {
  readonly sum: TrafficSum;
  /** Items received that are in it. */
  readonly items: number;
  /** Senders that are silent about it. */
  readonly silent: readonly string[];
}

/** What belongs into a slot that closes, beside what this Weir counted itself. */
export interface ClosingShare {
  /** By the slot they belong to. */
  readonly shares: ReadonlyMap<number, Share>;
  readonly items: number;
  /** What was expected of others and did not come. */
  readonly coverage: readonly CoverageRecord[];
  readonly silent: readonly string[];
  /** More may come, of which nobody will know. */
  readonly isCut: boolean;
}

/** What is told in one slot and belongs to one slot, the same or an earlier one. */
class Share {
  readonly received: TrafficAccumulator;
  readonly takenBack: CoverageRecord[] = [];
  /** Targets of which something was lost on the way, by key. */
  readonly missed = new Map<string, Watched>();
  /** What is told of it in partial sums. */
  readonly vouched = new Vouched();
  /** Nobody knows of whom something is missing. */
  partial = false;
  clockAhead = false;

  constructor(overflow: Overflow) {
    this.received = new TrafficAccumulator(overflow);
  }

  miss(targets: Iterable<Watched>): void {
    for (const watched of targets) this.missed.set(watched.target, watched);
  }

  /** Adds `from`, which is not used afterwards. */
  join(from: Share): void {
    if (!from.received.isEmpty) this.received.add(from.received.take());
    for (const record of from.takenBack) this.takenBack.push(record);
    this.miss(from.missed.values());
    this.vouched.join(from.vouched);
    this.partial ||= from.partial;
    this.clockAhead ||= from.clockAhead;
  }
}

/** How a sum came. */
interface Arrival {
  readonly share: Share;
  readonly isAhead: boolean;
  readonly oldest: number;
  readonly nowMs: number;
}

/** Shares by the slot they belong to. */
type Shares = Map<number, Share>;

export class ReceivedTraffic {
  readonly senders: Senders;
  /** What sums lost that were added together here. */
  readonly overflow: Overflow = { counts: 0 };
  readonly #settings: ReceivedSettings;
  /** By the number of the slot in which they are told. */
  readonly #open = new Map<number, Shares>();
  #items = 0;
  /** Those of closed slots. */
  #lateShares = 0;
  /** How many slots before the one in which they are told are told apart. */
  readonly #maxLateSlots: number;

  constructor(settings: ReceivedSettings) {
    this.#settings = settings;
    this.#maxLateSlots = Math.ceil(LONGEST_RETENTION_MS / settings.slotMs);
    this.senders = new Senders(settings);
  }

  /** Items held in open slots. */
  get items(): number {
    return this.#items;
  }

  /** Span of the intervals of what was told in time of the open slot `number`; null when nothing was. */
  toldOf(number: number): Interval | null {
    const share = this.#open.get(number)?.get(number);
    if (share === undefined || share.received.isEmpty) return null;
    // Where a clock is not believed, neither are the ends of its intervals.
    return share.clockAhead ? this.#intervalOf(number) : share.received.interval;
  }

  /**
   * Whether there is room for `items` more. What is too large for any room has it while nothing else is held. Each closed slot
   * that is told of takes room as well, though nothing may be told of it but that it was.
   */
  hasRoom(items: number): boolean {
    const { maxItems } = this.#settings;
    const forShares = this.#lateShares * LATE_SHARE_ITEMS;
    return forShares <= maxItems && (this.#items === 0 || this.#items + forShares + items <= maxItems);
  }

  /**
   * Takes over what came at `nowMs` (engine time), while `oldest` is the number of the oldest open slot. `sum` is not
   * written. O(items).
   */
  take(sum: TrafficSum, sender: TrafficSender | undefined, oldest: number, nowMs: number): Placed {
    const { slotMs, maxAheadMs } = this.#settings;
    const { endMs } = sum.interval;
    const newest = Math.floor(nowMs / slotMs);
    const isAhead = endMs > (newest + 1) * slotMs + maxAheadMs;
    const own = isAhead ? newest : this.#slotOf(endMs);
    const share = this.#share(own, oldest);
    share.clockAhead ||= isAhead;
    const isMoved = sender !== undefined && this.#hear(sender, sum, { share, isAhead, oldest, nowMs });
    const merged = share.received.add(sum.partial && !isMoved ? doubtIn(share, sender, sum) : sum);
    this.#items += sum.records.length + sum.coverage.length - merged;
    return { merged, isLate: own < oldest, isAhead };
  }

  /** True when misses of the sender's targets might be made up for by what was taken back of them. */
  #hear(sender: TrafficSender, sum: TrafficSum, { share, isAhead, oldest, nowMs }: Arrival): boolean {
    const { slotMs } = this.#settings;
    const untilMs = isAhead ? (Math.floor(nowMs / slotMs) + 1) * slotMs : sum.interval.endMs;
    const { takenBack, lost, newcomers, isMoved } = this.senders.heard(sender, sum, untilMs, nowMs);
    for (const { endMs, coverage } of takenBack) {
      const list = isAhead ? share.takenBack : this.#share(this.#slotOf(endMs), oldest).takenBack;
      for (const record of coverage) list.push(record);
    }
    share.miss(newcomers);
    if (lost !== null) this.#lose(lost, isMoved, share, oldest);
    return isMoved;
  }

  /** What was lost may have been of the slots at both sides: of whom, is known of a sender that was heard before. */
  #lose({ toldBeforeMs, targets }: NonNullable<Heard['lost']>, isMoved: boolean, share: Share, oldest: number): void {
    const shares = new Set([share]);
    if (toldBeforeMs !== null) shares.add(this.#share(this.#slotOf(toldBeforeMs), oldest));
    const missed = targets === null || isMoved ? null : [...targets];
    for (const side of shares) {
      if (missed === null) side.partial = true;
      else side.miss(missed);
    }
  }

  /** The slot in which an interval ends, as a scrape's share belongs to the slot of the scrape. */
  #slotOf(endMs: number): number {
    return Math.floor((endMs - 1) / this.#settings.slotMs);
  }

  /** Of slot `meant`, told in that or in the oldest open one; all that is later than anybody looks back shares one. */
  #share(meant: number, oldest: number): Share {
    const into = Math.max(meant, oldest);
    const own = Math.max(meant, into - this.#maxLateSlots - 1);
    let shares = this.#open.get(into);
    if (shares === undefined) {
      shares = new Map();
      this.#open.set(into, shares);
    }
    let share = shares.get(own);
    if (share === undefined) {
      share = new Share(this.overflow);
      shares.set(own, share);
      if (own < into) this.#lateShares += 1;
    }
    return share;
  }

  /** The slot counted here, `local`, with what was received for it, in one go. */
  close(local: TrafficSum, isEnd = false, isLast = false): ClosedSlot {
    return this.finishClosing(local, this.beginToClose(local.interval, isEnd, isLast));
  }

  /**
   * What was received for the slot of `interval`; what comes from now on is late. `isEnd`: it closes because Weir ends, and with
   * the last one (`isLast`) all that is held is told. It takes room until `finishClosing`. O(senders, and targets of the silent).
   */
  beginToClose(interval: TrafficSum['interval'], isEnd = false, isLast = false): ClosingShare {
    const { shares, items } = this.#takeShares(isLast ? Number.POSITIVE_INFINITY : this.#numberOf(interval));
    // What is awaited at the end may still come, to the next life of this Weir: nobody here could take back a debt.
    const isCut = isEnd && this.senders.isAwaited(interval);
    const { coverage, senders: silent } = isEnd ? NOTHING_MISSING : this.senders.close(interval);
    return { shares, items, coverage, silent, isCut };
  }

  /** As `finishInSteps`, in one go. */
  finishClosing(local: TrafficSum, share: ClosingShare): ClosedSlot {
    return inOneGo(this.finishInSteps(local, share));
  }

  /**
   * `local`, which is not written but may be a part of what is told, with the share that was taken for its slot. O(items of both),
   * by steps; O(1) when nothing was received and nobody is awaited.
   */
  *finishInSteps(local: TrafficSum, { shares, items, coverage, silent, isCut }: ClosingShare): SumSteps<ClosedSlot> {
    const frame = isCut ? { ...local, partial: true } : local;
    let sum = frame;
    if (shares.size > 0 || coverage.length > 0) {
      const number = this.#numberOf(local.interval);
      const own = shares.get(number) ?? new Share(this.overflow);
      for (const record of coverage) own.takenBack.push(record);
      const pace = new SumPace();
      const parts: TrafficSum[] = [];
      for (const [at, share] of shares) {
        if (at === number) continue;
        parts.push(finished(share, this.#intervalOfLate(at, share)));
        if (pace.isStep(parts.at(-1)!.records.length >> 3)) yield;
      }
      const whole = finished(own, local.interval, frame);
      if (pace.isStep(whole.records.length >> 3)) yield;
      sum = yield* withPartsInSteps(whole, parts, pace);
    }
    this.#items -= items;
    return { sum, items, silent };
  }

  #numberOf({ startMs }: TrafficSum['interval']): number {
    return Math.floor(startMs / this.#settings.slotMs);
  }

  /** Everything told up to slot `number`, also in slots that a step of the clock left out. */
  #takeShares(number: number): { readonly shares: Shares; readonly items: number } {
    const taken: Shares = new Map();
    let items = 0;
    for (const [into, shares] of this.#open) {
      if (into > number) continue;
      this.#open.delete(into);
      for (const [own, share] of shares) {
        if (own < into) this.#lateShares -= 1;
        items += share.received.items;
        const other = taken.get(own);
        if (other === undefined) taken.set(own, share);
        else other.join(share);
      }
    }
    return { shares: taken, items };
  }

  /** From where what was told begins. What is told of many slots together, or only taken back, is of whole ones. */
  #intervalOfLate(number: number, { received, clockAhead }: Share): Interval {
    const slot = this.#intervalOf(number);
    if (received.isEmpty || clockAhead) return slot;
    const { startMs } = received.interval;
    return startMs < slot.endMs ? { ...slot, startMs: Math.max(slot.startMs, startMs) } : slot;
  }

  #intervalOf(number: number): { startMs: number; endMs: number } {
    const { slotMs } = this.#settings;
    return { startMs: number * slotMs, endMs: (number + 1) * slotMs };
  }
}

const NOTHING_MISSING = { coverage: [], senders: [] } as const;

/** A partial sum is one of its own targets only, where coverage tells whose they are. */
function doubtIn({ vouched }: Share, sender: TrafficSender | undefined, sum: TrafficSum): TrafficSum {
  vouched.add(sender?.source ?? '', sum);
  return doubtTargets(sum);
}

/** A share as a sum over the interval of its slot, with what this Weir counted itself (`local`). */
function finished(
  { received, takenBack, missed, vouched, ...share }: Share,
  interval: TrafficSum['interval'],
  local?: TrafficSum,
): TrafficSum {
  if (local !== undefined) received.add({ ...local, records: [] });
  const coverage = [...takenBack, ...Array.from(missed.values(), (watched) => missedScrape(watched))];
  const partial = share.partial || !vouched.isWhole;
  const records = local?.records ?? [];
  return { ...received.takeWith({ interval, records, coverage, partial, clockAhead: share.clockAhead }), interval };
}
