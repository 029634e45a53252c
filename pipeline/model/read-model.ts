/**
 * @module The read model: the closed slots of the last minutes, summed on request into readings (design §6).
 *
 * Pure: time is handed in. Slots may come late, in any order, with gaps between them or several for one interval.
 */
import { MetPeers } from './met-peers.ts';
import { readTraffic, type TrafficReading } from './reading.ts';
import type { ResourceKind } from './resource.ts';
import { foldSlots } from './slot-fold.ts';
import { type HeldSlot, itemsOf, SlotsDraft } from './slots-draft.ts';
import { inOneGo, SumPace, type SumSteps } from './sum-steps.ts';
import type { Interval, TrafficRecord, TrafficSum } from './traffic.ts';

export interface ReadModelOptions {
  /** What readers get unasked, milliseconds. */
  readonly windowMs: number;
  /** Length of a slot, milliseconds, above 0. */
  readonly slotMs: number;
  /** How long after its end a slot comes at the latest, as a rule, milliseconds. Default 0. */
  readonly slotWaitMs?: number;
  /** How far back readers may ask, milliseconds. */
  readonly retentionMs: number;
  readonly defaultKind: ResourceKind;
  /** Engine time (ms) at which this Weir started. */
  readonly startedMs: number;
  /** Records and coverage records held at most; beyond it the oldest slots are forgotten early. */
  readonly maxItems: number;
  /** Readings kept for repeated questions, one for each window asked for. */
  readonly maxReadings: number;
}

/** `waiting`: no slot with numbers has closed yet; one that holds first sights only has none. `stale`: none has for longer than a window, so the last numbers are old. */
export type ReadState =
  | { readonly kind: 'ready' }
  | { readonly kind: 'waiting'; readonly firstNumbersMs: number }
  | { readonly kind: 'stale'; readonly lastSlotEndMs: number };

/** A slot that should be here and is not may still be on its way for so many slots. */
const GRACE_SLOTS = 2;

export class ReadModel {
  readonly #options: ReadModelOptions;
  #slots: HeldSlot[] = [];
  readonly #met = new MetPeers();
  /** What was added and is still to be met. */
  readonly #unmet: TrafficSum[] = [];
  readonly #readings = new Map<number, TrafficReading>();
  #closedUntilMs: number | null = null;
  #hasNumbers = false;
  #items = 0;
  #forgottenItems = 0;

  constructor(options: ReadModelOptions) {
    this.#options = options;
  }

  /** End (ms) of the newest slot held; null before the first. */
  get closedUntilMs(): number | null {
    return this.#closedUntilMs;
  }

  /** Records and coverage records held. */
  get items(): number {
    return this.#items;
  }

  get slots(): number {
    return this.#slots.length;
  }

  /** Items of slots that `maxItems` pushed out before their time, and of what came later than the retention; running total. */
  get forgottenItems(): number {
    return this.#forgottenItems;
  }

  /** As `addInSteps`, in one go. */
  add(sum: TrafficSum): void {
    inOneGo(this.addInSteps(sum));
  }

