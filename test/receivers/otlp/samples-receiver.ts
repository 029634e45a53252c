/** @module A receiver of a Collector's samples on both ports, and requests to it as bytes over each protocol. */
import { connect } from 'node:http2';
import { buffer } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';
import type protobuf from 'protobufjs';
import { Balance } from '../../../pipeline/balance.ts';
import type { Body } from '../../../pipeline/batch.ts';
import { ADMITTED } from '../../../pipeline/component.ts';
import { otlpConfig } from '../../../receivers/otlp/config.ts';
import { factory } from '../../../receivers/otlp/factory.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { REQUEST_TYPE } from '../../kit/otlp-schema.ts';
import { frame } from '../../pipeline/net/ingest-stage.ts';
import { createTestMeters } from '../scrape/harness.ts';
import { createSlots, tablesOf, WATCH_MS } from './samples-stage.ts';

/** The protocols that every answer is asked over. */
export const PROTOCOLS = ['gRPC', 'HTTP protobuf', 'HTTP JSON'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

const SERVICE = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
const RESPONSE_TYPE = (REQUEST_TYPE.parent as protobuf.Namespace).lookupType('ExportMetricsServiceResponse');

/** What a sender reads in an answer of success, by the public schema. */
export interface Answer {
  readonly partialSuccess?: { readonly rejectedDataPoints?: string; readonly errorMessage?: string };
}

/** Where and when samples come from. */
export interface Sender {
  readonly mesh: Parameters<typeof tablesOf>[0][number];
  readonly startMs: number;
  /** Length of a slot, which is the interval of its scrapes. */
  readonly slotMs: number;
}

const LINKERD: Sender = { mesh: 'linkerd', startMs: WATCH_MS, slotMs: 10_000 };

/** Receives for `smi` with a mesh's requests and latency asked for, until the test ends. `samples`: keys of the receiver. */
export async function startReceiver(t: ExecutionContext, samples: object = {}, { mesh, startMs, slotMs } = LINKERD) {
  const clock = createTestClock(startMs);
  const slots = createSlots(clock, slotMs);
  const log = createTestLog();
  const books = new Map<Body, Balance>();
  const balanceOf = (body: Body) => books.get(body) ?? books.set(body, new Balance()).get(body)!;
  const receiver = await factory.create({
    ...{ id: 'otlp', clock, time: slots.time, log, meters: createTestMeters() },
    ...{ balance: balanceOf('samples'), balanceOf },
    config: otlpConfig.parse({
      protocols: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } },
      scrape_interval: `${slotMs}ms`,
      samples,
    }),
    ...{ startedMs: startMs, next: { admits: () => ADMITTED, consume: slots.consume } },
    ...{ signals: new Set(['metrics'] as const), demand: new Set(['requests', 'latency'] as const) },
    meshTable: async (asked) => (await tablesOf([asked as typeof mesh]))[0]!,
  });
  t.teardown(() => receiver.stop(AbortSignal.abort()));
  await receiver.start();
  const addressOf = (protocol: string) =>
    log.lines.find(({ message, fields }) => message === 'OTLP is taken' && fields.protocol === protocol)?.fields
      .address;
  const url = `http://${addressOf('http')}/v1/metrics`;
  const send = (protocol: Protocol, bytes: Uint8Array): Promise<Answer> =>
    protocol === 'gRPC' ? sendGrpc(`http://${addressOf('grpc')}`, bytes) : sendHttp(url, protocol, bytes);
  return { url, books, slots, clock, log, send, receiver };
}

async function sendHttp(url: string, protocol: Protocol, bytes: Uint8Array): Promise<Answer> {
  const isJson = protocol === 'HTTP JSON';
  const json = () => JSON.stringify(REQUEST_TYPE.toObject(REQUEST_TYPE.decode(bytes), { longs: String, json: true }));
  const headers = { 'content-type': isJson ? 'application/json' : 'application/x-protobuf' };
  const response = await fetch(url, { method: 'POST', headers, body: isJson ? json() : Buffer.from(bytes) });
  if (response.status !== 200) throw new Error(`status ${response.status}: ${await response.text()}`);
  const body = Buffer.from(await response.arrayBuffer());
  return isJson ? JSON.parse(body.toString()) : read(body);
}

async function sendGrpc(url: string, bytes: Uint8Array): Promise<Answer> {
  const session = connect(url);
  const headers = { ':method': 'POST', ':path': SERVICE, 'content-type': 'application/grpc', te: 'trailers' };
  const stream = session.request(headers);
  stream.end(frame(bytes));
  let status: unknown;
  stream.on('trailers', (trailers) => {
    status = trailers['grpc-status'];
  });
  // A stream that is closed before its end fails here.
  const body = await buffer(stream).finally(() => session.close());
  if (status !== '0') throw new Error(`status ${status}`);
  return read(body.subarray(5));
}

function read(body: Uint8Array): Answer {
  return RESPONSE_TYPE.toObject(RESPONSE_TYPE.decode(body), { longs: String });
}
