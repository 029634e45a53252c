/**
 * @module Other Weirs whose traffic comes in: until when each has told, whom it watches, and what is missing of it.
 *
 * A sender that is silent about a slot owes it: its targets count there as missed. What comes late takes that back, so that
 * the sum over all slots is what was told, whenever it came.
 */
import type { TrafficSender } from '../../pipeline/batch.ts';
import type { Watched } from '../../pipeline/model/coverage.ts';
import type { CoverageRecord, Interval, TrafficSum } from '../../pipeline/model/traffic.ts';
import { Loss, missedScrape } from './doubts.ts';

export interface SenderSettings {
  /** Length of a slot here, ms. */
  readonly slotMs: number;
  /** A sender that is not heard for longer (ms) is forgotten. */
  readonly expirationMs: number;
  readonly maxSenders: number;
  /** Targets remembered of one sender. */
  readonly maxTargets: number;
}

/** What was told as missing of one slot. */
interface Owed extends Interval {
  /** The list at that time; never written. */
  readonly targets: readonly Watched[];
}

/** Coverage told as missing, negative. */
export interface TakenBack {
  /** End (ms) of the interval it is to be told with. */
  readonly endMs: number;
  readonly coverage: readonly CoverageRecord[];
}

/** What the arrival of traffic changes beside bringing it. */
export interface Heard {
  readonly takenBack: readonly TakenBack[];
  /**
   * Where requests were lost before this one: end (ms) of what the sender told before, null for the first, and whom it is
   * known to watch, null when that may not be all.
   */
  readonly lost: { readonly toldBeforeMs: number | null; readonly targets: Iterable<Watched> | null } | null;
  /** Targets told of here for the first time of which something may have been lost. */
  readonly newcomers: readonly Watched[];
  /**
   * Debts were taken back lately in other slots than they were told in. Whoever sums some of those slots, and not all, would
   * have new misses of the same targets made up for.
   */
  readonly isMoved: boolean;
}

/** What is missing of a slot. */
export interface Missing {
  readonly coverage: readonly CoverageRecord[];
  /** Senders that are silent. */
  readonly senders: readonly string[];
}

interface State {
  epoch: string;
  /** Engine time (ms) at which it was last heard. */
  heardMs: number;
  /** End (ms) of the newest interval it told. */
  toldMs: number;
  /** End (ms) of what was told by it or as missing of it. */
  settledMs: number;
  /** Shortest whole interval of this epoch, ms: how often it tells something. Null before the first. */
  lengthMs: number | null;
  /** True after a farewell: nothing is expected of it. */
  left: boolean;
  targets: Map<string, Watched>;
  /** The same as a list, made when a debt needs it. */
  list: readonly Watched[] | null;
  /** End (ms) of the interval that `targets` are of. */
  targetsOfMs: number;
  /** Those of the interval before. */
  targetsBefore: Map<string, Watched>;
  /** True when not all targets had room. */
  isCrowded: boolean;
  /** The newest loss of requests. */
  loss: Loss | null;
  /** End (ms) of the newest interval with which debts of other slots were taken back. */
  movedMs: number;
  owed: Owed[];
}

/** Bounded by `maxSenders` and `maxTargets`; debts by the expiration. */
export class Senders {
  readonly #settings: SenderSettings;
  /** In the order in which they were last heard. */
  readonly #states = new Map<string, State>();
  #silent = 0;
  #expired = 0;
  #crowdedOut = 0;
  #targetsOverLimit = 0;

  constructor(settings: SenderSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#states.size;
  }
  /** Senders that owed the slot closed last. */
  get silent(): number {
    return this.#silent;
  }
  /** Forgotten because they were silent for too long; running total. */
  get expired(): number {
    return this.#expired;
  }
  /** Forgotten because of `maxSenders`; running total. */
  get crowdedOut(): number {
    return this.#crowdedOut;
  }
  /** Times that a target was not remembered because of `maxTargets`. */
  get targetsOverLimit(): number {
    return this.#targetsOverLimit;
  }

  /**
   * `sender` told `sum` at `nowMs` (engine time). `untilMs` is the end of its interval, or less where its clock is not
   * believed. O(coverage).
   */
  heard({ source, epoch, gap }: TrafficSender, sum: TrafficSum, untilMs: number, nowMs: number): Heard {
    const known = this.#states.get(source);
    const state = known ?? this.#begin(epoch, untilMs);
    // Set anew each time: a Map keeps the order of insertion, so the first one is the one longest silent.
    this.#states.delete(source);
    this.#states.set(source, state);
    this.#bound();
    state.heardMs = nowMs;
    const lost = gap ? lose(state, untilMs) : null;
    const newcomers = state.loss?.newcomers(sum.coverage, untilMs) ?? [];
    this.#learnTargets(state, sum, untilMs);
    this.#learnTimes(state, epoch, sum, untilMs);
    const takenBack = takeBack(state, sum.interval, this.#settings.slotMs);
    const isMoved = untilMs - state.movedMs < this.#settings.expirationMs;
    return { takenBack, lost, newcomers, isMoved };
  }

  #begin(epoch: string, untilMs: number): State {
    const never = Number.NEGATIVE_INFINITY;
    const times = { heardMs: never, toldMs: never, settledMs: untilMs, targetsOfMs: never, lengthMs: null };
    const targets = { targets: new Map(), list: null, targetsBefore: new Map(), isCrowded: false };
    return { epoch, ...times, ...targets, left: false, loss: null, movedMs: never, owed: [] };
  }

