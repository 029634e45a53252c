/** @module Issues that a schema raised: those of unions as one list, and which only follow from others. */
import type { z } from 'zod';
import { nearest } from './nearest.ts';
import { keysAt, type Shape } from './shape.ts';
import { type Path, pathText } from './tree.ts';

type Issue = z.core.$ZodIssue;

/** A part of an issue's path as a step of ours. */
export function step(part: PropertyKey): string | number {
  return typeof part === 'number' ? part : String(part);
}

/** A union's issues are those of the alternative that was understood furthest. */
export function flatten(issue: Issue, prefix: Path): Issue[] {
  const path = [...prefix, ...issue.path.map(step)];
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [{ ...issue, path }];
  const shallow = issue.errors.every((errors) => errors.every(isAboutWhole));
  if (shallow) return [{ ...issue, path }];
  const best = [...issue.errors].sort((a, b) => understood(b) - understood(a))[0] ?? [];
  return best.length === 0 ? [{ ...issue, path }] : best.flatMap((inner) => flatten(inner, path));
}

/** Whether an alternative failed on the value as such, and not on something inside it. */
function isAboutWhole(issue: Issue): boolean {
  return issue.path.length === 0 && issue.code !== 'unrecognized_keys' && issue.code !== 'custom';
}

function understood(issues: readonly Issue[]): number {
  const wrongKind = issues.some((issue) => issue.path.length === 0 && issue.code === 'invalid_type');
  return wrongKind ? -1 : Math.max(0, ...issues.map((issue) => issue.path.length)) - issues.length / 1000;
}

/** What an unknown key that is reported already brings about: its right spelling is missing, or the whole is judged without it. */
export function isEcho(issue: Issue, issues: readonly Issue[], shape: Shape): boolean {
  if (issue.code === 'custom') return hasUnknownKey(issue.path.map(step), issues);
  const name = issue.path.at(-1);
  if (issue.code !== 'invalid_type' || typeof name !== 'string') return false;
  const parent = issue.path.slice(0, -1);
  return issues.some(
    (other) =>
      other.code === 'unrecognized_keys' &&
      pathText(other.path.map(step)) === pathText(parent.map(step)) &&
      other.keys.some((key) => nearest(key, keysAt(shape, parent.map(step))) === name),
  );
}

function hasUnknownKey(path: Path, issues: readonly Issue[]): boolean {
  return issues.some(
    (other) => other.code === 'unrecognized_keys' && pathText(other.path.map(step)) === pathText(path),
  );
}
