/** @module The named occurrences of the `smi` exporter: each logs, counts, or both. */
import type { Balance } from '../../pipeline/balance.ts';
import type { Batch } from '../../pipeline/batch.ts';
import type { Clock } from '../../pipeline/clock/clock.ts';
import type { ReadModel } from '../../pipeline/model/read-model.ts';
import { sampleOf } from '../../pipeline/telemetry/drop-sample.ts';
import { createOccurrenceLimit } from '../../pipeline/telemetry/limit.ts';
import type { Logger } from '../../pipeline/telemetry/logger.ts';
import type { Meters } from '../../pipeline/telemetry/meters.ts';

export interface SmiTelemetry {
  /** Traffic was added to the read model, which is all the delivery there is. */
  folded(items: number): void;
  /** Something else than traffic came. */
  notTraffic(batch: Batch): void;
  listening(host: string, port: number): void;
  openAddress(host: string): void;
  answered(status: number): void;
  answerFailed(path: string, error: unknown): void;
  connectionRefused(limit: string): void;
  fileUnusable(path: string, reason: string): void;
}

interface TelemetryParts {
  readonly id: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meters: Meters;
  readonly balance: Balance;
  readonly model: ReadModel;
}

export function createTelemetry({ id, clock, log, meters, balance, model }: TelemetryParts): SmiTelemetry {
  const component = { component: id };
  const limit = createOccurrenceLimit(clock);
  const requests = new Map<number, number>();
  const refused = new Map<string, number>();
  let unusable = 0;
  registerModel(meters, component, model);
  meters.counter('weir_http_requests_total', 'Requests answered, by status code.', () =>
    Array.from(requests, ([code, value]) => ({ value, attributes: { ...component, code: String(code) } })),
  );
  meters.counter('weir_http_connections_refused_total', 'Connections closed at once, by the limit they met.', () =>
    Array.from(refused, ([by, value]) => ({ value, attributes: { ...component, limit: by } })),
  );
  meters.counter(
    'weir_http_files_unusable_total',
    'Times a changed file of the listener could not be used; the old content stays in use.',
    () => [{ value: unusable, attributes: component }],
  );

  return {
    folded(items) {
      balance.accepted += items;
      balance.delivered += items;
    },
    notTraffic(batch) {
      balance.accepted += batch.items;
      balance.drop('not_traffic', batch.items, { sample: () => sampleOf(batch) });
    },
    listening: (host, port) => log.info({ host, port }, 'SMI API listens'),
    openAddress: (host) => log.warn({ host }, 'insecure_allow: everybody who reaches this address reads all traffic'),
    answered(status) {
      requests.set(status, (requests.get(status) ?? 0) + 1);
    },
    answerFailed(path, error) {
      const times = limit.occurred('answer');
      if (times > 0) log.error({ path: path.slice(0, 200), error, times }, 'an answer of the SMI API failed');
    },
    connectionRefused(by) {
      refused.set(by, (refused.get(by) ?? 0) + 1);
      const times = limit.occurred(by);
      if (times > 0) log.warn({ limit: by, times }, 'connections refused: the limit is reached');
    },
    fileUnusable(path, reason) {
      unusable += 1;
      log.error({ path, reason }, 'a file of the listener cannot be used; the old content stays');
    },
  };
}

function registerModel(meters: Meters, component: Readonly<Record<string, string>>, model: ReadModel): void {
  const gauges = [
    ['weir_read_model_slots', 'Closed slots retained.', () => model.slots],
    ['weir_read_model_items', 'Records of all retained slots.', () => model.items],
  ] as const;
  for (const [name, help, value] of gauges) {
    meters.gauge(name, help, () => [{ value: value(), attributes: component }]);
  }
  meters.counter(
    'weir_read_model_forgotten_items_total',
    'Records of slots that max_items pushed out before the retention ended.',
    () => [{ value: model.forgottenItems, attributes: component }],
  );
}
