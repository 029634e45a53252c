/**
 * @module A process of its own that measures how long spans are on their way: it sends requests to several Weirs by turns, so
 * that all meet the same noise, and is itself the backend behind each of them. Tells the ports of its backends; told the
 * ports of the Weirs, it begins; asked, it tells the latencies since it was asked last.
 */
import { Agent, createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readSpans } from '../../pipeline/wire/otlp-spans.ts';
import { spansRequest } from './span-payload.ts';

const WEIRS = 2;
const SPANS = 20;
/** Milliseconds from one request to the next; each goes to another Weir. */
const EVERY_MS = 2;

export interface ProbeFigures {
  /** Milliseconds from the sending of each request to its arrival at the backend, by Weir. */
  readonly latencies: readonly (readonly number[])[];
  /** Answers that were no success since it was asked last, by Weir. */
  readonly refused: readonly number[];
}

const body = spansRequest(SPANS);
/** The first trace id, behind its tag and length. */
const idAt = readSpans(body, { maxItems: SPANS, maxDepth: 32 }).layout.spanFrom[0]! + 2;
const sentMs = new Map<number, number>();
let sent = 0;
let latencies: number[][] = Array.from({ length: WEIRS }, () => []);
let refused = Array.from({ length: WEIRS }, () => 0);

/** The backend behind the Weir with this number. */
function backend(weir: number): Promise<number> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const number = Buffer.concat(pieces).readUInt32LE(idAt);
      latencies[weir]!.push(performance.now() - (sentMs.get(number) ?? Number.NaN));
      sentMs.delete(number);
      response.writeHead(200, { 'content-type': 'application/x-protobuf', 'content-length': 0 }).end();
    });
  });
  server.keepAliveTimeout = 600_000;
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function send(weir: number, port: number, agent: Agent): void {
  const number = ++sent;
  const own = Buffer.from(body);
  own.writeUInt32LE(number, idAt);
  const headers = { 'content-type': 'application/x-protobuf', 'content-length': own.length };
  sentMs.set(number, performance.now());
  httpRequest({ agent, host: '127.0.0.1', port, path: '/v1/traces', method: 'POST', headers }, (answer) => {
    if (answer.statusCode !== 200) refused[weir]! += 1;
    answer.resume();
  })
    // A kept connection that ended while it was idle; no answer, so no refusal.
    .on('error', () => sentMs.delete(number))
    .end(own);
}

function begin(ports: readonly number[]): void {
  const agents = ports.map(() => new Agent({ keepAlive: true }));
  let turn = 0;
  setInterval(() => {
    const weir = turn++ % WEIRS;
    send(weir, ports[weir]!, agents[weir]!);
  }, EVERY_MS);
}

process.on('message', (message: 'figures' | { readonly ports: readonly number[] }) => {
  if (message !== 'figures') {
    begin(message.ports);
    return;
  }
  const figures: ProbeFigures = { latencies, refused };
  process.send?.(figures);
  latencies = Array.from({ length: WEIRS }, () => []);
  refused = Array.from({ length: WEIRS }, () => 0);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ backends: await Promise.all(Array.from({ length: WEIRS }, (_, weir) => backend(weir))) });
