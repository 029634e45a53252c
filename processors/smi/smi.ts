/**
 * @module The `smi` processor: an operator that turns samples, and traffic that other Weirs sent, into one batch of traffic
 * per closed slot.
 */
import type { OperatorFunction, Subscriber } from 'rxjs';
import { Observable } from 'rxjs/internal/Observable';
import type { Batch, SamplesBatch, TrafficBatch } from '../../pipeline/batch.ts';
import type { Timer } from '../../pipeline/clock/clock.ts';
import { FinishableSteps, Turns } from '../../pipeline/clock/turns.ts';
import { ADMITTED, type Admission, type Processor, type ProcessorSettings } from '../../pipeline/component.ts';
import { Delivery, TAKEN } from '../../pipeline/delivery.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { FOREIGN_SLOT_MS, type SmiConfig } from './config.ts';
import { SmiEngine } from './engine.ts';
import { KeptSlots } from './parts.ts';
import { type ClosedSlot, type ClosingShare, ReceivedTraffic } from './received.ts';
import type { ClosingSlot } from './slot.ts';
import { createTelemetry, type SmiTelemetry } from './telemetry.ts';

export function createSmi(settings: ProcessorSettings<SmiConfig>): Processor {
  return new Smi(settings);
}

/** From so many records on, what comes after reading a slot out is a step of its own. */
const LONG_RECORDS = 8192;

