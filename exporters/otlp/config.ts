/** @module Configuration of the `otlphttp` exporter; keys and defaults of the Collector's where it has them. */
import * as zlib from 'node:zlib';
import { z } from 'zod';
import type { CheckContext, ConfigIssue, Signal } from '../../pipeline/component.ts';
import { clientTlsByScheme } from '../../pipeline/config/client-tls.ts';
import { sharedRetry, sharedSendingQueue } from '../../pipeline/config/sending.ts';
import { duration, type Endpoint } from '../../pipeline/config/types.ts';
import { maskUrls } from '../../pipeline/wire/url-secrets.ts';
import { exposedCredentials, requestHeaders } from './headers-config.ts';
import { trafficKeys } from './traffic-config.ts';

const URL_MEND = 'write http://host:port or https://host:port, for example http://127.0.0.1:4318';

/** What is wrong with an address to send to, null when nothing is. Never shows what may be secret in it. */
function urlProblem(text: string, isBase: boolean): { readonly message: string; readonly mend: string } | null {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || !/^https?:\/\//i.test(text))
    return { message: `"${maskUrls(text, true)}" is no URL`, mend: URL_MEND };
  if (url.username !== '' || url.password !== '')
    return { message: 'the URL holds a user name', mend: 'write it as headers: { authorization: "${env:NAME}" }' };
  if (url.hash !== '' || text.includes('#')) return { message: 'the URL has a fragment (#)', mend: 'leave it out' };
  if (isBase && text.includes('?'))
    return {
      message: 'the URL has a query, and /v1/metrics or /v1/traces is appended to it',
      mend: 'write the whole address as metrics_endpoint or traces_endpoint',
    };
  return null;
}

const peerUrl = (isBase: boolean) =>
  z.string().superRefine((text, context) => {
    const problem = urlProblem(text, isBase);
    if (problem === null) return;
    context.addIssue({ code: 'custom', message: problem.message, params: { weir: 'WEIR1007', mend: problem.mend } });
  });

/** Fields that frame the request or describe its body, which are Weir's to set. */
const OWN_FIELDS = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** RFC 9110 §5.6.2 and §5.5. */
const headers = requestHeaders({
  name: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
  value: /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/,
  isOwn: (name) => OWN_FIELDS.has(name),
  nameMend: 'use letters, digits and -',
  valueProblem: 'characters that HTTP does not allow',
  valueMend:
    'write it in one line of printable Latin-1, without blanks at its ends; a secret from a file may end in a newline',
});

const fields = z.strictObject({
  endpoint: peerUrl(true)
    .optional()
    .describe('Address of the backend; /v1/metrics or /v1/traces is appended. One of the three is needed.'),
  metrics_endpoint: peerUrl(false)
    .optional()
    .describe('Whole address for traffic, used as it is instead of `endpoint`. Default: none.'),
  traces_endpoint: peerUrl(false)
    .optional()
    .describe('Whole address for spans, used as it is instead of `endpoint`. Default: none.'),
  encoding: z.enum(['proto', 'json']).default('proto').describe('Form of the body: protobuf or JSON. Default proto.'),
  compression: z
    .enum(['gzip', 'zstd', 'none'])
    .default('gzip')
    .describe('Compression of the body; zstd where this Node has it. Default gzip.'),
  compression_params: z
    .strictObject({
      level: z.int().min(1).max(9).default(1).describe('Level of gzip or zstd, 1 (fast) to 9 (small). Default 1.'),
    })
    .prefault({}),
  timeout: duration({ minMs: 10 })
    .prefault('30s')
    .describe('Limit of one whole exchange, connecting included. Default 30s.'),
  headers: headers
    .prefault({})
    .describe(
      'Headers of each request, a mapping or a list of name and value; write secrets as ${env:NAME}. Default: none.',
    ),
  tls: clientTlsByScheme().optional().describe('TLS to an https address. Default: well-known authorities.'),
  ...trafficKeys,
  max_request_items: z
    .int()
    .positive()
    .max(1_000_000)
    .optional()
    .describe(
      'Records of one request; a larger sum goes in several, each with its own number. Default 2000, with `json` 500.',
    ),
  sending_queue: sharedSendingQueue(),
  retry_on_failure: sharedRetry(),
});

export const otlpHttpConfig = fields.superRefine((value, context) => {
  if ([value.endpoint, value.metrics_endpoint, value.traces_endpoint].some((url) => url !== undefined)) return;
  context.addIssue({
    code: 'custom',
    message: 'nowhere to send to: neither endpoint, metrics_endpoint nor traces_endpoint',
    params: { weir: 'WEIR1008', mend: 'add endpoint: http://127.0.0.1:4318' },
  });
});

