/**
 * @module From batches of traffic to a peer: windows, the bounded queue, and one loop that sends one sum at a time.
 *
 * An exporter supplies a `TrafficSender`; everything about waiting, retrying, draining and the balance is here.
 */
import type { Balance, DropCause } from '../balance.ts';
import type { Batch, TrafficBatch } from '../batch.ts';
import type { Clock } from '../clock/clock.ts';
import { ADMITTED, type Admission, type Exporter } from '../component.ts';
import { TAKEN } from '../delivery.ts';
import { errorText } from '../errors.ts';
import type { Interval, TrafficSum } from '../model/traffic.ts';
import { type QueuedTraffic, TrafficQueue, type TrafficQueueConfig } from '../queue/traffic-queue.ts';
import { sampleOfTraffic } from '../telemetry/drop-sample.ts';
import { Attempts } from './attempts.ts';
import { Drain } from './drain.ts';
import { DrainWaits } from './drain-waits.ts';
import { reject } from './reject.ts';
import { type Backoff, createBackoff, type RetryConfig } from './retry.ts';
import { settledOr } from './settled-or.ts';
import type { SendingEvents } from './telemetry.ts';
import { Windowing } from './windowing.ts';

/** How one attempt ended. `reason` is a constant word for metrics, `error` text for people. */
export type SendOutcome =
  /** All sent, except `dropped` (reason → items), which never will be; `errors` has texts by reason for people. */
  | {
      readonly kind: 'sent';
      readonly dropped: ReadonlyMap<string, number>;
      readonly errors?: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'transient'; readonly reason: string; readonly error: string; readonly afterMs?: number }
  | { readonly kind: 'permanent'; readonly reason: string; readonly error: string };

/** How far a sum got that is not sent any further. */
export interface SendProgress {
  /** Items the peer is known to have. */
  readonly delivered: number;
  /** Reason → items given up before, and texts by reason for people. */
  readonly dropped: ReadonlyMap<string, number>;
  readonly errors?: ReadonlyMap<string, string>;
}

type SentOutcome = Extract<SendOutcome, { kind: 'sent' }>;

/** What an exporter brings. `Payload` is what it sends for one sum. */
export interface TrafficSender<Payload> {
  /** Called once for each sum, at its first attempt; the sum never changes afterwards. */
  prepare(sum: TrafficSum): Payload;
  /** One attempt, one at a time. May keep its progress in the payload, so that the next attempt goes on from there. */
  send(payload: Payload): Promise<SendOutcome>;
  /**
   * Asked when a payload is given up between attempts or in the middle of one. Leave it out where a sum counts as sent
   * only as a whole: then none of it counts.
   */
  progress?(payload: Payload): SendProgress;
  /**
   * Called once, after the last window was sent: what remains to be said for the time since, null when nothing does. It
   * is sent as a window's payload is, until the deadline, and counts no items.
   */
  finish?(interval: Interval): Payload | null;
  /** Called once at start, must not fail: a look at the peer so that trouble is said early. */
  open(): void;
  close(): Promise<void>;
}

export interface TrafficSendingSettings<Payload> {
  /** Length of the windows sent, milliseconds. */
  readonly windowMs: number;
  readonly queue: TrafficQueueConfig;
  readonly retry: RetryConfig;
  readonly clock: Clock;
  readonly balance: Balance;
  readonly sender: TrafficSender<Payload>;
  readonly events: (queue: TrafficQueue) => SendingEvents;
}

const NOTHING_SENT: SendProgress = { delivered: 0, dropped: new Map() };

/** An exporter of traffic around a `TrafficSender`. */
export class TrafficSending<Payload> implements Exporter {
  readonly #settings: TrafficSendingSettings<Payload>;
  readonly #windowing: Windowing;
  readonly #queue: TrafficQueue;
  readonly #events: SendingEvents;
  readonly #drain = new Drain();
  readonly #attempts: Attempts;
  readonly #waits: DrainWaits;
  /** What is being sent, until it is settled. */
  #current: { readonly queued: QueuedTraffic; readonly payload: Payload } | null = null;
  #loop: Promise<void> | null = null;

