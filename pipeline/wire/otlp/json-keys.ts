/** @module Names of fields found by their bytes, without making a text of a key. */
import { Buffer } from 'node:buffer';
import { MESSAGES, type Message } from './schema.ts';

const SLOTS = 64;
const QUOTE = 0x22;

/** Names of one message's fields; each has a slot of its own. */
interface KeyTable {
  readonly factor: number;
  /** Index of the field in its message, −1 for an empty slot. */
  readonly slots: Int8Array;
  readonly names: readonly Uint8Array[];
}

const TABLES: readonly KeyTable[] = MESSAGES.map(tableOf);

/** Index in `fields` of the field whose name is [from, to) of `bytes`; −1 for none. */
export function fieldIndex({ index }: Message, bytes: Uint8Array, from: number, to: number): number {
  const table = TABLES[index]!;
  const found = table.slots[slotOf(bytes, from, to, table.factor)]!;
  if (found < 0) return -1;
  return isName(table.names[found]!, bytes, from, to) ? found : -1;
}

function isName(name: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[from + i]) return false;
  return true;
}

/** Which field comes after which, as it was the last time: objects of one kind name theirs in the same order. */
export class FieldOrder {
  /** Fields, counted from 1, by message · 32 + the field before. */
  readonly #next = new Uint8Array(MESSAGES.length * 32);

  /** Where the name ends that begins at `from`, when it is the expected one and a quote follows; else −1. */
  expectedEnd({ index }: Message, before: number, bytes: Uint8Array, from: number): number {
    const field = this.#next[index * 32 + before]!;
    if (field === 0) return -1;
    const name = TABLES[index]!.names[field - 1]!;
    const end = from + name.length;
    return bytes[end] === QUOTE && isName(name, bytes, from, end) ? end : -1;
  }

  /** Index of the field that is expected. */
  expected({ index }: Message, before: number): number {
    return this.#next[index * 32 + before]! - 1;
  }

  note({ index }: Message, before: number, field: number): void {
    this.#next[index * 32 + before] = field + 1;
  }
}

function slotOf(bytes: Uint8Array, from: number, to: number, factor: number): number {
  if (from === to) return 0;
  return (Math.imul(bytes[from]! * 31 + bytes[to - 1]! * 7 + to - from, factor) >>> 10) & (SLOTS - 1);
}

function tableOf({ name, fields }: Message): KeyTable {
  const names = fields.map((field) => new Uint8Array(Buffer.from(field.name)));
  for (let factor = 1; factor < 100_000; factor += 2) {
    const slots = new Int8Array(SLOTS).fill(-1);
    if (names.every((key, i) => takeSlot(slots, slotOf(key, 0, key.length, factor), i)))
      return { factor, slots, names };
  }
  throw new Error(`the names of ${name} have no slots of their own`);
}

function takeSlot(slots: Int8Array, slot: number, field: number): boolean {
  if (slots[slot] !== -1) return false;
  slots[slot] = field;
  return true;
}
