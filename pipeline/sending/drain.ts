/** @module How sending ends: draining begins once, and is over at a deadline or when the peer asks for too much time. */

export class Drain {
  readonly #begun = new AbortController();
  readonly #over = new AbortController();
  #stopped: Promise<void> | null = null;
  #error = 'the deadline of the shutdown came first';

  /** Aborted when draining begins: waits are cut short. */
  get begun(): AbortSignal {
    return this.#begun.signal;
  }

  /** Aborted when nothing more is tried. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Whether `stop` was called. */
  get isStopped(): boolean {
    return this.#stopped !== null;
  }

  /** Why what is left stays unsent, for people. */
  get error(): string {
    return this.#error;
  }

  /** Runs `drain`, the first time only, and resolves with it; at `deadline` nothing more is tried. */
  async stop(deadline: AbortSignal, drain: () => Promise<void>): Promise<void> {
    this.#stopped ??= drain();
    const end = () => this.#over.abort();
    if (deadline.aborted) end();
    deadline.addEventListener('abort', end, { once: true });
    await this.#stopped;
    deadline.removeEventListener('abort', end);
  }

  begin(): void {
    this.#begun.abort();
  }

  /** The peer asks to be left alone for longer than a shutdown has. */
  giveUp(): void {
    this.#error = 'the peer asks for a longer wait than a shutdown has';
    this.#over.abort();
  }
}