  constructor(settings: TrafficSendingSettings<Payload>) {
    this.#settings = settings;
    this.#queue = new TrafficQueue(settings.queue, settings.clock);
    this.#windowing = new Windowing(settings.windowMs, this.#queue.overflow);
    this.#events = settings.events(this.#queue);
    const { retry, clock } = settings;
    this.#attempts = new Attempts(retry, clock, this.#drain.over, this.#events);
    this.#waits = new DrainWaits(clock, this.#drain.begun, this.#drain.over);
  }

  async start(): Promise<void> {
    if (this.#loop !== null || this.#drain.isStopped) return;
    this.#settings.sender.open();
    this.#loop = this.#run();
  }

  admits(_batch: Batch): Admission {
    return this.#drain.isStopped ? { ok: false, reason: 'stopped', retryAfterMs: 1000 } : ADMITTED;
  }

  consume(batch: Batch): void {
    if (batch.body !== 'traffic') reject(this.#settings.balance, batch, 'not_traffic');
    else if (this.#drain.isStopped) reject(this.#settings.balance, batch, 'stopped');
    else this.#accept(batch);
  }

  #accept(batch: TrafficBatch): void {
    this.#settings.balance.accepted += batch.items;
    const { closed, merged } = this.#windowing.add(batch.sum);
    this.#settings.balance.merged += merged;
    for (const sum of closed) this.#enqueue(sum);
    this.#settings.balance.held = this.#windowing.held;
    batch.delivery.settle(TAKEN);
  }

  #enqueue(sum: TrafficSum): void {
    const { balance } = this.#settings;
    const offered = this.#queue.offer(sum);
    balance.merged += offered.merged;
    balance.queued = this.#queue.items;
    if (offered.coalesced) {
      this.#events.coalesced(sum.interval, { limit: this.#queue.limit, peer: this.#attempts.peer.state });
    }
    if (offered.folded) this.#events.folded(sum.interval);
  }

  /** Flushes the open window, sends what waits until `deadline`, then drops and counts what is left. */
  stop(deadline: AbortSignal): Promise<void> {
    return this.#drain.stop(deadline, () => this.#finishAll());
  }

  async #finishAll(): Promise<void> {
    const open = this.#windowing.flush();
    if (open !== null) this.#enqueue(open);
    this.#settings.balance.held = 0;
    this.#queue.close();
    this.#drain.begin();
    await this.#loop;
    if (this.#loop !== null && !this.#drain.over.aborted) await this.#finishRun();
    this.#dropRest();
    await settledOr(this.#settings.sender.close(), this.#drain.over);
    this.#events.end();
  }

  async #finishRun(): Promise<void> {
    const { sender, retry, clock } = this.#settings;
    const startMs = this.#windowing.handedOutMs;
    if (sender.finish === undefined || startMs === null) return;
    const interval = { startMs, endMs: Math.max(startMs + 1, Math.round(clock.wallMs())) };
    const sum = { interval, records: [], coverage: [], partial: true, clockAhead: false };
    const last = { id: -1, sum, items: 0, sums: 1 };
    const value = this.#guarded(last, () => sender.finish?.(interval) ?? null);
    if (value !== null && value.made !== null) await this.#send(last, value.made, createBackoff(retry, clock));
  }

  #dropRest(): void {
    const rest = this.#queue.clear();
    const { balance } = this.#settings;
    balance.queued = 0;
    let items = 0;
    for (const queued of rest) items += this.#settleParts(queued, this.#progressOf(queued));
    const [first, last] = [rest[0], rest.at(-1)];
    if (first === undefined || last === undefined) return;
    balance.drop('shutdown', items, causeOf(first, this.#drain.error));
    const interval = { startMs: first.sum.interval.startMs, endMs: last.sum.interval.endMs };
    this.#events.dropped('shutdown', items, interval, this.#drain.error);
  }

  async #run(): Promise<void> {
    const { over } = this.#drain;
    const backoff = createBackoff(this.#settings.retry, this.#settings.clock);
    while (!over.aborted) {
      const queued = await this.#queue.take(over);
      if (queued === null) return;
      await this.#deliver(queued, backoff);
    }
  }

  async #deliver(queued: QueuedTraffic, backoff: Backoff): Promise<void> {
    const payload = this.#guarded(queued, () => this.#settings.sender.prepare(queued.sum));
    if (payload !== null) await this.#send(queued, payload.made, backoff);
  }

  async #send(queued: QueuedTraffic, payload: Payload, backoff: Backoff): Promise<void> {
    this.#current = { queued, payload };
    const firstMonoMs = this.#settings.clock.monoMs();
    for (let attempt = 1; !this.#drain.over.aborted; attempt++) {
      const outcome: SendOutcome | null = await this.#attempts.make(() => this.#settings.sender.send(payload));
      if (outcome === null) return;
      const verdict = this.#isFinal(outcome, firstMonoMs);
      if (verdict !== null) return this.#finish(queued, verdict, attempt, backoff);
      await this.#waitAfter(outcome, attempt, backoff);
    }
  }

