/**
 * @module Files of a listener: certificate, key, the authorities of clients, bearer token.
 *
 * They are read again when they change; a bad new file leaves the old content in use.
 */
import { Buffer } from 'node:buffer';
import type { Clock } from '../clock/clock.ts';
import { WeirError } from '../errors.ts';
import { type FileWatch, watchFiles } from './file-watch.ts';
import type { FileContent } from './files.ts';

/** Paths a listener's configuration may name. */
export interface ListenerFilePaths {
  readonly tls?:
    | {
        readonly cert_file: string;
        readonly key_file: string;
        readonly client_ca_file?: string | undefined;
      }
    | undefined;
  readonly bearer_token_file?: string | undefined;
}

export interface ListenerFileOptions {
  /** Configuration key of the address, for messages. */
  readonly key: string;
  readonly config: ListenerFilePaths;
  readonly clock: Clock;
  /** Told when a file could not be used again; must not throw. */
  readonly fileUnusable?: (path: string, reason: string) => void;
}

/** What a TLS server is made from. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
  /** Authorities that clients' certificates must come from; null when clients need none. */
  readonly clientCa: string | null;
}

/** Contents of the listener's files as last usable. */
export interface ListenerFiles {
  token: string | null;
  cert: string | null;
  key: string | null;
  clientCa: string | null;
  /** Set once the server stands: takes new files into use, throws when they do not fit. */
  use: ((pair: TlsPair) => void) | null;
  close(): void;
}

const REREAD_MS = 60_000;
const MAX_FILE_BYTES = 256 * 1024;

/** Reads and watches them. Rejects with a message that names key and path when one cannot be used. */
export async function readListenerFiles(options: ListenerFileOptions): Promise<ListenerFiles> {
  const { config, clock, key, fileUnusable } = options;
  const { tls, bearer_token_file: tokenFile } = config;
  const named = [tokenFile, tls?.cert_file, tls?.key_file, tls?.client_ca_file];
  const paths = named.filter((path) => path !== undefined);
  let watch: FileWatch | null = null;
  const files: ListenerFiles = {
    token: null,
    cert: null,
    key: null,
    clientCa: null,
    use: null,
    close: () => watch?.close(),
  };
  if (paths.length === 0) return files;
  const unusable = (path: string, reason: string) => fileUnusable?.(path, reason);
  const how = { intervalMs: REREAD_MS, maxBytes: MAX_FILE_BYTES };
  watch = await watchFiles(clock, paths, how, (contents) => takeFiles(files, config, contents, unusable));
  takeFiles(files, config, watch.contents, (path, reason) => {
    watch?.close();
    throw new WeirError('WEIR_FILE_UNREADABLE', `${key}: "${path}" ${reason}; check the path and its permissions`);
  });
  return files;
}

function takeFiles(
  files: ListenerFiles,
  { tls, bearer_token_file: tokenFile }: ListenerFilePaths,
  contents: readonly FileContent[],
  unusable: (path: string, reason: string) => void,
): void {
  const text = (path: string | undefined): string | null => {
    const file = contents.find((candidate) => candidate.path === path);
    if (file === undefined) return null;
    const held = file.text?.trim() ?? '';
    if (held === '') unusable(file.path, file.error ?? 'is empty');
    return held === '' ? null : held;
  };
  files.token = text(tokenFile) ?? files.token;
  const cert = text(tls?.cert_file);
  const key = text(tls?.key_file);
  const clientCa = text(tls?.client_ca_file) ?? files.clientCa;
  if (cert === null || key === null) return;
  try {
    files.use?.({ cert, key, clientCa });
    files.cert = cert;
    files.key = key;
    files.clientCa = clientCa;
  } catch (error) {
    unusable(tls?.cert_file ?? '', `does not fit its key (${error instanceof Error ? error.message : 'unreadable'})`);
  }
}

/** The files of TLS, null when the listener has none. */
export function tlsPairOf({ cert, key, clientCa }: ListenerFiles): TlsPair | null {
  return cert === null || key === null ? null : { cert, key, clientCa };
}

/** What `make` makes, or an error that names the files it was made from. */
export function usableFiles<Made>(
  { key, config }: Pick<ListenerFileOptions, 'key' | 'config'>,
  make: () => Made,
): Made {
  try {
    return make();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unreadable';
    const files = `certificate "${config.tls?.cert_file}" and key "${config.tls?.key_file}"`;
    throw new WeirError('WEIR_FILE_UNREADABLE', `${key}: tls: ${files} cannot be used: ${why}`, { cause });
  }
}

/** Whether the value of an `Authorization` header carries the token, if one is asked for. */
export function isAuthorized({ token }: ListenerFiles, authorization: string | undefined): boolean {
  if (token === null) return true;
  const given = /^bearer +(.+)$/i.exec(authorization ?? '')?.[1] ?? '';
  return equalInConstantTime(Buffer.from(given), Buffer.from(token));
}

/** Takes as long for a wrong token as for a right one, so that time tells nothing about it. */
function equalInConstantTime(given: Buffer, wanted: Buffer): boolean {
  let difference = given.length ^ wanted.length;
  for (let i = 0; i < wanted.length; i++) difference |= (given[i] ?? 0) ^ wanted[i]!;
  return difference === 0;
}
