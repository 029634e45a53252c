/**
 * @module The `smi` engine: scrapes in, closed slots out. Pure: it is handed every time it needs and starts no timer.
 *
 * Slots, coverage and first sights follow design §6; the delta rules are in `deltas.ts`.
 */
import type { SamplesBatch, ScrapeEvent, Target } from '../../pipeline/batch.ts';
import type { Steps } from '../../pipeline/clock/turns.ts';
import {
  beganAnew,
  createLife,
  earliestStartMs,
  type LifeSigns,
  pageTime,
  seeAgain,
} from '../../pipeline/model/lives.ts';
import { isCapped, type Overflow } from '../../pipeline/model/sum.ts';
import type { Interval, TrafficSum } from '../../pipeline/model/traffic.ts';
import { SeriesBinder } from './binding.ts';
import { CellTable } from './cells.ts';
import { coverExpected, coverPage } from './coverage.ts';
import { applyPage, applyPageInSteps, isShort, type PageKind } from './deltas.ts';
import { type Intake, intakeOf, NOTHING } from './intake.ts';
import { OpenSlots } from './open-slots.ts';
import { isSameLife, PastLives } from './past-lives.ts';
import { PodTargets } from './pods.ts';
import type { ClosingSlot, Slot } from './slot.ts';
import { TargetState } from './target-state.ts';

/** A start further ahead of now (ms) than clocks usually differ tells nothing: the proxy's clock is wrong. */
const MAX_AHEAD_MS = 60_000;
/** How much earlier (ms) than this Weir a life may have begun and still count from 0 at first sight. */
const START_SLACK_MS = 1000;

type GoodPage = Extract<ScrapeEvent, { readonly kind: 'scraped' }>;

export interface EngineSettings {
  readonly slotMs: number;
  /** Longest scrape timeout upstream, ms: how long after its end a slot waits for scrapes. */
  readonly graceMs: number;
  readonly peerPod: boolean;
  readonly ownExports: ReadonlySet<string>;
  readonly maxRecords: number;
  /** Targets that left discovery whose last life is remembered. */
  readonly maxPastLives: number;
  /** Engine time (ms) at which this Weir began to watch. */
  readonly watchStartMs: number;
  /** Whether slots stay open for all of `graceMs`, because others tell of them too. Default: no. */
  readonly awaitsOthers?: boolean;
  /** What others told of an open slot, by its number: the span of their intervals, null when nothing. Default: null. */
  readonly othersTold?: (slot: number) => Interval | null;
}

export class SmiEngine {
  readonly #settings: EngineSettings;
  /** What slots lost whose counts stop at the most that counts. */
  readonly overflow: Overflow = { counts: 0 };
  readonly #targets = new Map<Target, TargetState>();
  readonly #cells: CellTable;
  readonly #binder: SeriesBinder;
  readonly #past: PastLives;
  readonly #pods = new PodTargets();
  readonly #open: OpenSlots;

  constructor(settings: EngineSettings) {
    this.#settings = settings;
    this.#open = new OpenSlots(settings.slotMs, settings.watchStartMs);
    this.#past = new PastLives(settings.maxPastLives);
    this.#cells = new CellTable(settings.maxRecords);
    this.#binder = new SeriesBinder(this.#cells, settings.peerPod, settings.ownExports);
  }

  get targets(): number {
    return this.#targets.size;
  }
  get records(): number {
    return this.#cells.records;
  }
  /** Past lives forgotten for want of room, since the beginning. */
  get forgottenLives(): number {
    return this.#past.forgotten;
  }
  /** Pairs of targets that are the proxy of one pod at two addresses, and were both there since `sinceMs`: counted twice. */
  twins(sinceMs: number): (readonly [Target, Target])[] {
    return this.#pods.twins(sinceMs);
  }
  /** Cells ever made: numbers that each open slot holds. */
  get cells(): number {
    return this.#cells.cells;
  }
  /** Different sets of histogram bounds in use. */
  get boundSets(): number {
    return this.#cells.boundSets;
  }

  /**
   * Opens the slot of `nowMs` and those before it that nobody opened: only a step of the wall clock, which makes
   * `skippedMs` grow, leaves a gap. `clockAhead` flags slots whose labels run ahead of the wall.
   */
  open(nowMs: number, clockAhead: boolean, skippedMs = 0): void {
    this.#open.open(nowMs, clockAhead, skippedMs);
  }

