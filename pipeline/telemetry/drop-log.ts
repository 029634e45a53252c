/**
 * @module Lines about drops that do not flood the log and yet add up: the first drop is told at once, those that follow
 * together when 30 s have passed, whether or not another one comes.
 */
import type { Clock, Timer } from '../clock/clock.ts';

const EVERY_MS = 30_000;
/** Keys remembered at most; of the one longest silent what is unsaid is told, and its total forgotten. */
const KEYS = 1000;

/** What one line has to tell of a key. */
export interface ToldDrops<Detail> {
  readonly key: string;
  /** Items, and drops of them, since the last line. */
  readonly items: number;
  readonly times: number;
  /** Items in all, these included. The sum of `items` of all lines of the key. */
  readonly total: number;
  /** Of the last drop, or what `join` made of all of them. */
  readonly detail: Detail;
}

export interface DropLog<Detail> {
  /** Costs nothing for 0 items. */
  dropped(key: string, items: number, detail: Detail): void;
  /** Tells what is unsaid. No timer is set any more: a drop that still comes is told at once. */
  end(): void;
}

export interface DropLogOptions<Detail> {
  /** What is told of two drops together. Default: of the later one. */
  readonly join?: (before: Detail, now: Detail) => Detail;
  readonly everyMs?: number;
  readonly keys?: number;
}

interface Unsaid<Detail> {
  items: number;
  times: number;
  detail: Detail;
}

interface Entry<Detail> {
  total: number;
  unsaid: Unsaid<Detail> | null;
  /** Runs while nothing more is told of the key. */
  timer: Timer | null;
}

/** A log of its own for each place that drops; `tell` writes the line. Bounded; its timers keep no process alive. */
export function createDropLog<Detail>(
  clock: Clock,
  tell: (told: ToldDrops<Detail>) => void,
  { join = (_before, now) => now, everyMs = EVERY_MS, keys = KEYS }: DropLogOptions<Detail> = {},
): DropLog<Detail> {
  const entries = new Map<string, Entry<Detail>>();
  let isEnded = false;

  function say(key: string, entry: Entry<Detail>): void {
    const { unsaid, total } = entry;
    entry.unsaid = null;
    if (unsaid !== null) tell({ key, ...unsaid, total });
  }

  function rest(key: string, entry: Entry<Detail>): void {
    if (isEnded) return;
    entry.timer = clock.after(everyMs, () => {
      entry.timer = null;
      if (entry.unsaid === null) return;
      say(key, entry);
      rest(key, entry);
    });
    entry.timer.unref?.();
  }

  /** Set anew each time: a Map keeps the order of insertion, so the first key is the one longest silent. */
  function touched(key: string): Entry<Detail> {
    const entry = entries.get(key) ?? { total: 0, unsaid: null, timer: null };
    entries.delete(key);
    entries.set(key, entry);
    if (entries.size > keys) forgetOldest();
    return entry;
  }

  function forgetOldest(): void {
    for (const [key, entry] of entries) {
      entries.delete(key);
      entry.timer?.cancel();
      say(key, entry);
      return;
    }
  }

  return {
    dropped(key, items, detail) {
      if (items === 0) return;
      const entry = touched(key);
      entry.total += items;
      const { unsaid } = entry;
      entry.unsaid =
        unsaid === null
          ? { items, times: 1, detail }
          : { items: unsaid.items + items, times: unsaid.times + 1, detail: join(unsaid.detail, detail) };
      if (entry.timer !== null) return;
      say(key, entry);
      rest(key, entry);
    },
    end() {
      isEnded = true;
      for (const [key, entry] of entries) {
        entry.timer?.cancel();
        entry.timer = null;
        say(key, entry);
      }
    },
  };
}
