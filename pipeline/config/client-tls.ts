/** @module TLS of a client, with the Collector's keys (`config/configtls`). */
import { z } from 'zod';

const file = (what: string) => z.string().default('').describe(`${what}, PEM. Read at each connection. Default: none.`);

const keys = {
  ca_file: file("Certificates that sign the server's, instead of the well-known ones"),
  cert_file: file('Own certificate'),
  key_file: file('Key of the own certificate'),
  server_name_override: z.string().default('').describe('Name the certificate must carry. Default: the host.'),
  insecure_skip_verify: z.boolean().default(false).describe('Trust any certificate. Default false.'),
};

/** `tls: {}` turns it on; the value is null when the key is absent. */
export function clientTls() {
  return z.strictObject(keys).refine(hasBothOrNone, BOTH_OR_NONE).transform(tlsFiles);
}

/** For peers whose address says `http` or `https`: `insecure` is known, as the Collector has it, but decides nothing. */
export function clientTlsByScheme() {
  return z
    .strictObject({
      insecure: z.boolean().optional().describe('Without effect: the scheme of the address decides. Default: absent.'),
      ...keys,
    })
    .refine(hasBothOrNone, BOTH_OR_NONE)
    .transform((value) => ({ insecure: value.insecure, ...tlsFiles(value) }));
}

/** For peers whose address need not say whether there is TLS: there is, unless `insecure` or the address says otherwise. */
export function clientTlsOrInsecure() {
  return z
    .strictObject({
      insecure: z.boolean().default(false).describe('Without TLS, where the address has no scheme. Default false.'),
      ...keys,
    })
    .refine(hasBothOrNone, BOTH_OR_NONE)
    .transform((value) => ({ insecure: value.insecure, ...tlsFiles(value) }));
}

type Keys = { readonly [Name in keyof typeof keys]: z.output<(typeof keys)[Name]> };

const BOTH_OR_NONE = { message: 'cert_file and key_file belong together: give both or none' };

function hasBothOrNone(value: Keys): boolean {
  return (value.cert_file === '') === (value.key_file === '');
}

function tlsFiles(value: Keys) {
  return {
    caFile: value.ca_file,
    certFile: value.cert_file,
    keyFile: value.key_file,
    serverName: value.server_name_override,
    insecureSkipVerify: value.insecure_skip_verify,
  };
}
