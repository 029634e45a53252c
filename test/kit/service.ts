/** @module Servers that tests need and that cannot be had everywhere. */
import type { ExecutionContext } from 'ava';
import { ServiceUnavailable } from '../../bin/services.mjs';
import { skipLine } from '../../bin/tap.mjs';

/**
 * What `ensure` sets up. Null when it cannot be had here: the test then counts as skipped and should return. With `CI=true`
 * that is a failure.
 */
export async function serviceFor<Installation>(
  t: ExecutionContext,
  name: string,
  ensure: (say: (line: string) => void) => Promise<Installation>,
): Promise<Installation | null> {
  try {
    return await ensure((line) => console.log(line));
  } catch (error) {
    if (!(error instanceof ServiceUnavailable) || process.env.CI === 'true') throw error;
    // The first line a test logs makes `npm test` count it as skipped.
    t.log(skipLine(t.title, `no ${name}: ${error.message}`));
    t.pass();
    return null;
  }
}
