/**
 * @module From batches of spans to a peer: the bounded queue, and several requests under way at once.
 *
 * An exporter supplies a `SpansSender`; everything about waiting, retrying, halving, draining and the balance is here.
 */
import type { Batch, SpansBatch } from '../batch.ts';
import { ADMITTED, type Admission, type Exporter, LOOKS_ON } from '../component.ts';
import { type Delivery, TAKEN } from '../delivery.ts';
import { errorText } from '../errors.ts';
import type { Spans } from '../model/spans.ts';
import { type QueuedSpans, SpansQueue } from '../queue/spans-queue.ts';
import { sampleOfSpans } from '../telemetry/drop-sample.ts';
import { Attempts } from './attempts.ts';
import { Drain } from './drain.ts';
import { type FullBy, fullQueueError } from './full-queue.ts';
import { reject } from './reject.ts';
import { type Pass, SendingGate } from './sending-gate.ts';
import { settledOr } from './settled-or.ts';
import { countOf, expired, type Final, newsOf, type Transient } from './spans-fate.ts';
import { SpansFlight, type SpansPart } from './spans-flight.ts';
import type { SpansOutcome } from './spans-sender.ts';
import type { SpansSendingSettings } from './spans-settings.ts';
import { rangeOf, type SpansSendingEvents } from './spans-telemetry.ts';
import { SpansWaits } from './spans-waits.ts';

/** When a sender that is refused may come again, unless the peer asked for longer; and longest, milliseconds. */
const REFUSED_MS = 1000;
const LONGEST_REFUSED_MS = 30_000;

/** An exporter of spans around a `SpansSender`. */
export class SpansSending<Payload> implements Exporter {
  readonly #settings: SpansSendingSettings<Payload>;
  readonly #queue: SpansQueue;
  readonly #events: SpansSendingEvents;
  readonly #gate: SendingGate;
  readonly #drain = new Drain();
  readonly #attempts: Attempts;
  readonly #waits: SpansWaits;
  readonly #flights = new Set<SpansFlight<Payload>>();
  /** The batch that a full queue refused last, and whether it was offered all the same. */
  #lastRefused: { readonly root: Delivery; isOffered: boolean } | null = null;
  #running = false;
  #onIdle: (() => void) | null = null;

  constructor(settings: SpansSendingSettings<Payload>) {
    this.#settings = settings;
    this.#queue = new SpansQueue(settings.queue, settings.clock);
    this.#events = settings.events(this.#queue, () => this.#flights.size);
    this.#gate = new SendingGate(settings.clock);
    const { retry, clock } = settings;
    this.#attempts = new Attempts(retry, clock, this.#drain.over, this.#events);
    this.#waits = new SpansWaits(retry, clock, this.#drain.begun, this.#drain.over);
    this.#drain.over.addEventListener('abort', () => this.#gate.end(), { once: true });
  }

