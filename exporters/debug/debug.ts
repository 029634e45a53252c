/** @module The `debug` exporter: writes each batch of traffic or spans as lines, at once, and keeps nothing. */
import type { Batch, SpansBatch, TrafficBatch } from '../../pipeline/batch.ts';
import { type Admission, type Exporter, type ExporterSettings, LOOKS_ON } from '../../pipeline/component.ts';
import { TAKEN } from '../../pipeline/delivery.ts';
import { readTraffic } from '../../pipeline/model/reading.ts';
import { type LineWriter, stdoutWriter } from '../../pipeline/net/stdout.ts';
import { sampleOf } from '../../pipeline/telemetry/drop-sample.ts';
import type { DebugConfig } from './config.ts';
import { trafficLines } from './lines.ts';
import { spanLines } from './span-lines.ts';
import { createDebugEvents, type DebugEvents } from './telemetry.ts';

/** An exporter that writes to `writer`, by default standard output. */
export function createDebugExporter(
  settings: ExporterSettings<DebugConfig>,
  writer: LineWriter = stdoutWriter(settings.config.max_buffered),
): Exporter {
  return new DebugExporter(settings, writer);
}

class DebugExporter implements Exporter {
  readonly #settings: ExporterSettings<DebugConfig>;
  readonly #writer: LineWriter;
  readonly #events: DebugEvents;
  #stopped = false;

  constructor(settings: ExporterSettings<DebugConfig>, writer: LineWriter) {
    this.#settings = settings;
    this.#writer = writer;
    this.#events = createDebugEvents(settings);
  }

  async start(): Promise<void> {}

  async stop(_deadline: AbortSignal): Promise<void> {
    this.#stopped = true;
    this.#events.end();
  }

  admits(_batch: Batch): Admission {
    return this.#stopped ? { ok: false, reason: 'stopped', retryAfterMs: 1000 } : LOOKS_ON;
  }

  consume(batch: Batch): void {
    this.#settings.balanceOf(batch.body).accepted += batch.items;
    if (batch.body === 'samples') this.#reject(batch, 'samples');
    else if (this.#stopped) this.#reject(batch, 'stopped');
    else this.#write(batch);
  }

  #reject(batch: Batch, reason: string): void {
    this.#settings.balanceOf(batch.body).drop(reason, batch.items, { sample: () => sampleOf(batch) });
    batch.delivery.settle({ kind: 'rejected', reason });
  }

  #write(batch: TrafficBatch | SpansBatch): void {
    const balance = this.#settings.balanceOf(batch.body);
    if (this.#writer.write(this.#linesOf(batch))) balance.delivered += batch.items;
    else {
      balance.drop('slow_reader', batch.items, { sample: () => sampleOf(batch) });
      this.#events.readerTooSlow(batch.items);
    }
    batch.delivery.settle(TAKEN);
  }

  #linesOf(batch: TrafficBatch | SpansBatch): string {
    const { verbosity, max_spans: maxSpans } = this.#settings.config;
    if (batch.body === 'spans') return spanLines(batch.spans, verbosity, maxSpans);
    const { sum } = batch;
    const windowMs = sum.interval.endMs - sum.interval.startMs;
    return trafficLines(sum, readTraffic(sum, { defaultKind: 'Deployment', windowMs }), verbosity);
  }
}
