/**
 * @module The wanted lines one target has shown: their exact bytes, the id of each, and which followed which.
 *
 * A record's text is name + labels, and the labels are kept as the difference to another line's: the start they share
 * with a base text, a middle of their own, the end they share with the base. The buckets of a histogram then cost a
 * few bytes each, wherever `le` stands, and any record can be verified on its own, unlike with front coding against
 * the line before.
 */
import { Buffer } from 'node:buffer';
import { BaseTexts } from './base-texts.ts';
import { equalBytes, hashBytes } from './bytes.ts';
import type { NameTable } from './name-table.ts';
import { type ScanWindow, viewOf } from './window.ts';

/** Fields of a record, in 32-bit words. A record is named by the index of its first word. */
export const ID = 0;
export const NEXT = 1;
const LENGTH = 2;
const NAME = 3;
const NAME_LENGTH = 4;
const PREFIX = 5;
const PREFIX_LENGTH = 6;
const MIDDLE = 7;
const MIDDLE_LENGTH = 8;
const SUFFIX = 9;
const HASH = 10;
/** Generation (number of the page, as the scanner counts) in which the line last brought a value. */
export const SEEN = 11;
const STRIDE = 12;

const NONE = -1;
const NO_SERIES: ReadonlySet<number> = new Set();

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
    return this.records.byteLength + this.#arena.length + this.#slots.byteLength + this.#bases.memoryBytes;
  }

  /**
   * End of the series text when the window holds that of `record` at `at` with at least one more byte before `end`,
   * else -1. Every byte is compared.
   */
  match(record: number, at: number, end: number): number {
    const length = this.records[record + LENGTH]!;
    if (length >= end - at) return NONE;
    return this.#equals(record, at) ? at + length : NONE;
  }

  /** Record whose text is exactly that of the window in [start, end), or -1. */
  find(start: number, end: number): number {
    const length = end - start;
    const hash = hashBytes(this.#window.view, start, length, this.#multiplier);
    this.#soughtHash = hash;
    const records = this.records;
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const record = this.#slots[slot]! - 1;
      if (record < 0) return NONE;
      if (records[record + HASH] !== hash || records[record + LENGTH] !== length) continue;
      if (this.#equals(record, start)) return record;
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

  /**
   * Forgets lines last seen before generation `oldest` and those of the series `over`, and lays out the rest in the order of the last page. Uses the
   * window's own memory as scratch. O(bytes remembered).
   */
  rebuild(oldest: number, over: ReadonlySet<number> = NO_SERIES): void {
    const old = { records: this.records, arena: this.#arena, count: this.#count, first: this.first };
    const order = orderOf(old.records, old.count, old.first, oldest, over);
    this.#reset(order.length);
    let previous = NONE;
    for (const from of order) {
      const length = this.#restore(old.records, old.arena, from);
      const record = this.#append(
        old.records[from + NAME]!,
        old.records[from + NAME_LENGTH]!,
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

  /** Gives back the room that growing by doubling left over. */
  trim(): void {
    const words = this.#count * STRIDE;
    if (this.records.length > words * 1.25 + 1024) this.records = this.records.slice(0, Math.ceil(words * 1.125) + 64);
    if (this.#arena.length > this.#used * 1.25 + 4096) this.#resizeArena(Math.ceil(this.#used * 1.125) + 64);
  }

  #equals(record: number, at: number): boolean {
    const records = this.records;
    const text = this.#window.view;
    const nameLength = records[record + NAME_LENGTH]!;
    if (!equalBytes(text, at, this.#names.view, records[record + NAME]!, nameLength)) return false;
    const end = at + records[record + LENGTH]!;
    at += nameLength;
    const prefixLength = records[record + PREFIX_LENGTH]!;
    const middleLength = records[record + MIDDLE_LENGTH]!;
    // The middle tells the lines of a histogram apart, so it goes first.
    if (!equalBytes(text, at + prefixLength, this.#view, records[record + MIDDLE]!, middleLength)) return false;
    if (!equalBytes(text, at, this.#view, records[record + PREFIX]!, prefixLength)) return false;
    at += prefixLength + middleLength;
    return at === end || equalBytes(text, at, this.#view, records[record + SUFFIX]!, end - at);
  }

  #append(name: number, nameLength: number, start: number, end: number, hash: number): number {
    const record = this.#count * STRIDE;
    if (record + STRIDE > this.records.length) this.#growRecords();
    const records = this.records;
    records[record + LENGTH] = end - start;
    records[record + NAME] = name;
    records[record + NAME_LENGTH] = nameLength;
    records[record + HASH] = hash;
    this.#encode(record, start + nameLength, end);
    this.#count += 1;
    if (this.#count * 3 > this.#slots.length * 2) this.#rehash(this.#slots.length * 2);
    else this.#enter(record);
    return record;
  }

  #encode(record: number, start: number, end: number): void {
    const { view } = this.#window;
    const bases = this.#bases;
    const shared = bases.share(view, start, end, this.#view);
    const own = end - start - bases.prefixLength - bases.suffixLength;
    const at = this.#store(start + bases.prefixLength, own);
    this.records[record + PREFIX] = bases.start;
    this.records[record + PREFIX_LENGTH] = bases.prefixLength;
    this.records[record + MIDDLE] = at;
    this.records[record + MIDDLE_LENGTH] = own;
    this.records[record + SUFFIX] = bases.start + bases.length - bases.suffixLength;
    if (!shared) bases.add(view, start, end, at);
  }

  #store(start: number, length: number): number {
    const at = this.#used;
    if (at + length > this.#arena.length) this.#resizeArena(Math.ceil((at + length) * 1.5));
    this.#window.bytes.copy(this.#arena, at, start, start + length);
    this.#used = at + length;
    return at;
  }

  /** Writes the text of an old record to the start of the window and returns its length. */
  #restore(records: Int32Array, arena: Buffer, record: number): number {
    const length = records[record + LENGTH]!;
    this.#window.lookHome(length);
    const { bytes } = this.#window;
    const name = this.#names.view;
    const nameLength = records[record + NAME_LENGTH]!;
    for (let i = 0; i < nameLength; i++) bytes[i] = name.getUint8(records[record + NAME]! + i);
    let at = nameLength;
    at += arena.copy(
      bytes,
      at,
      records[record + PREFIX]!,
      records[record + PREFIX]! + records[record + PREFIX_LENGTH]!,
    );
    at += arena.copy(
      bytes,
      at,
      records[record + MIDDLE]!,
      records[record + MIDDLE]! + records[record + MIDDLE_LENGTH]!,
    );
    arena.copy(bytes, at, records[record + SUFFIX]!, records[record + SUFFIX]! + length - at);
    return length;
  }

  #reset(count: number): void {
    this.records = new Int32Array(Math.max(64, count) * STRIDE);
    this.#arena = Buffer.alloc(4096);
    this.#view = viewOf(this.#arena);
    this.#slots = new Int32Array(128);
    this.#bases = new BaseTexts();
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
    const mask = this.#slots.length - 1;
    let slot = this.records[record + HASH]! & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = record + 1;
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
