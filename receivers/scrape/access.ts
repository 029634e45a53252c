/**
 * @module How targets are asked: the request's path and headers, credentials and TLS, read again when their files change.
 */
import type { Clock } from '../../pipeline/clock/clock.ts';
import { isLoopback } from '../../pipeline/config/types.ts';
import { type FileWatch, watchFiles } from '../../pipeline/net/file-watch.ts';
import type { FileContent } from '../../pipeline/net/files.ts';
import type { createHttpClient, HttpClient, TlsClientOptions } from '../../pipeline/net/http-client.ts';
import { createPlainHttpClient } from '../../pipeline/net/plain-http-client.ts';
import { type ScrapeConfig, timeoutMsOf } from './config.ts';

const MAX_FILE_BYTES = 1024 * 1024;
/** Certificates and tokens rotate by the hour; seconds are soon enough. */
const POLL_MS = 5_000;
const ACCEPT = 'text/plain;version=0.0.4;q=0.9,*/*;q=0.1';

/** What changed in the files of credentials; `error` null when they were read and are used from now on. */
export type AccessChange = (error: string | null) => void;

export class Access {
  readonly path: string;
  /** Rises when connections must be opened anew because TLS material changed. */
  version = 0;
  #tls: TlsClientOptions | null = null;
  /** Loaded only for `scheme: https`. */
  #createTlsClient: typeof createHttpClient | null = null;
  readonly #config: ScrapeConfig;
  #watch: FileWatch | null = null;
  #withGzip: readonly string[] = [];
  #plain: readonly string[] = [];

  constructor(config: ScrapeConfig) {
    this.#config = config;
    this.path = requestPath(config.metrics_path, Object.entries(config.params));
  }

  /** Reads all files; throws what is wrong with them. Later changes are taken when whole, else told and left out. */
  async start(clock: Clock, onChange: AccessChange): Promise<void> {
    if (this.#config.scheme === 'https') {
      this.#createTlsClient = (await import('../../pipeline/net/http-client.ts')).createHttpClient;
    }
    const files = filesOf(this.#config);
    if (files.length === 0) return this.#use([]);
    this.#watch = await watchFiles(clock, files, { intervalMs: POLL_MS, maxBytes: MAX_FILE_BYTES }, (contents) => {
      const problem = problemOf(contents);
      if (problem === null) this.#use(contents);
      onChange(problem);
    });
    const problem = problemOf(this.#watch.contents);
    if (problem !== null) {
      this.close();
      throw new Error(problem);
    }
    this.#use(this.#watch.contents);
  }

  /** Flat header list for a target on `host`. */
  headersFor(host: string): readonly string[] {
    const { enable_compression: compression } = this.#config;
    const gzip = compression === 'auto' ? !isLoopback(host) : compression;
    return gzip ? this.#withGzip : this.#plain;
  }

  /** A client for the target at `address`, with what the files hold now. */
  createClient(address: string): HttpClient {
    if (this.#createTlsClient === null) return createPlainHttpClient(`http://${address}`);
    return this.#createTlsClient(`https://${address}`, this.#tls);
  }

  close(): void {
    this.#watch?.close();
  }

  #use(contents: readonly FileContent[]): void {
    const texts = new Map(contents.map((content) => [content.path, content.text ?? '']));
    const common = [
      'accept',
      ACCEPT,
      'user-agent',
      'weir',
      'x-prometheus-scrape-timeout-seconds',
      String(timeoutMsOf(this.#config) / 1000),
    ];
    const authorization = authorizationOf(this.#config, texts);
    if (authorization !== null) common.push('authorization', authorization);
    this.#plain = [...common, 'accept-encoding', 'identity'];
    this.#withGzip = [...common, 'accept-encoding', 'gzip'];
    this.#tls = this.#config.scheme === 'https' ? tlsOf(this.#config, texts) : null;
    this.version += 1;
  }
}

/** Path and query; parameters in the order written. What a request line cannot hold is percent-encoded. */
export function requestPath(metricsPath: string, params: Iterable<readonly [string, readonly string[]]>): string {
  const path = metricsPath.toWellFormed().replace(/[^\x21-\x7e]|#/gu, encodeURIComponent);
  const query = new URLSearchParams();
  for (const [name, values] of params) for (const value of values) query.append(name, value);
  return query.size === 0 ? path : `${path}${path.includes('?') ? '&' : '?'}${query}`;
}

function filesOf(config: ScrapeConfig): string[] {
  const { tls_config: tls, basic_auth: basic, authorization } = config;
  return [tls?.ca_file, tls?.cert_file, tls?.key_file, basic?.password_file, authorization?.credentials_file].filter(
    (path) => path !== undefined,
  );
}

function problemOf(contents: readonly FileContent[]): string | null {
  const broken = contents.find((content) => content.text === null);
  return broken === undefined ? null : `file ${broken.path} for credentials or TLS: ${broken.error}`;
}

function authorizationOf(config: ScrapeConfig, texts: ReadonlyMap<string, string>): string | null {
  const { basic_auth: basic, authorization } = config;
  if (basic !== undefined) {
    const password = basic.password?.reveal() ?? textOf(texts, basic.password_file) ?? '';
    return `Basic ${Buffer.from(`${basic.username}:${password}`).toString('base64')}`;
  }
  if (authorization === undefined) return null;
  const credentials = authorization.credentials?.reveal() ?? textOf(texts, authorization.credentials_file) ?? '';
  return `${authorization.type} ${credentials}`.trim();
}

/** Content of a secret's file; editors add a newline that is no part of it. */
function textOf(texts: ReadonlyMap<string, string>, path: string | undefined): string | undefined {
  return path === undefined ? undefined : texts.get(path)?.trim();
}

function tlsOf(config: ScrapeConfig, texts: ReadonlyMap<string, string>): TlsClientOptions {
  const tls = config.tls_config;
  return {
    ca: tls?.ca_file === undefined ? undefined : texts.get(tls.ca_file),
    cert: tls?.cert_file === undefined ? undefined : texts.get(tls.cert_file),
    key: tls?.key_file === undefined ? undefined : texts.get(tls.key_file),
    serverName: tls?.server_name,
    insecureSkipVerify: tls?.insecure_skip_verify ?? false,
  };
}
