/** @module Configuration of the `otlp` receiver; keys and defaults of the Collector's where it has them. */
import { z } from 'zod';
import { byteSize } from '../../pipeline/config/types.ts';
import { ingestListenerConfig, refineIngestListener } from '../../pipeline/net/ingest-config.ts';
import { MOST_DEPTH } from '../../pipeline/wire/otlp/limits.ts';
import { metricsConfig } from './metrics-config.ts';

const MIB = 1024 * 1024;

const urlPath = (path: string, what: string) =>
  z
    .string()
    .regex(/^\/?[\w\-./~%]+$/, 'is no path: write letters, digits, - . _ ~ and /')
    .default(path)
    .transform((text) => (text.startsWith('/') ? text : `/${text}`))
    .describe(`path that takes ${what}`);

const cors = z
  .strictObject({
    allowed_origins: z
      .array(z.string().min(1).max(300))
      .max(100)
      .default([])
      .describe(
        'origins of pages that may send, such as https://*.example.com; those told by their host may send credentials of the browser, those of * may not; none: CORS is off',
      ),
    allowed_headers: z
      .array(z.string().min(1).max(100))
      .max(100)
      .default([])
      .describe('headers that pages may send besides those of OTLP; * for all'),
    exposed_headers: z.array(z.string().min(1).max(100)).max(100).default([]).describe('headers that pages may read'),
    max_age: z
      .int()
      .min(0)
      .max(86_400)
      .default(0)
      .describe('seconds a browser may remember the answer; 0: its default'),
  })
  .transform(({ allowed_origins, allowed_headers, exposed_headers, max_age }) => ({
    allowedOrigins: allowed_origins,
    allowedHeaders: allowed_headers,
    exposedHeaders: exposed_headers,
    maxAgeSeconds: max_age,
  }));

const grpc = z
  .strictObject({
    ...ingestListenerConfig('127.0.0.1:4317'),
    max_recv_msg_size_mib: z
      .int()
      .min(1)
      .max(1024)
      .default(4)
      .describe('longest message, as it comes and unpacked, MiB'),
    max_concurrent_streams: z
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('calls of one connection at the same time'),
    max_resets: z
      .int()
      .min(1)
      .max(100_000)
      .default(200)
      .describe('calls of one connection that may be reset within 10s; more end the connection'),
  })
  .superRefine(refineIngestListener);

/** The one form of a path that has several, RFC 3986 §6.2.2: letters escaped without need, `.` and `..` as steps. */
function normalPath(path: string): string {
  const address = `http://host${path}`;
  // What is no path is refused as that.
  const pathname = URL.canParse(address) ? new URL(address).pathname : path;
  return pathname.replace(/%[0-9a-f]{2}/gi, (escaped) => {
    const letter = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return /[\w.~-]/.test(letter) ? letter : escaped.toUpperCase();
  });
}

interface UrlPaths {
  readonly traces_url_path: string;
  readonly metrics_url_path: string;
}

/** One path for both would take one signal only, and pass over the other as fields nobody knows. */
function refineUrlPaths({ traces_url_path: traces, metrics_url_path: metrics }: UrlPaths, context: z.RefinementCtx) {
  if (normalPath(traces) !== normalPath(metrics)) return;
  const found = traces === metrics ? `both are ${traces}` : `${traces} and ${metrics} are the same`;
  context.addIssue({
    code: 'custom',
    path: ['metrics_url_path'],
    message: `traces_url_path and metrics_url_path have to differ, and ${found}`,
    params: { weir: 'WEIR1021', mend: 'leave both out, which means /v1/traces and /v1/metrics, or change one of them' },
  });
}

const http = z
  .strictObject({
    ...ingestListenerConfig('127.0.0.1:4318'),
    max_request_body_size: byteSize().prefault('20MiB').describe('longest body, as it comes and unpacked'),
    traces_url_path: urlPath('/v1/traces', 'spans'),
    metrics_url_path: urlPath('/v1/metrics', 'metrics'),
    cors: cors.optional().describe('pages of browsers that may send. Default: none'),
  })
  .superRefine(refineIngestListener)
  .superRefine(refineUrlPaths);

/** Bare `grpc:` is the same as `grpc: {}`, as the Collector reads it; what is not written stays so. */
const bare = (value: unknown) => (value === null ? {} : value);

const protocols = z
  .strictObject({
    grpc: z.preprocess(bare, grpc).optional().describe('OTLP over gRPC; name it to have it: grpc: {}'),
    http: z
      .preprocess(bare, http)
      .optional()
      .describe('OTLP over HTTP, protobuf and JSON; name it to have it: http: {}'),
  })
  .superRefine((value, context) => {
    if (value.grpc !== undefined || value.http !== undefined) return;
    context.addIssue({
      code: 'custom',
      message: 'must specify at least one protocol when using the OTLP receiver',
      params: {
        weir: 'WEIR1008',
        mend: 'write protocols: { grpc: {}, http: {} }, one of them, or no protocols at all, which means both',
      },
    });
  });

const BOTH = { grpc: {}, http: {} };

const keys = z.strictObject({
  protocols: protocols.prefault(BOTH).describe('what is served; both, unless written'),
  max_items_per_request: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(50_000)
    .describe('spans or data points of one request, counted before anything is built of them'),
  max_nesting_depth: z
    .int()
    .min(9)
    .max(MOST_DEPTH)
    .default(32)
    .describe('messages within each other, the request being the first, in spans and metrics, protobuf and JSON alike'),
  max_receiving_size: byteSize()
    .prefault('64MiB')
    .describe(
      'bytes of all bodies that are arriving or being read at the same time; what is beyond is told to come again',
    ),
  ...metricsConfig(),
});

export const otlpConfig = keys.superRefine(({ protocols: { grpc, http }, max_receiving_size: room }, context) => {
  const longest = Math.max(http?.max_request_body_size ?? 0, (grpc?.max_recv_msg_size_mib ?? 0) * MIB);
  if (room >= longest) return;
  context.addIssue({
    code: 'custom',
    path: ['max_receiving_size'],
    message: `a request may have ${longest} bytes, and all that arrive at the same time only ${room}`,
    params: {
      weir: 'WEIR1006',
      mend: `write at least ${longest}B, or lower max_request_body_size and max_recv_msg_size_mib`,
    },
  });
});

export type OtlpConfig = z.output<typeof otlpConfig>;
