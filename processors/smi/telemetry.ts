/** @module The named occurrences of the `smi` processor: each logs and counts. */
import type { Balance } from '../../pipeline/balance.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import type { Logger } from '../../pipeline/telemetry/logger.ts';
import type { Meters } from '../../pipeline/telemetry/meters.ts';
import type { Intake, SmiEngine } from './engine.ts';

export interface SmiTelemetry {
  taken(items: number, intake: Intake): void;
  slotClosed(sum: TrafficSum): void;
  /** A slot nobody took over; it is added into the next one. */
  slotKept(reason: string): void;
}

export function createTelemetry(
  id: string,
  log: Logger,
  meters: Meters,
  balance: Balance,
  engine: SmiEngine,
): SmiTelemetry {
  const component = { component: id };
  let slots = 0;
  let incomplete = 0;
  let kept = 0;
  let toldLimit = false;
  meters.counter('weir_smi_slots_total', 'Slots closed.', () => [
    { value: slots - incomplete, attributes: { ...component, complete: 'true' } },
    { value: incomplete, attributes: { ...component, complete: 'false' } },
  ]);
  meters.counter(
    'weir_smi_slots_kept_total',
    'Slots that nobody took over and that were added into the next one.',
    () => [{ value: kept, attributes: component }],
  );
  meters.gauge('weir_smi_records', 'Records (one workload, peer and side each) kept.', () => [
    { value: engine.records, attributes: component },
  ]);
  meters.gauge('weir_smi_targets', 'Targets known.', () => [{ value: engine.targets, attributes: component }]);

  return {
    taken(items, intake) {
      balance.accepted += items;
      balance.merged += intake.merged;
      balance.filter('bad_value', intake.badValues);
      balance.filter('own_export', intake.ownExports);
      balance.drop('record_limit', intake.overLimit);
      if (intake.overLimit > 0 && !toldLimit) {
        toldLimit = true;
        log.error(
          { samples: intake.overLimit },
          'record limit reached: counts are incomplete; raise processors.smi.max_records',
        );
      }
    },
    slotClosed(sum) {
      slots += 1;
      if (!isComplete(sum)) incomplete += 1;
      log.debug(
        { endMs: sum.interval.endMs, records: sum.records.length, targets: sum.coverage.length },
        'slot closed',
      );
    },
    slotKept(reason) {
      kept += 1;
      log.warn({ reason }, 'nobody took the slot over; it is added into the next one');
    },
  };
}

/** True when no scrape due was missed, nothing was a first baseline and nothing was reset (design §6). */
function isComplete(sum: TrafficSum): boolean {
  return !sum.partial && sum.coverage.every((c) => c.scrapesMissed === 0 && c.resets === 0 && !c.firstSight);
}
