/** @module Entry of the program and the only file that may end the process: arguments in, exit code out. */
import { flushCompileCache } from 'node:module';
import manifest from '../package.json' with { type: 'json' };
import { runCli } from './cli/cli.ts';
import { EXIT, type SignalName } from './cli/context.ts';
import { systemClock } from './clock/clock.ts';
import { fitYoungSpace, holdYoungSpace } from './net/young-space.ts';

/** When everything that a start needs is compiled. */
const COMPILED_MS = 5000;
/** Longest wait for what is saved after a defect. */
const DEFECT_MS = 5000;
const SIGNALS: readonly SignalName[] = ['SIGINT', 'SIGTERM'];

const drains: (() => Promise<void>)[] = [];
let dying = false;

function onSignal(listener: (name: SignalName) => void): () => void {
  for (const name of SIGNALS) process.on(name, listener);
  return () => {
    for (const name of SIGNALS) process.off(name, listener);
  };
}

/** A defect: told with its stack, what can be saved is saved, and the process ends. */
function onDefect(error: unknown): void {
  process.stderr.write(
    `weir: this is a defect, please report it\n${error instanceof Error ? error.stack : String(error)}\n`,
  );
  if (dying) process.exit(EXIT.defect);
  dying = true;
  systemClock.after(DEFECT_MS, () => process.exit(EXIT.defect));
  Promise.allSettled(drains.map((drain) => drain())).then(() => process.exit(EXIT.defect));
}

/** A reader that went away (`weir edges | head -1`) is no failure. */
function onOutputError(error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed);
}

/** Milliseconds of CPU that the process has used, all threads. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** How long (ms) a `run` that was drained waits for who reads its output. */
const READER_MS = 3000;

/**
 * Ends only when everything written has left the process. A pager may take its time with what a command prints; a reader of
 * `run` that stands still must not keep it from ending.
 */
function exitFlushed(code: number): void {
  if (process.argv[2] === 'run') systemClock.after(READER_MS, () => process.exit(code));
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}

// Other commands are over before it matters.
if (process.argv[2] === 'run') holdYoungSpace();
// Also a process that is killed leaves what was compiled at its start to the next one.
systemClock.after(COMPILED_MS, flushCompileCache);
process.stdout.on('error', onOutputError);
process.stderr.on('error', () => {});
process.on('uncaughtException', onDefect);
process.on('unhandledRejection', onDefect);

runCli(process.argv.slice(2), {
  env: process.env,
  clock: systemClock,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  terminal: process.stdout,
  version: manifest.version,
  isTty: process.stdout.isTTY === true,
  onSignal,
  onDefect: (drain) => drains.push(drain),
  onStarted: (config) => fitYoungSpace(config, systemClock, cpuMs),
  exitNow: (code) => process.exit(code),
}).then(exitFlushed, onDefect);
