/** @module Works that may not be mixed, one after another in the order in which they were given. */

/** Not bounded by itself: each request is given once, and whoever takes requests bounds how many there are. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();

  /** Settles as `work` does, which begins when all that was given before has ended, well or not. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}
