/** @module `weir run`: loads, starts, waits for a signal, drains. */
import type { CheckedConfig } from '../config/checked.ts';
import { loadConfig } from '../config/load.ts';
import { renderProblems } from '../config/print.ts';
import { codeOf, errorText } from '../errors.ts';
import { registry } from '../graph/registry.ts';
import type { Service } from '../graph/service.ts';
import type { Waiting } from '../graph/waiting.ts';
import { type CliContext, EXIT } from './context.ts';
import { durationMs } from './flags.ts';
import { terminalText } from './text.ts';

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
  let waiting = (): readonly Waiting[] => [];
  const stopAsked = firstSignal(context, () => waiting());
  const service = await start(config, context);
  if (service === null) return EXIT.failed;
  waiting = () => service.waiting();
  context.onStarted?.(config);
  context.onDefect(() => service.stop(DEFECT_DRAIN_MS));
  await stopAsked;
  await service.stop(drainMs);
  return EXIT.ok;
}

/** The running service; null after telling why it did not start. */
async function start(config: CheckedConfig, context: CliContext): Promise<Service | null> {
  try {
    // Only now: a configuration with errors must be told of at once.
    const { hostService } = await import('../graph/host.ts');
    return await hostService(config, { clock: context.clock });
  } catch (error) {
    if (isDefect(error)) throw error;
    context.err(`weir: could not start: ${terminalText(errorText(error))}\n`);
    return null;
  }
}

/** Programming errors keep their stack; everything else that a start throws is a fault of the surroundings. */
function isDefect(error: unknown): boolean {
  const programming = [TypeError, RangeError, ReferenceError, SyntaxError].some((type) => error instanceof type);
  return programming && codeOf(error) === '';
}

/** Resolves at the first signal; a second one ends the process at once, and tells what is lost by that. */
function firstSignal(context: CliContext, waiting: () => readonly Waiting[]): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    context.onSignal((name) => {
      if (asked) {
        context.err(`weir: ended at the second ${name}; not handed on: ${terminalText(lostText(waiting()))}\n`);
        context.exitNow(name === 'SIGINT' ? 130 : 143);
      }
      asked = true;
      resolve();
    });
  });
}

/** Not `waitingText`: the graph is loaded only where one is started. */
function lostText(waiting: readonly Waiting[]): string {
  const told = waiting.map(({ component, items }) => `${items} items in ${component}`);
  return told.length === 0 ? 'nothing' : told.join(', ');
}
