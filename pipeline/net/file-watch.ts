/**
 * @module Noticing that files changed: they are read again and compared, now and then and when the kernel tells of it.
 *
 * Reading again works on every file system and through the symbolic links that Kubernetes swaps; the kernel's word only
 * makes it prompt, and is missed on network file systems. Both wait through the `Clock`.
 */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock, Timer } from '../clock/clock.ts';
import { type FileContent, nameMatcher, readPatterns } from './files.ts';

/** Time (ms) between the kernel's word and the reading, in which whoever writes the file comes to its end. */
export const SETTLE_MS = 50;

export interface FileWatch {
  /** Contents as last read. */
  readonly contents: readonly FileContent[];
  close(): void;
}

export interface WatchOptions {
  /** Time between two readings without any event, milliseconds. */
  readonly intervalMs: number;
  readonly maxBytes: number;
  /** Called when the kernel tells of a change, which makes changes noticed at once; absent: only by the interval. */
  readonly onEvent?: () => void;
}

/**
 * Reads all files that match `patterns` now, then again every `intervalMs` (and `SETTLE_MS` after an event), and calls
 * `onChange` with all of them when any text, error or set of paths differs. Resolves after the first reading, which does
 * not call `onChange`.
 */
export async function watchFiles(
  clock: Clock,
  patterns: readonly string[],
  options: WatchOptions,
  onChange: (contents: readonly FileContent[]) => void,
): Promise<FileWatch> {
  const watch = new Watch(clock, patterns, options, onChange);
  await watch.start();
  return watch;
}

class Watch implements FileWatch {
  contents: readonly FileContent[] = [];
  readonly #clock: Clock;
  readonly #patterns: readonly string[];
  readonly #options: WatchOptions;
  readonly #onChange: (contents: readonly FileContent[]) => void;
  readonly #folders: WatchedFolder[];
  #poll: Timer | null = null;
  #settling: Timer | null = null;
  #reading = false;
  /** Something happened during a reading, which may have missed it. */
  #again = false;
  #closed = false;

  constructor(
    clock: Clock,
    patterns: readonly string[],
    options: WatchOptions,
    onChange: (contents: readonly FileContent[]) => void,
  ) {
    this.#clock = clock;
    this.#patterns = patterns;
    this.#options = options;
    this.#onChange = onChange;
    this.#folders = options.onEvent === undefined ? [] : foldersOf(patterns, () => this.#told());
  }

  /** Folders are watched before the first reading, so that no change falls between the two. */
  async start(): Promise<void> {
    for (const folder of this.#folders) folder.watch();
    this.contents = await readPatterns(this.#patterns, this.#options.maxBytes);
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    this.#poll?.cancel();
    this.#settling?.cancel();
    for (const folder of this.#folders) folder.close();
  }

  #arm(): void {
    if (this.#closed) return;
    this.#poll = this.#clock.after(this.#options.intervalMs, () => {
      this.#arm();
      for (const folder of this.#folders) folder.watch();
      void this.#look();
    });
  }

  #told(): void {
    if (this.#closed) return;
    this.#options.onEvent?.();
    this.#settling ??= this.#clock.after(SETTLE_MS, () => {
      this.#settling = null;
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    this.#again = this.#reading;
    if (this.#reading) return;
    this.#reading = true;
    const now = await readPatterns(this.#patterns, this.#options.maxBytes);
    this.#reading = false;
    if (this.#closed) return;
    if (!sameContents(this.contents, now)) {
      this.contents = now;
      this.#onChange(now);
    }
    if (this.#again) await this.#look();
  }
}

/** The kernel's watch on one folder; where there is none (yet), nothing is told. */
class WatchedFolder {
  readonly #path: string;
  readonly #isMeant: (name: string | null) => boolean;
  readonly #tell: () => void;
  #watcher: FSWatcher | null = null;

  constructor(path: string, isMeant: (name: string | null) => boolean, tell: () => void) {
    this.#path = path;
    this.#isMeant = isMeant;
    this.#tell = tell;
  }

  /** Begins to watch unless it does already. A folder that cannot be watched is left to the interval. */
  watch(): void {
    if (this.#watcher !== null) return;
    try {
      this.#watcher = watch(this.#path, { persistent: false }, (_event, name) => this.#hear(name));
      this.#watcher.on('error', () => this.close());
    } catch {
      this.close();
    }
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }

  /** When the folder itself was moved or removed, the watch follows the old one: it is made anew at the next reading. */
  #hear(name: string | null): void {
    if (name === basename(this.#path)) this.close();
    if (this.#isMeant(name)) this.#tell();
  }
}

/** One watch for each folder that holds files of `patterns`. */
function foldersOf(patterns: readonly string[], tell: () => void): WatchedFolder[] {
  const names = Map.groupBy(patterns, (pattern) => dirname(pattern));
  return [...names].map(([folder, held]) => {
    const matchers = held.map((pattern) => nameMatcher(basename(pattern)));
    return new WatchedFolder(folder, (name) => isMeant(name, basename(folder), matchers), tell);
  });
}

/** Names that begin with `..` are those that Kubernetes swaps behind the files of a volume. */
function isMeant(name: string | null, folder: string, matchers: readonly RegExp[]): boolean {
  return name === null || name === folder || name.startsWith('..') || matchers.some((matcher) => matcher.test(name));
}

function sameContents(a: readonly FileContent[], b: readonly FileContent[]): boolean {
  return (
    a.length === b.length &&
    a.every((file, i) => file.path === b[i]!.path && file.text === b[i]!.text && file.error === b[i]!.error)
  );
}
