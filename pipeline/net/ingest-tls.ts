/** @module TLS of servers that take bodies. */
import type { IngestListenerConfig } from './ingest-config.ts';
import type { TlsPair } from './listener-files.ts';

/** Options of a TLS server: clients need a certificate where an authority is named. */
export function tlsOptions({ tls }: IngestListenerConfig, { cert, key, clientCa }: TlsPair) {
  const minVersion = tls?.min_version === '1.3' ? ('TLSv1.3' as const) : ('TLSv1.2' as const);
  const mutual = clientCa === null ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return { cert, key, minVersion, ...mutual };
}
