/**
 * @module Reading files that others write, and noticing when they change.
 *
 * Changes are found by reading again and comparing: it works on every file system, through the symbolic links that
 * Kubernetes swaps, and under a clock that tests own; watching by the kernel does neither reliably.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock, Timer } from '../clock/clock.ts';

/** What a file held, or why it could not be read. */
export type FileContent =
  | { readonly path: string; readonly text: string; readonly error: null }
  | { readonly path: string; readonly text: null; readonly error: string };

/** Text of a file of at most `maxBytes`. Never throws. */
export async function readTextFile(path: string, maxBytes: number): Promise<FileContent> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) return failed(path, `has ${size} bytes, more than the ${maxBytes} allowed`);
    return { path, text: await readFile(path, 'utf8'), error: null };
  } catch (error) {
    return failed(path, error instanceof Error ? error.message : String(error));
  }
}

/** Paths that match `pattern`, sorted: a plain path gives itself, one or more `*` in its last part are looked up. */
export async function expandPattern(pattern: string): Promise<string[]> {
  const name = basename(pattern);
  if (!name.includes('*')) return [pattern];
  const folder = dirname(pattern);
  const matcher = new RegExp(`^${name.split('*').map(escapeRegExp).join('[^/]*')}$`);
  try {
    const names = await readdir(folder);
    return names
      .filter((entry) => matcher.test(entry))
      .sort()
      .map((entry) => join(folder, entry));
  } catch {
    return [];
  }
}

/** Contents of all files that match `patterns`, each once, in order. */
export async function readPatterns(patterns: readonly string[], maxBytes: number): Promise<FileContent[]> {
  const paths = new Set<string>();
  for (const pattern of patterns) for (const path of await expandPattern(pattern)) paths.add(path);
  return Promise.all([...paths].map((path) => readTextFile(path, maxBytes)));
}

export interface FileWatch {
  /** Contents as last read. */
  readonly contents: readonly FileContent[];
  close(): void;
}

/**
 * Reads all files that match `patterns` now, then again every `intervalMs`, and calls `onChange` with all of them when
 * any text, error or set of paths differs. Resolves after the first reading, which does not call `onChange`.
 */
export async function watchFiles(
  clock: Clock,
  patterns: readonly string[],
  options: { readonly intervalMs: number; readonly maxBytes: number },
  onChange: (contents: readonly FileContent[]) => void,
): Promise<FileWatch> {
  let contents = await readPatterns(patterns, options.maxBytes);
  let timer: Timer | null = null;
  let closed = false;

  function arm(): void {
    timer = clock.after(options.intervalMs, () => void look());
  }
  async function look(): Promise<void> {
    const now = await readPatterns(patterns, options.maxBytes);
    if (closed) return;
    arm();
    if (sameContents(contents, now)) return;
    contents = now;
    onChange(now);
  }

  arm();
  return {
    get contents() {
      return contents;
    },
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}

function sameContents(a: readonly FileContent[], b: readonly FileContent[]): boolean {
  return (
    a.length === b.length &&
    a.every((file, i) => file.path === b[i]!.path && file.text === b[i]!.text && file.error === b[i]!.error)
  );
}

function failed(path: string, error: string): FileContent {
  return { path, text: null, error };
}

function escapeRegExp(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
}
