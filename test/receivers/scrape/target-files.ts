/** @module Files of targets for receivers under test, and time that passes while they are read. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { OWNER, turns } from './harness.ts';

/** An empty folder until the test ends. */
export async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-scrape-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

/** The text of a file with one group of targets. */
export function fileOf(...addresses: string[]): string {
  return JSON.stringify([{ targets: addresses, labels: OWNER }]);
}

/** Moves the clock in small steps until `condition` holds; files are read between two steps. */
export async function until(advance: (ms: number) => void, condition: () => boolean): Promise<void> {
  while (!condition()) {
    advance(250);
    await turns(20);
  }
}
