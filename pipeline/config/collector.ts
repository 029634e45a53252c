/**
 * @module What a configuration for the OpenTelemetry Collector has and Weir needs not: what to do about it.
 *
 * Source: opentelemetry-collector, processor/batchprocessor, processor/memorylimiterprocessor, exporter/exporterhelper.
 */
import { type Path, pathText } from './tree.ts';

const COMPONENTS = new Map<string, string>([
  ['processors.batch', 'remove it, here and from the pipelines: batches are kept as they came'],
  [
    'processors.memory_limiter',
    'remove it, here and from the pipelines: memory is bounded by max_receiving_size of receivers and sending_queue of exporters',
  ],
]);

const KEYS = new Map<string, string>([['sending_queue.storage', 'remove it: queues are in memory']]);

/** What to do about a component of the Collector that Weir does without; null for any other. */
export function collectorComponentMend(section: string, type: string): string | null {
  return COMPONENTS.get(`${section}.${type}`) ?? null;
}

/** The same of a key, by its own and its parent's name. */
export function collectorKeyMend(path: Path): string | null {
  return KEYS.get(pathText(path.slice(-2))) ?? null;
}