  /** Engine time (ms) at which a slot may close next whatever happens; null when none is open. */
  get nextDeadlineMs(): number | null {
    const { oldest } = this.#open;
    return oldest === null ? null : oldest.endMs + this.#settings.graceMs;
  }
  /** Number of the oldest open slot: its start divided by the slot length; null when none is open. */
  get oldestNumber(): number | null {
    return this.#open.oldest?.number ?? null;
  }
  /** End (engine ms) of the oldest open slot; null when none is open. */
  get oldestEndMs(): number | null {
    return this.#open.oldest?.endMs ?? null;
  }

  /** Whether the oldest open slot waits for a page that is being taken by steps. */
  get isHeld(): boolean {
    return (this.#open.oldest?.pages ?? 0) > 0;
  }

  /** Takes one scrape or word about a target. */
  take(batch: SamplesBatch): Intake {
    return inOneGo(this.takeInSteps(batch));
  }

  /**
   * The same by steps, of which a small page has one. Meanwhile nothing else may come of that target, whose columns stay as
   * they are; the slot that the page is of stays open. They are to be brought to their end.
   */
  *takeInSteps(batch: SamplesBatch): Generator<void, Intake, void> {
    const state = this.#stateOf(batch);
    const slot = this.#note(state, batch);
    if (slot === null || batch.event.kind !== 'scraped') return NOTHING;
    const { scrape, skippedLines, life, isReset } = batch.event;
    slot.pages += 1;
    try {
      if (!this.#binder.isBound(state)) yield* this.#binder.bindInSteps(state);
      slot.grow(this.#cells.cells, this.#cells.indexes);
      const signs = state.lifeSeries.read(state.target.series, scrape);
      const kind = this.#kind(state, signs, batch, life);
      const beginsAgain = kind === 'from-zero' && state.life !== null;
      // Before the first pause: another address of the pod must not count the same life meanwhile.
      this.#live(state, batch, slot, kind, signs);
      const result = isShort(state)
        ? applyPage(state, scrape, kind, skippedLines > 0, slot)
        : yield* applyPageInSteps(state, scrape, kind, skippedLines > 0, slot);
      if (result.reset || beginsAgain || isReset === true) slot.cover(state.target).resets += 1;
      return intakeOf(state, scrape, batch.items, result);
    } finally {
      slot.pages -= 1;
    }
  }

  #stateOf({ target, startedMs, nextDueMs }: SamplesBatch): TargetState {
    let state = this.#targets.get(target);
    if (state === undefined) {
      state = new TargetState(target, startedMs, nextDueMs);
      this.#targets.set(target, state);
      this.#pods.add(state);
    }
    state.nextDueMs = nextDueMs;
    return state;
  }

  /** Notes what a batch says beside its page; the slot that it is of, null when it is of none. */
  #note(state: TargetState, { event, target, scheduledMs, startedMs }: SamplesBatch): Slot | null {
    if (event.kind === 'discovered') return null;
    if (event.kind === 'gone') {
      state.goneMs = startedMs;
      if (state.life !== null) this.#past.remember(target, state.life, startedMs);
      return null;
    }
    state.firstPending = false;
    const slot = this.#open.at(scheduledMs ?? startedMs);
    const coverage = slot.cover(target);
    if (scheduledMs !== null && state.countedDueMs !== scheduledMs) {
      coverage.scrapesDue += 1;
      if (event.kind === 'failed') coverage.scrapesMissed += 1;
    }
    return slot;
  }

  /** Notes that the process lives, and what the page covers of its life. */
  #live(state: TargetState, batch: SamplesBatch, slot: Slot, kind: PageKind, signs: LifeSigns): void {
    const openSinceMs = this.#open.oldest!.startMs;
    coverPage(state, batch, slot.cover(state.target), { isBaseline: kind === 'baseline', signs, openSinceMs });
    const time = pageTime(batch.startedMonoMs, batch.tookMs);
    if (state.life === null || kind === 'from-zero') state.life = createLife(signs, time);
    else seeAgain(state.life, signs, time);
  }

