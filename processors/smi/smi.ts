/** @module The `smi` processor: an operator that turns batches of samples into one batch of traffic per closed slot. */
import { Observable, type OperatorFunction, type Subscriber } from 'rxjs';
import type { Batch, SamplesBatch, TrafficBatch } from '../../pipeline/batch.ts';
import type { Timer } from '../../pipeline/clock/clock.ts';
import type { Processor, ProcessorSettings } from '../../pipeline/component.ts';
import { Delivery, TAKEN } from '../../pipeline/delivery.ts';
import { TrafficAccumulator } from '../../pipeline/model/sum.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import type { SmiConfig } from './config.ts';
import { SmiEngine } from './engine.ts';
import { createTelemetry, type SmiTelemetry } from './telemetry.ts';

export function createSmi(settings: ProcessorSettings<SmiConfig>): Processor {
  return new Smi(settings);
}

class Smi implements Processor {
  readonly stage: OperatorFunction<Batch, Batch> = (source) => new Observable((out) => this.#run(source, out));
  readonly #settings: ProcessorSettings<SmiConfig>;
  readonly #engine: SmiEngine;
  readonly #telemetry: SmiTelemetry;
  /** Slots nobody took over, to be added into the next one. */
  readonly #kept = new TrafficAccumulator();
  #out: Subscriber<Batch> | null = null;
  #timer: Timer | null = null;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(settings: ProcessorSettings<SmiConfig>) {
    const { config, slotMs, scrapeTimeoutMs, startedMs } = settings;
    this.#settings = settings;
    this.#engine = new SmiEngine({
      slotMs,
      graceMs: scrapeTimeoutMs,
      peerPod: config.peer_detail === 'pod',
      ownExports: new Set(config.own_exports),
      maxRecords: config.max_records,
      maxPastLives: config.max_past_lives,
      watchStartMs: startedMs,
    });
    this.#telemetry = createTelemetry(settings, this.#engine);
  }

  async start(): Promise<void> {
    this.#tick();
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    this.#emit(this.#engine.close(this.#settings.time.nowMs(), true));
    if (!this.#kept.isEmpty) this.#telemetry.slotsLost(this.#kept.take());
  }

  #run(source: Observable<Batch>, out: Subscriber<Batch>) {
    this.#out = out;
    return source.subscribe({
      next: (batch) => {
        // RxJS reports what a plain `next` throws on its own; only `error` reaches the guard around this stage.
        try {
          if (batch.body === 'samples') this.#take(batch);
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
    const intake = this.#engine.take(batch);
    this.#telemetry.taken(batch, intake);
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
    this.#emit(this.#engine.close(nowMs));
    this.#arm(nowMs);
  }

  #arm(nowMs: number): void {
    const endMs = this.#engine.oldestEndMs;
    const deadlineMs = this.#engine.nextDeadlineMs;
    if (endMs === null || deadlineMs === null) return;
    const atMs = nowMs < endMs ? endMs : deadlineMs;
    if (this.#timer !== null && this.#timerAtMs === atMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    this.#timer = this.#settings.clock.after(this.#settings.time.delayUntil(atMs), () => {
      this.#timer = null;
      // On a timer nobody is around to catch: the guard around this stage is told.
      try {
        this.#tick();
      } catch (error) {
        this.#out?.error(error);
      }
    });
  }

  #emit(sums: readonly TrafficSum[]): void {
    for (const sum of sums) {
      this.#telemetry.slotClosed(sum);
      this.#offer(sum);
    }
  }

  #offer(sum: TrafficSum): void {
    if (this.#out === null) return;
    const whole = this.#withKept(sum);
    const batch: TrafficBatch = {
      body: 'traffic',
      sum: whole,
      items: whole.records.length + whole.coverage.length,
      delivery: new Delivery(),
    };
    batch.delivery.onSettled((outcome) => {
      // Only a refusal before anybody took it may be offered again; a rejection was counted where it happened.
      if (outcome.kind !== 'retry') return;
      this.#telemetry.slotKept(outcome.reason);
      this.#kept.add(whole);
    });
    this.#out.next(batch);
  }

  #withKept(sum: TrafficSum): TrafficSum {
    if (this.#kept.isEmpty) return sum;
    this.#kept.add(sum);
    return this.#kept.take();
  }
}
