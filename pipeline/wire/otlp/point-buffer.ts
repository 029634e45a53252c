/**
 * @module The buffer in which a message is put together, which knows the points that already stand in it from the last one.
 *
 * A point's length never changes while its attributes stay the same, because times, values and bucket counts have a fixed
 * width. So a steady export finds most points in their place and writes only what changed (performance: docs/performance.md).
 */

import { varintLength, writeVarint } from '../protobuf/varint.ts';
import { CountWords } from './count-words.ts';
import { SpareMemory } from './spare-memory.ts';
import type { UnixNano } from './unix-nano.ts';

const WORD = 0x1_0000_0000;
/** Tags, field number and wire type, of points (fields.ts). */
const POINT = 0x0a;
const START = 0x11;
const TIME = 0x19;
const AS_DOUBLE = 0x21;
const AS_INT = 0x31;
const COUNT = 0x21;
const BUCKET_COUNTS = 0x32;
const BOUNDS = 0x3a;
/** Start, time and value or count, each a tag and 8 bytes. */
const FIXED_LENGTH = 27;

const NONE = new Uint8Array(0);

export class PointBuffer {
  /** Written from the front; what lies behind `position` is of the message before. */
  bytes = new Uint8Array(4096);
  position = 0;
  #view = new DataView(this.bytes.buffer);
  /** What stands at each point's place: its attributes, its mark, its bounds and where it begins. */
  readonly #attributes: Uint8Array[] = [];
  readonly #marks: Uint8Array[] = [];
  readonly #bounds: (readonly number[] | null)[] = [];
  readonly #starts: number[] = [];
  readonly #counts = new CountWords();
  #points = 0;
  #isOpen = false;
  readonly #spare: SpareMemory;

  /** Finished messages are put into `spare`, which others may use as well. */
  constructor(spare = new SpareMemory()) {
    this.#spare = spare;
  }

  /** Begins a message of exactly `size` bytes. */
  begin(size: number): void {
    if (size > this.bytes.length || this.#isMuchTooLarge(size)) this.#replace(size);
    // A message that was given up in its middle may have gone over points of the one before.
    if (this.#isOpen) this.#forget(0);
    this.#isOpen = true;
    this.position = 0;
    this.#points = 0;
  }

  /** The finished message, in the memory last given back when it has room. The caller owns it. */
  take(): Uint8Array {
    this.#forget(this.#points);
    this.#isOpen = false;
    return this.#spare.copy(this.bytes.subarray(0, this.position));
  }

  /** Takes back what `take` gave, and nothing else; nobody may look at it any more. Of several the last one is kept. */
  giveBack(message: Uint8Array): void {
    this.#spare.giveBack(message);
  }

  /** Copies `content` to the next place. */
  raw(content: Uint8Array): void {
    this.bytes.set(content, this.position);
    this.position += content.length;
  }

  /** Tag and length of an embedded message whose content follows. `tag` below 128. */
  head(tag: number, length: number): void {
    this.bytes[this.position] = tag;
    this.position = writeVarint(this.bytes, this.position + 1, length);
  }

  /** One NumberDataPoint with what tells it apart, `mark`, before its attributes. Both stay the same objects. */
  number(attributes: Uint8Array, mark: Uint8Array, start: UnixNano, time: UnixNano, value: number): void {
    const at = this.#place(attributes, mark, null, numberPointLength(attributes, mark));
    this.#times(at, start, time);
    this.#value(at + 18, value);
  }

  /**
   * One HistogramDataPoint; `counts` as many as bounds and one more. False when one of them is no whole number that OTLP can
   * tell exactly; then the message is to be given up.
   */
  histogram(
    attributes: Uint8Array,
    mark: Uint8Array,
    start: UnixNano,
    time: UnixNano,
    bounds: readonly number[],
    counts: Float64Array,
  ): boolean {
    const at = this.#place(attributes, mark, bounds, histogramPointLength(attributes, mark, bounds.length));
    this.#times(at, start, time);
    const total = this.#counts.fill(counts);
    if (total < 0) return false;
    this.#view.setUint8(at + 18, COUNT);
    this.#whole(at + 19, total);
    this.bytes.set(this.#counts.bytes, at + FIXED_LENGTH + 1 + varintLength(counts.length * 8));
    return true;
  }

  /** Place of the content of the next point; what of it does not change is written unless it stands there already. */
  #place(attributes: Uint8Array, mark: Uint8Array, bounds: readonly number[] | null, length: number): number {
    const from = this.position;
    const at = from + 1 + varintLength(length);
    this.position = at + length;
    const point = this.#points++;
    const stands =
      this.#starts[point] === from &&
      this.#attributes[point] === attributes &&
      this.#marks[point] === mark &&
      this.#bounds[point] === bounds;
    if (stands) return at;
    this.#starts[point] = from;
    this.#attributes[point] = attributes;
    this.#marks[point] = mark;
    this.#bounds[point] = bounds;
    this.#write(from, length, attributes, mark, bounds);
    return at;
  }

  #write(
    from: number,
    length: number,
    attributes: Uint8Array,
    mark: Uint8Array,
    bounds: readonly number[] | null,
  ): void {
    this.bytes[from] = POINT;
    const at = writeVarint(this.bytes, from + 1, length);
    this.bytes[at] = START;
    this.bytes[at + 9] = TIME;
    let to = at + FIXED_LENGTH;
    if (bounds !== null) to = this.#writeBuckets(to, bounds);
    this.bytes.set(mark, to);
    this.bytes.set(attributes, to + mark.length);
  }

  #writeBuckets(to: number, bounds: readonly number[]): number {
    this.bytes[to] = BUCKET_COUNTS;
    to = writeVarint(this.bytes, to + 1, bounds.length * 8 + 8) + bounds.length * 8 + 8;
    if (bounds.length === 0) return to;
    this.bytes[to] = BOUNDS;
    to = writeVarint(this.bytes, to + 1, bounds.length * 8);
    for (const bound of bounds) {
      this.#view.setFloat64(to, bound, true);
      to += 8;
    }
    return to;
  }

