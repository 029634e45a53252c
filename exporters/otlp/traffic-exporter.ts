/** @module An exporter of traffic over OTLP, whatever carries it: sums as metrics, in deltas or running totals. */
import { Turns } from '../../pipeline/clock/turns.ts';
import type { Exporter, ExporterSettings } from '../../pipeline/component.ts';
import type { SharedQueueConfig, SharedRetryConfig } from '../../pipeline/config/sending.ts';
import { RunningTotals } from '../../pipeline/model/running-totals.ts';
import { hostName } from '../../pipeline/net/host.ts';
import { createSendingEvents } from '../../pipeline/sending/telemetry.ts';
import { TrafficSending } from '../../pipeline/sending/traffic-sending.ts';
import { maxRequestItems } from './config.ts';
import {
  type BodyWriter,
  cumulativeEncoding,
  deltaEncoding,
  type Encoding,
  jsonWriter,
  protoWriter,
} from './encoding.ts';
import { PartEncoders } from './part-encoders.ts';
import type { OtlpEvents } from './telemetry.ts';
import { OtlpTrafficSender } from './traffic-sender.ts';
import type { OtlpTransport } from './transport.ts';
import { withoutCoverage } from './without-coverage.ts';

/** What of a configuration concerns traffic; times in milliseconds. */
export interface TrafficExporterConfig {
  /** Absent: protobuf. */
  readonly encoding?: 'proto' | 'json';
  readonly temporality: 'delta' | 'cumulative';
  readonly interval: 'slot' | 'window';
  readonly source: string;
  readonly max_request_items?: number | undefined;
  readonly max_cached_items: number;
  readonly metric_expiration: number;
  readonly max_series: number;
  readonly sending_queue: SharedQueueConfig;
  readonly retry_on_failure: SharedRetryConfig;
}

export function createTrafficExporter(
  settings: ExporterSettings<TrafficExporterConfig>,
  transport: OtlpTransport,
  events: OtlpEvents,
): Exporter {
  const { config, clock, balance, log, meters } = settings;
  const sending = new TrafficSending({
    windowMs: config.interval === 'slot' ? settings.slotMs : settings.windowMs,
    queue: config.sending_queue.traffic,
    retry: config.retry_on_failure.traffic,
    clock,
    balance,
    sender: new OtlpTrafficSender({
      encoding: encodingOf(settings, events),
      transport,
      events,
      maxItems: maxRequestItems(config),
      turns: new Turns(clock),
    }),
    events: (queue) => createSendingEvents(settings.id, queue, { log, meters, clock }),
  });
  return config.temporality === 'cumulative' ? withoutCoverage(sending, balance) : sending;
}

function encodingOf({ config, clock }: ExporterSettings<TrafficExporterConfig>, events: OtlpEvents): Encoding {
  const writer = writerOf(config, events);
  const origin = { source: config.source === '' ? hostName() : config.source, epoch: clock.randomId() };
  if (config.temporality === 'delta') return deltaEncoding(writer, origin);
  const totals = new RunningTotals({ expirationMs: config.metric_expiration, maxSeries: config.max_series });
  events.watchTotals(totals);
  return cumulativeEncoding(writer, origin, totals, () => clock.monoMs());
}

function writerOf(config: TrafficExporterConfig, events: OtlpEvents): BodyWriter {
  if (config.encoding === 'json') return jsonWriter();
  const encoders = new PartEncoders({ maxItems: maxRequestItems(config), maxCachedItems: config.max_cached_items });
  events.watchEncoders(encoders);
  return protoWriter(encoders);
}
