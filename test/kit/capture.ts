/** @module What a test puts into a real Weir to look into it: an exporter that hands out what it gets, and meters that are read. */
import { z } from 'zod';
import type { Batch } from '../../pipeline/batch.ts';
import { ADMITTED, type AnyFactory, type ExporterFactory, type ReceiverFactory } from '../../pipeline/component.ts';
import { TAKEN } from '../../pipeline/delivery.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import type { Meters, Observation } from '../../pipeline/telemetry/meters.ts';

/** Exporter `capture`, which wants everything; `told` of each sum before it is settled as taken. */
export function captureExporter(told: (sum: TrafficSum) => void): ExporterFactory<Record<string, never>> {
  return {
    kind: 'exporter',
    type: 'capture',
    signals: { metrics: 'development' },
    takes: ['traffic'],
    config: z.strictObject({}),
    demand: () => ['requests', 'latency', 'tcp'],
    async create({ balance }) {
      return {
        start: async () => {},
        stop: async () => {},
        admits: () => ADMITTED,
        consume(batch: Batch) {
          if (batch.body !== 'traffic') return;
          balance.accepted += batch.items;
          balance.delivered += batch.items;
          told(batch.sum);
          batch.delivery.settle(TAKEN);
        },
      };
    },
  };
}

/** What reads an own metric, of all components that have it now. */
export type Reads = Set<() => Iterable<Observation>>;

/** The receiver, of whose own metrics those named are also read through `reads`, until they are removed. */
export function watchedReceiver(factory: ReceiverFactory<unknown>, reads: ReadonlyMap<string, Reads>): AnyFactory {
  return {
    ...factory,
    create: (settings) => factory.create({ ...settings, meters: watchedMeters(settings.meters, reads) }),
  } satisfies ReceiverFactory<unknown>;
}

function watchedMeters(meters: Meters, reads: ReadonlyMap<string, Reads>): Meters {
  const noting = (register: Meters['gauge']): Meters['gauge'] => {
    return (name, help, read) => {
      const remove = register(name, help, read);
      reads.get(name)?.add(read);
      return () => {
        reads.get(name)?.delete(read);
        remove();
      };
    };
  };
  return {
    ...meters,
    gauge: noting((...named) => meters.gauge(...named)),
    counter: noting((...named) => meters.counter(...named)),
  };
}

/** Their values now, together. */
export function total(reads: Reads): number {
  let sum = 0;
  for (const read of reads) for (const { value } of read()) sum += value;
  return sum;
}