  async start(): Promise<void> {
    if (this.#running || this.#drain.isStopped) return;
    this.#running = true;
    this.#settings.sender.open();
    this.#pump();
  }

  admits(batch: Batch): Admission {
    if (this.#drain.isStopped) return { ok: false, reason: 'stopped', retryAfterMs: REFUSED_MS };
    if (batch.body !== 'spans') return ADMITTED;
    // A full queue that drops is no place where spans are safe: it takes no back-pressure from others.
    if (this.#queue.admits(batch.spans)) return this.#queue.hasRoom(batch.spans) ? ADMITTED : LOOKS_ON;
    this.#noteRefused(batch);
    const retryAfterMs = Math.min(Math.max(REFUSED_MS, this.#gate.heldMs), LONGEST_REFUSED_MS);
    const refusal = { ok: false, reason: 'queue_full', retryAfterMs } as const;
    return this.#queue.yields ? { ...refusal, yields: true } : refusal;
  }

  /**
   * Once for each batch, however often it is asked about. Told when it is known whether others take it, which is before
   * anything else is done: then it is offered here as well, and its spans are told as dropped.
   */
  #noteRefused(batch: SpansBatch): void {
    const { root } = batch.delivery;
    if (root === this.#lastRefused?.root) return;
    const refused = { root, isOffered: false };
    this.#lastRefused = refused;
    this.#events.refused();
    const full = this.#fullBy(batch.spans);
    queueMicrotask(() => {
      if (!refused.isOffered) this.#events.turnedAway(batch.items, full);
    });
  }

  #fullBy(spans: Spans): FullBy {
    return { limit: this.#queue.limitFor(spans), peer: this.#attempts.peer.state };
  }

  /**
   * Takes what was admitted whatever came in between, and drops what has no room and others have; the delivery is settled
   * at once.
   */
  consume(batch: Batch): void {
    if (batch.body !== 'spans') reject(this.#settings.balance, batch, 'not_spans');
    else if (this.#drain.isStopped) reject(this.#settings.balance, batch, 'stopped');
    else this.#accept(batch);
  }

  #accept(batch: SpansBatch): void {
    this.#settings.balance.accepted += batch.items;
    if (this.#lastRefused?.root === batch.delivery.root) this.#lastRefused.isOffered = true;
    if (batch.items > 0) this.#enqueue(batch.spans, batch.delivery.terms === 'spare');
    batch.delivery.settle(TAKEN);
    this.#pump();
  }

  #enqueue(spans: Spans, spare: boolean): void {
    const full = this.#queue.hasRoom(spans) ? null : this.#fullBy(spans);
    const dropped = this.#queue.offer(spans, spare);
    this.#settings.balance.queued = this.#queue.items;
    if (full === null || dropped.length === 0) return;
    this.#drop('queue_full', countOf(dropped), dropped, fullQueueError(full), { full });
  }

  /** Of `requests`, of the first one the span at `index` or one after it. */
  #drop(
    reason: string,
    items: number,
    requests: readonly QueuedSpans[],
    error: string,
    { index = 0, full = null }: { readonly index?: number; readonly full?: FullBy | null } = {},
  ): void {
    const [first] = requests;
    if (items === 0 || first === undefined) return;
    this.#settings.balance.drop(reason, items, { error, sample: () => sampleOfSpans(first.spans, index) });
    this.#events.dropped(reason, items, rangeOf(requests), error, full);
  }

  /** Sends what waits until `deadline`, then drops and counts what is left. */
  stop(deadline: AbortSignal): Promise<void> {
    return this.#drain.stop(deadline, () => this.#finishAll());
  }

  async #finishAll(): Promise<void> {
    this.#drain.begin();
    this.#gate.hurry();
    await this.#idle();
    this.#running = false;
    this.#dropRest();
    await settledOr(this.#settings.sender.close(), this.#drain.over);
    this.#events.end();
  }

  /** Resolves when nothing is under way and nothing waits to be. */
  #idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#tellIdle();
    });
  }

  #tellIdle(): void {
    const mayGoOn = this.#mayBegin && this.#queue.waiting > 0;
    if (this.#flights.size === 0 && !mayGoOn) this.#onIdle?.();
  }

  #dropRest(): void {
    const rest = this.#queue.clear();
    this.#settings.balance.queued = 0;
    this.#drop('shutdown', countOf(rest), rest, this.#drain.error);
  }

  get #mayBegin(): boolean {
    return this.#running && !this.#drain.over.aborted;
  }