  /** What `make` makes; null when it cannot, and then the sum is dropped. */
  #guarded<Made>(queued: QueuedTraffic, make: () => Made): { readonly made: Made } | null {
    try {
      return { made: make() };
    } catch (error) {
      this.#dropAll(queued, 'encode_failed', errorText(error));
      return null;
    }
  }

  /** The outcome when there will be no other attempt, else null. */
  #isFinal(outcome: SendOutcome, firstMonoMs: number): SendOutcome | null {
    if (outcome.kind !== 'transient') return outcome;
    const { retry, clock } = this.#settings;
    if (!retry.enabled) return { kind: 'permanent', reason: 'retry_disabled', error: outcome.error };
    const expired = retry.maxElapsedMs > 0 && clock.monoMs() - firstMonoMs >= retry.maxElapsedMs;
    return expired ? { kind: 'permanent', reason: 'retry_expired', error: outcome.error } : null;
  }

  #finish(queued: QueuedTraffic, outcome: SendOutcome, attempt: number, backoff: Backoff): void {
    if (outcome.kind === 'sent') this.#delivered(queued, outcome, attempt, backoff);
    else this.#dropAll(queued, outcome.reason, outcome.error);
  }

  #delivered(queued: QueuedTraffic, outcome: SentOutcome, attempt: number, backoff: Backoff): void {
    this.#settings.balance.delivered += this.#settleParts(queued, { ...outcome, delivered: 0 });
    this.#done(queued);
    backoff.reset();
    if (attempt > 1) this.#events.recovered(attempt, queued.sums);
  }

  #dropAll(queued: QueuedTraffic, reason: string, error: string): void {
    const items = this.#settleParts(queued, this.#progressOf(queued));
    this.#settings.balance.drop(reason, items, causeOf(queued, error));
    this.#done(queued);
    this.#events.dropped(reason, items, queued.sum.interval, error);
  }

  #done(queued: QueuedTraffic): void {
    this.#current = null;
    this.#queue.done(queued.id);
    this.#settings.balance.queued = this.#queue.items;
  }

  #progressOf(queued: QueuedTraffic): SendProgress {
    if (this.#current?.queued.id !== queued.id) return NOTHING_SENT;
    return this.#settings.sender.progress?.(this.#current.payload) ?? NOTHING_SENT;
  }

  /** Counts what parts of a sum came to, never more than its items; returns the items whose fate is still open. */
  #settleParts(queued: QueuedTraffic, { delivered, dropped, errors }: SendProgress): number {
    const { balance } = this.#settings;
    let open = queued.items;
    for (const [reason, items] of dropped) {
      const share = Math.min(items, open);
      const error = errors?.get(reason) ?? 'given up by the exporter';
      balance.drop(reason, share, causeOf(queued, error));
      if (share > 0) this.#events.dropped(reason, share, queued.sum.interval, error);
      open -= share;
    }
    const share = Math.min(delivered, open);
    balance.delivered += share;
    return open - share;
  }

  async #waitAfter(outcome: SendOutcome, attempt: number, backoff: Backoff): Promise<void> {
    if (outcome.kind !== 'transient') return;
    const waitMs = backoff.nextMs(outcome.afterMs);
    const askedMs = outcome.afterMs ?? 0;
    const realMs = this.#waits.lengthMs(waitMs, askedMs);
    if (realMs !== null) this.#events.failed(outcome.reason, outcome.error, attempt, realMs);
    if (await this.#waits.pass(waitMs, askedMs)) return;
    this.#drain.giveUp();
  }
}

function causeOf({ sum }: QueuedTraffic, error: string): DropCause {
  return { error, sample: () => sampleOfTraffic(sum) };
}
