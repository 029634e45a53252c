/** @module Fan-out: every branch is asked before any is offered, so a refusal duplicates nothing (design §8). */
import type { Batch } from '../batch.ts';
import { ADMITTED, type Admission, type Consumer, type Signal, signalOfBody } from '../component.ts';
import type { Fault } from './guard.ts';

export interface Branch {
  readonly consumer: Consumer;
  readonly fault: Fault;
}

/** One consumer that stands for all of `branches`. A branch that throws rejects its own share only. */
export function fanOut(branches: readonly Branch[]): Consumer {
  return {
    admits: (batch) => admission(branches, batch),
    consume(batch) {
      const verdict = admission(branches, batch);
      if (!verdict.ok) {
        batch.delivery.settle({ kind: 'retry', afterMs: verdict.retryAfterMs, reason: verdict.reason });
        return;
      }
      const shares = batch.delivery.split(branches.length);
      branches.forEach((branch, i) => {
        offer(branch, { ...batch, delivery: shares[i]! });
      });
    },
  };
}

/** One consumer that hands each batch to the consumer of its body's signal. Where there is none, a batch is rejected. */
export function bySignal(consumers: ReadonlyMap<Signal, Consumer>): Consumer {
  return {
    admits: (batch) => consumers.get(signalOfBody(batch.body))?.admits(batch) ?? ADMITTED,
    consume(batch) {
      const consumer = consumers.get(signalOfBody(batch.body));
      if (consumer === undefined) batch.delivery.settle({ kind: 'rejected', reason: 'no_pipeline' });
      else consumer.consume(batch);
    },
  };
}

function admission(branches: readonly Branch[], batch: Batch): Admission {
  for (const { consumer } of branches) {
    const verdict = consumer.admits(batch);
    if (!verdict.ok) return verdict;
  }
  return ADMITTED;
}

function offer(branch: Branch, share: Batch): void {
  branch.fault.enter();
  try {
    branch.consumer.consume(share);
  } catch (error) {
    share.delivery.settle({ kind: 'rejected', reason: 'branch_fault' });
    branch.fault.failed(share, error);
  }
}
