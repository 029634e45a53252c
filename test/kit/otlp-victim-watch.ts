/** @module What is seen of a victim from outside while it is attacked: its resident memory, and how soon `/livez` answers. */
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';

const PROBE_MS = 20;
const MEMORY_MS = 25;
/** More probes under way are not begun: they would only measure each other. */
const MOST_PROBES = 100;

export class VictimWatch {
  readonly #pid: number;
  readonly #healthPort: number;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #timers: readonly NodeJS.Timeout[];
  #waiting = 0;
  readonly #onIdle: (() => void)[] = [];
  #tookMs: number[] = [];
  #mostBytes = 0;
  /** Probes that were not answered with 200. */
  failures = 0;

  constructor(pid: number, healthPort: number) {
    this.#pid = pid;
    this.#healthPort = healthPort;
    this.#timers = [setInterval(() => this.#probe(), PROBE_MS), setInterval(() => void this.memory(), MEMORY_MS)];
  }

  /** Resident memory now, bytes; 0 where the system does not tell. */
  async memory(): Promise<number> {
    const bytes = (await residentBytes(this.#pid)) ?? 0;
    this.#mostBytes = Math.max(this.#mostBytes, bytes);
    return bytes;
  }

  /** Times of probes in milliseconds, ascending, and the most memory, since the last look. */
  look(): { readonly tookMs: readonly number[]; readonly mostBytes: number } {
    const seen = { tookMs: this.#tookMs.sort((a, b) => a - b), mostBytes: this.#mostBytes };
    this.#tookMs = [];
    this.#mostBytes = 0;
    return seen;
  }

  /** Begins no more probes and waits for those under way: cut off by us, they would look like failures. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#waiting > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    this.#agent.destroy();
  }

  #again(): void {
    this.#waiting -= 1;
    this.#probe();
  }

  #probe(): void {
    if (this.#waiting >= MOST_PROBES) return;
    this.#waiting += 1;
    const began = performance.now();
    const end = (isGood: boolean) => {
      this.#waiting -= 1;
      this.#tookMs.push(performance.now() - began);
      if (!isGood) this.failures += 1;
      if (this.#waiting === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    };
    const where = { host: '127.0.0.1', port: this.#healthPort, path: '/livez', agent: this.#agent };
    const call = request(where, (answer) => answer.resume().on('end', () => end(answer.statusCode === 200)));
    // A kept connection may end on the other side just as it is used again.
    call.on('error', () => (call.reusedSocket ? this.#again() : end(false))).end();
  }
}

async function residentBytes(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const match = /^VmRSS:\s+(\d+) kB/m.exec(status);
  return match === null ? null : Number(match[1]) * 1024;
}

/** The value below which `part` of ascending ones lie; 0 of none. */
export function percentile(ascending: readonly number[], part: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(part * ascending.length))] ?? 0;
}
