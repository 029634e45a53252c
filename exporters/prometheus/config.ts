/** @module What the user may write under `exporters.prometheus`; keys are the Collector's where it has them. */
import { z } from 'zod';
import { duration } from '../../pipeline/config/types.ts';
import { listenerConfig, refineListener } from '../../pipeline/net/listener-config.ts';
import { DETAIL_LABELS, OWN_LABELS } from './labels.ts';

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** What is wrong with a name of a constant label, and how to mend it; null when nothing is. */
function faultOf(name: string): readonly [string, string] | null {
  if (!LABEL_NAME.test(name))
    return ['is no name of a label', 'begin with a letter, and use letters, digits and _ only'];
  if (name.startsWith('__')) return ['is kept for Prometheus itself', 'use a name that does not begin with __'];
  return OWN_LABELS.has(name) ? ['is written by the exporter itself', 'use another name'] : null;
}

function refineLabelNames(labels: Readonly<Record<string, string>>, context: z.RefinementCtx): void {
  for (const name of Object.keys(labels)) {
    const fault = faultOf(name);
    if (fault === null) continue;
    const params = { weir: 'WEIR1021', mend: fault[1] };
    context.addIssue({ code: 'custom', path: [name], message: `label "${name}" ${fault[0]}`, params });
  }
}

export const config = z
  .strictObject({
    ...listenerConfig('127.0.0.1:9464'),
    namespace: z
      .string()
      .regex(METRIC_NAME)
      .optional()
      .describe('goes before the name of every metric, with a _ between; none unless written'),
    const_labels: z
      .record(z.string(), z.string())
      .superRefine(refineLabelNames)
      .default({})
      .describe('labels that every series carries'),
    exclude_labels: z
      .array(z.enum(DETAIL_LABELS))
      .default([])
      .describe('labels of edges to leave out, so that there are fewer series; what they told apart is added up'),
    metric_expiration: duration({ minMs: 1_000 })
      .prefault('5m')
      .describe('time after which a series is forgotten that nothing told any more'),
    enable_open_metrics: z
      .boolean()
      .default(true)
      .describe('answer in OpenMetrics 1.0 those who ask for it, and Prometheus does; text 0.0.4 otherwise'),
    created_samples: z
      .boolean()
      .default(true)
      .describe('in OpenMetrics, tell with a _created sample since when each counter and histogram counts'),
    tcp: z.boolean().default(true).describe('also collect TCP connections and bytes'),
    max_series: z
      .int()
      .min(1)
      .default(2_000_000)
      .describe('edges and targets kept, and resources besides; beyond it new ones are dropped and counted'),
    max_concurrent_scrapes: z
      .int()
      .min(1)
      .max(1_000)
      .default(16)
      .describe('scrapes answered at once; more get 503, because each keeps a page in memory'),
  })
  .superRefine(refineListener);

export type PrometheusConfig = z.output<typeof config>;
