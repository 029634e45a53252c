/** @module Keeps repeated occurrences from flooding the log: the first is told, then one every 30 s with the count. */
import type { Clock } from '../clock/clock.ts';

const EVERY_MS = 30_000;
/** Keys remembered at most; the one longest silent is forgotten first. */
const KEYS = 1000;

export interface OccurrenceLimit {
  /**
   * Counts one occurrence of `key`. Returns 0 when it should stay unsaid, otherwise how many occurred since the last one
   * told, this one included.
   */
  occurred(key: string): number;
  /** Ends `key`, so that its next occurrence is told at once. Returns how many stayed unsaid. */
  ended(key: string): number;
}

interface Held {
  toldMs: number;
  unsaid: number;
}

/** A limit of its own for each place that logs. No timers: what stayed unsaid is told with the next one, or by `ended`. */
export function createOccurrenceLimit(clock: Clock, everyMs = EVERY_MS, keys = KEYS): OccurrenceLimit {
  const held = new Map<string, Held>();
  return {
    occurred(key) {
      const nowMs = clock.monoMs();
      const entry = held.get(key);
      // Set anew each time: a Map keeps the order of insertion, so the first key is the one longest silent.
      held.delete(key);
      if (entry === undefined || nowMs - entry.toldMs >= everyMs) {
        held.set(key, { toldMs: nowMs, unsaid: 0 });
        forgetOldest(held, keys);
        return (entry?.unsaid ?? 0) + 1;
      }
      entry.unsaid += 1;
      held.set(key, entry);
      return 0;
    },
    ended(key) {
      const unsaid = held.get(key)?.unsaid ?? 0;
      held.delete(key);
      return unsaid;
    },
  };
}

function forgetOldest(held: Map<string, Held>, keys: number): void {
  if (held.size <= keys) return;
  for (const key of held.keys()) {
    held.delete(key);
    return;
  }
}
