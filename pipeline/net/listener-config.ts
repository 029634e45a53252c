/** @module Configuration that every HTTP listener shares: address, TLS, credential, limits, and when it is refused. */
import { z } from 'zod';
import type { ConfigIssue } from '../component.ts';
import { duration, endpoint, isLoopback } from '../config/types.ts';

/** Certificate and key of a listener, PEM files. */
const tls = z.strictObject({
  cert_file: z.string().min(1).describe('PEM file with the certificate chain'),
  key_file: z.string().min(1).describe('PEM file with the private key'),
});

/** Keys of a listener, to be spread into a component's schema. `address` is the default of `endpoint`. */
export function listenerConfig(address: string) {
  return {
    endpoint: endpoint().prefault(address).describe('address to listen on, host:port; port 0 takes a free one'),
    insecure_allow: z
      .boolean()
      .default(false)
      .describe('allow an address that other machines reach without TLS and a credential'),
    tls: tls.optional().describe('serve HTTPS, TLS 1.3 or newer; files are read again within 60s of a change'),
    bearer_token_file: z
      .string()
      .min(1)
      .optional()
      .describe('file with the token that requests must carry (Authorization: Bearer …); health paths need none'),
    max_connections: z.int().min(1).max(100_000).default(512).describe('open connections; more are closed at once'),
    max_connections_per_address: z
      .int()
      .min(1)
      .max(100_000)
      .default(64)
      .describe('open connections of one client address; more are closed at once'),
    header_timeout: duration({ minMs: 100 }).prefault('10s').describe('time for the headers of a request to arrive'),
    request_timeout: duration({ minMs: 100 }).prefault('30s').describe('time for a whole request to arrive'),
    idle_timeout: duration({ minMs: 100 }).prefault('60s').describe('time after which a silent connection is closed'),
  };
}

/** Value of `listenerConfig`. Durations in milliseconds. */
export type ListenerConfig = z.output<z.ZodObject<ReturnType<typeof listenerConfig>>>;

/** What is wrong with a listener as a whole: an address others reach needs TLS and a credential, or the user's word. */
export function checkListener(config: ListenerConfig): ConfigIssue[] {
  if (config.insecure_allow || isLoopback(config.endpoint.host)) return [];
  const lacks = [
    ...(config.tls === undefined ? ['TLS'] : []),
    ...(config.bearer_token_file === undefined ? ['credential'] : []),
  ];
  if (lacks.length === 0) return [];
  return [
    {
      path: ['endpoint'],
      message: `other machines reach "${config.endpoint.host}", and this listener has no ${lacks.join(' and no ')}`,
      mend: 'listen on 127.0.0.1, or set tls and bearer_token_file, or insecure_allow: true',
    },
  ];
}

/** `checkListener` as a refinement of the schema that `listenerConfig` was spread into. */
export function refineListener(config: ListenerConfig, context: z.RefinementCtx): void {
  for (const { path, message, mend } of checkListener(config)) {
    context.addIssue({ code: 'custom', path: [...path], message, params: { weir: 'WEIR1024', mend } });
  }
}
