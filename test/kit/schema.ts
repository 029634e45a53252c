/** @module Messages checked against the published schema, and read as its descriptions say. */
import { readFileSync } from 'node:fs';
import ajv2020 from 'ajv/dist/2020.js';

const { Ajv2020 } = ajv2020;
const SCHEMA_FILE = new URL('../../schema/traffic-metrics.schema.json', import.meta.url);

const ajv = new Ajv2020({ strict: true, allErrors: true, strictTuples: true, allowUnionTypes: true });
const validate = ajv.compile(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')));

/** A message as far as tests look at it. */
export interface TrafficMessage {
  readonly timestamp: string;
  readonly window: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly resource: Reference;
  readonly edge: { readonly direction: 'to' | 'from'; readonly side: string; readonly resource: Partial<Reference> };
  readonly metrics: readonly { readonly name: string; readonly value: string }[];
  readonly 'x-weir': {
    readonly record: 'total' | 'edge';
    readonly source: string;
    readonly epoch: string;
    readonly seq: number;
    readonly revision: number;
    readonly cluster: string;
    readonly windowStart: string;
    readonly windowEnd: string;
    readonly complete: boolean;
    readonly bounds: Readonly<Record<string, readonly [number, number | null] | null>>;
  } & Readonly<Record<string, unknown>>;
}

interface Reference {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly apiVersion: string;
}

/** The message, or an error that names what the schema has against it. */
export function parseMessage(text: string): TrafficMessage {
  const message: TrafficMessage = JSON.parse(text);
  if (validate(message)) return message;
  throw new Error(`${ajv.errorsText(validate.errors, { separator: '\n' })}\n${text}`);
}

/** Identity by which a consumer drops repeats, all from the message. */
export function identityOf({ resource, edge, 'x-weir': weir }: TrafficMessage): string {
  const { source, epoch, cluster, windowStart, revision } = weir;
  return JSON.stringify([source, epoch, cluster, resource, edge.resource, edge.side, windowStart, revision]);
}

const SUFFIX = new Map([
  ['', 1],
  ['m', 1e-3],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
]);

/** Value of one of the five metrics. */
export function metricOf(message: TrafficMessage, name: string): number {
  const text = message.metrics.find((metric) => metric.name === name)?.value ?? '';
  const match = /^([0-9]+)([mkMG]?)$/.exec(text);
  if (match === null) throw new Error(`"${text}" is no quantity this test reads`);
  return Number(match[1]) * (SUFFIX.get(match[2] ?? '') ?? Number.NaN);
}
