/**
 * @module Bodies in tiny pieces: after so many others have a turn, so that nobody's chunks of one byte hold the loop. libuv
 * alone would read on for 32 reads of 64 KiB, which is 350,000 such chunks.
 */
import type { Clock } from '../clock/clock.ts';

/** Pieces of one body after which others have a turn; those of 64 KiB make 16 MiB. */
const PIECES = 256;
/** What one read brought beyond them is paid for by a rest: so many pieces take 1 to 2 ms of the loop, and rest 1 ms. */
const PIECES_PER_REST_MS = 250;

/** Where bytes come from, as far as it can be made to wait; `resume` is told of whoever lets it go on. */
export interface Source {
  pause(): unknown;
  resume(): unknown;
  on(event: 'resume', listener: () => void): unknown;
  off(event: 'resume', listener: () => void): unknown;
}

/** Counts the pieces of a body. */
export class Crumbs {
  readonly #clock: Clock;
  readonly #source: Source;
  #pieces = 0;
  #isPaused = false;
  /** A request of Node's lets its socket go on whenever it has room, before the next read: what rests must rest on. */
  readonly #pauseAgain = () => void this.#source.pause();

  constructor(clock: Clock, source: Source) {
    this.#clock = clock;
    this.#source = source;
  }

  /**
   * A piece came. What has been read from the source already still comes, at most one read of it; then others have a turn,
   * for longer than it took where these were crumbs.
   */
  came(): void {
    this.#pieces += 1;
    if (this.#pieces < PIECES || this.#isPaused) return;
    this.#isPaused = true;
    this.#source.on('resume', this.#pauseAgain);
    this.#source.pause();
    this.#clock.after(0, () => this.#rest());
  }

  #rest(): void {
    const restMs = Math.floor((this.#pieces - PIECES) / PIECES_PER_REST_MS);
    if (restMs === 0) this.#resume();
    else this.#clock.after(restMs, () => this.#resume());
  }

  #resume(): void {
    this.#isPaused = false;
    this.#pieces = 0;
    this.#source.off('resume', this.#pauseAgain);
    this.#source.resume();
  }
}
