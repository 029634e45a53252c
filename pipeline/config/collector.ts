/**
 * @module What a configuration for the OpenTelemetry Collector has and Weir needs not: what to do about it.
 *
 * Source: opentelemetry-collector, processor/batchprocessor, processor/memorylimiterprocessor, exporter/exporterhelper.
 */
import { type Path, pathText } from './tree.ts';

/** Why Weir goes without. */
const COMPONENTS = new Map<string, string>([
  ['processors.batch', 'batches are kept as they came'],
  ['processors.memory_limiter', 'memory is bounded by max_receiving_size of receivers and sending_queue of exporters'],
]);

const KEYS = new Map<string, string>([['sending_queue.storage', 'remove it: queues are in memory']]);

/** What to do about a component of the Collector that Weir does without; null for any other. */
export function collectorComponentMend(section: string, type: string): string | null {
  const why = COMPONENTS.get(`${section}.${type}`);
  return why === undefined ? null : `remove it, here and from the pipelines: ${why}`;
}

/** The same where only a pipeline names it; `id` is a component's, with its name behind the type or not. */
export function collectorUseMend(section: string, id: string): string | null {
  const why = COMPONENTS.get(`${section}.${id.split('/', 1)[0]}`);
  return why === undefined ? null : `remove it: ${why}`;
}

/** The same of a key, by its own and its parent's name. */
export function collectorKeyMend(path: Path): string | null {
  return KEYS.get(pathText(path.slice(-2))) ?? null;
}
