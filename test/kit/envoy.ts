/** @module Real Envoys for tests: processes on free ports of loopback that can be restarted hot and cold. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { type EnvoyInstallation, ensureEnvoy } from '../../bin/services.mjs';
import { freePorts } from './ports.ts';
import { serviceFor } from './service.ts';

/** Limit for becoming ready; a start takes 0.1 to 0.5 s. */
const READY_LIMIT_MS = 60_000;
const POLL_MS = 20;
/** Rooms of shared memory are told apart by it; other test processes take others. */
let nextBaseId = 1000 + (process.pid % 30_000);

export interface EnvoyProcess {
  /** Port of the admin server, the same after a restart. */
  readonly adminPort: number;
  readonly pid: number;
  /** Body of a GET of the admin server. */
  get(path: string): Promise<string>;
  /** Takes over from the running process as Envoy's hot restarter does: next epoch, same room, sockets handed on. */
  hotRestart(): Promise<void>;
  /** Ends the process, then starts a new one at epoch 0. */
  coldRestart(): Promise<void>;
  /** Ends it; resolves when it is gone. */
  stop(): Promise<void>;
}

/** Envoy's program. Null when it cannot be had here: the test counts as skipped then, with `CI=true` it fails. */
export function envoyFor(t: ExecutionContext): Promise<EnvoyInstallation | null> {
  return serviceFor(t, 'Envoy', ensureEnvoy);
}

/** Starts an Envoy with this bootstrap (without `admin`); resolves when it is ready. `close` at the end of the test. */
export async function startEnvoy(
  { bin }: EnvoyInstallation,
  bootstrap: Readonly<Record<string, unknown>>,
): Promise<EnvoyProcess & { close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-envoy-'));
  const [adminPort] = await freePorts(1);
  const admin = { address: loopback(adminPort!) };
  await writeFile(join(folder, 'envoy.json'), JSON.stringify({ admin, ...bootstrap }));
  const baseId = nextBaseId++;
  const children: ChildProcess[] = [];
  let epoch = 0;
  const start = async () => {
    const args = ['-c', join(folder, 'envoy.json'), '--base-id', `${baseId}`, '--restart-epoch', `${epoch}`];
    // A parent that is taken over from is kept for this long to hand its last counts on.
    const child = launch(bin, [...args, '--drain-time-s', '1', '--parent-shutdown-time-s', '3'], folder);
    children.push(child);
    await ready(child, adminPort!, folder);
  };
  const stop = async () => {
    await Promise.all(children.splice(0).map(end));
  };
  const close = async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  };
  await start().catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    adminPort: adminPort!,
    get pid() {
      return children.at(-1)?.pid ?? -1;
    },
    async get(path) {
      const response = await fetch(`http://127.0.0.1:${adminPort}${path}`);
      if (response.status !== 200) throw new Error(`${path}: status ${response.status}`);
      return await response.text();
    },
    async hotRestart() {
      epoch += 1;
      await start();
    },
    async coldRestart() {
      await stop();
      epoch = 0;
      await start();
    },
    stop,
    close,
  };
}

function launch(bin: string, args: readonly string[], folder: string): ChildProcess {
  const log = openSync(join(folder, 'envoy.log'), 'a');
  const child = spawn(bin, [...args, '--concurrency', '2', '-l', 'warning'], {
    cwd: folder,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  // A test process that is ended from outside must leave no Envoy behind.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

async function ready(child: ChildProcess, adminPort: number, folder: string): Promise<void> {
  const deadline = performance.now() + READY_LIMIT_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    if (await answersItself(child, adminPort)) return;
    await wait(POLL_MS);
  }
  const log = await readFile(join(folder, 'envoy.log'), 'utf8').catch(() => '');
  throw new Error(`Envoy with admin port ${adminPort} is not ready:\n${log.slice(-3000)}`);
}

/** In a hot restart the parent answers first: ready is the epoch that was asked for. */
async function answersItself(child: ChildProcess, adminPort: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/server_info`);
    const info = (await answer.json()) as ServerInfo;
    const epoch = child.spawnargs[child.spawnargs.indexOf('--restart-epoch') + 1];
    return info.state === 'LIVE' && String(info.command_line_options.restart_epoch ?? 0) === epoch;
  } catch {
    return false;
  }
}

interface ServerInfo {
  readonly state: string;
  readonly command_line_options: { readonly restart_epoch?: number };
}

/** A listening or upstream address as a bootstrap has it. */
export function loopback(port: number) {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
