/** @module One running pipeline: an entry, its guarded stages, and the fan-out to its exporters. */
import type { Observable } from 'rxjs';
// The front door loads two hundred modules of operators, which take 8 MB.
import { Subject } from 'rxjs/internal/Subject';
import type { Batch, Body } from '../batch.ts';
import { ADMITTED, type Admission, type Consumer, type Processor } from '../component.ts';
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
  const boundary = stages.findIndex((stage) => stage.takesOver ?? !stage.takes.includes(stage.gives));
  const asked = boundary < 0 ? stages : stages.slice(0, boundary + 1);
  return {
    admits: (batch) => refusalOf(asked, batch) ?? (boundary < 0 ? exit.admits(batch) : ADMITTED),
    consume: (batch) => entry.next(batch),
  };
}

/** What the first stage that would not take `batch` says; null when all would. */
function refusalOf(stages: readonly PipelineStage[], batch: Batch): Admission | null {
  for (const { processor } of stages) {
    const verdict = processor.admits?.(batch);
    if (verdict !== undefined && !verdict.ok) return verdict;
  }
  return null;
}
