/** @module The files of this repository, as tests of its shape see them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What git ignores and a walk must, too. */
const IGNORED = new Set(['node_modules', '.git', '.services', '.setup']);

/** Paths from the root, with `/`, of all files that belong to the repository, committed or not yet; sorted. */
export function repositoryFiles(): string[] {
  const files = existsSync(join(ROOT, '.git')) ? gitFiles() : walk(ROOT);
  return files.filter((path) => existsSync(join(ROOT, path))).sort();
}

export function readRepositoryFile(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function gitFiles(): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const output = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 * 2 ** 20 });
  return [...new Set(output.split('\0').filter((path) => path !== ''))];
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (IGNORED.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(path) : [relative(ROOT, path).split(sep).join('/')];
  });
}
