/**
 * @module Sums of traffic as OTLP requests, one at a time, whatever carries them.
 *
 * A sum goes in parts of at most so many items. Each part has a number that it keeps however often it is sent, and its
 * bytes never change, so that receivers can drop repeats.
 */
import { errorText } from '../../pipeline/errors.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import type { SendOutcome, TrafficSender } from '../../pipeline/sending/traffic-sending.ts';
import type { Encoding, Part, SumBodies } from './encoding.ts';
import type { OtlpEvents } from './telemetry.ts';
import type { Verdict } from './verdict.ts';

/** Carries bodies to the backend. */
export interface OtlpTransport {
  open(): void;
  /** The body as it goes over the wire; done once, however often it is sent. */
  pack(body: Uint8Array): Promise<Uint8Array>;
  /** One attempt, one at a time. Never rejects. */
  send(packed: Uint8Array): Promise<Verdict>;
  /** Ends what runs. */
  close(): void;
}

export interface TrafficSenderSettings {
  readonly encoding: Encoding;
  readonly transport: OtlpTransport;
  readonly events: OtlpEvents;
  /** Items of one part, above 0. */
  readonly maxItems: number;
}

/** One sum on its way. */
interface Outbox {
  readonly bodies: SumBodies;
  /** What is not done, next one first. */
  readonly parts: Part[];
  /** The next part, ready to be sent; null before its first attempt. */
  packed: Uint8Array | null;
  /** An attempt to send the next part may have arrived. */
  mayHaveArrived: boolean;
  /** Reason → items given up. */
  readonly dropped: Map<string, number>;
  /** What the backend said to the last part it refused. */
  lastRefusal: string;
}

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
      parts.push(this.#numbered(from, Math.min(from + maxItems, bodies.items)));
    const outbox = { bodies, parts, packed: null, mayHaveArrived: false, dropped: new Map(), lastRefusal: '' };
    if (bodies.refused > 0) {
      outbox.dropped.set('max_series', bodies.refused);
      this.#settings.events.noRoom(bodies.refused);
    }
    return outbox;
  }

  #numbered(from: number, to: number): Part {
    return { from, to, seq: this.#seq++ };
  }

  async send(outbox: Outbox): Promise<SendOutcome> {
    for (let part = outbox.parts[0]; part !== undefined; part = outbox.parts[0]) {
      const verdict = await this.#attempt(outbox, part);
      if (verdict.kind === 'transient') {
        outbox.mayHaveArrived ||= verdict.mayHaveArrived;
        const { reason, error, afterMs } = verdict;
        return { kind: 'transient', reason, error, ...(afterMs === undefined ? {} : { afterMs }) };
      }
      this.#conclude(outbox, part, verdict);
    }
    return outcomeOf(outbox);
  }

  async #attempt(outbox: Outbox, part: Part): Promise<Verdict> {
    const { transport, events } = this.#settings;
    if (outbox.packed === null) {
      const body = encoded(outbox, part);
      if (!(body instanceof Uint8Array)) return body;
      outbox.packed = await transport.pack(body);
    }
    if (outbox.mayHaveArrived) events.repeated();
    const verdict = await transport.send(outbox.packed);
    if (verdict.kind === 'accepted') events.sent(outbox.packed.length);
    return verdict;
  }

  /** What a part came to for good; the next one begins anew. */
  #conclude(outbox: Outbox, part: Part, verdict: Exclude<Verdict, { kind: 'transient' }>): void {
    outbox.parts.shift();
    outbox.packed = null;
    outbox.mayHaveArrived = false;
    if (verdict.kind === 'accepted') this.#accepted(outbox, part, verdict);
    else if (verdict.kind === 'permanent') this.#refused(outbox, part, verdict.reason, verdict.error);
    else if (part.to - part.from > 1) this.#halve(outbox, part);
    else this.#refused(outbox, part, 'too_large', verdict.error);
  }

  /** A data point that was rejected spoils one item at most; nobody says which, so each counts for one. */
  #accepted(outbox: Outbox, part: Part, { rejectedPoints, message }: Extract<Verdict, { kind: 'accepted' }>): void {
    if (rejectedPoints > 0) drop(outbox, 'rejected', Math.min(rejectedPoints, part.to - part.from));
    if (rejectedPoints > 0 || message !== '') this.#settings.events.warned(rejectedPoints, message);
  }

  #refused(outbox: Outbox, part: Part, reason: string, error: string): void {
    const items = part.to - part.from;
    drop(outbox, reason, items);
    outbox.lastRefusal = error;
    this.#settings.events.refused(reason, error, items);
  }

  /** It never arrived as a whole, so that its halves are new requests with new numbers. */
  #halve(outbox: Outbox, { from, to }: Part): void {
    const middle = Math.ceil((from + to) / 2);
    outbox.parts.unshift(this.#numbered(from, middle), this.#numbered(middle, to));
  }

  async close(): Promise<void> {
    this.#settings.transport.close();
    this.#settings.events.end();
  }
}

/** The body, or that there will never be one: what cannot be encoded now cannot be encoded later. */
function encoded({ bodies }: Outbox, part: Part): Uint8Array | Verdict {
  try {
    return bodies.encode(part);
  } catch (error) {
    return { kind: 'permanent', reason: 'encode_failed', error: errorText(error) };
  }
}

function drop(outbox: Outbox, reason: string, items: number): void {
  outbox.dropped.set(reason, (outbox.dropped.get(reason) ?? 0) + items);
}

/** Permanent when nothing of it was taken for one reason, so that the reason is told in the backend's words. */
function outcomeOf({ bodies, dropped, lastRefusal }: Outbox): SendOutcome {
  const [first, ...others] = dropped;
  if (first === undefined || others.length > 0 || lastRefusal === '' || first[1] < bodies.items)
    return { kind: 'sent', dropped };
  return { kind: 'permanent', reason: first[0], error: lastRefusal };
}
