/** @module What a Weir that ends still waits for, told while it does. */
import type { Balance } from '../balance.ts';
import type { Clock, Timer } from '../clock/clock.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Items that a component holds or has queued. */
export interface Waiting {
  readonly component: string;
  readonly items: number;
}

/** Components with something to hand on, in their order; none for those that are done. */
export function waitingOf(books: readonly { readonly component: string; readonly balance: Balance }[]): Waiting[] {
  const items = new Map<string, number>();
  for (const { component, balance } of books)
    items.set(component, (items.get(component) ?? 0) + balance.held + balance.queued);
  return Array.from(items, ([component, count]) => ({ component, items: count })).filter((each) => each.items > 0);
}

/** In words, such as `12 items in exporters.otlp`; `nothing` for none. */
export function waitingText(waiting: readonly Waiting[]): string {
  if (waiting.length === 0) return 'nothing';
  return waiting.map(({ component, items }) => `${items} ${items === 1 ? 'item' : 'items'} in ${component}`).join(', ');
}

/** Time between lines of the log, milliseconds. */
const TELL_MS = 5000;

/** Tells now and then, until the function it gives is called, what the end waits for. */
export function tellWaiting(clock: Clock, log: Logger, deadlineMs: number, read: () => readonly Waiting[]): () => void {
  const endMonoMs = clock.monoMs() + deadlineMs;
  let timer: Timer | null = null;
  const arm = () => {
    timer = clock.after(TELL_MS, () => {
      const waiting = read();
      const leftMs = Math.max(0, Math.round(endMonoMs - clock.monoMs()));
      log.info({ leftMs, waiting }, `still draining: ${waitingText(waiting)}; a second signal (Ctrl-C) ends at once`);
      arm();
    });
  };
  arm();
  return () => timer?.cancel();
}
