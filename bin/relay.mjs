/**
 * @module Runs a child so that each signal meant for the whole reaches it once, whoever sent it and how often.
 *
 * Ctrl-C reaches every process of the terminal's foreground group, and npm forwards it once more; a `kill` reaches the
 * outermost process only, and npm forwards that. So the child gets a group of its own, which the terminal does not
 * signal, and this process passes on the first of what arrives.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Two equal signals closer than this are one: the second is npm's copy. */
const SAME_MS = 500;
const PARENT_LOOK_MS = 1_000;
const PASSED = ['SIGINT', 'SIGTERM', 'SIGQUIT'];

/**
 * Whether a signal that arrives at `nowMs` is passed on. Pure but for what it remembers.
 *
 * @returns {(signal: string, nowMs: number) => boolean}
 */
export function createOnce(sameMs = SAME_MS) {
  const last = new Map();
  return (signal, nowMs) => {
    const beforeMs = last.get(signal) ?? Number.NEGATIVE_INFINITY;
    last.set(signal, nowMs);
    return nowMs - beforeMs >= sameMs;
  };
}

/**
 * Spawns and resolves when the child has ended. `onOutput` takes its standard output, which otherwise is ours.
 * `lifeline` gives it an open pipe as descriptor 3 that ends with this process (see `lifeline.mjs`).
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, lifeline?: boolean, onOutput?: (piece: string) => void,
 *   limitMs?: number }} options
 * @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null, timedOut: boolean, interrupted: boolean }>}
 */
export function runChild(command, args, { cwd, env, lifeline = false, onOutput, limitMs }) {
  return new Promise((resolve, reject) => {
    const stdio = ['inherit', onOutput === undefined ? 'inherit' : 'pipe', 'inherit', ...(lifeline ? ['pipe'] : [])];
    // Signals are caught before there is a child: on a busy machine it may run long before `spawn` returns. Handlers only run
    // afterwards.
    const relay = relaySignals(() => child);
    const child = spawn(command, args, { cwd, env, stdio, detached: true });
    child.stdout?.setEncoding('utf8').on('data', onOutput);
    let timedOut = false;
    const limit =
      limitMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            signalGroup(child, 'SIGKILL');
          }, limitMs);
    const end = () => {
      clearTimeout(limit);
      relay.end();
    };
    child.on('error', (error) => {
      end();
      reject(error);
    });
    child.on('close', (code, signal) => {
      end();
      resolve({ code, signal, timedOut, interrupted: relay.interrupted() });
    });
  });
}

function relaySignals(childOf) {
  const isFirst = createOnce();
  let interrupted = false;
  const handlers = new Map();
  for (const signal of PASSED) {
    handlers.set(signal, () => {
      interrupted = true;
      if (isFirst(signal, performance.now())) signalGroup(childOf(), signal);
    });
  }
  let leftAlone = false;
  // The terminal or npm went away, and either may take the other with it: the child is to end in good order, told once.
  const endAlone = () => {
    if (!leftAlone) signalGroup(childOf(), 'SIGTERM');
    leftAlone = true;
  };
  handlers.set('SIGHUP', endAlone);
  handlers.set('SIGWINCH', () => signalGroup(childOf(), 'SIGWINCH'));
  handlers.set('SIGTSTP', () => {
    signalGroup(childOf(), 'SIGSTOP');
    process.kill(process.pid, 'SIGSTOP');
  });
  handlers.set('SIGCONT', () => signalGroup(childOf(), 'SIGCONT'));
  for (const [signal, handler] of handlers) process.on(signal, handler);
  const watch = watchParent(endAlone);
  return {
    interrupted: () => interrupted,
    end() {
      clearInterval(watch);
      for (const [signal, handler] of handlers) process.off(signal, handler);
    },
  };
}

/** Under npm, a shell between npm and us may die of a signal without passing it on, and npm may be killed hard. */
function watchParent(died) {
  if (process.env.npm_lifecycle_event === undefined) return undefined;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    died();
  }, PARENT_LOOK_MS);
  watch.unref();
  return watch;
}

function signalGroup(child, signal) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended already.
  }
}

/** Exit code of a shell for how a child ended: its own, or 128 plus the signal's number. */
export function exitCodeOf({ code, signal }) {
  return code ?? 128 + (constants.signals[signal] ?? 0);
}
