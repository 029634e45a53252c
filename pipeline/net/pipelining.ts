/** @module Clients that send request after request without waiting for answers: each gets so many, then its connection ends. */
import type { Clock } from '../clock/clock.ts';

/**
 * Requests of one connection in one turn of the event loop. Who waits for answers sends one; a piece of 64 KiB holds 500
 * small ones, which together would hold the loop.
 */
const MOST_IN_A_TURN = 32;

/** How many requests each connection has sent in the turn at hand. */
export class Pipelining {
  readonly #clock: Clock;
  readonly #requests = new Map<object, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a request; true when it is the last one that its connection may send. */
  isLast(connection: object): boolean {
    if (this.#requests.size === 0) this.#clock.after(0, () => this.#requests.clear());
    const requests = (this.#requests.get(connection) ?? 0) + 1;
    this.#requests.set(connection, requests);
    return requests >= MOST_IN_A_TURN;
  }
}
