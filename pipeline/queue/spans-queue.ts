/**
 * @module The bounded memory queue of spans: whole requests in the order in which they came, several taken at once. What is
 * being sent counts until it has met its fate, so that the limits are limits of memory.
 */
import type { Clock } from '../clock/clock.ts';
import type { Spans } from '../model/spans.ts';
import type { Sizer } from './traffic-queue.ts';

/**
 * What a full queue does: ask to come again unless others take the request, ask to come again whatever others do, give up
 * the oldest that waits, or give up the new one.
 */
export type SpansOnFull = 'refuse' | 'refuse_always' | 'drop_oldest' | 'drop_newest';

/** `sending_queue` of an exporter of spans. */
export interface SpansQueueConfig {
  /** Above 0, in units of `sizer`: requests, spans or bytes. */
  readonly queueSize: number;
  readonly sizer: Sizer;
  /** Above 0; holds beside `queueSize`. */
  readonly maxBytes: number;
  readonly onFull: SpansOnFull;
}

/** A request in the queue. */
export interface QueuedSpans {
  readonly spans: Spans;
  /** Rough bytes of memory it takes. */
  readonly bytes: number;
  /** Wall clock and monotonic clock when it was offered, milliseconds. */
  readonly sinceWallMs: number;
  readonly sinceMonoMs: number;
}

const NOTHING: readonly QueuedSpans[] = [];

/** `take`, then `settle` as spans meet their fate, then `done`. Nothing here waits or fails. */
export class SpansQueue {
  readonly #config: SpansQueueConfig;
  readonly #clock: Clock;
  /** A request at `#head` or behind it waits; what was before is forgotten. */
  #waiting: (QueuedSpans | null)[] = [];
  #head = 0;
  /** In the order in which they were taken. */
  readonly #taken = new Set<QueuedSpans>();
  #takenItems = 0;
  #takenBytes = 0;
  #waitingItems = 0;
  #waitingBytes = 0;

  constructor(config: SpansQueueConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
  }

  /** Requests waiting. */
  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  /** Requests waiting and taken. */
  get depth(): number {
    return this.waiting + this.#taken.size;
  }

  /** Spans without a fate. */
  get items(): number {
    return this.#waitingItems + this.#takenItems;
  }

  /** Rough bytes of all requests, waiting and taken. */
  get bytes(): number {
    return this.#waitingBytes + this.#takenBytes;
  }

  /** Age of the request that is here longest, in milliseconds since it was offered; 0 when empty. */
  get oldestAgeMs(): number {
    const [first = this.#waiting[this.#head] ?? null] = this.#taken;
    return first === null ? 0 : this.#clock.monoMs() - first.sinceMonoMs;
  }

  /** Whether a refusal gives way to others who take the request. */
  get yields(): boolean {
    return this.#config.onFull === 'refuse';
  }

  get #refuses(): boolean {
    return this.yields || this.#config.onFull === 'refuse_always';
  }

  /** Whether it is taken with nothing given up for it. */
  hasRoom(spans: Spans): boolean {
    return !this.#isFull(spans.count, bytesOf(spans));
  }

  /** The limit that leaves no room for a request: what a person has to turn to have it. */
  limitFor(spans: Spans): string {
    const { queueSize, sizer, maxBytes } = this.#config;
    return this.bytes + bytesOf(spans) > maxBytes
      ? `sending_queue.max_bytes (${maxBytes} bytes)`
      : `sending_queue.queue_size (${queueSize} ${sizer === 'items' ? 'spans' : sizer})`;
  }

  /** False when a request has to be refused. A queue that drops admits all, and an empty one any. */
  admits(spans: Spans): boolean {
    return !this.#refuses || this.hasRoom(spans);
  }

  /**
   * Takes a request over, and returns what was given up for it, perhaps itself. A queue that refuses takes whatever it is
   * offered: who asked first, and was admitted, is not turned away because others came in between. But what is `spare`,
   * because others have it and this queue refused it, is given up when there is no room.
   */
  offer(spans: Spans, spare = false): readonly QueuedSpans[] {
    const bytes = bytesOf(spans);
    const queued = { spans, bytes, sinceWallMs: this.#clock.wallMs(), sinceMonoMs: this.#clock.monoMs() };
    const { onFull } = this.#config;
    if (!this.#isFull(spans.count, bytes)) return this.#append(queued, NOTHING);
    if (this.#refuses) return spare ? [queued] : this.#append(queued, NOTHING);
    if (onFull === 'drop_newest' || !this.#fitsBesideTaken(spans.count, bytes)) return [queued];
    const dropped: QueuedSpans[] = [];
    while (this.waiting > 0 && this.#isFull(spans.count, bytes)) dropped.push(this.#shift());
    return this.#append(queued, dropped);
  }

  /** One request always fits into an empty queue: else it could never be sent. */
  #isFull(items: number, bytes: number): boolean {
    return this.depth > 0 && this.#exceeds(this.depth + 1, this.items + items, this.bytes + bytes);
  }

  /** Whether there is room once nothing waits. */
  #fitsBesideTaken(items: number, bytes: number): boolean {
    const { size } = this.#taken;
    return size === 0 || !this.#exceeds(size + 1, this.#takenItems + items, this.#takenBytes + bytes);
  }

  #exceeds(requests: number, items: number, bytes: number): boolean {
    const { queueSize, sizer, maxBytes } = this.#config;
    const counted = sizer === 'requests' ? requests : sizer === 'items' ? items : bytes;
    return counted > queueSize || bytes > maxBytes;
  }

  #append(queued: QueuedSpans, dropped: readonly QueuedSpans[]): readonly QueuedSpans[] {
    this.#waiting.push(queued);
    this.#waitingItems += queued.spans.count;
    this.#waitingBytes += queued.bytes;
    return dropped;
  }

  #shift(): QueuedSpans {
    const queued = this.#waiting[this.#head]!;
    this.#waiting[this.#head++] = null;
    this.#waitingItems -= queued.spans.count;
    this.#waitingBytes -= queued.bytes;
    // Moved together now and then, so that one shift costs nothing.
    if (this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return queued;
  }

  /** The oldest request that waits, null when none does. */
  take(): QueuedSpans | null {
    if (this.waiting === 0) return null;
    const queued = this.#shift();
    this.#taken.add(queued);
    this.#takenItems += queued.spans.count;
    this.#takenBytes += queued.bytes;
    return queued;
  }

  /** `items` spans of a request that was taken have met their fate. */
  settle(items: number): void {
    this.#takenItems -= items;
  }

  /** All spans of a request that was taken are settled: its room is free. */
  done(queued: QueuedSpans): void {
    if (this.#taken.delete(queued)) this.#takenBytes -= queued.bytes;
  }

  /** Empties the queue and returns what waited, oldest first. What was taken is forgotten. */
  clear(): QueuedSpans[] {
    const left = this.#waiting.flatMap((queued) => queued ?? []);
    this.#waiting = [];
    this.#head = 0;
    this.#taken.clear();
    this.#takenItems = 0;
    this.#takenBytes = 0;
    this.#waitingItems = 0;
    this.#waitingBytes = 0;
    return left;
  }
}

/** Objects around the bytes, and columns of places, for each request and each span. */
const REQUEST_BYTES = 512;
const SPAN_BYTES = 16;

function bytesOf({ bytes, count }: Spans): number {
  return bytes.length + REQUEST_BYTES + SPAN_BYTES * count;
}
