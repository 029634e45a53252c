/** @module `weir demo`: hands over to the demo, which a checkout has. */
import { runDemo } from '../../demo/demo.ts';
import type { CliContext } from './context.ts';

/** The demo's exit code. The first signal ends it well, a second one at once. */
export function demo(args: readonly string[], context: CliContext): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let asked = false;
  context.onSignal(() => {
    if (asked) context.exitNow(130);
    asked = true;
    resolve();
  });
  return runDemo([...args], { output: context.terminal, writeError: context.err, env: context.env, stopped: promise });
}
