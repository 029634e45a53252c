/**
 * @module What a configuration for the OpenTelemetry Collector has and Weir has not: what to do about it.
 *
 * Source: opentelemetry-collector and opentelemetry-collector-contrib, the components of these names.
 */
import { COLLECTOR_KEYS } from './collector-keys.ts';
import type { Path } from './tree.ts';

const QUEUES = 'memory is bounded by max_receiving_size of receivers and sending_queue of exporters';
const AS_THEY_CAME = 'spans are passed on as they came; a Collector before or behind Weir can do it';

/** Why Weir goes without. */
const NEEDLESS = new Map<string, string>([
  ['processors.batch', 'batches are kept as they came'],
  ['processors.memory_limiter', QUEUES],
  ['extensions.memory_limiter', QUEUES],
  ['extensions.file_storage', 'queues are in memory'],
  ['extensions.zpages', 'weir drops, weir explain and /metrics show what runs'],
  ['extensions.pprof', 'there is no profiler here'],
  ...['attributes', 'filter', 'k8sattributes', 'probabilistic_sampler', 'resource', 'resourcedetection', 'span']
    .concat(['tail_sampling', 'transform'])
    .map((type) => [`processors.${type}`, AS_THEY_CAME] as const),
]);

/** What it is called here. */
const RENAMED = new Map<string, string>([
  ['exporters.logging', 'debug'],
  ['exporters.otlp_grpc', 'otlp'],
  ['exporters.otlp_http', 'otlphttp'],
  ['exporters.prometheusremotewrite', 'prometheus, which a Prometheus scrapes, or otlphttp'],
]);

/** What to do about a component of the Collector that Weir does without, or calls by another name; null for any other. */
export function collectorComponentMend(section: string, type: string): string | null {
  const why = NEEDLESS.get(`${section}.${type}`);
  if (why === undefined) return renamedMend(section, type);
  return `remove it, here and from ${section === 'extensions' ? 'service.extensions' : 'the pipelines'}: ${why}`;
}

/** The same where only a pipeline names it; `id` is a component's, with its name behind the type or not. */
export function collectorUseMend(section: string, id: string): string | null {
  const type = id.split('/', 1)[0] ?? id;
  const why = NEEDLESS.get(`${section}.${type}`);
  return why === undefined ? renamedMend(section, type) : `remove it: ${why}`;
}

function renamedMend(section: string, type: string): string | null {
  const name = RENAMED.get(`${section}.${type}`);
  return name === undefined ? null : `write ${name}`;
}

/** The same of a key, by its path in the whole configuration. */
export function collectorKeyMend(path: Path): string | null {
  const [section = '', id = ''] = path.map(String);
  const names = [path.slice(-2).join('.'), String(path.at(-1))];
  for (const scope of [`${section}.${id.split('/', 1)[0]}`, section]) {
    const mends = COLLECTOR_KEYS.get(scope);
    for (const name of names) {
      const mend = mends?.get(name);
      if (mend !== undefined) return mend;
    }
  }
  return null;
}
