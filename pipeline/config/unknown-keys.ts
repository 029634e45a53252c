/** @module Keys that a schema does not know, taken out of a value. */
import type { z } from 'zod';
import { collectorKeyMend } from './collector.ts';
import { step } from './flat-issues.ts';
import { nearest } from './nearest.ts';
import { keysAt, type Shape } from './shape.ts';
import type { Path } from './tree.ts';

type Issue = z.core.$ZodIssue;

/**
 * Takes out of `value` the unknown keys that `issues` tell of. False, and nothing is taken out, when something else is wrong
 * as well, or when a key resembles one that is known, so that it is likely to be meant. `base`: path of `value` in the whole
 * configuration.
 */
export function dropUnknown(value: unknown, issues: readonly Issue[], shape: Shape, base: Path): boolean {
  if (
    !issues.every(
      (issue) => issue.code === 'unrecognized_keys' && !issue.keys.some((key) => isMeant(issue, key, shape, base)),
    )
  )
    return false;
  for (const issue of issues) {
    const holder = issue.path.reduce(inside, value);
    if (issue.code !== 'unrecognized_keys' || typeof holder !== 'object' || holder === null) return false;
    for (const key of issue.keys) Reflect.deleteProperty(holder, key);
  }
  return true;
}

function isMeant({ path }: Issue, key: string, shape: Shape, base: Path): boolean {
  const steps = path.map(step);
  if (collectorKeyMend([...base, ...steps, key]) !== null) return false;
  // A key with a colon is `key:value` without its space.
  return key.includes(':') || nearest(key, keysAt(shape, steps)) !== null;
}

function inside(value: unknown, part: PropertyKey): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
  return Reflect.get(value, part);
}
