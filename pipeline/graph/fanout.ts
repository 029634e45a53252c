/**
 * @module Fan-out: every branch is asked before any is offered, so a refusal duplicates nothing (design §8, ADR 0014).
 *
 * A branch that refuses and yields keeps the batch from nobody: when another one takes it, it is offered to all, and the one
 * that yields drops what it has no room for.
 */
import type { Batch } from '../batch.ts';
import {
  ADMITTED,
  type Admission,
  type Consumer,
  LOOKS_ON,
  type Refusal,
  type Signal,
  signalOfBody,
} from '../component.ts';
import type { Delivery, Terms } from '../delivery.ts';
import type { Fault } from './guard.ts';

export interface Branch {
  readonly consumer: Consumer;
  readonly fault: Fault;
}

/** One consumer that stands for all of `branches`. A branch that throws rejects its own share only. */
export function fanOut(branches: readonly Branch[]): Consumer {
  return new FanOut(branches);
}

class FanOut implements Consumer {
  readonly #branches: readonly Branch[];
  /**
   * What the branches said last, and of which batch. Once the batch is offered somewhere this decides: a branch that was
   * asked and had room gets its share whatever others, which may feed the same exporter, have filled in between.
   */
  #asked: { readonly root: Delivery | null; readonly verdicts: readonly Admission[] } = { root: null, verdicts: [] };

  constructor(branches: readonly Branch[]) {
    this.#branches = branches;
  }

  admits(batch: Batch): Admission {
    return verdictOfAll(this.#ask(batch));
  }

  consume(batch: Batch): void {
    const { delivery } = batch;
    const isOpen = delivery.terms === 'open';
    const isKnown = !isOpen && this.#asked.root === delivery.root;
    const verdicts = isKnown ? this.#asked.verdicts : this.#ask(batch);
    const verdict = verdictOfAll(verdicts);
    if (isOpen && !verdict.ok) {
      delivery.settle({ kind: 'retry', afterMs: verdict.retryAfterMs, reason: verdict.reason });
      return;
    }
    const shares = delivery.split(this.#branches.length, (i) => termsOf(verdicts[i]!, verdict, delivery.terms));
    this.#branches.forEach((branch, i) => {
      offer(branch, { ...batch, delivery: shares[i]! });
    });
  }

  #ask(batch: Batch): readonly Admission[] {
    const verdicts = this.#branches.map(({ consumer }) => consumer.admits(batch));
    this.#asked = { root: batch.delivery.root, verdicts };
    return verdicts;
  }
}

/**
 * Who does not yield decides for all. Where all but those who look on refuse and yield, there is nobody to yield to: the
 * refusal is theirs, to be tried again as soon as one of them may have room.
 */
function verdictOfAll(verdicts: readonly Admission[]): Admission {
  const refusals = verdicts.filter((verdict): verdict is Refusal => !verdict.ok);
  const [first] = refusals;
  const takes = verdicts.some((verdict) => verdict.ok && verdict.looksOn !== true);
  if (first === undefined) return takes || verdicts.length === 0 ? ADMITTED : LOOKS_ON;
  const strict = refusals.find(({ yields }) => yields !== true);
  if (strict !== undefined) return strict;
  if (takes) return ADMITTED;
  return refusals.reduce((soonest, one) => (one.retryAfterMs < soonest.retryAfterMs ? one : soonest), first);
}

/** Of a branch that said `own` where all said `all`, when the batch is offered on `given` terms. */
function termsOf(own: Admission, all: Admission, given: Terms): Terms {
  const yields = !own.ok && own.yields === true;
  // What is firm and yet had room nowhere goes to all: somebody was told that it is taken.
  return yields && (all.ok || given === 'spare') ? 'spare' : 'firm';
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

function offer(branch: Branch, share: Batch): void {
  branch.fault.enter();
  try {
    branch.consumer.consume(share);
  } catch (error) {
    share.delivery.settle({ kind: 'rejected', reason: 'branch_fault' });
    branch.fault.failed(share, error);
  }
}
