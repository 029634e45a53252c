/** @module The meshes there are, by name. */
import { EnvoyCounters } from './envoy/counters.ts';
import { IstioCounters } from './istio/counters.ts';
import { LinkerdCounters } from './linkerd/counters.ts';
import type { MeshCounters, ProcessOptions } from './mesh.ts';
import type { MeshName } from './topology.ts';

/** Counters of a new process of that mesh's proxy. */
export function createCounters(mesh: MeshName, options: ProcessOptions): MeshCounters {
  switch (mesh) {
    case 'linkerd':
      return new LinkerdCounters(options);
    case 'istio':
      return new IstioCounters(options);
    case 'envoy':
      return new EnvoyCounters(options);
  }
}