  #times(at: number, start: UnixNano, time: UnixNano): void {
    const view = this.#view;
    view.setUint32(at + 1, start.low, true);
    view.setUint32(at + 5, start.high, true);
    view.setUint32(at + 10, time.low, true);
    view.setUint32(at + 14, time.high, true);
  }

  /** A whole number as an integer, any other as a double: both take 8 bytes. */
  #value(at: number, value: number): void {
    if (Number.isSafeInteger(value)) {
      this.bytes[at] = AS_INT;
      this.#whole(at + 1, value);
      return;
    }
    this.bytes[at] = AS_DOUBLE;
    this.#view.setFloat64(at + 1, value, true);
  }

  #whole(at: number, value: number): void {
    const low = value >>> 0;
    this.#view.setUint32(at, low, true);
    this.#view.setInt32(at + 4, value === low ? 0 : Math.floor(value / WORD), true);
  }

  /** After a large message the buffer is not kept for small ones. */
  #isMuchTooLarge(size: number): boolean {
    return this.bytes.length > 0x10000 && this.bytes.length > size * 8;
  }

  #replace(size: number): void {
    this.bytes = new Uint8Array(Math.max(4096, Math.ceil(size * 1.25)));
    this.#view = new DataView(this.bytes.buffer);
    this.#forget(0);
  }

  /** Points from number `from` on no longer stand anywhere: later writing may go over them. */
  #forget(from: number): void {
    this.#starts.length = from;
    this.#attributes.length = from;
    this.#marks.length = from;
    this.#bounds.length = from;
  }
}

/** Bytes of a NumberDataPoint without its tag and length. */
export function numberPointLength(attributes: Uint8Array, mark: Uint8Array = NONE): number {
  return FIXED_LENGTH + mark.length + attributes.length;
}

/** Bytes of a HistogramDataPoint with so many bounds without its tag and length. */
export function histogramPointLength(attributes: Uint8Array, mark: Uint8Array, bounds: number): number {
  const counts = (bounds + 1) * 8;
  const explicit = bounds === 0 ? 0 : 1 + varintLength(bounds * 8) + bounds * 8;
  return FIXED_LENGTH + 1 + varintLength(counts) + counts + explicit + mark.length + attributes.length;
}

/** Bytes of an embedded message with its tag (below 128) and length. */
export function embeddedLength(length: number): number {
  return 1 + varintLength(length) + length;
}
