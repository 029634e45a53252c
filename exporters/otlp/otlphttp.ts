/** @module The `otlphttp` exporter: sums of traffic as OTLP metrics, or spans, over HTTP. */
import type { Exporter, ExporterSettings } from '../../pipeline/component.ts';
import { type CreateHttpPoster, createHttpPoster } from '../../pipeline/net/http-post.ts';
import { type OtlpHttpConfig, signalUrl } from './config.ts';
import { HttpTransport } from './http-transport.ts';
import { createSpansExporter } from './spans-exporter.ts';
import { createOtlpEvents, type OtlpEvents } from './telemetry.ts';
import { createTrafficExporter } from './traffic-exporter.ts';

/** An exporter of what belongs to the signal of the settings; it sends through posters of `createPoster`. */
export function createOtlpHttpExporter(
  settings: ExporterSettings<OtlpHttpConfig>,
  createPoster: CreateHttpPoster = createHttpPoster,
): Exporter {
  const { id, signal, log, meters, clock } = settings;
  const events = createOtlpEvents(id, signal === 'traces' ? 'spans' : 'traffic', { log, meters, clock });
  const transport = transportOf(settings, events, createPoster);
  return signal === 'traces'
    ? createSpansExporter(settings, transport, events)
    : createTrafficExporter(settings, transport, events);
}

function transportOf(
  { id, signal, config, clock }: ExporterSettings<OtlpHttpConfig>,
  events: OtlpEvents,
  createPoster: CreateHttpPoster,
): HttpTransport {
  const url = signalUrl(config, signal);
  if (url === null) throw new Error(`${id} has no endpoint for ${signal}`);
  return new HttpTransport(config, url, clock, events, createPoster);
}
