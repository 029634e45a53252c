/** @module One running pipeline: an entry, its guarded stages, and the fan-out to its exporters. */
import { type Observable, Subject } from 'rxjs';
import type { Batch, Body } from '../batch.ts';
import { ADMITTED, type Consumer, type Processor } from '../component.ts';
import { type Fault, guardStage } from './guard.ts';

export interface PipelineStage {
  readonly processor: Processor;
  readonly takes: readonly Body[];
  readonly gives: Body;
  readonly takesOver?: boolean | undefined;
  readonly fault: Fault;
}

/**
 * Connects `stages` in order and ends them in `exit`. The consumer returned is the pipeline's entry; everything runs
 * synchronously inside its `consume`.
 */
export function connectPipeline(stages: readonly PipelineStage[], exit: Consumer): Consumer {
  const entry = new Subject<Batch>();
  let stream: Observable<Batch> = entry;
  for (const stage of stages) stream = stream.pipe(guardStage(stage.processor.stage, stage.fault));
  stream.subscribe((batch) => exit.consume(batch));
  // A stage that makes another body of what it takes keeps it itself: what follows need not be asked.
  const takesOver = stages.some((stage) => stage.takesOver ?? !stage.takes.includes(stage.gives));
  return {
    admits: (batch) => (takesOver ? ADMITTED : exit.admits(batch)),
    consume: (batch) => entry.next(batch),
  };
}
