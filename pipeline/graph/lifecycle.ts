/** @module Starting and stopping components in order, with a deadline. */
import type { Clock, Timer } from '../clock/clock.ts';
import type { Component } from '../component.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface Living {
  readonly id: string;
  readonly component: Component;
}

/** How long (ms) parts that did start may take to stop when another could not start. */
const UNDO_DEADLINE_MS = 5000;

/** Starts one after another. When one throws, those before it are stopped in reverse order and the error is rethrown. */
export async function startAll(order: readonly Living[], clock: Clock, log: Logger): Promise<void> {
  for (const [i, living] of order.entries()) {
    try {
      await living.component.start();
    } catch (error) {
      await stopAll(order.slice(0, i).reverse(), UNDO_DEADLINE_MS, clock, log);
      throw error;
    }
  }
}

/**
 * Stops one after another; each sees the same deadline. One that fails or does not answer in time is told and left
 * behind, so that those after it still flush.
 */
export async function stopAll(order: readonly Living[], deadlineMs: number, clock: Clock, log: Logger): Promise<void> {
  const controller = new AbortController();
  const timer = clock.after(deadlineMs, () => controller.abort());
  for (const living of order) await stopOne(living, controller.signal, clock, log);
  timer.cancel();
}

/** Grace (ms) a component has to settle its books after the deadline. */
const AFTER_DEADLINE_MS = 500;

function stopOne(living: Living, deadline: AbortSignal, clock: Clock, log: Logger): Promise<void> {
  return new Promise((resolve) => {
    const leave = () => {
      log.warn({ component: living.id }, 'component did not stop before the deadline');
      resolve();
    };
    let grace: Timer | null = null;
    const late = () => {
      grace = clock.after(AFTER_DEADLINE_MS, leave);
    };
    if (deadline.aborted) late();
    else deadline.addEventListener('abort', late, { once: true });
    living.component
      .stop(deadline)
      .catch((error: unknown) => log.error({ component: living.id, error: String(error) }, 'component failed to stop'))
      .finally(() => {
        deadline.removeEventListener('abort', late);
        grace?.cancel();
        resolve();
      });
  });
}
