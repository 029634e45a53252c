/**
 * @module The OpenTelemetry JS exporters as applications use them, and spans of theirs that have every field there is: the
 * stock clients that a receiver must understand unchanged.
 */
import {
  type AttributeValue,
  type Context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter as GrpcExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanExporter,
  TracerProvider,
} from '@opentelemetry/sdk-trace';

export type StockProtocol = 'grpc' | 'http/protobuf' | 'http/json';

export interface StockClient {
  readonly protocol: StockProtocol;
  readonly compressed: boolean;
  /** Sends spans as one request; resolves when the exporter reports success, rejects with what it reports else. */
  send(spans: readonly ReadableSpan[]): Promise<void>;
  shutdown(): Promise<void>;
}

/** Every protocol, plain and with gzip. */
export const STOCK_CLIENTS: readonly { readonly protocol: StockProtocol; readonly compressed: boolean }[] = (
  ['grpc', 'http/protobuf', 'http/json'] as const
).flatMap((protocol) => [false, true].map((compressed) => ({ protocol, compressed })));

/** A client of a receiver on these ports of loopback. */
export function stockClient(
  protocol: StockProtocol,
  compressed: boolean,
  { grpcPort, httpPort }: { readonly grpcPort: number; readonly httpPort: number },
  timeoutMillis = 30_000,
): StockClient {
  const compression = compressed ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE;
  const base = { compression, timeoutMillis };
  const exporter: SpanExporter =
    protocol === 'grpc'
      ? new GrpcExporter({ ...base, url: `http://127.0.0.1:${grpcPort}` })
      : new (protocol === 'http/json' ? JsonExporter : ProtoExporter)({
          ...base,
          url: `http://127.0.0.1:${httpPort}/v1/traces`,
        });
  return {
    protocol,
    compressed,
    send: (spans) =>
      new Promise((resolve, reject) => {
        exporter.export([...spans], ({ code, error }) => {
          if (code === 0) resolve();
          else reject(error ?? new Error(`the exporter reports ${code}`));
        });
      }),
    shutdown: () => exporter.shutdown(),
  };
}

/** Values of every type that the SDK takes. */
const EVERY_TYPE: Record<string, AttributeValue> = {
  text: 'wörld \u0000 \ud83d\ude80',
  'empty.text': '',
  yes: true,
  no: false,
  zero: 0,
  int: 42,
  negative: -7,
  'int.max': Number.MAX_SAFE_INTEGER,
  double: 0.1,
  'double.tiny': 5e-324,
  'double.negative.zero': -0,
  infinite: Number.POSITIVE_INFINITY,
  texts: ['a', '', 'c'],
  // Whole numbers beyond 64 bits are left out: these exporters write them as integers that no receiver can read.
  numbers: [1, -2.5, 3e-300],
  booleans: [true, false],
  none: [],
  // A newer SDK takes these too; the interface of the API does not say so yet.
  ...({ bytes: new Uint8Array([0, 1, 254, 255]), map: { inner: { deep: [1, 'two', null] } } } as object),
};

/** Spans of one process: a tree of every kind and status, with events, links and limits that were reached. */
export function everySpan(name = 'every'): ReadableSpan[] {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    resource: resourceFromAttributes(
      { 'service.name': `${name}-service`, 'process.pid': 7, flags: [true] },
      {
        schemaUrl: 'https://opentelemetry.io/schemas/1.38.0',
      },
    ),
    spanLimits: { attributeCountLimit: 24, eventCountLimit: 3, linkCountLimit: 2, attributePerEventCountLimit: 2 },
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer(`${name}-scope`, '1.2.3', { schemaUrl: 'https://example.com/schema' });
  const remote = {
    ...{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', isRemote: true },
    traceFlags: TraceFlags.SAMPLED,
  };
  const start = Date.UTC(2026, 0, 5, 10);
  let parent: Context = trace.setSpanContext(ROOT_CONTEXT, remote);
  const open = [SpanKind.SERVER, SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER].map(
    (kind, i) => {
      const span = tracer.startSpan(
        `${name} ${kind}`,
        {
          kind,
          startTime: start + i,
          attributes: i === 0 ? EVERY_TYPE : {},
          links: [{ context: remote, attributes: { why: 'batch' } }],
        },
        parent,
      );
      parent = trace.setSpan(parent, span);
      return span;
    },
  );
  const [first, second, third] = open;
  for (let i = 0; i < 30; i++) second?.setAttribute(`key-${i}`, i);
  for (let i = 0; i < 5; i++) first?.addEvent(`event ${i}`, { i, text: 'x', more: true }, start + i);
  for (let i = 0; i < 4; i++) third?.addLink({ context: remote, attributes: { i } });
  first?.setStatus({ code: SpanStatusCode.ERROR, message: 'no stock' });
  second?.setStatus({ code: SpanStatusCode.OK });
  third?.recordException(new Error('lost'), start + 9);
  for (const [i, span] of open.reverse().entries()) span.end(start + 20.25 + i);
  tracer.startSpan('', { root: true, startTime: start }).end(start);
  return exporter.getFinishedSpans();
}
