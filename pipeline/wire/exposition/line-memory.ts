/**
 * @module The wanted lines one target has shown: their exact bytes, the id of each, and which followed which.
 *
 * A record's text is name + labels, and the labels are kept as the difference to another line's: the start they share
 * with a base text, a middle of their own, the end they share with the base. The buckets of a histogram then cost a
 * few bytes each, wherever `le` stands, and any record can be verified on its own, unlike with front coding against
 * the line before.
 */
import { Buffer } from 'node:buffer';
import { isCrowded, isRoomy, slotOf, slotsFor, trimmed } from '../../model/room.ts';
import { BaseTexts } from './base-texts.ts';
import { equalBytes, hashBytes, NEWLINE } from './bytes.ts';
import { LineFrames, NAME, NAME_LENGTH, PREFIX, PREFIX_LENGTH, SUFFIX, SUFFIX_LENGTH } from './line-frames.ts';
import type { NameTable } from './name-table.ts';
import { type ScanWindow, viewOf } from './window.ts';

/** Fields of a record, in 32-bit words. A record is named by the index of its first word. */
export const ID = 0;
export const NEXT = 1;
/** Its frame, shifted by `FRAME_BITS`, and in the lower bits how many bytes it has between the frame's two parts. */
const FRAME = 2;
const MIDDLE = 3;
const HASH = 4;
/** Generation (number of the page, as the scanner counts) in which the line last brought a value. */
export const SEEN = 5;
const STRIDE = 6;

/** Own bytes are fewer than 128: at most what base texts leave, 64, and what a shared frame costs, 16. */
const FRAME_BITS = 7;
const OWN_MASK = (1 << FRAME_BITS) - 1;

const NONE = -1;
const NO_SERIES: ReadonlySet<number> = new Set();

/** All that texts are put together from. */
interface Texts {
  readonly records: Int32Array;
  readonly frames: Int32Array;
  readonly arena: Buffer;
}

export class LineMemory {
  /** All records. Replaced by a longer array when it grows. */
  records = new Int32Array(64 * STRIDE);
  /** Record expected at the start of a page, -1 when there is none. */
  first = NONE;
  readonly #window: ScanWindow;
  readonly #names: NameTable;
  readonly #multiplier: number;
  #count = 0;
  #arena = Buffer.alloc(4096);
  #view = viewOf(this.#arena);
  #used = 0;
  #slots = new Int32Array(128);
  #bases = new BaseTexts();
  #frames = new LineFrames();
  /** Hash of the text last looked for, which is usually the one to be added. */
  #soughtHash = 0;

  constructor(window: ScanWindow, names: NameTable, seed: number) {
    this.#window = window;
    this.#names = names;
    this.#multiplier = (Math.imul(seed | 0, 0x9e3779b1) ^ 0x5bd1e995) | 1;
  }

  /** Lines remembered. */
  get count(): number {
    return this.#count;
  }

  /** Bytes held, slack included. */
  get memoryBytes(): number {
    const tables = this.records.byteLength + this.#frames.words.byteLength + this.#slots.byteLength;
    return tables + this.#arena.length + this.#bases.memoryBytes;
  }

