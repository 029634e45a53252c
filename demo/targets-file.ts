/**
 * @module The files through which the demo's pods are discovered: one of its own, and `demo/targets.json` for a Weir that
 * runs `config.yaml` beside it. Two demos in one checkout then never read each other's pods.
 */
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TargetGroup } from './proxies/serve.ts';

/** `demo/targets.json` of this checkout. */
export const TARGETS_FILE = fileURLToPath(new URL('targets.json', import.meta.url));

export interface TargetsFiles {
  /** The file only this demo writes. */
  readonly own: string;
  publish(targets: readonly TargetGroup[]): Promise<void>;
  /** Removes the own file; empties the shared one unless another demo has written it since. */
  close(): Promise<void>;
}

/** `shared` is the path others read. */
export async function createTargetsFiles(shared: string): Promise<TargetsFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-demo-'));
  const own = join(folder, 'targets.json');
  let last = '';
  return {
    own,
    async publish(targets) {
      last = textOf(targets);
      await replace(own, last);
      await replace(shared, last);
    },
    async close() {
      await rm(folder, { recursive: true, force: true });
      const present = await readFile(shared, 'utf8').catch(() => '');
      if (present === last) await replace(shared, textOf([]));
    },
  };
}

function textOf(targets: readonly TargetGroup[]): string {
  return `${JSON.stringify(targets, null, 2)}\n`;
}

/** In one step, so that no reader sees half of it. */
async function replace(file: string, text: string): Promise<void> {
  const draft = `${file}.new`;
  await writeFile(draft, text);
  await rename(draft, file);
}
