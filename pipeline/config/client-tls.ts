/** @module TLS of a client, with the Collector's keys (`config/configtls`). */
import { z } from 'zod';

const file = (what: string) => z.string().default('').describe(`${what}, PEM. Read at each connection. Default: none.`);

/** `tls: {}` turns it on; the value is null when the key is absent. */
export function clientTls() {
  return z
    .strictObject({
      ca_file: file("Certificates that sign the server's, instead of the well-known ones"),
      cert_file: file('Own certificate'),
      key_file: file('Key of the own certificate'),
      server_name_override: z.string().default('').describe('Name the certificate must carry. Default: the host.'),
      insecure_skip_verify: z.boolean().default(false).describe('Trust any certificate. Default false.'),
    })
    .refine((value) => (value.cert_file === '') === (value.key_file === ''), {
      message: 'cert_file and key_file belong together: give both or none',
    })
    .transform((value) => ({
      caFile: value.ca_file,
      certFile: value.cert_file,
      keyFile: value.key_file,
      serverName: value.server_name_override,
      insecureSkipVerify: value.insecure_skip_verify,
    }));
}
