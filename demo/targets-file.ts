/**
 * @module The files through which the demo's pods are discovered, one for each mesh: some of its own, and
 * `demo/targets-<mesh>.json` for a Weir that runs `config.yaml` beside it. Two demos in one checkout then never read each
 * other's pods.
 */
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TargetGroup } from './proxies/serve.ts';
import type { MeshName } from './world/topology.ts';

/** `demo/` of this checkout, where `config.yaml` looks for targets. */
export const TARGETS_FOLDER = fileURLToPath(new URL('.', import.meta.url));
/** Meshes of the demo, in the order of its configuration. */
export const MESHES: readonly MeshName[] = ['linkerd', 'istio', 'envoy'];

export interface TargetsFiles {
  /** The file of a mesh that only this demo writes. */
  own(mesh: MeshName): string;
  publish(targetsOf: (mesh: MeshName) => readonly TargetGroup[]): Promise<void>;
  /** Removes the own files; empties each shared one unless another demo has written it since. */
  close(): Promise<void>;
}

/** `shared` is the folder in which others read. */
export async function createTargetsFiles(shared: string): Promise<TargetsFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-demo-'));
  const last = new Map<MeshName, string>();
  const fileIn = (place: string, mesh: MeshName) => join(place, `targets-${mesh}.json`);
  return {
    own: (mesh) => fileIn(folder, mesh),
    async publish(targetsOf) {
      for (const mesh of MESHES) {
        const text = textOf(targetsOf(mesh));
        if (last.get(mesh) === text) continue;
        last.set(mesh, text);
        await replace(fileIn(folder, mesh), text);
        await replace(fileIn(shared, mesh), text);
      }
    },
    async close() {
      await rm(folder, { recursive: true, force: true });
      for (const [mesh, text] of last) {
        const present = await readFile(fileIn(shared, mesh), 'utf8').catch(() => '');
        if (present === text) await replace(fileIn(shared, mesh), textOf([]));
      }
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
