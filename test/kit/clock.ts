/** @module A clock that stands still until a test moves it. */
import type { Clock, Timer } from '../../pipeline/clock/clock.ts';

export interface TestClock extends Clock {
  /** Moves time on by `ms`, firing due timers in order, each at its own instant. */
  advance(ms: number): void;
  /** As `advance`, but the process stands still meanwhile: timers that come due fire late, at the end. */
  stall(ms: number): void;
  /** Steps the wall clock to `wallMs` without monotonic time passing. */
  setWall(wallMs: number): void;
  /** Moves to the earliest timer and fires it; returns false when there is none. */
  fireNext(): boolean;
  /** Monotonic time (ms) of the earliest timer, null when there is none. */
  readonly nextTimerMs: number | null;
  readonly timers: number;
}

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
}

/** Both clocks start at `startWallMs` and 0. Random ids count up, so that runs repeat. */
export function createTestClock(startWallMs = 1_700_000_000_000): TestClock {
  let mono = 0;
  let wallOffset = startWallMs;
  let order = 0;
  let ids = 0;
  const pending = new Set<Pending>();

  function earliest(): Pending | null {
    let first: Pending | null = null;
    for (const timer of pending) {
      if (first === null || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order))
        first = timer;
    }
    return first;
  }

  function fireOne(timer: Pending): void {
    pending.delete(timer);
    mono = Math.max(mono, timer.atMs);
    timer.fire();
  }

  return {
    wallMs: () => wallOffset + mono,
    monoMs: () => mono,
    after(delayMs: number, fire: () => void): Timer {
      const timer: Pending = { atMs: mono + Math.max(0, delayMs), order: order++, fire };
      pending.add(timer);
      return { cancel: () => pending.delete(timer) };
    },
    randomId: () => (++ids).toString(16).padStart(16, '0'),
    advance(ms) {
      const end = mono + ms;
      for (let timer = earliest(); timer !== null && timer.atMs <= end; timer = earliest()) fireOne(timer);
      mono = end;
    },
    stall(ms) {
      mono += ms;
      for (let timer = earliest(); timer !== null && timer.atMs <= mono; timer = earliest()) fireOne(timer);
    },
    setWall(wallMs) {
      wallOffset = wallMs - mono;
    },
    fireNext() {
      const timer = earliest();
      if (timer !== null) fireOne(timer);
      return timer !== null;
    },
    get nextTimerMs() {
      return earliest()?.atMs ?? null;
    },
    get timers() {
      return pending.size;
    },
  };
}
