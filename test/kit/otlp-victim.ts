/**
 * @module A real `weir run` with both OTLP ports under attack: a good client that must be served meanwhile, a backend that
 * tells what arrived, and the memory of the process.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectH2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { spansRequest } from '../bench/span-payload.ts';
import { assertStoppedWhole, type RunningCli, startCli } from './cli.ts';
import { OtlpBackend } from './otlp-backend.ts';
import { freePorts } from './ports.ts';

/**
 * What the good client may wait under attack, at the 99th percentile. Alone on a machine it is less than a tenth of this,
 * but attackers, backend and good client share the processor with what they attack.
 */
const SERVED_WITHIN_MS = 2000;
/** Spans of each request of the good client. */
const GOOD_SPANS = 50;

export interface Victim {
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly weir: RunningCli;
  readonly backend: OtlpBackend;
  /** Resident memory now, bytes; null where the system does not tell. */
  residentBytes(): Promise<number | null>;
  /**
   * Ends the good client and the process, and checks that every one of its requests was served in time and arrived, once.
   */
  end(): Promise<void>;
}

/**
 * Starts all three; the good client sends on both ports, one request after another, until `end`. `listener`: further keys
 * of both ports, in YAML's flow style.
 */
export async function startVictim(t: ExecutionContext, listener = ''): Promise<Victim> {
  const [httpPort = 0, grpcPort = 0, metricsPort = 0] = await freePorts(3);
  const backend = await OtlpBackend.start(t);
  const folder = await mkdtemp(join(tmpdir(), 'weir-victim-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.yaml');
  await writeFile(
    file,
    `
receivers:
  otlp:
    protocols:
      grpc: { endpoint: "127.0.0.1:${grpcPort}", ${listener} }
      http: { endpoint: "127.0.0.1:${httpPort}", ${listener} }
exporters: { otlphttp: { endpoint: "${backend.url}", compression: none } }
service:
  telemetry: { metrics: { address: "127.0.0.1:${metricsPort}" } }
  pipelines: { traces: { receivers: [otlp], exporters: [otlphttp] } }
`,
  );
  const weir = startCli(['run', '-c', file]);
  t.teardown(() => weir.child.kill('SIGKILL'));
  await weir.printed('started');
  const client = goodClient(httpPort, grpcPort);
  return {
    httpPort,
    grpcPort,
    weir,
    backend,
    residentBytes: () => residentBytes(weir.child.pid ?? 0),
    async end() {
      const { served, failures, tookMs } = await client.end();
      t.deepEqual(failures, [], 'the good client was refused');
      t.true(served > 0, 'the good client was not served');
      const [p50, p99] = [0.5, 0.99].map((part) => Math.round(tookMs[Math.floor(part * served)]!));
      t.log(`the good client was served ${served} times, p50 ${p50} ms, p99 ${p99} ms`);
      t.true(p99! < SERVED_WITHIN_MS, `the good client waited, p99 ${p99} ms`);
      weir.child.kill('SIGTERM');
      assertStoppedWhole(t, await weir.finished);
      const good = backend.received.filter(({ body }) => body.includes('good-client-'));
      t.is(good.length, served, 'requests of the good client that arrived');
      t.is(new Set(good.map(({ body }) => body.toString('latin1'))).size, served, 'all different');
    },
  };
}

async function residentBytes(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const match = /^VmRSS:\s+(\d+) kB/m.exec(status);
  return match === null ? null : Number(match[1]) * 1024;
}

/** A request that no other one equals; the mark is a resource of its own without spans, which passes through. */
function goodBody(n: number): Buffer {
  const mark = Buffer.from(`good-client-${String(n).padStart(8, '0')}`);
  // ResourceSpans { schema_url = 3 } beside the one with spans.
  const schema = Buffer.concat([Buffer.from([0x1a, mark.length]), mark]);
  return Buffer.concat([spansRequest(GOOD_SPANS, n + 1), Buffer.from([0x0a, schema.length]), schema]);
}

function goodClient(httpPort: number, grpcPort: number) {
  let running = true;
  let next = 0;
  const tookMs: number[] = [];
  const failures: string[] = [];
  const session = connectH2(`http://127.0.0.1:${grpcPort}`);
  session.on('error', (error) => failures.push(`gRPC connection: ${error.message}`));
  const overHttp = async () => {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: new Uint8Array(goodBody(next++)),
      signal: AbortSignal.timeout(60_000),
    });
    await answer.arrayBuffer();
    return answer.status === 200 ? '' : `HTTP ${answer.status}`;
  };
  const overGrpc = async () => {
    const { status, message } = await grpcCall(session, goodBody(next++));
    return status === 0 ? '' : `gRPC ${status} ${message}`;
  };
  const loop = async (send: () => Promise<string>) => {
    while (running) {
      const began = performance.now();
      const failure = await send().catch((error: unknown) => `threw ${String(error)}`);
      if (failure === '') tookMs.push(performance.now() - began);
      else failures.push(failure);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const loops = Promise.all([loop(overHttp), loop(overGrpc)]);
  return {
    async end() {
      running = false;
      await loops;
      session.close();
      return { served: tookMs.length, failures, tookMs: tookMs.sort((a, b) => a - b) };
    },
  };
}

export interface GrpcAnswer {
  /** Number of the status; -1 when the stream ended without one. */
  readonly status: number;
  readonly message: string;
}

/** Frame of one message. */
export function grpcFrame(body: Uint8Array, compressed = false, length = body.length): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed ? 1 : 0;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, body]);
}

/** The method that takes spans. */
export const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

/** One unary call; never throws. */
export function grpcCall(
  session: ReturnType<typeof connectH2>,
  body: Uint8Array,
  { encoding, frame = grpcFrame(body, encoding !== undefined) }: { encoding?: string; frame?: Uint8Array } = {},
): Promise<GrpcAnswer> {
  return new Promise((resolve) => {
    let status = -1;
    let message = '';
    const stream = session.request({
      ':method': 'POST',
      ':path': EXPORT,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(encoding === undefined ? {} : { 'grpc-encoding': encoding }),
    });
    const read = (fields: Record<string, unknown>) => {
      if (fields['grpc-status'] !== undefined) status = Number(fields['grpc-status']);
      if (fields['grpc-message'] !== undefined) message = String(fields['grpc-message']);
    };
    stream.on('response', read).on('trailers', read);
    stream.on('error', (error) => {
      message ||= error.message;
    });
    stream.on('close', () => resolve({ status, message }));
    stream.resume();
    stream.end(frame);
  });
}

/** Sends bytes as they are and gives all that comes back until the far side closes or `patienceMs` have passed. */
export function rawExchange(port: number, bytes: Uint8Array | string, patienceMs = 30_000): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const timer = setTimeout(() => socket.destroy(), patienceMs);
    socket.on('data', (piece) => {
      answer += piece.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}
