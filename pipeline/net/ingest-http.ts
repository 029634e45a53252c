/**
 * @module The HTTP server of receivers as it listens and ends: its limits on connections and headers, TLS, and its files.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { httpLimits } from './http-limits.ts';
import { type HttpIngestOptions, HttpRequests } from './http-requests.ts';
import type { IngestServer } from './ingest.ts';
import { tellFailedHandshakes, tlsOptions } from './ingest-tls.ts';
import { type ListenerFiles, readListenerFiles, tlsPairOf, usableFiles } from './listener-files.ts';
import { limitConnections, listenOn, type OpenConnections } from './listening.ts';
import { answerUnreadable } from './unreadable-http.ts';

const MAX_HEADERS = 200;
const SOCKET_READ_BYTES = 64 * 1024;

/** Binds and listens. Rejects with a message that names key, address and mend when it cannot. */
export async function startHttpIngest(options: HttpIngestOptions): Promise<IngestServer> {
  const { config, key, events } = options;
  const files = await readListenerFiles({ ...options, fileUnusable: events.fileUnusable });
  try {
    const requests = new HttpRequests(options, files);
    const server = await createServer(options, files, (request, response) => requests.handle(request, response));
    // Without this Node itself asks for bodies that are refused by their headers.
    server.on('checkContinue', (request, response) => requests.handle(request, response));
    answerUnreadable(server, options);
    tellFailedHandshakes(server, events, 'grpc_at_http');
    server.maxHeadersCount = MAX_HEADERS;
    const connections = limitConnections(server, { config, refused: events.closed });
    server.setTimeout(config.idle_timeout);
    const port = await listenOn(server, key, config.endpoint);
    return { host: config.endpoint.host, port, close: closer(server, { files, requests, connections }) };
  } catch (error) {
    files.close();
    throw error;
  }
}

async function createServer(
  options: HttpIngestOptions,
  files: ListenerFiles,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const { config } = options;
  // Bodies come in pieces of what a socket reads at once.
  const limits = { ...httpLimits(config), highWaterMark: SOCKET_READ_BYTES };
  const pair = tlsPairOf(files);
  if (pair === null) return (await import('node:http')).createServer(limits, listener);
  const { createServer: createSecure } = await import('node:https');
  const secure = { ...tlsOptions(config, pair), handshakeTimeout: config.header_timeout };
  const server = usableFiles(options, () => createSecure({ ...limits, ...secure }, listener));
  files.use = (next) => server.setSecureContext(tlsOptions(config, next));
  return server as unknown as Server;
}

interface Closing {
  readonly files: ListenerFiles;
  readonly requests: HttpRequests;
  readonly connections: OpenConnections;
}

function closer(server: Server, { files, requests, connections }: Closing): IngestServer['close'] {
  let closed: Promise<void> | null = null;
  return (deadline) => {
    closed ??= new Promise((resolve) => {
      files.close();
      requests.drain();
      const cut = () => connections.cut();
      server.close(() => {
        deadline.removeEventListener('abort', cut);
        requests.close();
        resolve();
      });
      server.closeIdleConnections();
      if (deadline.aborted) cut();
      else deadline.addEventListener('abort', cut, { once: true });
    });
    return closed;
  };
}
