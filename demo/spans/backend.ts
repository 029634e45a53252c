/** @module The demo's own tracing backend: takes what its Weir exports, and shows the newest traces as text. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readRequest } from './read.ts';
import { NewestTraces } from './traces.ts';

const MAX_BODY_BYTES = 16 * 2 ** 20;

export interface TraceBackend {
  readonly traces: NewestTraces;
  close(): Promise<void>;
}

/** Listens there; POST `/v1/traces` takes OTLP in JSON, GET `/` shows. Rejects when the port is taken. */
export async function startTraceBackend(host: string, port: number): Promise<TraceBackend> {
  const traces = new NewestTraces();
  const server = createServer((incoming, response) => void answer(traces, incoming, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, resolve);
  });
  return { traces, close: () => close(server) };
}

async function answer(traces: NewestTraces, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  if (incoming.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(traces.text());
    return;
  }
  try {
    for (const span of readRequest(JSON.parse(await readBody(incoming)))) traces.add(span);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  } catch {
    response.writeHead(400, { connection: 'close' }).end();
  }
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`a body of more than ${MAX_BODY_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
