/**
 * @module The end of a graph: receivers end, processors flush, exporters send. Those of a kind end side by side, so that one
 * that waits for a dead peer costs the others nothing.
 */
import type { Clock } from '../clock/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Chain, deadlineIn, type Living, stopSideBySide } from './lifecycle.ts';

/** All that lives, by the order in which it ends. */
export interface Drained {
  readonly receivers: readonly Living[];
  /** By pipeline, in the order of each. */
  readonly processors: readonly Chain[];
  readonly exporters: readonly Living[];
  readonly extensions: readonly Living[];
  readonly companions: readonly Living[];
}

/** Share of the time that receivers and processors may take: a proxy that hangs leaves exporters time to send. */
const GATHER_SHARE = 0.6;

/**
 * Ends within `deadlineMs` and a short grace. `flushed` is called once, when nothing more reaches the exporters: all that is
 * to be sent is with them then.
 */
export async function drainGraph(
  { receivers, processors, exporters, extensions, companions }: Drained,
  deadlineMs: number,
  clock: Clock,
  log: Logger,
  flushed: () => void = () => {},
): Promise<void> {
  const gathering = deadlineIn(deadlineMs * GATHER_SHARE, clock);
  const all = deadlineIn(deadlineMs, clock);
  await stopSideBySide(alone(receivers), gathering.signal, clock, log);
  await stopSideBySide(processors, gathering.signal, clock, log);
  gathering.end();
  flushed();
  for (const kind of [exporters, extensions, companions]) await stopSideBySide(alone(kind), all.signal, clock, log);
  all.end();
}

function alone(kind: readonly Living[]): Chain[] {
  return kind.map((living) => [living]);
}

/** What of it is in `started`. */
export function onlyStarted(
  { receivers, processors, exporters, extensions, companions }: Drained,
  started: ReadonlySet<Living>,
): Drained {
  const only = (chain: Chain) => chain.filter((living) => started.has(living));
  return {
    receivers: only(receivers),
    processors: processors.map(only),
    exporters: only(exporters),
    extensions: only(extensions),
    companions: only(companions),
  };
}
