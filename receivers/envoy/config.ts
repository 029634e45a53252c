/** @module Configuration of the `envoy` receiver. */
import { z } from 'zod';
import type { ConfigIssue } from '../../pipeline/component.ts';
import { pattern } from '../../pipeline/config/pattern.ts';
import { checkScrapeConfig, scrapeShape } from '../scrape/config.ts';
import { checkStaticLabels } from '../scrape/static-labels.ts';
import { checkStatsFlush, statsFlushInterval } from '../scrape/stats-flush.ts';
import { missingGroups } from './cluster-pattern.ts';
import { dottedName } from './families.ts';

const IDENTITY_LABELS = [
  ...['namespace', 'deployment', 'statefulset', 'daemonset', 'cronjob', 'job', 'replicaset', 'replicationcontroller'],
  ...['pod', 'pod_uid', 'node', 'service_account', 'cluster'],
] as const;

const clusterPattern = z.strictObject({
  regex: pattern().describe('expression for the whole name of a cluster, at most 253 characters, in the syntax of RE2'),
  service: z.string().default('$service').describe('service it leads to; $1, $name are groups; default $service'),
  namespace: z.string().default('$namespace').describe('namespace of the service; default $namespace'),
  workload: z.string().default('').describe('workload behind it, where the name tells even that; default none'),
  direction: z
    .enum(['outbound', 'inbound', 'control'])
    .default('outbound')
    .describe('inbound: the application beside the proxy; control: not traffic; default outbound'),
});

const prefix = z.string().regex(/^[^*]+\*?$/, { error: 'write a prefix, or its beginning and *' });
const prefixes = (what: string) =>
  z
    .array(prefix)
    .max(1000)
    .default([])
    .describe(`stat_prefix of ${what}; may end with *; before what is built in; default none`);

export const envoyConfig = z.strictObject({
  ...scrapeShape,
  metrics_path: z.string().startsWith('/').default('/stats/prometheus').describe('default /stats/prometheus'),
  cluster_patterns: z
    .array(clusterPattern)
    .max(1000)
    .default([])
    .describe('what names of clusters mean; the first that fits decides, what is built in comes last'),
  cluster_namespace: z
    .string()
    .min(1)
    .default('unknown')
    .describe('namespace of clusters whose name tells none; default unknown'),
  dotted_clusters: z
    .array(z.string().regex(/^[^.]+\..+$/s, { error: 'write a whole name with a dot in it' }))
    .max(10_000)
    .default([])
    .describe('whole names of clusters that hold a dot, which Envoy puts into the names of its families; default none'),
  control_clusters: z
    .array(z.string().min(1))
    .max(1000)
    .default([])
    .describe('further clusters of the proxy itself, filtered as control; default none'),
  inbound_prefixes: prefixes('listeners that face the clients of this workload'),
  outbound_prefixes: prefixes('listeners that face this workload itself'),
  control_prefixes: prefixes('listeners of the proxy itself, filtered as control'),
  inbound_from: z
    .enum(['listeners', 'clusters'])
    .default('listeners')
    .describe('which statistics the requests of the server side are read from; default listeners'),
  endpoint_statistics: z
    .boolean()
    .default(false)
    .describe(
      'count the client side per endpoint and attempt; all clusters must have track_cluster_stats.per_endpoint_stats; default false',
    ),
  own_labels: z
    .partialRecord(z.enum(IDENTITY_LABELS), z.string().min(1))
    .default({})
    .describe('label of the page by identity label, for targets whose own labels name no workload; default none'),
  stats_flush_interval: statsFlushInterval(),
  sentinel: z
    .boolean()
    .default(true)
    .describe('a page without envoy_server_live fails as partial; false only for excerpts; default true'),
});

export type EnvoyConfig = z.output<typeof envoyConfig>;

export function checkEnvoyConfig(config: EnvoyConfig): ConfigIssue[] {
  const pagesTell = Object.keys(config.own_labels).length > 0;
  return [
    ...checkScrapeConfig(config, 9901),
    ...checkStaticLabels(config.static_configs, pagesTell),
    ...checkStatsFlush(config),
    ...checkDotted(config),
    ...checkPatterns(config),
  ];
}

/** Two clusters that Envoy's page does not tell apart. */
function checkDotted({ dotted_clusters: names }: EnvoyConfig): ConfigIssue[] {
  const seen = new Map<string, string>();
  return names.flatMap((name, index): ConfigIssue[] => {
    const { label, rest } = dottedName(name);
    const key = `${label}.${rest}`;
    const other = seen.get(key);
    seen.set(key, name);
    if (other === undefined) return [];
    return [
      {
        path: ['dotted_clusters', index],
        message: `"${name}" and "${other}" have the same series on Envoy's page`,
        mend: 'name only one of them, and give the clusters unlike alt_stat_name in Envoy',
      },
    ];
  });
}

/** A text that names a group its expression does not have would always be empty. */
function checkPatterns({ cluster_patterns: patterns }: EnvoyConfig): ConfigIssue[] {
  return patterns.flatMap((pattern, index) =>
    (['service', 'namespace', 'workload'] as const).flatMap((key): ConfigIssue[] => {
      const missing = missingGroups(pattern.regex, pattern[key]);
      // A namespace that no group tells is that of cluster_namespace.
      if (missing.length === 0 || (key === 'namespace' && pattern[key] === '$namespace')) return [];
      if (pattern.direction !== 'outbound' && pattern[key] === `$${key}`) return [];
      const groups = missing.map((group) => `$${group}`).join(', ');
      return [
        {
          path: ['cluster_patterns', index, key],
          message: `${key} stands for ${groups}, which regex has no group for`,
          mend:
            key === 'service'
              ? 'name a group in regex, (?<service>…), or write a fixed service'
              : 'name the group in regex, or write a fixed text',
        },
      ];
    }),
  );
}
