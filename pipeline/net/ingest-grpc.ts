/**
 * @module The gRPC server of receivers on Node's HTTP/2: bound, listening and closed here; its calls are in grpc-calls.ts
 * (docs/adr/0011-own-grpc-server.md).
 */
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { endAtWrongPort, FirstBytes } from './first-bytes.ts';
import { GrpcCalls, type GrpcCallsOptions } from './grpc-calls.ts';
import { createHttp2Server, type Http2Options } from './http2-server.ts';
import type { IngestServer } from './ingest.ts';
import { tellFailedHandshakes } from './ingest-tls.ts';
import { type ListenerFiles, readListenerFiles, tlsPairOf } from './listener-files.ts';
import { limitConnections, listenOn, type OpenConnections } from './listening.ts';
import { peerOf } from './peer.ts';

export interface GrpcIngestOptions extends Http2Options, Omit<GrpcCallsOptions, 'config'> {
  /** Port of OTLP over HTTP, for clients that took this one for it; null while there is none. */
  readonly otherPort?: () => number | null;
}

/** Binds and listens. Rejects with a message that names key, address and mend when it cannot. */
export async function startGrpcIngest(options: GrpcIngestOptions): Promise<IngestServer> {
  const { config, key, events } = options;
  const files = await readListenerFiles({ ...options, fileUnusable: events.fileUnusable });
  try {
    const calls = new GrpcCalls(options, files);
    const server = await createHttp2Server(options, files);
    server.on('stream', (stream, headers) => calls.handle(stream as ServerHttp2Stream, headers));
    server.on('session', (session) => calls.open(session));
    const first = firstBytes(server, options, files);
    tellFailedHandshakes(server, events, 'http_at_grpc');
    // Without an application protocol in its handshake: Node answers, and ends the connection.
    server.on('unknownProtocol', (socket: TLSSocket) => endAtWrongPort(socket, 'http_at_grpc', options));
    server.on('sessionError', (_, session: ServerHttp2Session) => events.closed('http2', '', peerOf(session.socket)));
    const connections = limitConnections(server, { config, refused: events.closed });
    const port = await listenOn(server, key, config.endpoint);
    return { host: config.endpoint.host, port, close: closer(server, { files, calls, connections, first }) };
  } catch (error) {
    files.close();
    throw error;
  }
}

/** Only where there is no TLS, which does that itself. */
function firstBytes(server: Http2Server, options: GrpcIngestOptions, files: ListenerFiles): FirstBytes | null {
  if (tlsPairOf(files) !== null) return null;
  return new FirstBytes(server, options, options.config.header_timeout);
}

interface Closing {
  readonly files: ListenerFiles;
  readonly calls: GrpcCalls;
  readonly connections: OpenConnections;
  readonly first: FirstBytes | null;
}

function closer(server: Http2Server, { files, calls, connections, first }: Closing): IngestServer['close'] {
  let closed: Promise<void> | null = null;
  return (deadline) => {
    closed ??= new Promise((resolve) => {
      files.close();
      const cut = () => {
        calls.cut();
        connections.cut();
      };
      server.close(() => {
        deadline.removeEventListener('abort', cut);
        calls.end();
        resolve();
      });
      first?.drain();
      calls.drain();
      if (deadline.aborted) cut();
      else deadline.addEventListener('abort', cut, { once: true });
    });
    return closed;
  };
}
