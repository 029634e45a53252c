/** @module At most so many unscheduled scrapes at once: a discovery of thousands makes no storm of connections. */

export class Gate {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs `work` when there is room, in order of arrival; work that `isWanted` no longer wants is passed over. */
  async run(work: () => Promise<void>, isWanted: () => boolean): Promise<void> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      if (isWanted()) await work();
    } finally {
      this.#leave();
    }
  }

  /** Hands the place on, or frees it. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
