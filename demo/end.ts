/** @module When the demo ends, and how long its end may take. */
import type { Clock, Timer } from '../pipeline/clock/clock.ts';

/** Whether `work` was done in that time; it is not waited for any longer. */
export async function endsWithin(clock: Clock, limitMs: number, work: Promise<void>): Promise<boolean> {
  let timer: Timer | null = null;
  const late = new Promise<boolean>((resolve) => {
    timer = clock.after(limitMs, () => resolve(false));
  });
  const inTime = await Promise.race([work.then(() => true), late]);
  cancel(timer);
  return inTime;
}

/** The end of the run: after `forMs`, or when the user says so. */
export function createEnd(clock: Clock, forMs: number | null, stopped: Promise<void>) {
  let now = false;
  const limit = new Promise<void>((resolve) => {
    if (forMs !== null) clock.after(forMs, resolve);
  });
  const ended = Promise.race([limit, stopped]).then(() => {
    now = true;
  });
  return {
    isNow: () => now,
    async orAfter(delayMs: number): Promise<void> {
      let timer: Timer | null = null;
      const later = new Promise<void>((resolve) => {
        timer = clock.after(delayMs, resolve);
      });
      await Promise.race([ended, later]);
      cancel(timer);
    },
  };
}

function cancel(timer: Timer | null): void {
  timer?.cancel();
}
