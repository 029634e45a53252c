/**
 * @module A process of its own that sends requests of spans, as fast as they are taken or at a given pace: arguments are
 * the protocol (`grpc`, `http`, `json`), the port, the spans of a request and the requests a second (0: no pace). What is
 * refused is sent again. Tells, whenever asked, the spans that were taken and the answers that were no success.
 */
import { Agent, request as httpRequest } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { setTimeout as wait } from 'node:timers/promises';
import { spansRequest } from './span-payload.ts';

const [protocol = 'http', port = '0', spansText = '1000', paceText = '0'] = process.argv.slice(2);
const spans = Number(spansText);
const pace = Number(paceText);
const IN_FLIGHT = 4;
const BODIES = 8;

let taken = 0;
let refused = 0;

type Send = (body: Uint8Array) => Promise<boolean>;

function httpSender(contentType: string): Send {
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  const headers = { 'content-type': contentType };
  return (body) =>
    new Promise((resolve, reject) => {
      const options = { agent, host: '127.0.0.1', port, path: '/v1/traces', method: 'POST' };
      const call = httpRequest({ ...options, headers: { ...headers, 'content-length': body.length } }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode === 200));
      });
      call.on('error', reject).end(body);
    });
}

function grpcSender(): Send {
  // With Node's own limit a client refuses its own calls (ENHANCE_YOUR_CALM) once a stall leaves 10 MB of bodies unsent.
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 1000 });
  const headers = {
    ':method': 'POST',
    ':path': '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  return (body) =>
    new Promise((resolve, reject) => {
      const stream = session.request(headers);
      let status = '';
      const read = (fields: Record<string, unknown>) => {
        status = String(fields['grpc-status'] ?? status);
      };
      stream.on('response', read).on('trailers', read).on('error', reject);
      stream
        .on('end', () => resolve(status === '0'))
        .resume()
        .end(body);
    });
}

function framed(body: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(5 + body.length);
  frame.writeUInt32BE(body.length, 1);
  frame.set(body, 5);
  return frame;
}

async function asJson(): Promise<Uint8Array[]> {
  const { readSpans, spansToJson } = await import('../../pipeline/wire/otlp-spans.ts');
  return plain.map((body) => spansToJson(readSpans(body, { maxItems: 50_000, maxDepth: 32 })));
}

const plain = Array.from({ length: BODIES }, (_, i) => spansRequest(spans, i + 1));
const bodies = protocol === 'grpc' ? plain.map(framed) : protocol === 'json' ? await asJson() : plain;
const send =
  protocol === 'grpc' ? grpcSender() : httpSender(protocol === 'json' ? 'application/json' : 'application/x-protobuf');
let turn = 0;

async function sendOne(): Promise<void> {
  const body = bodies[turn++ % BODIES]!;
  while (!(await send(body))) {
    refused += 1;
    await wait(20);
  }
  taken += spans;
}

async function sendForEver(): Promise<never> {
  for (;;) await sendOne();
}

/** Requests at the pace asked for on the average, whatever the timer's grain is. */
function keepPace(): void {
  const startMs = performance.now();
  let begun = 0;
  setInterval(() => {
    const due = ((performance.now() - startMs) * pace) / 1000;
    for (; begun < due; begun++) void sendOne();
  }, 1);
}

process.on('message', () => process.send?.({ taken, refused }));
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
if (pace === 0) await Promise.all(Array.from({ length: IN_FLIGHT }, sendForEver));
else keepPace();
