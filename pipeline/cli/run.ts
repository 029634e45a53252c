/** @module `weir run`: loads, starts, waits for a signal, drains. */
import { loadConfig } from '../config/load.ts';
import { renderProblems } from '../config/print.ts';
import { errorText } from '../errors.ts';
import { registry } from '../graph/registry.ts';
import { type CliContext, EXIT } from './context.ts';
import { durationMs } from './flags.ts';

export interface RunOptions {
  readonly config: readonly string[];
  /** Longest drain, as text. */
  readonly drainTimeout: string;
}

/** Drain after a defect: what can be saved is saved, but the process must end. */
const DEFECT_DRAIN_MS = 2000;

/** The exit code; resolves when everything is drained. */
export async function run(options: RunOptions, context: CliContext): Promise<number> {
  const drainMs = durationMs('--drain-timeout', options.drainTimeout);
  const { config, problems } = await loadConfig(options.config, { env: context.env, registry });
  context.err(renderProblems(problems));
  if (config === null) return EXIT.config;
  const stopAsked = firstSignal(context);
  try {
    // Only now: a configuration with errors must be told of at once.
    const { hostService } = await import('../graph/host.ts');
    const service = await hostService(config, { clock: context.clock });
    context.onDefect(() => service.stop(DEFECT_DRAIN_MS));
    await stopAsked;
    await service.stop(drainMs);
    return EXIT.ok;
  } catch (error) {
    context.err(`weir: could not start: ${errorText(error)}\n`);
    return EXIT.failed;
  }
}

/** Resolves at the first signal; a second one ends the process at once. */
function firstSignal(context: CliContext): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    context.onSignal((name) => {
      if (asked) context.exitNow(name === 'SIGINT' ? 130 : 143);
      asked = true;
      resolve();
    });
  });
}
