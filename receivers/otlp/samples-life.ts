/** @module What points tell of the process behind a proxy, as far as the pages that are made of them depend on it. */
import type { SeriesRole } from './samples-series.ts';

/** Starts (seconds since the epoch) that differ by no more are the same. */
const SAME_START_SECONDS = 1;

/** `smi` decides which pages are of a new life; this finds those that may be, so that they hold nothing of the old one. */
export class PageLife {
  readonly #lagMs: number;
  readonly #last = new Map<SeriesRole, number>();
  /** Earliest engine time (ms) at which the process can have begun; -Infinity while nothing tells it. */
  startMs = Number.NEGATIVE_INFINITY;

  /** How far behind uptimes may be, ms. */
  constructor(lagMs: number) {
    this.#lagMs = lagMs;
  }

  /** Whether the proxy tells of its process at all. */
  get isTold(): boolean {
    return this.#last.has('start') || this.#last.has('uptime');
  }

  /** Reads a value that stood at `atMs`; true when it is of another process than the one before. */
  read(role: SeriesRole, value: number, atMs: number): boolean {
    if (!Number.isFinite(value) || value < 0) return false;
    const before = this.#last.get(role);
    this.#last.set(role, value);
    if (role === 'start') this.startMs = value * 1000;
    else if (role === 'uptime' && !this.#last.has('start')) this.startMs = atMs - value * 1000 - this.#lagMs;
    if (before === undefined) return false;
    if (role === 'start') return Math.abs(value - before) > SAME_START_SECONDS;
    return role === 'uptime' ? value < before : value !== before;
  }
}
