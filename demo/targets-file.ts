/** @module The file through which the demo's pods are discovered. */
import { rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { TargetGroup } from './proxies/serve.ts';

/** `demo/targets.json` of this checkout. */
export const TARGETS_FILE = fileURLToPath(new URL('targets.json', import.meta.url));

/** Replaces the file in one step, so that no reader sees half of it. */
export async function writeTargets(file: string, targets: readonly TargetGroup[]): Promise<void> {
  const draft = `${file}.new`;
  await writeFile(draft, `${JSON.stringify(targets, null, 2)}\n`);
  await rename(draft, file);
}
