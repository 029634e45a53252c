/**
 * @module Which side a stream tells an edge or a workload from, kept from window to window.
 *
 * A reader of one window may pick the better side anew each time. The sum over many windows is the truth only when all
 * come from one side: the two sides are scraped at different instants, and a side that missed a scrape brings both
 * shares with the next one. So a stream changes sides only when the other one has counted over 5 % more for so long that
 * neither phase nor chance explains it, or when the side told so far has fallen silent for good.
 */
import type { Side } from './rules.ts';

/** Share by which the other side must have counted more (design §6). */
const UNWATCHED = 1.05;
/** Each window weighs this much of the one after it, so that about the last ten decide. */
const DECAY = 0.9;
/** Windows in a row that must speak for the other side before it is taken. */
const PATIENCE = 10;
/** Windows without anything after which a key is forgotten. */
const FORGET_AFTER = 200;
const PRUNE_EVERY = 50;

interface Memory {
  side: Side;
  readonly totals: Record<Side, number>;
  /** Windows in a row that spoke for the other side. */
  against: number;
  lastWindow: number;
}

/** What one side has in a window: how many requests, and whether it has any record at all, idle ones included. */
export interface SideCount {
  readonly requests: number;
  readonly present: boolean;
}

export class SideMemory {
  readonly #memories = new Map<string, Memory>();
  #window = 0;
  #changes = 0;

  /** Keys remembered. Bounded by the keys of the last windows. */
  get size(): number {
    return this.#memories.size;
  }
  /** Times a key was told from another side than before. */
  get changes(): number {
    return this.#changes;
  }

  /** To be called before each window's reading. O(keys) now and then. */
  beginWindow(): void {
    this.#window += 1;
    if (this.#window % PRUNE_EVERY !== 0) return;
    for (const [key, { lastWindow }] of this.#memories) {
      if (this.#window - lastWindow > FORGET_AFTER) this.#memories.delete(key);
    }
  }

  /** Whether `key` is told from this side, as far as it is remembered. */
  isTold(key: string, side: Side): boolean {
    return this.#memories.get(key)?.side === side;
  }

  /** The side to tell `key` from in this window; further calls in the same window count for nothing. */
  choose(key: string, preferred: Side, client: SideCount, server: SideCount): Side {
    const counts = { client, server };
    const memory = this.#memories.get(key) ?? this.#begin(key, preferred, counts);
    if (memory.lastWindow === this.#window) return memory.side;
    memory.lastWindow = this.#window;
    for (const side of ['client', 'server'] as const) {
      memory.totals[side] = memory.totals[side] * DECAY + counts[side].requests;
    }
    memory.against = speaksForOther(memory, preferred, counts) ? memory.against + 1 : 0;
    if (memory.against >= PATIENCE) {
      memory.side = otherOf(memory.side);
      memory.against = 0;
      this.#changes += 1;
    }
    return memory.side;
  }

  #begin(key: string, preferred: Side, counts: Record<Side, SideCount>): Memory {
    const side = counts[preferred].present ? preferred : otherOf(preferred);
    const memory: Memory = { side, totals: { client: 0, server: 0 }, against: 0, lastWindow: -1 };
    this.#memories.set(key, memory);
    return memory;
  }
}

function speaksForOther({ side, totals }: Memory, preferred: Side, counts: Record<Side, SideCount>): boolean {
  const other = otherOf(side);
  if (!counts[other].present) return false;
  if (side === preferred) return totals[other] > totals[side] * UNWATCHED;
  return totals[side] <= totals[other] * UNWATCHED;
}

function otherOf(side: Side): Side {
  return side === 'client' ? 'server' : 'client';
}
