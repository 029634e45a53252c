/** @module An exporter of spans over OTLP, whatever carries them. */
import type { Exporter, ExporterSettings } from '../../pipeline/component.ts';
import type { SharedQueueConfig, SharedRetryConfig } from '../../pipeline/config/sending.ts';
import { SpansSending } from '../../pipeline/sending/spans-sending.ts';
import { createSpansSendingEvents } from '../../pipeline/sending/spans-telemetry.ts';
import { OtlpSpansSender } from './spans-sender.ts';
import type { OtlpEvents } from './telemetry.ts';
import type { OtlpTransport } from './transport.ts';

/** What of a configuration concerns spans. */
export interface SpansExporterConfig {
  /** Absent: protobuf. */
  readonly encoding?: 'proto' | 'json';
  readonly sending_queue: SharedQueueConfig;
  readonly retry_on_failure: SharedRetryConfig;
}

export function createSpansExporter(
  { id, config, clock, balance, log, meters }: ExporterSettings<SpansExporterConfig>,
  transport: OtlpTransport,
  events: OtlpEvents,
): Exporter {
  const { encoding = 'proto', sending_queue: queue, retry_on_failure: retry } = config;
  return new SpansSending({
    queue: queue.spans,
    consumers: queue.consumers,
    retry: retry.spans,
    clock,
    balance,
    sender: new OtlpSpansSender({ encoding, transport, events, clock }),
    events: (held, underWay) => createSpansSendingEvents(id, held, underWay, { log, meters, clock }),
  });
}
