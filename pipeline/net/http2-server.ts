/** @module The HTTP/2 server beneath the gRPC server of receivers, with every limit that Node offers. */
import type { Http2Server } from 'node:http2';
import type { IngestListenerConfig } from './ingest-config.ts';
import { tlsOptions } from './ingest-tls.ts';
import { type ListenerFiles, tlsPairOf, usableFiles } from './listener-files.ts';

export interface Http2Options {
  /** Configuration key of the address, for messages. */
  readonly key: string;
  readonly config: IngestListenerConfig & {
    /** Calls of one connection at the same time. */
    readonly max_concurrent_streams: number;
    /** Calls of one connection that may be reset within 10 s. */
    readonly max_resets: number;
  };
}

/** Bytes a client may send ahead on one call. */
const STREAM_WINDOW_BYTES = 1 << 20;
const MAX_HEADER_BYTES = 16_384;
const RESET_SPAN_SECONDS = 10;

/** With TLS where there are files for it, which are taken into use whenever they change. */
export async function createHttp2Server(options: Http2Options, files: ListenerFiles): Promise<Http2Server> {
  const { config } = options;
  const limits = {
    maxSessionMemory: 16,
    maxHeaderListPairs: 100,
    maxOutstandingPings: 10,
    maxSettings: 32,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    streamResetBurst: config.max_resets,
    streamResetRate: Math.max(1, Math.floor(config.max_resets / RESET_SPAN_SECONDS)),
    settings: {
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxConcurrentStreams: config.max_concurrent_streams,
      maxHeaderListSize: MAX_HEADER_BYTES,
      maxFrameSize: 64 * 1024,
      enablePush: false,
    },
  };
  const http2 = await import('node:http2');
  const pair = tlsPairOf(files);
  if (pair === null) return http2.createServer(limits);
  const secure = { ...tlsOptions(config, pair), ALPNProtocols: ['h2'], handshakeTimeout: config.header_timeout };
  const server = usableFiles(options, () => http2.createSecureServer({ ...limits, ...secure }));
  files.use = (next) => server.setSecureContext(tlsOptions(config, next));
  return server as unknown as Http2Server;
}
