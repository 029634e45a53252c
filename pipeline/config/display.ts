/** @module Values of a configuration as they may stand in a message. */
import type { ScalarTree, Tree } from './tree.ts';

const LONGEST_VALUE = 60;

/** The value as it may be printed: quoted, cut, never a secret and never what the environment holds. */
export function display(tree: Tree): string {
  if (tree.kind === 'map') return 'a mapping';
  if (tree.kind === 'list') return tree.items.length === 0 ? 'an empty list' : 'a list';
  if (tree.secret) return '***';
  if (tree.variables.length > 0) return tree.raw.replace(/^["']|["']$/g, '');
  if (typeof tree.value !== 'string') return String(tree.value);
  const { value } = tree;
  return `"${value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE - 1)}…` : value}"`;
}

/** A schema's message without the values that may not be printed. */
export function hide(message: string, tree: Tree): string {
  let text = message;
  for (const scalar of scalarsOf(tree)) {
    const value = String(scalar.value ?? '');
    if (value === '' || (!scalar.secret && scalar.variables.length === 0)) continue;
    text = text.replaceAll(value, () => display(scalar));
  }
  return text;
}

function scalarsOf(tree: Tree): ScalarTree[] {
  if (tree.kind === 'scalar') return [tree];
  if (tree.kind === 'list') return tree.items.flatMap(scalarsOf);
  return [...tree.entries.values()].flatMap((entry) => scalarsOf(entry.value));
}
