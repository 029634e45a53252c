/** @module The meshes there are, by name. */
import { LinkerdCounters } from './linkerd/counters.ts';
import type { MeshCounters, ProcessOptions } from './mesh.ts';
import type { MeshName } from './topology.ts';

/** Counters of a new process of that mesh's proxy. */
export function createCounters(mesh: MeshName, options: ProcessOptions): MeshCounters {
  switch (mesh) {
    case 'linkerd':
      return new LinkerdCounters(options);
    case 'istio':
    case 'envoy':
      throw new Error(`no ${mesh} yet`);
  }
}
