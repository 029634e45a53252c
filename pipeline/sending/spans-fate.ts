/** @module What attempts to send spans come to, and what that says of the peer. */
import type { QueuedSpans } from '../queue/spans-queue.ts';
import type { GateNews } from './sending-gate.ts';
import type { SpansOutcome } from './spans-sender.ts';

/** It may be tried again. */
export type Transient = Extract<SpansOutcome, { kind: 'transient' }>;
/** It is not sent again as it is. */
export type Final = Exclude<SpansOutcome, Transient>;

/** Its time is over: `error` is what the last attempt came to. */
export function expired(error: string): Final {
  return { kind: 'permanent', reason: 'expired', error };
}

/** What an attempt that ended so tells of the peer; `waitMs` is the own wait after it. */
export function newsOf(outcome: SpansOutcome, waitMs: number): GateNews {
  if (outcome.kind !== 'transient') return 'answered';
  const { throttled, afterMs } = outcome;
  if (throttled !== true && afterMs === undefined) return 'failed';
  return { holdMs: afterMs ?? waitMs, askedMs: afterMs ?? 0 };
}

/** Spans of all of them. */
export function countOf(requests: readonly QueuedSpans[]): number {
  return requests.reduce((total, { spans }) => total + spans.count, 0);
}
