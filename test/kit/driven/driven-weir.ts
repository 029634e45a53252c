/** @module Starts the real process under a test's clock, moves it, and collects what it says. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import type { BalanceView, Message, Order, StepDone } from './protocol.ts';

export interface DrivenOptions {
  readonly config: string;
  readonly startWallMs: number;
  /** Scrapes that hang on purpose now: those need not end before the clock moves on. */
  readonly hanging?: () => number;
  /** Called before the world's time is read: the clock of the process stands at `wallMs`. */
  readonly onTime?: (wallMs: number) => void;
  readonly execArgv?: readonly string[];
}

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export class DrivenWeir {
  /** Every slot closed so far, in order. */
  readonly sums: TrafficSum[] = [];
  readonly log: LogLine[] = [];
  readonly folder: string;
  wallMs: number;
  monoMs = 0;
  readonly #child: ChildProcess;
  readonly #options: DrivenOptions;
  readonly #answers = new Map<number, (value: unknown) => void>();
  readonly #exited: Promise<number | null>;
  #orders = 0;
  #final: readonly BalanceView[] | null = null;

  private constructor(child: ChildProcess, folder: string, options: DrivenOptions) {
    this.#child = child;
    this.folder = folder;
    this.#options = options;
    this.wallMs = options.startWallMs;
    this.#exited = new Promise((resolve) => child.once('exit', resolve));
  }

  static async start(options: DrivenOptions): Promise<DrivenWeir> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-driven-'));
    const file = join(folder, 'config.yaml');
    await writeFile(file, options.config);
    const child = fork(new URL('./entry.ts', import.meta.url), [file, String(options.startWallMs)], {
      serialization: 'advanced',
      execArgv: [...(options.execArgv ?? [])],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const weir = new DrivenWeir(child, folder, options);
    options.onTime?.(options.startWallMs);
    await weir.#ready();
    await weir.settle();
    return weir;
  }

  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.once('exit', (code) => reject(new Error(`the process ended with ${code} before it was ready`)));
      this.#child.on('message', (message: Message) => {
        if (message.kind === 'ready') {
          if (message.error === null) resolve();
          else reject(new Error(message.error));
        } else this.#hear(message);
      });
    });
  }

  #hear(message: Exclude<Message, { kind: 'ready' }>): void {
    if (message.kind === 'sum') this.sums.push(message.sum);
    else if (message.kind === 'log') this.log.push(JSON.parse(message.line));
    else if (message.id === -1) this.#final = message.value as BalanceView[];
    else {
      this.#answers.get(message.id)?.(message.value);
      this.#answers.delete(message.id);
    }
  }

  #ask(order: Order): Promise<unknown> {
    const id = this.#orders++;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      // With a callback a process that has just ended is no error: whoever waits hears of its exit.
      this.#child.send({ id, order }, () => {});
    });
  }

  /** Moves the clock by `ms`, timer by timer; after each, every scrape that does not hang on purpose has ended. */
  async advance(ms: number): Promise<void> {
    const untilMonoMs = this.monoMs + ms;
    for (;;) {
      const done = await this.#step(untilMonoMs);
      await this.settle();
      if (!done.fired) return;
    }
  }

  /** The world is told the time before the process moves: a request may arrive before the answer to the order does. */
  async #step(untilMonoMs: number): Promise<StepDone> {
    this.#options.onTime?.((await this.#ask({ op: 'peek', untilMonoMs })) as number);
    const done = (await this.#ask({ op: 'step', untilMonoMs })) as StepDone;
    this.monoMs = done.monoMs;
    this.wallMs = done.wallMs;
    return done;
  }

  /** Waits until every scrape that does not hang on purpose has ended. The clock stands still. */
  async settle(): Promise<void> {
    // Equal twice: a hanging connection that was just given up is noticed by the server a moment later.
    for (let equal = 0; equal < 2; ) {
      const running = (await this.#ask({ op: 'inFlight' })) as number;
      equal = running === (this.#options.hanging?.() ?? 0) ? equal + 1 : 0;
    }
  }

  /** How often the system has told the process of changes in files of targets. */
  async fileEvents(): Promise<number> {
    return (await this.#ask({ op: 'fileEvents' })) as number;
  }

  /** Address and pod of each target that is scraped now, sorted. */
  async targets(): Promise<string[]> {
    return ((await this.#ask({ op: 'targets' })) as string[]).sort();
  }

  async setWall(wallMs: number): Promise<void> {
    await this.#ask({ op: 'setWall', wallMs });
    this.wallMs = wallMs;
  }

  async balances(): Promise<readonly BalanceView[]> {
    return (await this.#ask({ op: 'balances' })) as BalanceView[];
  }

  /** Heap in use after a collection (needs `--expose-gc`), bytes. */
  async heapBytes(): Promise<number> {
    return (await this.#ask({ op: 'heap' })) as number;
  }

  /** Stops as SIGTERM does, moving the clock on until the process has drained. Returns the final books. */
  async stop(): Promise<readonly BalanceView[]> {
    await this.#ask({ op: 'stop' });
    let ended = false;
    void this.#exited.then(() => {
      ended = true;
    });
    // Farewells come before the clock moves: the time that the world is told next is that of a scrape that was due.
    await Promise.race([this.settle(), this.#exited]);
    for (let i = 0; !ended && this.#final === null && i < 1000; i++) {
      if (this.#child.connected) await Promise.race([this.#drainStep(), this.#exited]);
    }
    await this.#exited;
    await rm(this.folder, { recursive: true, force: true });
    return this.#final ?? [];
  }

  async #drainStep(): Promise<void> {
    await this.#step(this.monoMs + 100);
  }

  /** Ends the process whatever it does. For teardown. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#exited;
    await rm(this.folder, { recursive: true, force: true });
  }
}