class Smi implements Processor {
  readonly stage: OperatorFunction<Batch, Batch> = (source) => new Observable((out) => this.#run(source, out));
  readonly #settings: ProcessorSettings<SmiConfig>;
  readonly #engine: SmiEngine;
  readonly #received: ReceivedTraffic;
  readonly #slotMs: number;
  readonly #telemetry: SmiTelemetry;
  /** Slots nobody took over, to be added into the next one. */
  readonly #kept = new KeptSlots();
  /** Items received that are in those. */
  #keptItems = 0;
  /** Pages that are being taken by steps. */
  readonly #later = new Set<FinishableSteps<void>>();
  /** A slot that is being read out by steps: the next one is closed when they have ended. */
  #closing: FinishableSteps<void> | null = null;
  readonly #turns: Turns;
  #isStopped = false;
  #out: Subscriber<Batch> | null = null;
  #timer: Timer | null = null;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(settings: ProcessorSettings<SmiConfig>) {
    const { config, scrapeTimeoutMs, startedMs } = settings;
    const slotMs = settings.slotMs > 0 ? settings.slotMs : FOREIGN_SLOT_MS;
    const awaitsOthers = settings.receives.has('traffic');
    this.#settings = settings;
    this.#turns = new Turns(settings.clock);
    this.#slotMs = slotMs;
    this.#engine = new SmiEngine({
      slotMs,
      // Others tell of a slot when it is closed at their side: one slot later all should be here.
      graceMs: awaitsOthers ? Math.max(slotMs, scrapeTimeoutMs) : scrapeTimeoutMs,
      awaitsOthers,
      peerPod: config.peer_detail === 'pod',
      ownExports: new Set(config.own_exports),
      maxRecords: config.max_records,
      maxPastLives: config.max_past_lives,
      watchStartMs: startedMs,
      othersTold: (slot) => this.#received.toldOf(slot),
    });
    this.#received = new ReceivedTraffic({
      slotMs,
      expirationMs: config.sender_expiration,
      maxAheadMs: config.max_clock_ahead,
      maxItems: config.max_received,
      maxSenders: config.max_senders,
      maxTargets: config.max_sender_targets,
    });
    this.#telemetry = createTelemetry(settings, this.#engine, this.#received);
  }

  async start(): Promise<void> {
    this.#tick();
  }

  async stop(): Promise<void> {
    for (const steps of this.#later) steps.finish();
    this.#later.clear();
    this.#isStopped = true;
    this.#closing?.finish();
    // Pages that end look at the clock.
    this.#timer?.cancel();
    this.#timer = null;
    const nowMs = this.#settings.time.nowMs();
    this.#emitLast(this.#engine.close(nowMs, true), nowMs);
    if (!this.#kept.isEmpty) this.#telemetry.slotsLost(this.#kept.take(), this.#keptItems);
    this.#keptItems = 0;
    this.#telemetry.end();
  }

  admits(batch: Batch): Admission {
    if (batch.body !== 'traffic' || this.#received.hasRoom(batch.items)) return ADMITTED;
    this.#telemetry.refused(batch.items);
    return { ok: false, reason: 'max_received', retryAfterMs: this.#slotMs };
  }

  #run(source: Observable<Batch>, out: Subscriber<Batch>) {
    this.#out = out;
    return source.subscribe({
      next: (batch) => {
        // RxJS reports what a plain `next` throws on its own; only `error` reaches the guard around this stage.
        try {
          if (batch.body === 'samples') this.#take(batch);
          else if (batch.body === 'traffic') this.#receive(batch);
          else out.next(batch);
        } catch (error) {
          out.error(error);
        }
      },
      error: (error) => out.error(error),
      complete: () => out.complete(),
    });
  }

  #take(batch: SamplesBatch): void {
    this.#open(this.#settings.time.nowMs());
    const steps = new FinishableSteps(this.#takeInSteps(batch));
    if (steps.next().done === true) return;
    if (batch.later === undefined) {
      steps.finish();
      // Throws what a step threw, to whoever gave the batch.
      steps.next();
    } else {
      this.#later.add(steps);
      batch.later(this.#guarded(batch, steps));
    }
  }

  *#takeInSteps(batch: SamplesBatch): Generator<void, void, void> {
    const intake = yield* this.#engine.takeInSteps(batch);
    this.#telemetry.taken(batch, intake);
    batch.delivery.settle(TAKEN);
    this.#tick();
  }

  /** Steps that somebody else runs, to whom a failure of this stage is none of his own. */
  *#guarded(batch: SamplesBatch, steps: FinishableSteps<void>): Generator<void, void, void> {
    try {
      while (steps.next().done !== true) yield;
    } catch (error) {
      batch.delivery.settle({ kind: 'rejected', reason: 'stage_fault' });
      this.#settings.balance.accepted += batch.items;
      this.#out?.error(error);
      // Its slot may have waited for nothing else, with no timer set; after a stop there is nothing to look for.
      if (this.#later.has(steps)) this.#tickAlone();
    } finally {
      this.#later.delete(steps);
    }
  }

  #receive(batch: TrafficBatch): void {
    const nowMs = this.#settings.time.nowMs();
    this.#open(nowMs);
    const oldest = this.#engine.oldestNumber ?? Math.floor(nowMs / this.#slotMs);
    this.#telemetry.received(batch, this.#received.take(batch.sum, batch.sender, oldest, nowMs));
    batch.delivery.settle(TAKEN);
    this.#tick();
  }

  #open(nowMs: number): void {
    const { ahead, skippedMs } = this.#settings.time;
    this.#engine.open(nowMs, ahead, skippedMs);
  }

  /** Closes what may close and sets the timer for the next instant at which something may. */
  #tick(): void {
    const { time } = this.#settings;
    const nowMs = time.nowMs();
    this.#open(nowMs);
    this.#closeDue(nowMs);
    this.#arm(nowMs);
  }

  /** Slots are told one after another: one that takes long lets those behind it wait. */
  #closeDue(nowMs: number): void {
    while (this.#closing === null) {
      const slot = this.#engine.beginToClose(nowMs);
      if (slot === null) return;
      this.#close(slot, this.#received.beginToClose(slot.interval));
    }
  }

  /** Short ones in one go, others by turns with all else. */
  #close(slot: ClosingSlot, share: ClosingShare): void {
    const steps = new FinishableSteps(this.#closeInSteps(slot, share));
    this.#closing = steps;
    if (steps.next().done === true) return;
    this.#turns
      .run(steps)
      .catch((error: unknown) => this.#out?.error(error))
      .then(() => this.#isStopped || this.#tickAlone());
  }

  *#closeInSteps({ steps }: ClosingSlot, share: ClosingShare): Generator<void, void, void> {
    try {
      const sum = yield* steps;
      const isLong = sum.records.length >= LONG_RECORDS;
      if (isLong) yield;
      const closed = yield* this.#received.finishInSteps(sum, share);
      if (isLong || closed.items >= LONG_RECORDS) yield;
      this.#offer(closed);
    } finally {
      this.#closing = null;
    }
  }

  #arm(nowMs: number): void {
    const endMs = this.#engine.oldestEndMs;
    const deadlineMs = this.#engine.nextDeadlineMs;
    if (endMs === null || deadlineMs === null) return;
    const atMs = nowMs < endMs ? endMs : deadlineMs;
    // The end of the page, or of the slot, that it waits for looks at the clock again.
    if (atMs <= nowMs && (this.#engine.isHeld || this.#closing !== null)) return;
    if (this.#timer !== null && this.#timerAtMs === atMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    this.#timer = this.#settings.clock.after(this.#settings.time.delayUntil(atMs), () => {
      this.#timer = null;
      this.#tickAlone();
    });
  }

  /** As `#tick`, where nobody is around to catch: the guard around this stage is told, and the next instant awaited. */
  #tickAlone(): void {
    try {
      this.#tick();
    } catch (error) {
      this.#out?.error(error);
      this.#arm(this.#settings.time.nowMs());
    }
  }

  /** The last slots of this life: with the newest one goes whatever is held. */
  #emitLast(sums: readonly TrafficSum[], nowMs: number): void {
    const slots = sums.length === 0 && this.#received.items > 0 ? [instant(nowMs)] : sums;
    slots.forEach((sum, i) => {
      this.#offer(this.#received.close(sum, true, i === slots.length - 1));
    });
  }

  #offer({ sum, items, silent }: ClosedSlot): void {
    this.#telemetry.slotClosed(sum, silent);
    if (this.#out === null) return;
    const whole = this.#withKept(sum);
    const carried = this.#keptItems + items;
    this.#keptItems = 0;
    const batch: TrafficBatch = {
      body: 'traffic',
      sum: whole,
      items: whole.records.length + whole.coverage.length,
      delivery: new Delivery(),
    };
    batch.delivery.onSettled((outcome) => {
      // Only a refusal before anybody took it may be offered again; a rejection was counted where it happened.
      if (outcome.kind !== 'retry') {
        this.#telemetry.handedOn(carried);
        return;
      }
      this.#telemetry.slotKept(outcome.reason);
      this.#kept.add(whole);
      this.#keptItems += carried;
    });
    this.#out.next(batch);
  }

  #withKept(sum: TrafficSum): TrafficSum {
    if (this.#kept.isEmpty) return sum;
    this.#kept.add(sum);
    return this.#kept.take();
  }
}

/** A slot that was cut as it began. */
function instant(nowMs: number): TrafficSum {
  const interval = { startMs: nowMs, endMs: nowMs + 1 };
  return { interval, records: [], coverage: [], partial: true, clockAhead: false };
}
