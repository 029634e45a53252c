/** @module `mapping` in YAML: which families and labels of a page mean source, destination, success and latency. */
import { z } from 'zod';
import { pattern } from '../../pipeline/config/pattern.ts';

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const SAMPLE_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

const labelName = z.string().regex(LABEL_NAME, 'a label name: letters, digits and _, no digit first');
const sampleName = z.string().regex(SAMPLE_NAME, 'a sample name: letters, digits, _ and :, no digit first');

/** A bare text is the name of a label. */
const field = z.union([
  labelName.transform((label) => ({ label })),
  z.strictObject({ value: z.string().describe('a fixed text instead of a label') }),
]);

const end = z.strictObject({
  cluster: field.optional().describe("cluster; default the target's"),
  namespace: field.optional().describe('namespace of the workload'),
  workload: field.optional().describe('name of the workload'),
  kind: field.optional().describe('its kind, such as deployment; default unknown'),
  pod: field.optional().describe('pod'),
  service: field.optional().describe('service that was asked for; stands for the workload where none is named'),
  service_namespace: field.optional().describe("namespace of that service; default the workload's"),
  service_account: field.optional().describe('service account; stands for the workload where nothing else is named'),
});

/** Labels and the expressions their whole values must match, all of them. */
const condition = z
  .record(labelName, pattern())
  .transform((record) => new Map(Object.entries(record)))
  .describe('label: regular expression that its whole value must match; several must match together');

const side = z
  .union([
    z.enum(['client', 'server']),
    z.strictObject({
      label: labelName,
      client: z.string().describe('value of that label for the client side'),
      server: z.string().describe('value of that label for the server side'),
    }),
  ])
  .describe('who counted: client, server, or a label that tells');

const protocol = z.enum(['http', 'grpc', 'tcp', '']);

const shared = {
  side: side.optional(),
  protocol: protocol.optional().describe('http, grpc, tcp or empty; default http, for tcp families tcp'),
  source: end.optional().describe('labels of the client'),
  destination: end.optional().describe('labels of the server'),
  ignore: condition.optional().describe('series that are no traffic; filtered as ignored'),
};

const requests = z.strictObject({
  sample: sampleName.describe('counter of requests, as its lines begin, e.g. http_requests_total'),
  success: condition.optional().describe('which of them succeeded; default those that are no failure'),
  failure: condition.optional().describe('which of them failed; default those that are no success'),
  unreached: condition.optional().describe('failures that no server saw; client side only; default none'),
  ...shared,
});

const latency = z.strictObject({
  family: sampleName.describe('histogram; its _bucket lines are read'),
  unit: z.enum(['s', 'ms', 'us']).optional().describe('unit of le; default by the ending: _seconds, _milliseconds'),
  ...shared,
});

const tcp = z.strictObject({
  sample: sampleName,
  measure: z
    .enum(['opened', 'closed', 'read_bytes', 'written_bytes'])
    .describe('as the proxy counts from and to the peer'),
  ...shared,
});

/** One mapping. */
export const mappingSchema = z.strictObject({
  mesh: z
    .string()
    .regex(/^[a-z][a-z0-9_-]{0,62}$/, 'lower-case letters, digits, _ and -')
    .describe('name of the mesh in records'),
  jobs: z.array(z.string().min(1)).min(1).optional().describe('job_name of the jobs it is for; default all'),
  counts: z
    .union([
      z.enum(['requests', 'attempts']).transform((both) => ({ client: both, server: both })),
      z.strictObject({ client: z.enum(['requests', 'attempts']), server: z.enum(['requests', 'attempts']) }),
    ])
    .describe('whether its counts are of requests, or of attempts including retries; one word, or one per side'),
  vanished: z
    .enum(['evicted', 'kept'])
    .default('evicted')
    .describe(
      'a series absent from a good page and back later counts from 0 (evicted) or from its last value; default evicted',
    ),
  start_time: sampleName.optional().describe('gauge with the start of the process in epoch seconds; default none'),
  sentinel: sampleName.optional().describe('a page without this sample is partial and fails; default none'),
  unknown_values: z
    .array(z.string())
    .default(['unknown'])
    .describe('texts that stand for an unknown end; default [unknown]'),
  ...shared,
  requests: z.array(requests).default([]).describe('counters of requests'),
  latency: z.array(latency).default([]).describe('histograms of response times'),
  tcp: z.array(tcp).default([]).describe('counters of connections and bytes'),
});

export type Mapping = z.output<typeof mappingSchema>;
export type SharedMapping = Pick<Mapping, 'side' | 'protocol' | 'source' | 'destination' | 'ignore'>;
export type Condition = z.output<typeof condition>;
export type RequestsMapping = z.output<typeof requests>;
export type LatencyMapping = z.output<typeof latency>;
export type TcpMapping = z.output<typeof tcp>;

/** Milliseconds per unit of `le`, null when neither the key nor the family's name tells. */
export function unitExponent({ unit, family }: LatencyMapping): number | null {
  if (unit !== undefined) return { s: 3, ms: 0, us: -3 }[unit];
  if (family.endsWith('_seconds')) return 3;
  if (family.endsWith('_milliseconds') || family.endsWith('_ms')) return 0;
  return family.endsWith('_microseconds') ? -3 : null;
}
