/**
 * @module Files of a listener: certificate, key, the authorities of clients, bearer token.
 *
 * They are read again when they change; a bad new file leaves the old content in use.
 */
import { Buffer } from 'node:buffer';
import { resolve } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { errorText, WeirError } from '../errors.ts';
import { type FileWatch, watchFiles } from './file-watch.ts';
import type { FileContent } from './files.ts';
import { type TlsProblem, tlsProblem } from './tls-pair.ts';

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
  const unusable = ({ path, reason }: Unusable) => fileUnusable?.(path, reason);
  const how = { intervalMs: REREAD_MS, maxBytes: MAX_FILE_BYTES };
  watch = await watchFiles(clock, paths, how, (contents) => takeFiles(files, config, contents, unusable));
  takeFiles(files, config, watch.contents, ({ name, path, reason, mend }) => {
    watch?.close();
    throw new WeirError('WEIR_FILE_UNREADABLE', `${keyOf(key, name)}: "${resolve(path)}" ${reason}; ${mend}`);
  });
  return files;
}

/** A file that cannot be used: `name` is its key below the listener's. */
interface Unusable {
  readonly name: string;
  readonly path: string;
  readonly reason: string;
  readonly mend: string;
}

/** Keys of files stand beside the key of the address. */
function keyOf(addressKey: string, name: string): string {
  return `${addressKey.replace(/\.endpoint$/, '')}.${name}`;
}

function takeFiles(
  files: ListenerFiles,
  { tls, bearer_token_file: tokenFile }: ListenerFilePaths,
  contents: readonly FileContent[],
  unusable: (file: Unusable) => void,
): void {
  const text = (name: string, path: string | undefined): string | null => {
    if (path === undefined) return null;
    const file = contents.find((candidate) => candidate.path === path);
    const held = file?.text?.trim() ?? '';
    if (held === '') unusable({ name, path, ...whyNothing(file) });
    return held === '' ? null : held;
  };
  files.token = text('bearer_token_file', tokenFile) ?? files.token;
  const cert = text('tls.cert_file', tls?.cert_file);
  const key = text('tls.key_file', tls?.key_file);
  const clientCa = text('tls.client_ca_file', tls?.client_ca_file) ?? files.clientCa;
  if (tls === undefined || cert === null || key === null) return;
  const pair = { cert, key, clientCa };
  const problem = tlsProblem(pair) ?? useProblem(files, pair);
  if (problem === null) Object.assign(files, pair);
  else unusable({ ...problem, name: `tls.${problem.name}`, path: tls[problem.name] ?? '' });
}

function whyNothing(file: FileContent | undefined): Pick<Unusable, 'reason' | 'mend'> {
  if (file === undefined) return { reason: 'is a pattern', mend: 'name one file' };
  if (file.error === null) return { reason: 'is empty', mend: 'name a file that holds it' };
  // The path stands before it already.
  const error = file.error.replace(/, (?:stat|open|read)\b.*$/s, '');
  return { reason: `cannot be read: ${error}`, mend: 'check the path and its permissions' };
}

/** What the server says to files that fit one another, such as that a key is too short. */
function useProblem({ use }: ListenerFiles, pair: TlsPair): TlsProblem | null {
  try {
    use?.(pair);
    return null;
  } catch (error) {
    return { name: 'cert_file', reason: `cannot be used: ${errorText(error)}`, mend: 'make another one, with its key' };
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
    const paths = `"${resolve(config.tls?.cert_file ?? '')}" and key "${resolve(config.tls?.key_file ?? '')}"`;
    const message = `${keyOf(key, 'tls.cert_file')}: certificate ${paths} cannot be used: ${errorText(cause)}; make others`;
    throw new WeirError('WEIR_FILE_UNREADABLE', message, { cause });
  }
}

/** Whether the value of an `Authorization` header carries the token, if one is asked for. */
export function isAuthorized({ token }: ListenerFiles, authorization: string | undefined): boolean {
  if (token === null) return true;
  const given = /^bearer +(.+)$/i.exec(authorization ?? '')?.[1] ?? '';
  return equalInConstantTime(Buffer.from(given), Buffer.from(token));
}

/** What is wrong with the value of an `Authorization` header, for its sender; '' for nothing. Says nothing of the token. */
export function authorizationProblem(files: ListenerFiles, authorization: string | undefined): string {
  if (isAuthorized(files, authorization)) return '';
  if (authorization === undefined) return 'a bearer token is needed: send the header "authorization: Bearer TOKEN"';
  if (!/^bearer(?: |$)/i.test(authorization))
    return 'a bearer token is needed: authorization must begin with "Bearer "';
  return 'the bearer token is wrong: bearer_token_file of this listener holds another one';
}

/** Takes as long for a wrong token as for a right one, so that time tells nothing about it. */
function equalInConstantTime(given: Buffer, wanted: Buffer): boolean {
  let difference = given.length ^ wanted.length;
  for (let i = 0; i < wanted.length; i++) difference |= (given[i] ?? 0) ^ wanted[i]!;
  return difference === 0;
}
