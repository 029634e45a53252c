/** @module Reading files that others write. `file-watch.ts` notices when they change. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

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

/** Text of a file of at most `maxBytes`; throws what the file system says, with its code, or that it is too large. */
export async function readWholeFile(path: string, maxBytes: number): Promise<string> {
  const { size } = await stat(path);
  if (size > maxBytes) throw new Error(`it has ${size} bytes, more than ${maxBytes}`);
  return readFile(path, 'utf8');
}

/** Paths that match `pattern`, sorted: a plain path gives itself, one or more `*` in its last part are looked up. */
export async function expandPattern(pattern: string): Promise<string[]> {
  const name = basename(pattern);
  if (!name.includes('*')) return [pattern];
  const folder = dirname(pattern);
  const matcher = nameMatcher(name);
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

/** Matches the names that `name`, which may hold `*`, stands for. */
export function nameMatcher(name: string): RegExp {
  return new RegExp(`^${name.split('*').map(escapeRegExp).join('[^/]*')}$`);
}

/** Contents of all files that match `patterns`, each once, in order; last, as an error, what no file matches. */
export async function readPatterns(patterns: readonly string[], maxBytes: number): Promise<FileContent[]> {
  const paths = new Set<string>();
  const unmatched = new Set<string>();
  for (const pattern of patterns) {
    const found = await expandPattern(pattern);
    for (const path of found) paths.add(path);
    if (found.length === 0) unmatched.add(pattern);
  }
  const contents = await Promise.all([...paths].map((path) => readTextFile(path, maxBytes)));
  return [...contents, ...[...unmatched].map((pattern) => failed(pattern, 'no file matches this pattern'))];
}

function failed(path: string, error: string): FileContent {
  return { path, text: null, error };
}

function escapeRegExp(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
}
