/** @module Configuration of listeners that take bodies: what other listeners have, clients' certificates, and limits. */
import { z } from 'zod';
import type { ConfigIssue } from '../component.ts';
import { byteSize, isLoopback } from '../config/types.ts';
import { listenerConfig } from './listener-config.ts';

/** Certificates of a listener that takes data, PEM files; the Collector's keys (`config/configtls`). */
const tls = z.strictObject({
  cert_file: z.string().min(1).describe('PEM file with the certificate chain'),
  key_file: z.string().min(1).describe('PEM file with the private key'),
  client_ca_file: z
    .string()
    .min(1)
    .optional()
    .describe(
      'PEM file with the authorities that clients must have their certificate from. Default: clients need none',
    ),
  min_version: z.enum(['1.2', '1.3']).default('1.2').describe('oldest version of TLS'),
});

/** Keys of such a listener, to be spread into a component's schema. `address` is the default of `endpoint`. */
export function ingestListenerConfig(address: string) {
  return {
    ...listenerConfig(address),
    tls: tls.optional().describe('serve with TLS; files are read again within 60s of a change'),
    min_rate: byteSize()
      .prefault('1KiB')
      .describe('bytes a second that a body must bring on the average once it has taken 10s; slower ones are ended'),
  };
}

/** Value of `ingestListenerConfig`. Durations in milliseconds, sizes in bytes. */
export type IngestListenerConfig = z.output<z.ZodObject<ReturnType<typeof ingestListenerConfig>>>;

/** An address others reach needs TLS and a credential (a token or clients' certificates), or the user's word. */
export function checkIngestListener(config: IngestListenerConfig): ConfigIssue[] {
  if (config.insecure_allow || isLoopback(config.endpoint.host)) return [];
  const hasCredential = config.bearer_token_file !== undefined || config.tls?.client_ca_file !== undefined;
  const lacks = [...(config.tls === undefined ? ['TLS'] : []), ...(hasCredential ? [] : ['credential'])];
  if (lacks.length === 0) return [];
  return [
    {
      path: ['endpoint'],
      message: `other machines reach "${config.endpoint.host}", and this listener has no ${lacks.join(' and no ')}`,
      mend: 'listen on 127.0.0.1, or set tls with client_ca_file or bearer_token_file, or insecure_allow: true',
    },
  ];
}

/** `checkIngestListener` as a refinement of the schema that `ingestListenerConfig` was spread into. */
export function refineIngestListener(config: IngestListenerConfig, context: z.RefinementCtx): void {
  for (const { path, message, mend } of checkIngestListener(config)) {
    context.addIssue({ code: 'custom', path: [...path], message, params: { weir: 'WEIR1024', mend } });
  }
}
