/** @module The top level of a configuration: sections, pipelines and Weir's own telemetry. */
import { z } from 'zod';
import { endpoint } from './types.ts';

const section = z
  .record(z.string(), z.unknown(), { error: 'a mapping from component ids to their settings' })
  .nullable()
  .optional();

/** Only the keys; sections are checked component by component. */
export const topLevel = z.strictObject({
  receivers: section.describe('where data comes from'),
  processors: section.describe('what is done with it on the way'),
  exporters: section.describe('where it goes'),
  extensions: section.describe('what runs beside the pipelines'),
  service: z.unknown().optional().describe('which of them run, and how they are connected'),
});

export const service = z.strictObject({
  extensions: z.unknown().optional().describe('ids of the extensions to start, in this order'),
  telemetry: z.unknown().optional().describe("Weir's own logs and metrics"),
  pipelines: z
    .record(z.string(), z.unknown(), { error: 'a mapping from pipeline ids to their components' })
    .nullable()
    .optional()
    .describe('pipelines by their id, signal[/name] with the signal metrics or traces'),
});

const ids = z
  .array(z.string())
  .nullable()
  .prefault([])
  .transform((list) => list ?? []);

export const pipeline = z.strictObject({
  receivers: ids.describe('at least one receiver id'),
  processors: ids.describe('processor ids, in the order the data passes them'),
  exporters: ids.describe('at least one exporter id'),
});

export const extensionIds = ids;

export const telemetry = z.strictObject({
  logs: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('lowest level that is written'),
      encoding: z.enum(['console', 'json']).default('console').describe('lines for people, or one JSON object a line'),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      level: z
        .enum(['none', 'basic', 'normal', 'detailed'])
        .default('normal')
        .describe('none serves no metrics and no drop journal; the others are the same for now'),
      address: endpoint().prefault('127.0.0.1:8888').describe('address that serves /metrics'),
      insecure_allow: z
        .boolean()
        .default(false)
        .describe('allow an address that other machines reach; the metrics are then readable by all of them'),
    })
    .prefault({}),
  drops: z
    .strictObject({
      max_entries: z
        .int()
        .min(1)
        .max(100_000)
        .default(1000)
        .describe(
          'entries of the drop journal (/v1/drops, weir drops); drops of one component for one reason with one error are one entry of 5 KB at most',
        ),
      max_errors: z
        .int()
        .min(1)
        .max(1000)
        .default(16)
        .describe('different errors told apart for each reason of a component; those beyond share one entry'),
      insecure_allow: z
        .boolean()
        .default(false)
        .describe(
          'serve /v1/drops on an address of metrics that other machines reach; names of spans and workloads and the words of backends are then readable by all of them',
        ),
    })
    .prefault({}),
});

export type TelemetryConfig = z.output<typeof telemetry>;