  /**
   * Takes over one closed slot; it must not change afterwards. Parts that belong to slots told before amend those, so that
   * readings are as if everything had come in time; in between two steps they are as if nothing of `sum` had come, or all.
   * The next one is begun when this one has ended. O(slots held, and records of the one that leaves the window), and O(its
   * records) for each slot amended.
   */
  *addInSteps(sum: TrafficSum): SumSteps<void> {
    const closedUntilMs = Math.max(this.#closedUntilMs ?? 0, sum.interval.endMs);
    const draft = new SlotsDraft(this.#slots, this.#items);
    const pace = new SumPace();
    for (const part of sum.parts ?? [sum]) {
      if (part.interval.endMs > sum.interval.startMs) draft.push(part, 0);
      else yield* draft.amendInSteps(part, closedUntilMs - this.#options.retentionMs, pace);
    }
    this.#hasNumbers ||= hasNumbers(sum);
    this.#adopt(draft, closedUntilMs);
    for (let items = this.#meetNext(); items !== null; items = this.#meetNext()) if (pace.isStep(items >> 1)) yield;
  }

  #adopt({ slots, items, added, forgottenItems }: SlotsDraft, closedUntilMs: number): void {
    this.#readings.clear();
    this.#closedUntilMs = closedUntilMs;
    this.#slots = slots;
    this.#items = items;
    this.#forgottenItems += forgottenItems;
    for (const sum of added) this.#unmet.push(sum);
    this.#expire(closedUntilMs);
    this.#thin(closedUntilMs - this.#options.windowMs);
    this.#bound();
  }

  /** Its items; null when there was none. */
  #meetNext(): number | null {
    const sum = this.#unmet.shift();
    if (sum === undefined) return null;
    this.#met.meet(sum);
    return itemsOf(sum);
  }

  /** What the next reading needs to know of slots added, made ready by steps; optional, they may be run at any time. */
  settleInSteps(): Generator<void, void, void> {
    return this.#met.settleInSteps();
  }

  /** Whether there is something fit to be read at `nowMs` (engine time). */
  state(nowMs: number): ReadState {
    const { windowMs, slotMs } = this.#options;
    if (this.#closedUntilMs === null || !this.#hasNumbers) {
      return { kind: 'waiting', firstNumbersMs: this.#firstNumbersMs(nowMs) };
    }
    const stale = nowMs - this.#closedUntilMs > windowMs + GRACE_SLOTS * slotMs;
    return stale ? { kind: 'stale', lastSlotEndMs: this.#closedUntilMs } : { kind: 'ready' };
  }

  /** A window asked for, rounded up to whole slots, in milliseconds; null when it is longer than what is retained. */
  wholeSlots(windowMs: number): number | null {
    const { slotMs, retentionMs } = this.#options;
    return windowMs > retentionMs ? null : Math.ceil(windowMs / slotMs) * slotMs;
  }

  /**
   * The reading of the newest slots that cover `windowMs` (default: the window); null before the first slot. Repeated
   * questions between two slots cost a look-up.
   */
  read(windowMs: number = this.#options.windowMs): TrafficReading | null {
    if (this.#closedUntilMs === null) return null;
    const kept = this.#readings.get(windowMs);
    if (kept !== undefined) return kept;
    const fromMs = this.#closedUntilMs - windowMs;
    const slots = this.#slotsSince(fromMs);
    const sums = slots.map(({ sum }) => sum);
    const total = foldSlots(sums);
    if (total === null) return null;
    while (this.#meetNext() !== null);
    const reading = readTraffic(total, {
      defaultKind: this.#options.defaultKind,
      windowMs: coveredMs(sums.map((sum) => sum.interval)),
      known: this.#met.before(fromMs),
      newest: newestOf(sums),
      before: this.#slotsBefore(total.interval.startMs),
      revision: slots.reduce((revisions, { revision }) => revisions + revision, 0),
    });
    this.#keep(windowMs, reading);
    return reading;
  }

  /** The slots that `read` of the same window sums, in no order. They must not be changed. */
  slotsOf(windowMs: number = this.#options.windowMs): readonly TrafficSum[] {
    return this.#slotsSince((this.#closedUntilMs ?? 0) - windowMs).map(({ sum }) => sum);
  }

  #slotsSince(fromMs: number): HeldSlot[] {
    return this.#slots.filter(({ sum }) => sum.interval.endMs > fromMs);
  }

  /** Those that end last before `startMs`. */
  #slotsBefore(startMs: number): TrafficSum[] {
    const before = this.#slots.filter(({ sum }) => sum.interval.endMs <= startMs).map(({ sum }) => sum);
    const endMs = Math.max(...before.map(({ interval }) => interval.endMs));
    return before.filter(({ interval }) => interval.endMs === endMs);
  }

  #keep(windowMs: number, reading: TrafficReading): void {
    const [oldest] = this.#readings.keys();
    if (oldest !== undefined && this.#readings.size >= this.#options.maxReadings) this.#readings.delete(oldest);
    this.#readings.set(windowMs, reading);
  }

  #expire(closedUntilMs: number): void {
    const fromMs = closedUntilMs - this.#options.retentionMs;
    this.#slots = this.#slots.filter(({ sum }) => {
      if (sum.interval.endMs > fromMs) return true;
      this.#items -= itemsOf(sum);
      return false;
    });
    this.#met.forget(fromMs);
  }

  /** Keeps of slots older than the window only what counted something. */
  #thin(beforeMs: number): void {
    for (const slot of this.#slots) {
      if (slot.sparse || slot.sum.interval.endMs > beforeMs) continue;
      this.#items -= itemsOf(slot.sum);
      slot.sum = { ...slot.sum, records: slot.sum.records.filter(hasCounted) };
      slot.sparse = true;
      this.#items += itemsOf(slot.sum);
    }
  }

  #bound(): void {
    while (this.#items > this.#options.maxItems && this.#slots.length > 1) {
      const oldest = this.#slots.reduce((a, b) => (b.sum.interval.endMs < a.sum.interval.endMs ? b : a));
      this.#slots.splice(this.#slots.indexOf(oldest), 1);
      this.#items -= itemsOf(oldest.sum);
      this.#forgottenItems += itemsOf(oldest.sum);
    }
  }

  /** Time until the slot that Weir started in is told, or until the next one is. */
  #firstNumbersMs(nowMs: number): number {
    const { slotMs, startedMs, slotWaitMs = 0 } = this.#options;
    const firstMs = (Math.floor(startedMs / slotMs) + 1) * slotMs + slotWaitMs;
    return nowMs < firstMs ? firstMs - nowMs : slotMs - ((nowMs - firstMs) % slotMs);
  }
}

function hasCounted({ successes, failures, tcp }: TrafficRecord): boolean {
  if (successes + failures > 0) return true;
  return tcp !== null && tcp.opened + tcp.closed + tcp.readBytes + tcp.writtenBytes > 0;
}

/** The slot that ends last; undefined when there are several, of which each tells a part. */
function newestOf(sums: readonly TrafficSum[]): TrafficSum | undefined {
  const endMs = Math.max(...sums.map(({ interval }) => interval.endMs));
  const last = sums.filter(({ interval }) => interval.endMs === endMs);
  return last.length === 1 ? last[0] : undefined;
}

/** Time that at least one interval covers, milliseconds. */
function coveredMs(intervals: readonly Interval[]): number {
  let covered = 0;
  let untilMs = Number.NEGATIVE_INFINITY;
  for (const { startMs, endMs } of [...intervals].sort((a, b) => a.startMs - b.startMs)) {
    covered += Math.max(0, endMs - Math.max(startMs, untilMs));
    untilMs = Math.max(untilMs, endMs);
  }
  return covered;
}

/**
 * False when nothing was covered because all that was scraped is a first sight, or about to be scraped: the next slot
 * will tell. Targets that failed, and a watch without targets, are an answer.
 */
function hasNumbers({ coverage }: TrafficSum): boolean {
  if (coverage.some((record) => record.coveredSeconds > 0)) return true;
  return !coverage.some((record) => record.scrapesMissed === 0);
}
