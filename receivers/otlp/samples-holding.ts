/** @module What is held of scrapes: for how long, and what becomes of it when it is applied. */
import type { ReceiverSettings } from '../../pipeline/component.ts';
import { type InSteps, Pace } from '../../pipeline/wire/otlp-traffic.ts';
import type { OtlpConfig } from './config.ts';
import type { SamplesBatches } from './samples-batches.ts';
import { BatchEnds } from './samples-ends.ts';
import { Settling } from './samples-settling.ts';
import { Tally } from './samples-tally.ts';
import type { SampledTarget } from './samples-target.ts';

/** So much of a scrape interval after the first part of a scrape came, all of it is thought to be here. */
const SETTLE_SHARE = 0.25;

export interface HoldingSettings {
  readonly receiver: ReceiverSettings<OtlpConfig>;
  readonly batches: SamplesBatches;
  /** Whether something else is being applied. */
  readonly isBusy: () => boolean;
  /** Whether points have been read that are not applied yet. */
  readonly isRead: () => boolean;
  /** Nothing is being settled any more, and nobody waits for that. */
  readonly ended: () => void;
}

export class Holding {
  readonly #receiver: ReceiverSettings<OtlpConfig>;
  readonly #batches: SamplesBatches;
  readonly #settling: Settling;
  readonly #isRead: () => boolean;
  /** Those of which something was applied since their ended series were looked at. */
  readonly #untidy = new Set<SampledTarget>();

  constructor({ receiver, batches, isBusy, isRead, ended }: HoldingSettings) {
    const { clock, config } = receiver;
    this.#receiver = receiver;
    this.#batches = batches;
    this.#isRead = isRead;
    this.#settling = new Settling({
      ...{ clock, settleMs: config.scrape_interval * SETTLE_SHARE, isBusy, ended },
      settle: (target, pace) => this.settle(target, pace),
      settled: () => this.tidy(),
    });
  }

  /** Parts of the scrape of `timeMs` are held from now on. */
  add(target: SampledTarget, timeMs: number): void {
    this.#settling.add(target, this.#holdMs(timeMs));
  }

  /** Something of the proxy is applied, so that something of it may be over. */
  changes(target: SampledTarget): void {
    this.#untidy.add(target);
  }

  /** How long a scrape of `timeMs` may be held for its slot, which closes one interval after its end: half of what is left. */
  #holdMs(timeMs: number): number {
    const { config, time } = this.#receiver;
    const slotMs = config.scrape_interval;
    const nowMs = time.nowMs();
    const closesMs = (Math.floor(Math.min(timeMs, nowMs) / slotMs) + 2) * slotMs;
    return (closesMs - nowMs) / 2;
  }

  /** Applies what is held of a proxy and books it. */
  *settle(target: SampledTarget, pace = new Pace()): InSteps<void> {
    const ends = new BatchEnds();
    let tally = new Tally();
    this.#settling.remove(target);
    this.changes(target);
    function* steps(): InSteps<void> {
      tally = yield* target.settle(pace);
    }
    yield* this.#batches.noting(ends, steps());
    void this.#batches.booked(tally, ends);
  }

  /** Applies what is held for far too long, since something was always being applied; nothing is to be applied meanwhile. */
  settleLate(): InSteps<void> {
    return this.#settling.settleLate();
  }

  /** Lets proxies forget what is over, unless points that were read may be of that. To be called when none is being changed. */
  tidy(): void {
    if (this.#isRead()) return;
    for (const target of this.#untidy) target.tidy();
    this.#untidy.clear();
  }

  /** Brings what is being settled to the end of the proxy at hand, since others are to be touched, for whoever is busy. */
  cut(): InSteps<void> {
    return this.#settling.cut();
  }

  /** Lets it end after the proxy at hand: `ended` is called then. False when nothing is being settled. */
  endSoon(): boolean {
    return this.#settling.endSoon();
  }

  /** Waits for what is due first. */
  arm(): void {
    this.#settling.arm();
  }

  stop(): void {
    this.#settling.stop();
  }
}
