/** @module Works that may not be mixed, one after another in the order in which they were given. */

/** Not bounded by itself: each request is given once, and whoever takes requests bounds how many there are. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Settles as `work` does, which begins when all that was given before has ended, well or not, or has let go: then the
   * rest of it may be mixed.
   */
  run<T>(work: (letGo: () => void) => Promise<T>): Promise<T> {
    let letGo = () => {};
    const isFree = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const mine = this.#last.then(() => work(letGo));
    this.#last = Promise.race([isFree, mine.catch(() => undefined)]);
    return mine;
  }
}
