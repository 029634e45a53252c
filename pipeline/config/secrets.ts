/** @module Which secrets a component's configuration holds, for those who must not show them. */
import { Secret } from './types.ts';

const DEEPEST = 8;
/** A shorter text would be found in any other. */
const SHORTEST = 4;

/** Texts to hide, the longest first: each secret, and of one such as `Bearer abc` the credential alone, too. O(config). */
export function secretsIn(config: unknown): string[] {
  const texts = new Set<string>();
  for (const secret of secretsOf(config, 0)) {
    for (const text of [secret, secret.split(/\s+/).at(-1) ?? '']) if (text.length >= SHORTEST) texts.add(text);
  }
  return [...texts].sort((a, b) => b.length - a.length);
}

function secretsOf(value: unknown, depth: number): string[] {
  if (value instanceof Secret) return [value.reveal()];
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return [];
  const inner = value instanceof Map ? [...value.values()] : Object.values(value);
  return inner.flatMap((one) => secretsOf(one, depth + 1));
}
