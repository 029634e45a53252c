/** @module The `otlp` exporter: sums of traffic as OTLP metrics, or spans, over gRPC. */
import type { Exporter, ExporterSettings } from '../../pipeline/component.ts';
import type { CreateGrpcClient } from '../../pipeline/net/grpc-call.ts';
import { createGrpcClient } from '../../pipeline/net/grpc-client.ts';
import type { OtlpGrpcConfig } from './grpc-config.ts';
import { GrpcTransport } from './grpc-transport.ts';
import { createSpansExporter } from './spans-exporter.ts';
import { createOtlpEvents } from './telemetry.ts';
import { createTrafficExporter } from './traffic-exporter.ts';

/** An exporter of what belongs to the signal of the settings; it sends through a client of `createClient`. */
export function createOtlpGrpcExporter(
  settings: ExporterSettings<OtlpGrpcConfig>,
  createClient: CreateGrpcClient = createGrpcClient,
): Exporter {
  const { id, signal, config, log, meters, clock } = settings;
  const events = createOtlpEvents(id, signal === 'traces' ? 'spans' : 'traffic', { log, meters, clock });
  const transport = new GrpcTransport(config, signal, clock, events, createClient);
  return signal === 'traces'
    ? createSpansExporter(settings, transport, events)
    : createTrafficExporter(settings, transport, events);
}
