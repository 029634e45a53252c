/** @module Files of a test that are no files: what one life leaves to the next, and what goes wrong with it. */
import { type StateFile, TooLarge } from '../../pipeline/net/state-file.ts';

export class StateFiles {
  /** By path. */
  readonly texts = new Map<string, string>();
  /** Lives that claimed a file last, by path. */
  readonly owners = new Map<string, string>();
  /** What fails, and with what. */
  readonly failures = new Map<keyof StateFile, Error>();

  readonly open = (path: string, maxBytes: number): StateFile => ({
    read: async () => {
      this.#fail('read');
      const text = this.texts.get(path) ?? null;
      if (text !== null && text.length > maxBytes) throw new TooLarge(`it has ${text.length} bytes`);
      return text;
    },
    remove: async () => {
      this.#fail('remove');
      this.texts.delete(path);
    },
    check: async () => this.#fail('check'),
    write: async (text) => {
      this.#fail('write');
      this.texts.set(path, text);
    },
    claim: async (life) => {
      this.#fail('claim');
      this.owners.set(path, life);
    },
    owner: async () => {
      this.#fail('owner');
      return this.owners.get(path) ?? null;
    },
    release: async (life) => {
      this.#fail('release');
      if (this.owners.get(path) === life) this.owners.delete(path);
    },
  });

  #fail(what: keyof StateFile): void {
    const error = this.failures.get(what);
    if (error !== undefined) throw error;
  }
}
