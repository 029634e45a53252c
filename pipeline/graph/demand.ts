/** @module Demand flows upstream before data flows downstream (design §2.3). */

import type { ExporterFactory } from '../component.ts';
import type { CheckedComponent, CheckedPipeline } from '../config/checked.ts';
import type { Demand } from '../model/rules.ts';

/** What the exporters of a pipeline want to know. */
export function pipelineDemand(pipeline: CheckedPipeline): Set<Demand> {
  const wanted = new Set<Demand>();
  for (const exporter of pipeline.exporters) {
    for (const demand of exporterDemand(exporter)) wanted.add(demand);
  }
  return wanted;
}

/** What everything behind a receiver wants, over all pipelines of metrics it feeds. */
export function receiverDemand(receiverId: string, pipelines: readonly CheckedPipeline[]): Set<Demand> {
  const wanted = new Set<Demand>();
  for (const pipeline of pipelines) {
    if (pipeline.signal !== 'metrics') continue;
    if (!pipeline.receivers.some((receiver) => receiver.id === receiverId)) continue;
    for (const demand of pipelineDemand(pipeline)) wanted.add(demand);
  }
  return wanted;
}

function exporterDemand(exporter: CheckedComponent): readonly Demand[] {
  const factory = exporter.factory as ExporterFactory<unknown>;
  return factory.demand(exporter.config);
}