  #kind(
    state: TargetState,
    signs: LifeSigns,
    { target, startedMs, startedMonoMs, tookMs }: SamplesBatch,
    told: GoodPage['life'],
  ): PageKind {
    const time = pageTime(startedMonoMs, tookMs);
    const { life } = state;
    const lagSeconds = target.rules.uptimeLagSeconds ?? 0;
    if (life !== null) {
      const isNew = told === undefined ? beganAnew(life, signs, time, lagSeconds) : told === 'new';
      return isNew ? 'from-zero' : 'next';
    }
    const startMs = earliestStartMs(signs, startedMs, lagSeconds);
    const watchedFromBirth = startMs > this.#settings.watchStartMs - START_SLACK_MS;
    if (!watchedFromBirth || startMs > startedMs + MAX_AHEAD_MS) return 'baseline';
    // A life that was counted before, at this address or another one of its pod, is not counted again.
    const counted =
      this.#past.knows(target, signs, time, startMs) ||
      this.#pods.othersOf(state).some((other) => other.life !== null && isSameLife(other.life, target, signs, time));
    return counted ? 'baseline' : 'from-zero';
  }

  /** Slots that may close at `nowMs`, oldest first, read out. `force` closes all, the newest cut at `nowMs`. */
  close(nowMs: number, force = false): TrafficSum[] {
    const sums: TrafficSum[] = [];
    for (;;) {
      const closing = this.beginToClose(nowMs, force);
      if (closing === null) return sums;
      sums.push(inOneGo(closing.steps));
    }
  }

  /**
   * Closes the oldest slot if it may close at `nowMs`, or must (`force`); null when none may. Nothing goes into it any more,
   * and what it tells is read out by `steps`, which are to be brought to their end before the next slot is closed.
   */
  beginToClose(nowMs: number, force = false): ClosingSlot | null {
    for (;;) {
      const slot = this.#open.oldest;
      if (slot === null || (!force && !this.#mayClose(slot, nowMs))) return null;
      this.#open.closeOldest();
      const told = this.#settings.othersTold?.(slot.number) ?? null;
      if (told !== null) slot.reachBack(told, this.#settings.slotMs);
      // A slot that is cut as it begins holds nothing, unless something came in at that very instant.
      if (nowMs > slot.startMs || slot.coverage.size > 0 || told !== null) {
        return this.#beginToReadOut(slot, slot.endAt(nowMs, told));
      }
    }
  }

  #mayClose(slot: Slot, nowMs: number): boolean {
    if (nowMs < slot.endMs || slot.pages > 0) return false;
    if (nowMs >= slot.endMs + this.#settings.graceMs) return true;
    if (this.#settings.awaitsOthers === true) return false;
    for (const state of this.#targets.values()) {
      if (state.goneMs !== null) continue;
      if (state.firstPending && state.discoveredMs < slot.endMs) return false;
      if (state.nextDueMs !== null && state.nextDueMs < slot.endMs) return false;
    }
    return true;
  }

  /** Settles who was watched, at once; what was counted stands still from now on. O(targets). */
  #beginToReadOut(slot: Slot, endMs: number): ClosingSlot {
    const states = [...this.#targets.values()];
    for (const state of states) coverExpected(state, slot, endMs);
    // Targets of one key share their coverage: it is whole only now.
    for (const { target, owns } of states) {
      slot.coverOwns(target, owns);
      owns.settle(slot.number, this.#open.newest?.number ?? slot.number);
    }
    this.#bury(slot.endMs);
    const interval = { startMs: slot.startMs, endMs };
    return { interval, steps: this.#readOut(slot, interval) };
  }

  *#readOut(slot: Slot, interval: Interval): Generator<void, TrafficSum, void> {
    try {
      const records = yield* slot.readOutInSteps(this.#cells, this.overflow);
      const isCut = slot.cut || interval.endMs < slot.endMs;
      return {
        interval,
        records,
        coverage: [...slot.coverage.values()],
        partial: isCut || records.some(isCapped),
        clockAhead: slot.clockAhead,
      };
    } finally {
      // Nothing is freed before: until it is read out, a slot needs its cells.
      this.#binder.freeOrphans([...this.#open]);
    }
  }

  /** Forgets targets whose life ended before everything that is still open; what only they used is free once it is read out. */
  #bury(closedUntilMs: number): void {
    for (const [target, state] of this.#targets) {
      if (state.goneMs === null || state.goneMs > closedUntilMs) continue;
      this.#targets.delete(target);
      this.#pods.remove(state);
      this.#binder.release(state);
    }
  }
}

function inOneGo<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