  /**
   * End of the series text when the window holds that of `record` at `at` with at least one more byte before `end`,
   * else -1. Every byte is compared.
   */
  match(record: number, at: number, end: number): number {
    const { records } = this;
    const { words } = this.#frames;
    const text = this.#window.view;
    const stored = this.#view;
    const own = records[record + FRAME]!;
    const frame = own >>> FRAME_BITS;
    const nameLength = words[frame + NAME_LENGTH]!;
    const prefixLength = words[frame + PREFIX_LENGTH]!;
    const middleLength = own & OWN_MASK;
    const prefix = at + nameLength;
    const middle = prefix + prefixLength;
    const stop = middle + middleLength;
    if (stop >= end) return NONE;
    if (!equalBytes(text, at, this.#names.view, words[frame + NAME]!, nameLength)) return NONE;
    // The middle tells the lines of a histogram apart, so it goes first.
    if (!equalBytes(text, middle, stored, records[record + MIDDLE]!, middleLength)) return NONE;
    if (!equalBytes(text, prefix, stored, words[frame + PREFIX]!, prefixLength)) return NONE;
    return words[frame + SUFFIX_LENGTH] === 0 ? stop : this.#matchSuffix(frame, stop, end);
  }

  #matchSuffix(frame: number, at: number, end: number): number {
    const { words } = this.#frames;
    const length = words[frame + SUFFIX_LENGTH]!;
    if (at + length >= end) return NONE;
    return equalBytes(this.#window.view, at, this.#view, words[frame + SUFFIX]!, length) ? at + length : NONE;
  }

  /** Record whose text is exactly that of the window in [start, end), or -1. */
  find(start: number, end: number): number {
    const length = end - start;
    const hash = hashBytes(this.#window.view, start, length, this.#multiplier);
    this.#soughtHash = hash;
    const records = this.records;
    const slots = this.#slots;
    for (let slot = slotOf(hash, slots.length); ; slot = slot + 1 === slots.length ? 0 : slot + 1) {
      const record = slots[slot]! - 1;
      if (record < 0) return NONE;
      if (records[record + HASH] === hash && this.match(record, start, end + 1) === end) return record;
    }
  }

  /** Remembers the text of the window in [start, end), which `find` has just not found; its head is name `name`. */
  add(name: number, start: number, end: number, id: number, generation: number): number {
    const nameLength = this.#names.lengths[name]!;
    const record = this.#append(this.#names.starts[name]!, nameLength, start, end, this.#soughtHash);
    this.records[record + ID] = id;
    this.records[record + NEXT] = NONE;
    this.records[record + SEEN] = generation;
    return record;
  }

  /** Expects `record` after `previous` from now on, at the start of a page when `previous` is -1. */
  link(previous: number, record: number): void {
    if (previous < 0) this.first = record;
    else this.records[previous + NEXT] = record;
  }

  /** Puts `record`, which is new, between `previous` and what was expected after it. */
  insert(previous: number, record: number): void {
    this.records[record + NEXT] = previous < 0 ? this.first : this.records[previous + NEXT]!;
    this.link(previous, record);
  }

  /** Lines seen in generation `oldest` or later. O(lines). */
  countSince(oldest: number): number {
    let count = 0;
    for (let i = 0; i < this.#count; i++) if (this.records[i * STRIDE + SEEN]! >= oldest) count += 1;
    return count;
  }

  /** Of the series `ids`, in this order, those that have lines here, and one of each. O(lines). */
  recordsOf(ids: ReadonlySet<number>): Map<number, number> {
    const found = new Map<number, number>();
    if (ids.size === 0) return found;
    for (let record = 0; record < this.#count * STRIDE; record += STRIDE) {
      const id = this.records[record + ID]!;
      if (ids.has(id) && !found.has(id)) found.set(id, record);
    }
    return new Map([...ids].filter((id) => found.has(id)).map((id) => [id, found.get(id)!]));
  }

  /** Writes the text of a record and a newline to the start of the window; returns the length of the text. */
  show(record: number): number {
    const length = this.#restore({ records: this.records, frames: this.#frames.words, arena: this.#arena }, record);
    this.#window.bytes[length] = NEWLINE;
    return length;
  }

  /**
   * Forgets lines last seen before generation `oldest` and those of the series `over`, and lays out the rest in the order of the last page. Uses the
   * window's own memory as scratch. O(bytes remembered).
   */
  rebuild(oldest: number, over: ReadonlySet<number> = NO_SERIES): void {
    const old = { records: this.records, frames: this.#frames.words, arena: this.#arena };
    const order = orderOf(old.records, this.#count, this.first, oldest, over);
    this.#reset(order.length);
    let previous = NONE;
    for (const from of order) {
      const frame = old.records[from + FRAME]! >>> FRAME_BITS;
      const length = this.#restore(old, from);
      const record = this.#append(
        old.frames[frame + NAME]!,
        old.frames[frame + NAME_LENGTH]!,
        0,
        length,
        old.records[from + HASH]!,
      );
      this.records[record + ID] = old.records[from + ID]!;
      this.records[record + SEEN] = old.records[from + SEEN]!;
      this.records[record + NEXT] = NONE;
      this.link(previous, record);
      previous = record;
    }
    this.trim();
  }

  /** Gives back the room that growing left over. */
  trim(): void {
    const words = this.#count * STRIDE;
    if (isRoomy(this.records.length, words)) this.records = this.records.slice(0, trimmed(words));
    if (isRoomy(this.#arena.length, this.#used)) this.#resizeArena(trimmed(this.#used));
    if (isRoomy(this.#slots.length, slotsFor(this.#count))) this.#rehash(slotsFor(this.#count));
    this.#frames.trim();
  }

  #append(name: number, nameLength: number, start: number, end: number, hash: number): number {
    const record = this.#count * STRIDE;
    if (record + STRIDE > this.records.length) this.#growRecords();
    const records = this.records;
    records[record + HASH] = hash;
    this.#encode(record, name, nameLength, start + nameLength, end);
    this.#count += 1;
    if (isCrowded(this.#slots.length, this.#count)) this.#rehash(this.#count * 2);
    else this.#enter(record);
    return record;
  }

  #encode(record: number, name: number, nameLength: number, start: number, end: number): void {
    const { view } = this.#window;
    const bases = this.#bases;
    if (!bases.share(view, start, end, this.#view)) {
      const at = this.#store(start, end - start);
      bases.add(this.#view, at, end - start);
    }
    const frames = this.#frames;
    const { prefixLength, suffixLength } = bases;
    const suffixEnd = bases.start + bases.length;
    const frame = frames.choose(name, nameLength, bases.start, prefixLength, suffixEnd, suffixLength);
    const from = start + frames.prefixLength;
    const own = end - frames.suffixLength - from;
    this.records[record + FRAME] = (frame << FRAME_BITS) | own;
    this.records[record + MIDDLE] = own === 0 ? 0 : this.#store(from, own);
  }

  #store(start: number, length: number): number {
    const at = this.#used;
    if (at + length > this.#arena.length) this.#resizeArena(Math.ceil((at + length) * 1.5));
    this.#window.bytes.copy(this.#arena, at, start, start + length);
    this.#used = at + length;
    return at;
  }

  /** Writes the text of a record to the start of the window and returns its length. */
  #restore({ records, frames, arena }: Texts, record: number): number {
    const own = records[record + FRAME]!;
    const frame = own >>> FRAME_BITS;
    const nameLength = frames[frame + NAME_LENGTH]!;
    const prefixLength = frames[frame + PREFIX_LENGTH]!;
    const middleLength = own & OWN_MASK;
    const suffixLength = frames[frame + SUFFIX_LENGTH]!;
    const length = nameLength + prefixLength + middleLength + suffixLength;
    this.#window.lookHome(length + 1);
    const { bytes } = this.#window;
    const name = this.#names.view;
    for (let i = 0; i < nameLength; i++) bytes[i] = name.getUint8(frames[frame + NAME]! + i);
    let at = nameLength;
    at += arena.copy(bytes, at, frames[frame + PREFIX]!, frames[frame + PREFIX]! + prefixLength);
    at += arena.copy(bytes, at, records[record + MIDDLE]!, records[record + MIDDLE]! + middleLength);
    arena.copy(bytes, at, frames[frame + SUFFIX]!, frames[frame + SUFFIX]! + suffixLength);
    return length;
  }

  #reset(count: number): void {
    this.records = new Int32Array(Math.max(64, count) * STRIDE);
    this.#arena = Buffer.alloc(4096);
    this.#view = viewOf(this.#arena);
    this.#slots = new Int32Array(128);
    this.#bases = new BaseTexts();
    this.#frames = new LineFrames();
    this.#count = 0;
    this.#used = 0;
    this.first = NONE;
  }

  #growRecords(): void {
    const longer = new Int32Array(Math.ceil(this.#count * 1.5) * STRIDE);
    longer.set(this.records);
    this.records = longer;
  }

  #resizeArena(size: number): void {
    const other = Buffer.alloc(size);
    this.#arena.copy(other, 0, 0, this.#used);
    this.#arena = other;
    this.#view = viewOf(other);
  }

  #rehash(size: number): void {
    this.#slots = new Int32Array(size);
    for (let i = 0; i < this.#count; i++) this.#enter(i * STRIDE);
  }

  #enter(record: number): void {
    const slots = this.#slots;
    let slot = slotOf(this.records[record + HASH]!, slots.length);
    while (slots[slot] !== 0) slot = slot + 1 === slots.length ? 0 : slot + 1;
    slots[slot] = record + 1;
  }
}

/** Records to keep: first those that a page would be expected to hold, in its order, then the others. */
function orderOf(
  records: Int32Array,
  count: number,
  first: number,
  oldest: number,
  over: ReadonlySet<number>,
): number[] {
  const order: number[] = [];
  const taken = new Uint8Array(count);
  const take = (record: number) => {
    if (taken[record / STRIDE] === 1) return;
    taken[record / STRIDE] = 1;
    if (records[record + SEEN]! >= oldest && !over.has(records[record + ID]!)) order.push(record);
  };
  for (let record = first, steps = 0; record >= 0 && steps < count; record = records[record + NEXT]!, steps++) {
    take(record);
  }
  for (let i = 0; i < count; i++) take(i * STRIDE);
  return order;
}
