/** @module What is wrong with the files of a TLS server, said of the one file that has to be mended. */
import type { KeyObject } from 'node:crypto';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { codeOf } from '../errors.ts';

/** Texts of the files; the authorities are null where clients need no certificate. */
export interface TlsTexts {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | null;
}

/** A file that cannot be used, by the key that names it. */
export interface TlsProblem {
  readonly name: 'cert_file' | 'key_file' | 'client_ca_file';
  /** What is wrong with it, after its path. */
  readonly reason: string;
  readonly mend: string;
}

/** The first problem found, null for files that fit one another. Says nothing of what the files hold. */
export function tlsProblem({ cert, key, clientCa }: TlsTexts): TlsProblem | null {
  const certificate = certificateOf(cert);
  if (certificate === null)
    return {
      name: 'cert_file',
      reason: 'holds no certificate in PEM',
      mend: 'name the file with the certificate chain',
    };
  const privateKey = privateKeyOf(key);
  if (typeof privateKey === 'string') return { name: 'key_file', ...KEY_PROBLEMS[privateKey] };
  if (!certificate.checkPrivateKey(privateKey))
    return {
      name: 'key_file',
      reason: 'is not the key of the certificate',
      mend: 'name the key that cert_file was made with',
    };
  if (clientCa === null || certificateOf(clientCa) !== null) return null;
  return {
    name: 'client_ca_file',
    reason: 'holds no certificate in PEM',
    mend: "name the file with clients' authorities",
  };
}

const KEY_PROBLEMS = {
  encrypted: { reason: 'is encrypted', mend: 'take its passphrase off, for instance with openssl pkey' },
  unreadable: { reason: 'holds no private key in PEM', mend: 'name the file with the key of the certificate' },
} as const;

function certificateOf(text: string): X509Certificate | null {
  try {
    return new X509Certificate(text);
  } catch {
    return null;
  }
}

function privateKeyOf(text: string): KeyObject | keyof typeof KEY_PROBLEMS {
  try {
    return createPrivateKey(text);
  } catch (error) {
    return codeOf(error) === 'ERR_MISSING_PASSPHRASE' || text.includes('ENCRYPTED') ? 'encrypted' : 'unreadable';
  }
}