  #bound(): void {
    if (this.#states.size <= this.#settings.maxSenders) return;
    for (const source of this.#states.keys()) {
      this.#states.delete(source);
      this.#crowdedOut += 1;
      return;
    }
  }

  /** Those of its newest interval, which may come in several requests. */
  #learnTargets(state: State, { coverage }: TrafficSum, untilMs: number): void {
    if (untilMs < state.targetsOfMs) return;
    if (untilMs > state.targetsOfMs) {
      state.targetsBefore = state.targets;
      state.targets = new Map();
    }
    state.targetsOfMs = untilMs;
    state.list = null;
    for (const { target, mesh, own, scrapesDue, expectedSeconds } of coverage) {
      // What only takes back is of a target that is no more.
      if (scrapesDue <= 0 && expectedSeconds <= 0) continue;
      const hasRoom = state.targets.size < this.#settings.maxTargets || state.targets.has(target);
      if (hasRoom) state.targets.set(target, { target, mesh, own });
      else {
        state.isCrowded = true;
        this.#targetsOverLimit += 1;
      }
    }
  }

  #learnTimes(state: State, epoch: string, { interval, partial }: TrafficSum, untilMs: number): void {
    if (untilMs < state.toldMs) return;
    if (epoch !== state.epoch) {
      state.epoch = epoch;
      state.lengthMs = null;
    }
    const lengthMs = interval.endMs - interval.startMs;
    if (!partial && lengthMs > 0) state.lengthMs = Math.min(state.lengthMs ?? lengthMs, lengthMs);
    // A beginning is cut at its start and ends with a slot; only an end is cut at its end.
    state.left = partial && untilMs % this.#settings.slotMs !== 0;
    state.toldMs = untilMs;
    state.settledMs = Math.max(state.settledMs, untilMs);
  }

  /** What is missing of the slot, which is closing and is missing it from now on. O(senders, and targets of the silent). */
  close(slot: Interval): Missing {
    this.#expire(slot.endMs);
    const coverage: CoverageRecord[] = [];
    const senders: string[] = [];
    for (const [source, state] of this.#states) {
      if (!this.#isDue(state, slot)) continue;
      senders.push(source);
      const startMs = Math.max(state.settledMs, slot.endMs - Math.max(state.lengthMs ?? 0, this.#settings.slotMs));
      state.list ??= [...state.targets.values()];
      const owed: Owed = { startMs, endMs: slot.endMs, targets: state.list };
      state.owed.push(owed);
      state.settledMs = slot.endMs;
      for (const watched of owed.targets) coverage.push(missedScrape(watched, secondsOf(owed)));
    }
    this.#silent = senders.length;
    return { coverage, senders };
  }

  /** Whether a sender has not told what it would tell of the slot. */
  isAwaited(slot: Interval): boolean {
    for (const state of this.#states.values()) if (this.#isDue(state, slot)) return true;
    return false;
  }

  #isDue({ left, settledMs, lengthMs }: State, { endMs }: Interval): boolean {
    return !left && endMs - settledMs >= (lengthMs ?? this.#settings.slotMs);
  }

  #expire(nowMs: number): void {
    const fromMs = nowMs - this.#settings.expirationMs;
    for (const [source, state] of this.#states) {
      while (state.owed[0] !== undefined && state.owed[0].endMs < fromMs) state.owed.shift();
      if (state.heardMs >= fromMs) continue;
      this.#states.delete(source);
      if (!state.left) this.#expired += 1;
    }
  }
}

/** Requests were lost before the one that ends at `untilMs`. Chunks of one interval may have been, so two of them are looked at. */
function lose(state: State, untilMs: number): NonNullable<Heard['lost']> {
  const known = new Map([...state.targetsBefore, ...state.targets]);
  state.loss = new Loss(known, untilMs);
  const toldBeforeMs = Number.isFinite(state.toldMs) ? state.toldMs : null;
  return { toldBeforeMs, targets: known.size === 0 || state.isCrowded ? null : known.values() };
}

/**
 * Debts that `told` settles: those of its own time, with it, even of a part of it, because what was told instead says the
 * rest; and after a farewell those of later slots, each in its slot.
 */
function takeBack(state: State, told: Interval, slotMs: number): TakenBack[] {
  if (state.owed.length === 0) return [];
  const takenBack: TakenBack[] = [];
  state.owed = state.owed.filter((owed) => {
    const isLater = owed.startMs >= told.endMs;
    const isSettled = isLater ? state.left && told.endMs === state.toldMs : told.startMs < owed.endMs;
    if (!isSettled) return true;
    const coverage = owed.targets.map((watched) => missedScrape(watched, -secondsOf(owed), -1));
    const endMs = isLater ? owed.endMs : told.endMs;
    // Ends of debts are ends of slots.
    if (Math.ceil(endMs / slotMs) * slotMs !== owed.endMs) state.movedMs = Math.max(state.movedMs, endMs);
    takenBack.push({ endMs, coverage });
    return false;
  });
  return takenBack;
}

function secondsOf({ startMs, endMs }: Interval): number {
  return (endMs - startMs) / 1000;
}
