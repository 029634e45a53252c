/** @module What a command may use of the process: nothing here is global, so that each command can be tested. */
import type { Clock } from '../clock/clock.ts';
import type { CheckedConfig } from '../config/checked.ts';

/** Exit codes of the command line (design §5). */
export const EXIT = { ok: 0, failed: 1, usage: 2, warnings: 3, defect: 70, config: 78 } as const;

export type SignalName = 'SIGINT' | 'SIGTERM';

export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Data. */
  readonly out: (text: string) => void;
  /** Everything else. */
  readonly err: (text: string) => void;
  /** What `out` writes to, for full-screen output. */
  readonly terminal: NodeJS.WriteStream;
  readonly version: string;
  /** Whether `out` is a terminal. */
  readonly isTty: boolean;
  /** Calls back at each signal until the returned function is called; until then none ends the process. */
  readonly onSignal: (listener: (name: SignalName) => void) => () => void;
  /** Called before the process ends because of a defect, with a short deadline. */
  readonly onDefect: (drain: () => Promise<void>) => void;
  /** Told once a service runs, with what it was made from. */
  readonly onStarted?: (config: CheckedConfig) => void;
  /** Ends the process at once. */
  readonly exitNow: (code: number) => void;
}

/** A mistake in the arguments that only shows once a command reads them: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
