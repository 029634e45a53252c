/** @module Where factories are found by kind and type; loaded on demand, so that unused components cost nothing. */
import type { AnyFactory, Kind } from './component.ts';

export interface Registry {
  /** Types of a kind, in alphabetical order. */
  types(kind: Kind): readonly string[];
  /** The factory, or null for a type that is not registered. */
  load(kind: Kind, type: string): Promise<AnyFactory | null>;
}

/** One registered component: how to import the module that exports its `factory`. */
export type Loader = () => Promise<{ readonly factory: AnyFactory }>;

/** A registry over a table of loaders. */
export function createRegistry(table: Readonly<Record<Kind, ReadonlyMap<string, Loader>>>): Registry {
  return {
    types: (kind) => [...table[kind].keys()].sort(),
    async load(kind, type) {
      const loader = table[kind].get(type);
      return loader === undefined ? null : (await loader()).factory;
    },
  };
}