  #pump(): void {
    while (this.#mayBegin && this.#flights.size < this.#settings.consumers) {
      const queued = this.#queue.take();
      if (queued === null) return;
      void this.#fly(queued);
    }
  }

  /** Sends one queued request until all of it has met its fate. */
  async #fly(queued: QueuedSpans): Promise<void> {
    const flight = new SpansFlight<Payload>(queued, this.#settings.retry, this.#settings.clock);
    this.#flights.add(flight);
    for (let part = flight.next; part !== null; part = flight.next) {
      const fate = await this.#fateOf(flight, part);
      this.#conclude(flight, part, fate ?? { kind: 'permanent', reason: 'shutdown', error: this.#drain.error });
    }
    this.#flights.delete(flight);
    this.#queue.done(queued);
    this.#pump();
    this.#tellIdle();
  }

  #conclude(flight: SpansFlight<Payload>, part: SpansPart<Payload>, fate: Final): void {
    const items = part.to - part.from;
    if (fate.kind === 'too_large' && items > 1) {
      flight.halve();
      this.#events.halved();
      return;
    }
    flight.settle();
    this.#queue.settle(items);
    this.#settings.balance.queued = this.#queue.items;
    this.#book(part, flight.queued, fate);
  }

  #book({ from, to }: SpansPart<Payload>, queued: QueuedSpans, fate: Final): void {
    const items = to - from;
    if (fate.kind === 'sent') {
      const rejected = Math.min(fate.rejected, items);
      this.#settings.balance.delivered += items - rejected;
      this.#drop('rejected', rejected, [queued], fate.error, { index: from });
    } else
      this.#drop(fate.kind === 'too_large' ? 'too_large' : fate.reason, items, [queued], fate.error, { index: from });
  }

  /**
   * Tries until it is settled what becomes of a part; null when nothing more is tried. No attempt but the first begins
   * after `max_elapsed_time`: a part that failed and whose time is over before its turn comes, be it by its own wait or
   * because the peer let all wait, is dropped(`expired`), as soon as that is known, with the error of its last attempt.
   */
  async #fateOf(flight: SpansFlight<Payload>, part: SpansPart<Payload>): Promise<Final | null> {
    if (this.#drain.over.aborted) return null;
    const unsendable = await this.#prepare(flight, part);
    if (unsendable !== null) return unsendable;
    let last: Transient | null = null;
    for (let attempt = 1; ; attempt++) {
      const outcome: SpansOutcome | null = await this.#attempt(flight, part, last);
      if (outcome?.kind === 'sent') this.#succeeded(flight, attempt);
      if (outcome?.kind !== 'transient') return outcome;
      const given = this.#givenUp(flight, outcome);
      if (given !== null) return given;
      last = outcome;
      this.#events.failed(outcome.reason, outcome.error, attempt, this.#untilNextMs(flight));
      await this.#waits.pass(flight.waitMs);
    }
  }

  /** Milliseconds to the next attempt as far as is known: its own wait, and what others have heard from the peer. */
  #untilNextMs({ waitMs }: SpansFlight<Payload>): number {
    return Math.max(this.#waits.lengthMs(waitMs), this.#gate.heldMs);
  }

  #givenUp(flight: SpansFlight<Payload>, { error }: Transient): Final | null {
    if (!this.#settings.retry.enabled) return { kind: 'permanent', reason: 'retry_disabled', error };
    return flight.expiresIn(this.#untilNextMs(flight)) ? expired(error) : null;
  }

  /** Null when nothing more is tried; what an attempt under way then does is nobody's business any more. */
  async #attempt(
    flight: SpansFlight<Payload>,
    part: SpansPart<Payload>,
    last: Transient | null,
  ): Promise<SpansOutcome | null> {
    if (last !== null && flight.expiresIn(this.#gate.heldMs)) return expired(last.error);
    const pass = await this.#gate.enter();
    if (pass === null) return null;
    if (last !== null && flight.expiresIn(0)) {
      this.#gate.leave(pass, 'failed');
      return expired(last.error);
    }
    flight.attempt();
    const outcome: SpansOutcome | null = await this.#attempts.make(() =>
      this.#settings.sender.send(part.payload as Payload),
    );
    if (outcome === null) return null;
    if (outcome.kind === 'transient') flight.failed(outcome.afterMs ?? 0);
    return this.#leave(pass, outcome, flight.waitMs) ? outcome : null;
  }

  /** False when the drain ends with this answer. */
  #leave(pass: Pass, outcome: SpansOutcome, waitMs: number): boolean {
    if (this.#gate.leave(pass, newsOf(outcome, waitMs))) return true;
    this.#drain.giveUp();
    return false;
  }

  #succeeded(flight: SpansFlight<Payload>, attempt: number): void {
    flight.succeeded();
    this.#waits.succeeded();
    if (attempt > 1) this.#events.recovered(attempt);
  }

  /** Makes the payload; otherwise why there is none, for what cannot be encoded now cannot be encoded later. */
  async #prepare(flight: SpansFlight<Payload>, part: SpansPart<Payload>): Promise<Final | null> {
    try {
      part.payload = await this.#settings.sender.prepare(flight.spansOf(part), part.whole);
      return null;
    } catch (error) {
      return { kind: 'permanent', reason: 'encode_failed', error: errorText(error) };
    }
  }
}
