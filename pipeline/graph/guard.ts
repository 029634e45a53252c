/**
 * @module Guards: a stage or branch that throws costs its batch, never the stream (style.md §10.4).
 */
import type { OperatorFunction } from 'rxjs';
import { Observable } from 'rxjs/internal/Observable';
import { Subject } from 'rxjs/internal/Subject';
import type { Balance } from '../balance.ts';
import type { Batch, Body } from '../batch.ts';
import { errorText } from '../errors.ts';
import { sampleOf } from '../telemetry/drop-sample.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Balances of one component, one per body. */
export interface ComponentBooks {
  of(body: Body): Balance;
  all(): Iterable<Balance>;
}

/** Keeps the books of a component that may throw. */
export interface Fault {
  /** Before the component is handed a batch. */
  enter(): void;
  /** It threw: at `batch`, or (null) on its own, e.g. on a timer. */
  failed(batch: Batch | null, error: unknown): void;
}

/**
 * `stage` such that an exception settles the batch it was working on as rejected, tells `fault`, and plugs the stage in
 * anew for the next batch. What the stage keeps outside its subscription survives.
 */
export function guardStage(stage: OperatorFunction<Batch, Batch>, fault: Fault): OperatorFunction<Batch, Batch> {
  return (source) =>
    new Observable((out) => {
      let current: Batch | null = null;
      let entry = plug();

      function plug(): Subject<Batch> {
        const subject = new Subject<Batch>();
        stage(subject).subscribe({
          next: (batch) => out.next(batch),
          error: (error: unknown) => {
            const lost = current;
            current = null;
            lost?.delivery.settle({ kind: 'rejected', reason: 'stage_fault' });
            fault.failed(lost, error);
            entry = plug();
          },
        });
        return subject;
      }

      return source.subscribe({
        next: (batch) => {
          current = batch;
          fault.enter();
          entry.next(batch);
          current = null;
        },
        complete: () => {
          entry.complete();
          out.complete();
        },
      });
    });
}

/**
 * A component that threw: what it had not accepted yet counts as accepted, and whatever is unaccounted for afterwards as
 * dropped; the stream lives on.
 */
export function faultOf(log: Logger, books: ComponentBooks): Fault {
  const acceptedBefore = new Map<Balance, number>();
  return {
    enter() {
      for (const balance of books.all()) acceptedBefore.set(balance, balance.accepted);
    },
    failed(batch, error) {
      const items = batch?.items ?? 0;
      if (batch !== null) {
        const balance = books.of(batch.body);
        const taken = balance.accepted - (acceptedBefore.get(balance) ?? 0);
        balance.accepted += Math.max(0, items - taken);
      }
      const cause = { error: errorText(error), ...(batch === null ? {} : { sample: () => sampleOf(batch) }) };
      for (const balance of books.all()) balance.drop('fault', Math.max(0, balance.unaccounted), cause);
      const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
      log.error(
        { items, error: stack },
        'component failed on a batch, which is a defect; the batch is dropped and counted',
      );
    },
  };
}