export type OtlpHttpConfig = z.output<typeof otlpHttpConfig>;

/** A request of so many records as JSON is written in less than 20 ms; nothing else runs meanwhile. */
const JSON_REQUEST_ITEMS = 500;
const PROTO_REQUEST_ITEMS = 2000;

interface RequestSize {
  readonly max_request_items?: number | undefined;
  readonly encoding?: 'proto' | 'json';
}

/** Records of one request. */
export function maxRequestItems({ max_request_items: items, encoding }: RequestSize): number {
  return items ?? (encoding === 'json' ? JSON_REQUEST_ITEMS : PROTO_REQUEST_ITEMS);
}

/** Where what belongs to a signal is sent to; null where nobody said it. */
export function signalUrl(config: OtlpHttpConfig, signal: Signal): URL | null {
  const whole = signal === 'metrics' ? config.metrics_endpoint : config.traces_endpoint;
  if (whole !== undefined) return new URL(whole);
  if (config.endpoint === undefined) return null;
  const base = new URL(config.endpoint);
  base.pathname = `${base.pathname.replace(/\/$/, '')}/v1/${signal}`;
  return base;
}

/** Host and port of `signalUrl`, the host without brackets. */
export function signalAddress(config: OtlpHttpConfig, signal: Signal): Endpoint | null {
  const url = signalUrl(config, signal);
  if (url === null) return null;
  const usual = url.protocol === 'https:' ? 443 : 80;
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? usual : Number(url.port) };
}

/** What cannot work in a pipeline of the signal, and what is allowed and yet looks mistaken. */
export function checkOtlpHttpConfig(
  config: OtlpHttpConfig,
  { signal = 'metrics' }: Partial<CheckContext>,
): ConfigIssue[] {
  const url = signalUrl(config, signal);
  if (url === null) return [nowhereFor(signal)];
  const warnings = [...checkPath(config, signal), ...checkTls(config, url), ...checkHeaders(config, url)];
  return [...checkCompression(config), ...warnings.map((issue) => ({ ...issue, severity: 'warning' as const }))];
}

function nowhereFor(signal: Signal): ConfigIssue {
  const path = signal === 'metrics' ? 'metrics_endpoint' : 'traces_endpoint';
  return {
    path: [],
    code: 'WEIR1008',
    message: `nowhere to send the ${signal} of this pipeline to: neither endpoint nor ${path}`,
    mend: `add endpoint: http://127.0.0.1:4318, or ${path} with the whole address`,
  };
}

/** The whole address of a signal, written where paths are appended. */
function checkPath(config: OtlpHttpConfig, signal: Signal): ConfigIssue[] {
  const key = `${signal}_endpoint` as const;
  if (config.endpoint === undefined || config[key] !== undefined) return [];
  const written = /\/v1\/(?:traces|metrics|logs)\/?$/.exec(new URL(config.endpoint).pathname)?.[0];
  if (written === undefined) return [];
  const message = `/v1/${signal} is appended to endpoint, which ends in ${written} already: most backends answer 404`;
  return [{ path: ['endpoint'], message, mend: `leave ${written} out, or write the whole address as ${key}` }];
}

function checkCompression({ compression }: OtlpHttpConfig): ConfigIssue[] {
  if (compression !== 'zstd' || typeof zlib.zstdCompress === 'function') return [];
  return [{ path: ['compression'], message: 'this version of Node has no zstd', mend: 'use gzip, or a newer Node' }];
}

function checkTls({ tls }: OtlpHttpConfig, { protocol }: URL): ConfigIssue[] {
  if (tls === undefined) return [];
  const { insecure, caFile, certFile, serverName, insecureSkipVerify } = tls;
  const named = caFile !== '' || certFile !== '' || serverName !== '' || insecureSkipVerify;
  if (protocol === 'http:' && named)
    return [{ path: ['tls'], message: 'tls has no effect on an http address', mend: 'write https:// if TLS is meant' }];
  if (protocol === 'https:' && insecure === true)
    return [
      {
        path: ['tls', 'insecure'],
        message: 'insecure has no effect on an https address: the scheme decides',
        mend: 'write http:// if no TLS is meant, or leave it out',
      },
    ];
  if (protocol !== 'https:' || !insecureSkipVerify) return [];
  return [
    {
      path: ['tls', 'insecure_skip_verify'],
      message: 'the certificate of the backend is not verified',
      mend: 'set ca_file instead',
    },
  ];
}

function checkHeaders({ headers: sent }: OtlpHttpConfig, { protocol, hostname }: URL): ConfigIssue[] {
  if (protocol === 'https:') return [];
  return exposedCredentials(sent, hostname.replace(/^\[|\]$/g, ''), 'write https:// if the backend has TLS');
}
