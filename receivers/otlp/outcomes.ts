/** @module One word on several batches of a request, for its sender. */
import { type Outcome, TAKEN } from '../../pipeline/delivery.ts';

/**
 * What the sender hears when batches of one request came to different ends: to come again when that may still bring any of
 * them in, after the longest wait, for what was taken is known as a repeat then; else that some were rejected.
 */
export function worstOf(ends: Iterable<{ readonly outcome: Outcome }>): Outcome {
  let worst: Outcome = TAKEN;
  for (const { outcome } of ends) {
    if (outcome.kind === 'retry' && (worst.kind !== 'retry' || worst.afterMs < outcome.afterMs)) worst = outcome;
    else if (outcome.kind === 'rejected' && worst.kind === 'taken') worst = outcome;
  }
  return worst;
}
