/** @module The configuration as a tree that remembers where each value was written, across merged files. */
import type { Place } from './source.ts';

export interface ScalarTree {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  readonly at: Place;
  /** Text as written, for values that came from the environment and must not be printed. */
  readonly raw: string;
  /** Names of the variables that were put in. */
  readonly variables: readonly string[];
  /** A reference in it failed and was reported; nothing else is said about it. */
  readonly broken: boolean;
  /** Its key is a secret's. */
  readonly secret: boolean;
}
export interface ListTree {
  readonly kind: 'list';
  readonly items: readonly Tree[];
  readonly at: Place;
}
export interface Entry {
  readonly key: string;
  readonly keyAt: Place;
  readonly value: Tree;
}
export interface MapTree {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, Entry>;
  readonly at: Place;
}
export type Tree = ScalarTree | ListTree | MapTree;

export type Path = readonly (string | number)[];

/** What stands at a path; `exact` false: the path ends earlier, and this is the nearest thing above it. */
export interface Found {
  readonly tree: Tree;
  /** Key of the found value where it has one. */
  readonly keyAt: Place | null;
  readonly exact: boolean;
}

/** Walks down as far as the path exists. */
export function findAt(tree: Tree, path: Path): Found {
  let found: Found = { tree, keyAt: null, exact: true };
  for (const step of path) {
    const next = childOf(found.tree, step);
    if (next === null) return { ...found, exact: false };
    found = { tree: next.value, keyAt: next.keyAt, exact: true };
  }
  return found;
}

function childOf(tree: Tree, step: string | number): { value: Tree; keyAt: Place | null } | null {
  if (tree.kind === 'map') return tree.entries.get(String(step)) ?? null;
  if (tree.kind !== 'list' || typeof step !== 'number') return null;
  const value = tree.items[step];
  return value === undefined ? null : { value, keyAt: null };
}

/** Entry of a map, or null. */
export function entryOf(tree: Tree | null, key: string): Entry | null {
  return tree?.kind === 'map' ? (tree.entries.get(key) ?? null) : null;
}

/** True for a key with nothing after its colon. */
export function isNull(tree: Tree): boolean {
  return tree.kind === 'scalar' && tree.value === null;
}

/** `receivers.linkerd.static_configs[0].targets`. */
export function pathText(path: Path): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
}

/** Maps merge deep, everything else is replaced by the later one (OpenTelemetry Collector, `confmap`). */
export function mergeTrees(earlier: Tree, later: Tree): Tree {
  if (earlier.kind !== 'map' || later.kind !== 'map') return later;
  const entries = new Map(earlier.entries);
  for (const [key, entry] of later.entries) {
    const before = entries.get(key);
    entries.set(key, before === undefined ? entry : { ...entry, value: mergeTrees(before.value, entry.value) });
  }
  return { kind: 'map', entries, at: later.at };
}

/** Plain value for a schema. Objects have no prototype. `retyped` gives scalars another value than their own. */
export function toPlain(tree: Tree, retyped?: ReadonlyMap<ScalarTree, unknown>): unknown {
  switch (tree.kind) {
    case 'scalar':
      return retyped?.has(tree) ? retyped.get(tree) : tree.value;
    case 'list':
      return tree.items.map((item) => toPlain(item, retyped));
    case 'map': {
      const object: Record<string, unknown> = Object.create(null);
      for (const [key, entry] of tree.entries) object[key] = toPlain(entry.value, retyped);
      return object;
    }
  }
}
