/** @module Starting components in order, and stopping them side by side, with a deadline. */
import type { Clock, Timer } from '../clock/clock.ts';
import type { Component } from '../component.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface Living {
  readonly id: string;
  readonly component: Component;
}

/** Components of which each hands to the next when it stops, so that they stop one after another. */
export type Chain = readonly Living[];

/**
 * Starts one after another, so that nobody feeds what does not run yet. When one throws, `undo` is to stop those that did
 * start, and the error is rethrown.
 */
export async function startAll(
  order: readonly Living[],
  undo: (started: ReadonlySet<Living>) => Promise<void>,
): Promise<void> {
  const started = new Set<Living>();
  for (const living of order) {
    try {
      await living.component.start();
    } catch (error) {
      await undo(started);
      throw error;
    }
    started.add(living);
  }
}

/** A signal that is aborted in `delayMs`; `end` lets go of its timer. */
export function deadlineIn(delayMs: number, clock: Clock): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const timer = clock.after(delayMs, () => controller.abort());
  return { signal: controller.signal, end: () => timer.cancel() };
}

/**
 * Stops all chains at once; no chain waits for another. Who fails or does not answer in time is told and left behind, so that
 * those after it still flush. Never rejects.
 */
export async function stopSideBySide(
  chains: readonly Chain[],
  deadline: AbortSignal,
  clock: Clock,
  log: Logger,
): Promise<void> {
  await Promise.all(
    chains.map(async (chain) => {
      for (const living of chain) await stopOne(living, deadline, clock, log);
    }),
  );
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
    stopped(living.component, deadline)
      .catch((error: unknown) => log.error({ component: living.id, error: String(error) }, 'component failed to stop'))
      .finally(() => {
        deadline.removeEventListener('abort', late);
        grace?.cancel();
        resolve();
      });
  });
}

/** Rejects also where `stop` throws at once. */
async function stopped(component: Component, deadline: AbortSignal): Promise<void> {
  await component.stop(deadline);
}
