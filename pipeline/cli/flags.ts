/** @module Values of flags. */
import { parseGoDuration } from '../wire/duration.ts';
import { UsageError } from './context.ts';

/** Milliseconds of a flag's value; throws `UsageError`. */
export function durationMs(flag: string, text: string): number {
  const ns = parseGoDuration(text);
  if (ns === null || ns <= 0n) throw new UsageError(`${flag} ${text}: expected a duration such as 2s or 500ms`);
  return Number(ns) / 1e6;
}
