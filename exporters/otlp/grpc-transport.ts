/** @module OTLP bodies over gRPC: one call each, and the answer judged. The library compresses. */
import type { Clock } from '../../pipeline/clock/clock.ts';
import type { Signal } from '../../pipeline/component.ts';
import type { CreateGrpcClient, GrpcClient } from '../../pipeline/net/grpc-call.ts';
import { type OtlpGrpcConfig, targetOf, tlsOf } from './grpc-config.ts';
import { grpcVerdictOf } from './grpc-verdict.ts';
import { type Place, placeOfTarget, withPlace } from './place.ts';
import type { OtlpEvents } from './telemetry.ts';
import type { Attempt, OtlpTransport } from './transport.ts';

/** open-telemetry/opentelemetry-proto `collector/{metrics,trace}/v1/*_service.proto`. */
const METHODS: Readonly<Record<Signal, string>> = {
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
};
/** Longest answer, as over HTTP. */
const MAX_ANSWER_BYTES = 64 * 1024;

export class GrpcTransport implements OtlpTransport {
  readonly #method: string;
  readonly #place: Place;
  readonly #events: OtlpEvents;
  readonly #client: GrpcClient;

  constructor(config: OtlpGrpcConfig, signal: Signal, clock: Clock, events: OtlpEvents, create: CreateGrpcClient) {
    const { host, port } = targetOf(config);
    this.#method = METHODS[signal];
    this.#place = placeOfTarget(host, port, tlsOf(config) !== null);
    this.#events = events;
    this.#client = create({
      host,
      port,
      tls: tlsOf(config),
      authority: config.authority,
      headers: new Map(Array.from(config.headers, ([name, value]) => [name.toLowerCase(), value.reveal()])),
      compression: config.compression,
      timeoutMs: config.timeout,
      waitForReady: config.wait_for_ready,
      balancer: config.balancer_name,
      keepalive: keepaliveOf(config),
      maxAnswerBytes: MAX_ANSWER_BYTES,
      clock,
    });
  }

  /** Says early what is wrong with the TLS files; whether anybody listens is seen with the first request. */
  open(): void {
    this.#client.check().then(
      (problem) => {
        if (problem !== null) this.#events.misconfigured(problem);
      },
      () => {},
    );
  }

  pack(body: Uint8Array): Uint8Array {
    return body;
  }

  async send(packed: Uint8Array): Promise<Attempt> {
    const verdict = grpcVerdictOf(await this.#client.call(this.#method, packed));
    return { verdict: withPlace(verdict, this.#place), resent: false };
  }

  close(): void {
    this.#client.close();
  }
}

function keepaliveOf({ keepalive }: OtlpGrpcConfig) {
  if (keepalive === undefined) return null;
  const { time, timeout, permit_without_stream: permitWithoutStream } = keepalive;
  return { timeMs: time, timeoutMs: timeout, permitWithoutStream };
}
