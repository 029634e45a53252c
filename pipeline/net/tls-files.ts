/** @module The PEM files of a client's TLS, read anew whenever a connection is opened. */
import { readTextFile } from './files.ts';
import type { TlsClientOptions } from './http-client.ts';

/** Keys of a client's TLS as the Collector has them (`config/configtls`); '' is absent. */
export interface TlsFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly serverName: string;
  readonly insecureSkipVerify: boolean;
}

const MAX_PEM_BYTES = 1 << 20;
/** How it begins when a file cannot be read. */
export const FILE_PREFIX = 'cannot read the TLS file';

/** Contents of the files as they are now; a text says which one cannot be read, and why. */
export async function readTlsFiles(tls: TlsFiles): Promise<TlsClientOptions | string> {
  const [ca, cert, key] = await Promise.all([tls.caFile, tls.certFile, tls.keyFile].map(readPem));
  for (const file of [ca, cert, key]) if (file?.error) return file.error;
  return {
    ca: ca?.text,
    cert: cert?.text,
    key: key?.text,
    serverName: tls.serverName === '' ? undefined : tls.serverName,
    insecureSkipVerify: tls.insecureSkipVerify,
  };
}

/** Text of a PEM file, or why there is none; undefined when none is named. */
async function readPem(path: string): Promise<{ readonly text: string; readonly error: string } | undefined> {
  if (path === '') return undefined;
  const file = await readTextFile(path, MAX_PEM_BYTES);
  if (file.text === null) return { text: '', error: `${FILE_PREFIX} ${path}: ${file.error}` };
  return { text: file.text, error: '' };
}
