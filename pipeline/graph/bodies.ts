/** @module What a pipeline is given, and what follows from it for how long its slots wait. */
import type { Body } from '../batch.ts';
import { signalOfBody } from '../component.ts';
import type { CheckedPipeline } from '../config/checked.ts';

/** Bodies of the pipeline's signal that its receivers may give. */
export function bodiesOf({ signal, receivers }: Pick<CheckedPipeline, 'signal' | 'receivers'>): Set<Body> {
  const given = receivers.flatMap(({ factory }) => (factory.kind === 'receiver' ? factory.gives : []));
  return new Set(given.filter((body) => signalOfBody(body) === signal));
}

/** How long (ms) after its end a slot of the pipeline is told, where its processors wait for others than scrapes; else 0. */
export function slotWaitOf(pipeline: CheckedPipeline): number {
  const receives = bodiesOf(pipeline);
  let waitMs = 0;
  for (const { factory } of pipeline.processors) {
    if (factory.kind === 'processor') waitMs += factory.slotWaitMs?.(pipeline.slotMs, receives) ?? 0;
  }
  return waitMs;
}
