/** @module Runs the real program as a child process, or one command in this process, and collects what it prints. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { runCli } from '../../pipeline/cli/cli.ts';
import { systemClock } from '../../pipeline/clock/clock.ts';

const MAIN = fileURLToPath(new URL('../../pipeline/main.ts', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves when standard error (or output) holds `text`; rejects when the process ends before. */
  printed(text: string | RegExp): Promise<void>;
}

export interface CliSettings {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

/** Starts `weir args…` with a small environment of its own. */
export function startCli(args: readonly string[], settings: CliSettings = {}): RunningCli {
  const env = { PATH: process.env.PATH ?? '', ...settings.env };
  const flags = ['--disable-warning=ExperimentalWarning', MAIN, ...args];
  const child = spawn(process.execPath, flags, { env, cwd: settings.cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = { out: '', err: '' };
  const waiting = new Set<() => void>();
  for (const [stream, name] of [
    [child.stdout, 'out'],
    [child.stderr, 'err'],
  ] as const) {
    stream?.setEncoding('utf8').on('data', (piece: string) => {
      printed[name] += piece;
      for (const look of waiting) look();
    });
  }
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, ...printed }));
  });
  return {
    child,
    finished,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!holds(printed.err, text) && !holds(printed.out, text)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
        finished.then(
          () => reject(new Error(`ended without printing "${text}":\n${printed.err}${printed.out}`)),
          reject,
        );
      }),
  };
}

function holds(printed: string, text: string | RegExp): boolean {
  return typeof text === 'string' ? printed.includes(text) : text.test(printed);
}

/** The process drained and ended well, and its last word is that nothing is unaccounted for. */
export function assertStoppedWhole(t: ExecutionContext, { code, err }: Finished): void {
  t.is(code, 0, err);
  const last = err.trimEnd().split('\n').at(-1) ?? '';
  t.regex(last, /\bstopped\b.*\bunaccounted"?[=:]0\b/, err);
}

/** Runs to the end. */
export function runWeir(args: readonly string[], settings: CliSettings = {}): Promise<Finished> {
  return startCli(args, settings).finished;
}

/** Runs a command in this process, which is faster; signals and the process's own streams are not part of it. */
export async function callWeir(args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
  let out = '';
  let err = '';
  const code = await runCli(args, {
    env,
    clock: systemClock,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    terminal: process.stdout,
    version: '0.0.0-test',
    isTty: false,
    onSignal: () => () => {},
    onDefect: () => {},
    exitNow: () => {},
  });
  return { code, signal: null, out, err };
}
