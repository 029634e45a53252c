/** @module The `otlphttp` exporter: sums of traffic as OTLP metrics over HTTP. */
import type { Exporter, ExporterSettings } from '../../pipeline/component.ts';
import { RunningTotals } from '../../pipeline/model/running-totals.ts';
import { hostName } from '../../pipeline/net/host.ts';
import { type CreateHttpPoster, createHttpPoster } from '../../pipeline/net/http-post.ts';
import { createSendingEvents } from '../../pipeline/sending/telemetry.ts';
import { TrafficSending } from '../../pipeline/sending/traffic-sending.ts';
import { maxRequestItems, type OtlpHttpConfig } from './config.ts';
import {
  type BodyWriter,
  cumulativeEncoding,
  deltaEncoding,
  type Encoding,
  jsonWriter,
  protoWriter,
} from './encoding.ts';
import { HttpTransport } from './http-transport.ts';
import { PartEncoders } from './part-encoders.ts';
import { createOtlpEvents, type OtlpEvents } from './telemetry.ts';
import { OtlpTrafficSender } from './traffic-sender.ts';
import { withoutCoverage } from './without-coverage.ts';

/** An exporter that sends through a poster of `createPoster`. */
export function createOtlpHttpExporter(
  settings: ExporterSettings<OtlpHttpConfig>,
  createPoster: CreateHttpPoster = createHttpPoster,
): Exporter {
  const { config, clock, balance, log, meters } = settings;
  const events = createOtlpEvents(settings.id, 'traffic', { log, meters, clock });
  const sending = new TrafficSending({
    windowMs: config.interval === 'slot' ? settings.slotMs : settings.windowMs,
    queue: config.sending_queue,
    retry: config.retry_on_failure,
    clock,
    balance,
    sender: new OtlpTrafficSender({
      encoding: encodingOf(settings, events),
      transport: new HttpTransport(config, clock, events, createPoster),
      events,
      maxItems: maxRequestItems(config),
    }),
    events: (queue) => createSendingEvents(settings.id, queue, { log, meters, clock }),
  });
  return config.temporality === 'cumulative' ? withoutCoverage(sending, balance) : sending;
}

function encodingOf({ config, clock }: ExporterSettings<OtlpHttpConfig>, events: OtlpEvents): Encoding {
  const writer = writerOf(config, events);
  const origin = { source: config.source === '' ? hostName() : config.source, epoch: clock.randomId() };
  if (config.temporality === 'delta') return deltaEncoding(writer, origin);
  const totals = new RunningTotals({ expirationMs: config.metric_expiration, maxSeries: config.max_series });
  events.watchTotals(totals);
  return cumulativeEncoding(writer, origin, totals, () => clock.monoMs());
}

function writerOf(config: OtlpHttpConfig, events: OtlpEvents): BodyWriter {
  if (config.encoding === 'json') return jsonWriter();
  const encoders = new PartEncoders({ maxItems: maxRequestItems(config), maxCachedItems: config.max_cached_items });
  events.watchEncoders(encoders);
  return protoWriter(encoders);
}
