/** @module Servers that take bodies, without a receiver behind them: what they were given, and what they told. */
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { z } from 'zod';
import type { Clock } from '../../../pipeline/clock/clock.ts';
import { systemClock } from '../../../pipeline/clock/clock.ts';
import type { CorsConfig } from '../../../pipeline/net/cors.ts';
import type { IngestEvents, IngestResult, IngestServer } from '../../../pipeline/net/ingest.ts';
import { ingestListenerConfig } from '../../../pipeline/net/ingest-config.ts';
import { startGrpcIngest } from '../../../pipeline/net/ingest-grpc.ts';
import { startHttpIngest } from '../../../pipeline/net/ingest-http.ts';
import { ReceivingRoom } from '../../../pipeline/net/receiving-room.ts';

export const GRPC_PATH = '/example.Things/Take';
export const HTTP_PATH = '/v1/things';
export const MAX_BODY_BYTES = 1 << 20;
const CONTENT_TYPE = 'application/x-protobuf';

export interface IngestStage {
  readonly grpc: IngestServer;
  readonly http: IngestServer;
  readonly room: ReceivingRoom;
  /** Bodies that came whole, in order. */
  readonly bodies: Uint8Array[];
  /** What ended, in order: '' for a success. */
  readonly ended: string[];
  /** Paths of what ended. */
  readonly paths: string[];
  readonly closed: string[];
  /** Addresses of connections that were closed, and of requests that were refused, with what they were told. */
  readonly peers: string[];
  readonly told: string[];
  /** Files that could not be used again. */
  readonly unusable: string[];
  /** What becomes of each body; at first an empty success. */
  answer: (body: Uint8Array) => Promise<IngestResult>;
}

export interface StageOptions {
  readonly clock?: Clock;
  readonly roomBytes?: number;
  /** Keys of the listeners, as in YAML. */
  readonly listener?: Record<string, unknown>;
  readonly cors?: CorsConfig | null;
  readonly limits?: { readonly max_concurrent_streams?: number; readonly max_resets?: number };
}

export async function startStage(t: ExecutionContext, options: StageOptions = {}): Promise<IngestStage> {
  const { clock = systemClock, roomBytes = 8 << 20, listener = {} } = options;
  const config = z.strictObject(ingestListenerConfig('127.0.0.1:0')).parse(listener);
  const limits = { max_concurrent_streams: 100, max_resets: 200, ...options.limits };
  const stage: Omit<IngestStage, 'grpc' | 'http'> = {
    room: new ReceivingRoom(roomBytes),
    bodies: [],
    ended: [],
    paths: [],
    closed: [],
    peers: [],
    told: [],
    unusable: [],
    answer: async () => ({ body: new Uint8Array() }),
  };
  const take = (body: Uint8Array) => {
    stage.bodies.push(body);
    return stage.answer(body);
  };
  const events: IngestEvents = {
    ended: (path, reason, _bytes, refused) => {
      stage.ended.push(reason);
      stage.paths.push(path);
      if (refused === undefined) return;
      stage.peers.push(refused.peer);
      stage.told.push(refused.message);
    },
    closed: (limit, _code, peer = '') => {
      stage.closed.push(limit);
      stage.peers.push(peer);
    },
    failed: (_path, error) => t.fail(String(error)),
    fileUnusable: (path) => stage.unusable.push(path),
  };
  const shared = { config, clock, room: stage.room, events };
  const ports = { grpc: 0, http: 0 };
  const grpc = await startGrpcIngest({
    ...shared,
    config: { ...config, ...limits },
    key: 'test.grpc',
    maxMessageBytes: MAX_BODY_BYTES,
    methods: new Map([[GRPC_PATH, take]]),
    otherPort: () => ports.http,
  });
  const form = { contentType: CONTENT_TYPE, take, refusalBody: ({ message }: { message: string }) => message };
  const http = await startHttpIngest({
    ...shared,
    key: 'test.http',
    cors: options.cors ?? null,
    maxBodyBytes: MAX_BODY_BYTES,
    otherPort: () => ports.grpc,
    routes: new Map([[HTTP_PATH, new Map([[CONTENT_TYPE, form]])]]),
  });
  Object.assign(ports, { grpc: grpc.port, http: http.port });
  t.teardown(() => Promise.all([grpc.close(AbortSignal.abort()), http.close(AbortSignal.abort())]));
  return Object.assign(stage, { grpc, http });
}

/** A message behind its head. */
export function frame(message: Uint8Array, flag = 0, length = message.length): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

/** A connection of HTTP/2 that stands, and ends with the test. */
export async function h2(t: ExecutionContext, { port }: IngestServer): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  t.teardown(() => session.destroy());
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  return session;
}

/** Headers and trailers of the answer to one call, and the error code when its stream was reset. */
export interface GrpcAnswer {
  readonly status: string;
  readonly message: string;
  readonly details: string;
  readonly httpStatus: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly resetCode: number;
}

/** Sends `bytes` as they are, whole frames or not; `open` leaves the request unfinished. */
export function call(
  session: ClientHttp2Session,
  bytes: Uint8Array,
  headers: Record<string, string> = {},
  open = false,
): Promise<GrpcAnswer> {
  const stream = session.request({
    ':method': 'POST',
    ':path': GRPC_PATH,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  const fields: Record<string, unknown> = {};
  const note = (more: object) => Object.assign(fields, more);
  stream.on('response', note).on('trailers', note);
  stream.on('error', () => {});
  stream.resume();
  if (open) stream.write(bytes);
  else stream.end(bytes);
  return new Promise((resolve) => {
    const done = () => {
      const text = (name: string) => String(fields[name] ?? '');
      const [status, message, details] = ['grpc-status', 'grpc-message', 'grpc-status-details-bin'].map(text);
      const answer = { status: status!, message: message!, details: details! };
      resolve({ ...answer, httpStatus: Number(fields[':status'] ?? 0), fields, resetCode: stream.rstCode ?? 0 });
    };
    stream.on('close', done);
    // Trailers alone end the answer while the request is still open.
    if (open) stream.on('end', done);
  });
}

/** A connection on which bytes are written by hand. */
export interface RawConnection {
  readonly socket: Socket;
  /** What came so far, one character a byte. */
  text(): string;
  readonly closed: Promise<void>;
}

export async function rawConnection(t: ExecutionContext, { port }: Pick<IngestServer, 'port'>): Promise<RawConnection> {
  const socket = connectTcp(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let text = '';
  socket.on('data', (piece) => {
    text += piece.toString('latin1');
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  await new Promise((resolve) => socket.once('connect', resolve));
  return { socket, text: () => text, closed };
}

/** Waits until `done` answers true; whatever it waits for comes from the network, not from time. */
export async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve));
}

/** Bytes that no codec makes shorter, the same each time. */
export function noise(length: number): Buffer {
  let state = 1;
  const bytes = Array.from({ length }, () => {
    state = (state * 48_271) % 0x7fffffff;
    return state >> 8;
  });
  return Buffer.from(bytes);
}
