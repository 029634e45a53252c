/** @module The only source of time, timers and randomness; everything else is handed a `Clock`. */
import { randomBytes } from 'node:crypto';

/** A running timer; `cancel` may be called at any time and more than once. */
export interface Timer {
  cancel(): void;
  /** Lets the process end before it has fired. Absent where timers keep nothing alive. */
  unref?(): void;
}

/** Time as the whole engine sees it. Tests own it by handing in another implementation. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. May step forwards and backwards. Labels only. */
  wallMs(): number;
  /** Monotonic clock in milliseconds with fractions, origin unspecified. Lengths only. */
  monoMs(): number;
  /** Calls `fire` once after at least `delayMs` (values below 0 count as 0) of monotonic time. */
  after(delayMs: number, fire: () => void): Timer;
  /** 64 random bits as 16 lower-case hex digits. */
  randomId(): string;
}

/** The clock of the machine. Timers keep the process alive. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monoMs: () => performance.now(),
  after(delayMs, fire) {
    const handle = setTimeout(fire, Math.max(0, Math.min(delayMs, 0x7fffffff)));
    return { cancel: () => clearTimeout(handle), unref: () => handle.unref() };
  },
  randomId: () => randomBytes(8).toString('hex'),
};
