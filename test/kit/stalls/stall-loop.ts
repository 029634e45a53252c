/**
 * @module One process and the outside in simulated time: the process stands still now and then, and finds late timers and
 * data that waited in sockets all at once, in any order that an event loop may take them.
 */
import { setImmediate as promisesSettle } from 'node:timers/promises';
import type { Random } from '../../../demo/world/random.ts';
import type { Clock, Timer } from '../../../pipeline/clock/clock.ts';

/** What happens to the process, or outside of it. */
interface Happening {
  readonly atMs: number;
  readonly order: number;
  /** Things outside happen on time whatever the process does. */
  readonly where: 'outside' | 'timer' | 'socket';
  readonly run: () => void;
}

/** A time in which the process gets no CPU. */
export interface Stall {
  readonly fromMs: number;
  readonly toMs: number;
}

export class StallLoop {
  readonly clock: Clock;
  readonly #startWallMs: number;
  readonly #random: Random;
  readonly #stalls: readonly Stall[];
  /** Longest time that one callback of the process takes, milliseconds. */
  readonly #slowMs: number;
  #waiting = new Set<Happening>();
  #nowMs = 0;
  #order = 0;
  #ids = 0;

  /** `stalls` in milliseconds since the beginning. */
  constructor(startWallMs: number, random: Random, stalls: readonly Stall[], slowMs: number) {
    this.#startWallMs = startWallMs;
    this.#random = random;
    this.#stalls = stalls;
    this.#slowMs = slowMs;
    this.clock = {
      wallMs: () => startWallMs + this.#nowMs,
      monoMs: () => this.#nowMs,
      after: (delayMs, fire) => this.#later('timer', delayMs, fire),
      randomId: () => (++this.#ids).toString(16).padStart(16, '0'),
    };
  }

  /** The wall clock's reading at this instant, milliseconds since the epoch. */
  get wallMs(): number {
    return this.#startWallMs + this.#nowMs;
  }

  /** Something outside of the process, on time. Never cancelled. */
  outside(delayMs: number, run: () => void): void {
    this.#later('outside', delayMs, run);
  }

  /** Data for the process: it has it when it gets round to it. */
  arrive(delayMs: number, run: () => void): void {
    this.#later('socket', delayMs, run);
  }

  #later(where: Happening['where'], delayMs: number, run: () => void): Timer {
    const happening = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, where, run };
    this.#waiting.add(happening);
    return { cancel: () => this.#waiting.delete(happening) };
  }

  /** Lets all happen until `done` answers true or `untilMs` since the beginning is over. */
  async run(untilMs: number, done: () => boolean = () => false): Promise<void> {
    while (!done()) {
      const next = this.#earliest();
      if (next === null || next.atMs > untilMs) break;
      if (next.where === 'outside') this.#happen(next);
      else await this.#wake(next);
    }
    if (!done()) this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** The process runs: everything that is due meanwhile comes in one go, what is outside first. */
  async #wake(next: Happening): Promise<void> {
    const dueMs = Math.max(this.#nowMs, next.atMs);
    const stall = this.#stalls.find(({ fromMs, toMs }) => fromMs <= dueMs && dueMs < toMs);
    const awakeMs = stall?.toMs ?? dueMs;
    for (let one = this.#earliest('outside'); one !== null && one.atMs <= awakeMs; one = this.#earliest('outside')) {
      this.#happen(one);
    }
    this.#nowMs = Math.max(this.#nowMs, awakeMs);
    for (const happening of this.#turn()) {
      if (!this.#waiting.has(happening)) continue;
      this.#happen(happening);
      this.#nowMs += this.#random.next() * this.#slowMs;
      await promisesSettle();
    }
  }

  /** What is due for the process now. Timers of unlike lengths and sockets come in no order that anybody may count on. */
  #turn(): Happening[] {
    const due = [...this.#waiting].filter(({ where, atMs }) => where !== 'outside' && atMs <= this.#nowMs);
    due.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    const [timers, sockets] = [due.filter(isTimer), due.filter((one) => !isTimer(one))];
    const how = this.#random.below(3);
    if (how === 0) return [...timers, ...sockets];
    if (how === 1) return [...sockets, ...timers];
    return this.#shuffled(timers, sockets);
  }

  /** Any order, but pieces of one socket stay as they came: all sockets keep theirs. */
  #shuffled(timers: Happening[], sockets: Happening[]): Happening[] {
    const mixed: Happening[] = [];
    while (timers.length + sockets.length > 0) {
      const fromTimers = this.#random.below(timers.length + sockets.length) < timers.length;
      const [one] = fromTimers ? timers.splice(this.#random.below(timers.length), 1) : sockets.splice(0, 1);
      mixed.push(one!);
    }
    return mixed;
  }

  #happen(happening: Happening): void {
    this.#waiting.delete(happening);
    this.#nowMs = Math.max(this.#nowMs, happening.atMs);
    happening.run();
  }

  #earliest(where?: 'outside'): Happening | null {
    let first: Happening | null = null;
    for (const one of this.#waiting) {
      if (where !== undefined && one.where !== where) continue;
      if (first === null || one.atMs < first.atMs || (one.atMs === first.atMs && one.order < first.order)) first = one;
    }
    return first;
  }
}

function isTimer({ where }: Happening): boolean {
  return where === 'timer';
}
