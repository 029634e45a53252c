/**
 * @module Sums of traffic as OTLP requests, one at a time, whatever carries them.
 *
 * A sum goes in parts of at most so many items. Each part has a number that it keeps however often it is sent, and its
 * bytes never change, so that receivers can drop repeats.
 */
import type { Turns } from '../../pipeline/clock/turns.ts';
import { errorText } from '../../pipeline/errors.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import type { SendOutcome, SendProgress, TrafficSender } from '../../pipeline/sending/traffic-sending.ts';
import type { Encoding, Part } from './encoding.ts';
import { Outbox } from './outbox.ts';
import { type OtlpEvents, rejectedError } from './telemetry.ts';
import type { OtlpTransport } from './transport.ts';
import { isUnread, UNREADABLE_ANSWER, type Verdict } from './verdict.ts';

export interface TrafficSenderSettings {
  readonly encoding: Encoding;
  readonly transport: OtlpTransport;
  readonly events: OtlpEvents;
  /** Items of one part, above 0. */
  readonly maxItems: number;
  /** With what else takes long. */
  readonly turns: Turns;
}

/** The verdict on a part for good. */
type Conclusion = Exclude<Verdict, { kind: 'transient' }>;
type Refusal = Exclude<Conclusion, { kind: 'accepted' }>;

export class OtlpTrafficSender implements TrafficSender<Outbox> {
  readonly #settings: TrafficSenderSettings;
  #seq = 0;

  constructor(settings: TrafficSenderSettings) {
    this.#settings = settings;
  }

  open(): void {
    this.#settings.transport.open();
  }

  prepare(sum: TrafficSum): Outbox {
    const bodies = this.#settings.encoding.begin(sum);
    const parts: Part[] = [];
    const { maxItems } = this.#settings;
    for (let from = 0; from < bodies.items; from += maxItems)
      parts.push(this.#numbered(from, Math.min(from + maxItems, bodies.items), parts.length));
    const outbox = new Outbox(bodies, parts);
    if (bodies.refused > 0)
      outbox.drop('max_series', bodies.refused, 'there are max_series running totals, none is free for further series');
    return outbox;
  }

  #numbered(from: number, to: number, index: number, replaces: readonly number[] = []): Part {
    return { from, to, seq: this.#seq++, index, replaces };
  }

  async send(outbox: Outbox): Promise<SendOutcome> {
    for (let part = outbox.parts[0]; part !== undefined; part = outbox.parts[0]) {
      const verdict = await this.#attempt(outbox, part);
      if (verdict.kind === 'transient') {
        const { reason, error, afterMs } = verdict;
        return { kind: 'transient', reason, error, ...(afterMs === undefined ? {} : { afterMs }) };
      }
      this.#conclude(outbox, part, verdict);
    }
    return outbox.outcome;
  }

  progress(outbox: Outbox): SendProgress {
    return outbox.progress;
  }

  async #attempt(outbox: Outbox, part: Part): Promise<Verdict> {
    const { transport, events } = this.#settings;
    if (outbox.ready === null) {
      const body = await this.#encoded(outbox, part);
      if (!(body instanceof Uint8Array)) return body;
      outbox.ready = { body, packed: await transport.pack(body) };
    }
    if (outbox.arrived !== 'no') events.repeated();
    const { packed } = outbox.ready;
    const { verdict, resent } = await transport.send(packed);
    if (resent) {
      events.repeated();
      learn(outbox, 'maybe');
    }
    if (verdict.kind === 'transient') learn(outbox, verdict.arrived);
    if (verdict.kind === 'accepted') events.sent(packed.length);
    return verdict;
  }

  /** The body, or that there will never be one: what cannot be encoded now cannot be encoded later. */
  async #encoded({ bodies, intervalTold }: Outbox, part: Part): Promise<Uint8Array | Verdict> {
    try {
      await this.#settings.turns.run(bodies.warmInSteps(part));
      return bodies.encode(part, intervalTold);
    } catch (error) {
      return { kind: 'permanent', reason: 'encode_failed', error: errorText(error) };
    }
  }

  /** What a part came to for good; the next one begins anew. */
  #conclude(outbox: Outbox, part: Part, verdict: Conclusion): void {
    this.#giveBack(outbox, part, verdict);
    if (verdict.kind === 'accepted') this.#accepted(outbox, part, verdict);
    else if (outbox.arrived === 'yes') this.#refusedThoughThere(outbox, part, verdict);
    else if (verdict.kind === 'too_large' && part.to - part.from > 1) this.#halve(outbox, part);
    else this.#refused(outbox, part, verdict);
  }

  /** A refusal may come before the body was sent whole, and then what is packed goes on being read. */
  #giveBack({ ready }: Outbox, part: Part, verdict: Conclusion): void {
    if (ready === null) return;
    const { body, packed } = ready;
    if (body !== packed || verdict.kind === 'accepted') this.#settings.encoding.giveBack(body, part);
  }

  /** A data point that was rejected spoils one item at most; nobody says which, so each counts for one. */
  #accepted(outbox: Outbox, part: Part, { rejected: points, message }: Extract<Verdict, { kind: 'accepted' }>): void {
    const items = part.to - part.from;
    const rejected = Math.min(points, items);
    if (rejected > 0) outbox.drop('rejected', rejected, rejectedError('data points', message));
    if (points > 0 || message !== '') this.#settings.events.warned(points, message);
    outbox.deliver(items - rejected);
    outbox.replaceNext();
  }

  /** An earlier attempt was answered with a success, but not with all of it. */
  #refusedThoughThere(outbox: Outbox, part: Part, refusal: Refusal): void {
    const { events } = this.#settings;
    if (isUnread(refusal)) events.refused(UNREADABLE_ANSWER);
    else events.repeatRefused();
    outbox.dropUnread(part.to - part.from, `sent again, ${refusal.error}`);
    outbox.replaceNext();
  }

  #refused(outbox: Outbox, part: Part, refusal: Refusal): void {
    const { events } = this.#settings;
    const items = part.to - part.from;
    if (outbox.arrived === 'maybe' && !isUnread(refusal)) {
      outbox.refuse('refused_repeat', items, `${refusal.error} (an earlier attempt may have arrived)`);
      outbox.intervalTold = true;
      events.repeatRefused();
    } else {
      const reason = refusal.kind === 'too_large' ? 'too_large' : refusal.reason;
      outbox.refuse(reason, items, refusal.error);
      outbox.intervalTold ||= isUnread(refusal);
      events.refused(reason);
    }
    outbox.replaceNext();
  }

  /**
   * Its halves are new requests with new numbers, which say in whose place they come: whoever has the whole of it all the
   * same, from an attempt without an answer, knows them for repeats.
   */
  #halve(outbox: Outbox, { from, to, index, seq, replaces = [] }: Part): void {
    this.#settings.events.halved();
    const middle = Math.ceil((from + to) / 2);
    const replaced = [...replaces, seq];
    const halves = [this.#numbered(from, middle, index, replaced), this.#numbered(middle, to, index, replaced)];
    const mayBeThere = outbox.arrived === 'maybe';
    outbox.replaceNext(...(mayBeThere ? halves.map((half) => ({ ...half, mayBeThere })) : halves));
  }

  async close(): Promise<void> {
    this.#settings.transport.close();
    this.#settings.events.end();
  }
}

/** What is known for sure is never forgotten. */
function learn(outbox: Outbox, arrived: Outbox['arrived']): void {
  if (arrived === 'yes' || outbox.arrived === 'no') outbox.arrived = arrived;
}
