/**
 * @module Guards: a stage or branch that throws costs its batch, never the stream (style.md §10.4).
 */
import { Observable, type OperatorFunction, Subject } from 'rxjs';
import type { Batch } from '../batch.ts';

/** Called with the batch that was lost (null when a stage failed on its own, e.g. on a timer) and the error. */
export type Fault = (batch: Batch | null, error: unknown) => void;

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
            fault(lost, error);
            entry = plug();
          },
        });
        return subject;
      }

      return source.subscribe({
        next: (batch) => {
          current = batch;
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
