/**
 * @module Compares servers for unary gRPC calls whose messages stay bytes: Weir's own, and @grpc/grpc-js with (de)serializers
 * that do nothing. Prints CPU time of the server process per call; both kinds run by turns, and each figure is the median
 * of the rounds. Not one of the goals: run by hand, `node test/bench/grpc-servers.ts`, for docs/adr/0011.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { systemClock } from '../../pipeline/clock/clock.ts';
import { startGrpcIngest } from '../../pipeline/net/ingest-grpc.ts';
import { ReceivingRoom } from '../../pipeline/net/receiving-room.ts';
import { otlpConfig } from '../../receivers/otlp/config.ts';
import { spansRequest } from './span-payload.ts';

const PATH = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const ROUNDS = 5;
const ROUND_MS = 2000;
const IN_FLIGHT = 4;
const MESSAGES = new Map([
  ['empty', new Uint8Array()],
  ['1000 spans', spansRequest(1000)],
]);

let calls = 0;

async function own(): Promise<number> {
  const { protocols } = otlpConfig.parse({ protocols: { grpc: { endpoint: '127.0.0.1:0' } } });
  const empty = new Uint8Array();
  const take = async () => {
    calls += 1;
    return { body: empty };
  };
  const { port } = await startGrpcIngest({
    key: 'bench',
    config: protocols.grpc!,
    clock: systemClock,
    room: new ReceivingRoom(64 << 20),
    maxMessageBytes: 4 << 20,
    methods: new Map([[PATH, take]]),
    events: { ended() {}, closed() {}, failed: (_path, error) => console.error(error), fileUnusable() {} },
  });
  return port;
}

async function library(): Promise<number> {
  const bytes = (message: Buffer) => message;
  const server = new grpc.Server({ 'grpc.max_receive_message_length': 4 << 20 });
  const method = {
    path: PATH,
    requestStream: false as const,
    responseStream: false as const,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  server.addService(
    { export: method },
    {
      export: (_call: unknown, done: (error: null, answer: Buffer) => void) => {
        calls += 1;
        done(null, Buffer.alloc(0));
      },
    },
  );
  return new Promise((resolve, reject) => {
    const ready = (error: Error | null, port: number) => (error === null ? resolve(port) : reject(error));
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), ready);
  });
}

interface Reading {
  readonly calls: number;
  readonly cpuUs: number;
}

/** A server in a process of its own: tells its port, then its reading whenever asked. */
async function serve(kind: string): Promise<void> {
  process.send!({ port: kind === 'own' ? await own() : await library() });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send!({ calls, cpuUs: user + system } satisfies Reading);
  });
}

async function readingOf(server: ChildProcess): Promise<Reading> {
  server.send('reading');
  return (await once(server, 'message'))[0];
}

/** Sends `message` over and over for one round. */
async function load(port: number, message: Uint8Array): Promise<void> {
  const frame = Buffer.concat([Buffer.alloc(5), message]);
  frame.writeUInt32BE(message.length, 1);
  const session = connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 1000 });
  const headers = { ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc', te: 'trailers' };
  const end = performance.now() + ROUND_MS;
  const one = async () => {
    const stream = session.request(headers);
    stream.resume().end(frame);
    const [trailers] = await once(stream, 'trailers');
    if (trailers['grpc-status'] !== '0') throw new Error(`status ${trailers['grpc-status']}`);
  };
  const sender = async () => {
    while (performance.now() < end) await one();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, sender));
  session.close();
}

async function compare(): Promise<void> {
  const servers = await Promise.all(
    ['own', 'grpc-js'].map(async (kind) => {
      const server = fork(fileURLToPath(import.meta.url), [kind]);
      const [{ port }] = await once(server, 'message');
      return { kind, server, port };
    }),
  );
  for (const [name, message] of MESSAGES) {
    const figures = new Map(servers.map(({ kind }) => [kind, [] as number[]]));
    for (let round = 0; round <= ROUNDS; round++) {
      for (const { kind, server, port } of servers) {
        const before = await readingOf(server);
        await load(port, message);
        const after = await readingOf(server);
        // The first round only warms up.
        if (round > 0) figures.get(kind)!.push((after.cpuUs - before.cpuUs) / (after.calls - before.calls));
      }
    }
    for (const [kind, values] of figures) {
      const median = values.sort((a, b) => a - b)[ROUNDS >> 1]!;
      console.log(`${name} (${message.length} bytes), ${kind}: ${Math.round(median)} µs of CPU a call`);
    }
  }
  for (const { server } of servers) server.kill();
}

const [kind] = process.argv.slice(2);
await (kind === undefined ? compare() : serve(kind));
