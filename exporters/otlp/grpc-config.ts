/** @module Configuration of the `otlp` exporter (gRPC); keys and defaults of the Collector's where it has them. */
import { z } from 'zod';
import type { ConfigIssue } from '../../pipeline/component.ts';
import { clientTlsOrInsecure } from '../../pipeline/config/client-tls.ts';
import { sharedRetry, sharedSendingQueue } from '../../pipeline/config/sending.ts';
import { duration } from '../../pipeline/config/types.ts';
import type { TlsFiles } from '../../pipeline/net/tls-files.ts';
import { type GrpcTarget, parseGrpcTarget } from './grpc-target.ts';
import { exposedCredentials, requestHeaders } from './headers-config.ts';
import { trafficKeys } from './traffic-config.ts';

const target = z.string().superRefine((text, context) => {
  const found = parseGrpcTarget(text);
  if ('mend' in found)
    context.addIssue({ code: 'custom', message: found.message, params: { weir: 'WEIR1007', mend: found.mend } });
});

/** Names that HTTP/2, gRPC or the form of the body have. */
const OWN_FIELDS = new Set(['connection', 'content-type', 'host', 'te', 'transfer-encoding', 'upgrade']);

/** grpc/grpc `doc/PROTOCOL-HTTP2.md` (Custom-Metadata); values of names in `-bin` would have to be bytes. */
const headers = requestHeaders({
  name: /^(?!.*-bin$)[0-9A-Za-z_.-]+$/i,
  value: /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/,
  isOwn: (name) => name.startsWith('grpc-') || OWN_FIELDS.has(name),
  nameMend: 'use letters, digits, -, _ and ., and no -bin at the end',
  valueProblem: 'characters that gRPC does not allow',
  valueMend:
    'write it in one line of printable ASCII, without blanks at its ends; a secret from a file may end in a newline',
});

const keepalive = z.strictObject({
  time: duration({ minMs: 1000 }).describe('Silence on a connection after which a ping is sent.'),
  timeout: duration({ minMs: 100 })
    .prefault('20s')
    .describe('How long the answer to a ping may take before the connection is given up. Default 20s.'),
  permit_without_stream: z
    .boolean()
    .default(false)
    .describe('Pings also while no request is under way. Default false.'),
});

export const otlpGrpcConfig = z.strictObject({
  endpoint: target.describe(
    'Address of the backend: host:port, dns:///host:port, http://host:port (without TLS) or https://host:port.',
  ),
  compression: z
    .enum(['gzip', 'none'])
    .default('gzip')
    .describe('Compression of each message; the gRPC library has no other. Default gzip.'),
  timeout: duration({ minMs: 10 })
    .prefault('5s')
    .describe('Limit of one whole request, connecting included. Default 5s.'),
  headers: headers
    .prefault({})
    .describe(
      'Headers of each request, a mapping or a list of name and value; write secrets as ${env:NAME}. Default: none.',
    ),
  tls: clientTlsOrInsecure().optional().describe('TLS, which is on. Default: well-known authorities.'),
  wait_for_ready: z
    .boolean()
    .default(false)
    .describe('Wait for a connection until `timeout`, instead of failing with the first attempt. Default false.'),
  balancer_name: z
    .enum(['round_robin', 'pick_first'])
    .default('round_robin')
    .describe('Requests go to all addresses of the host in turn, or to the first that answers. Default round_robin.'),
  authority: z.string().max(255).default('').describe('`:authority` of each request. Default: the endpoint.'),
  keepalive: keepalive
    .optional()
    .describe('Pings that find out that a peer is gone. Default: none, for many servers refuse frequent ones.'),
  ...trafficKeys,
  max_request_items: z
    .int()
    .positive()
    .max(1_000_000)
    .default(2000)
    .describe('Records of one request; a larger sum goes in several, each with its own number. Default 2000.'),
  sending_queue: sharedSendingQueue(),
  retry_on_failure: sharedRetry(),
});

export type OtlpGrpcConfig = z.output<typeof otlpGrpcConfig>;

/** The address and whether there is TLS. The endpoint must have passed the schema. */
export function targetOf({ endpoint, tls }: OtlpGrpcConfig): GrpcTarget & { readonly isSecure: boolean } {
  const found = parseGrpcTarget(endpoint);
  if ('mend' in found) throw new Error(found.message);
  return { ...found, isSecure: found.isSecure ?? tls?.insecure !== true };
}

const WELL_KNOWN: TlsFiles = { caFile: '', certFile: '', keyFile: '', serverName: '', insecureSkipVerify: false };

/** TLS to the backend, null for none. */
export function tlsOf(config: OtlpGrpcConfig): TlsFiles | null {
  return targetOf(config).isSecure ? (config.tls ?? WELL_KNOWN) : null;
}

/** What is allowed and yet looks mistaken. */
export function checkOtlpGrpcConfig(config: OtlpGrpcConfig): ConfigIssue[] {
  const { host, isSecure } = targetOf(config);
  const exposed = isSecure ? [] : exposedCredentials(config.headers, host, 'use TLS if the backend has it');
  return [...checkTls(config, isSecure), ...exposed].map((issue) => ({ ...issue, severity: 'warning' }));
}

function checkTls({ tls, endpoint }: OtlpGrpcConfig, isSecure: boolean): ConfigIssue[] {
  if (tls === undefined) return [];
  const { insecure, caFile, certFile, serverName, insecureSkipVerify } = tls;
  const named = caFile !== '' || certFile !== '' || serverName !== '' || insecureSkipVerify;
  if (!isSecure && named)
    return [
      {
        path: ['tls'],
        message: `there is no TLS, because ${insecure ? 'insecure' : 'the address'} says so: the other keys have no effect`,
        mend: insecure ? 'leave insecure out if TLS is meant' : 'write https:// if TLS is meant',
      },
    ];
  if (isSecure && insecure)
    return [
      {
        path: ['tls', 'insecure'],
        message: `insecure has no effect on ${endpoint}: the scheme decides`,
        mend: 'write http:// if no TLS is meant, or leave it out',
      },
    ];
  if (!isSecure || !insecureSkipVerify) return [];
  return [
    {
      path: ['tls', 'insecure_skip_verify'],
      message: 'the certificate of the backend is not verified',
      mend: 'set ca_file instead',
    },
  ];
}
