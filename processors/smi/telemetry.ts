/** @module The named occurrences of the `smi` processor: each logs and counts. */
import type { Balance } from '../../pipeline/balance.ts';
import type { SamplesBatch, Target } from '../../pipeline/batch.ts';
import type { Clock } from '../../pipeline/clock/clock.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { createDropLog, type ToldDrops } from '../../pipeline/telemetry/drop-log.ts';
import { createOccurrenceLimit } from '../../pipeline/telemetry/limit.ts';
import type { Logger } from '../../pipeline/telemetry/logger.ts';
import type { Meters } from '../../pipeline/telemetry/meters.ts';
import type { SmiEngine } from './engine.ts';
import type { Intake } from './intake.ts';
import type { ReceivedTraffic } from './received.ts';
import { createReceivedTelemetry, type ReceivedTelemetry } from './received-telemetry.ts';

export interface SmiTelemetry extends Pick<ReceivedTelemetry, 'received' | 'refused' | 'handedOn'> {
  taken(batch: SamplesBatch, intake: Intake): void;
  /** `silent` are other Weirs that told nothing of it. */
  slotClosed(sum: TrafficSum, silent: readonly string[]): void;
  /** A slot nobody took over; it is added into the next one. */
  slotKept(reason: string): void;
  /** What was kept and nobody took before the end; `received` items of it came from other Weirs. */
  slotsLost(sum: TrafficSum, received: number): void;
  /** Tells what stayed unsaid. */
  end(): void;
}

/** What a line says of values that were ignored, beside how many. */
interface BadValues {
  readonly target: Target;
  readonly badSeries: Intake['badSeries'];
}

interface TelemetryParts {
  readonly id: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meters: Meters;
  readonly balance: Balance;
  readonly balanceOf: (body: 'traffic') => Balance;
}

export function createTelemetry(parts: TelemetryParts, engine: SmiEngine, traffic: ReceivedTraffic): SmiTelemetry {
  const { id, clock, log, meters, balance } = parts;
  const others = createReceivedTelemetry(parts, traffic);
  const component = { component: id };
  let slots = 0;
  let incomplete = 0;
  let kept = 0;
  let lost = 0;
  let twins = 0;
  const limit = createOccurrenceLimit(clock);
  const drops = createDropLog<null>(clock, ({ items: samples, times, total }) =>
    log.error(
      { samples, times, total },
      'record limit reached: counts are incomplete; raise processors.smi.max_records',
    ),
  );
  const badValues = createDropLog(clock, tellBadValues);
  meters.counter('weir_smi_slots_total', 'Slots closed.', () => [
    { value: slots - incomplete, attributes: { ...component, complete: 'true' } },
    { value: incomplete, attributes: { ...component, complete: 'false' } },
  ]);
  meters.counter(
    'weir_smi_slots_kept_total',
    'Slots that nobody took over and that were added into the next one.',
    () => [{ value: kept, attributes: component }],
  );
  meters.counter('weir_smi_items_lost_total', 'Records of kept slots that nobody took before the end.', () => [
    { value: lost, attributes: component },
  ]);
  meters.counter(
    'weir_capped_counts_total',
    'Counts lost because a sum stops at 2^53, requests, connections, bytes and buckets together.',
    () => [{ value: engine.overflow.counts + traffic.overflow.counts, attributes: component }],
  );
  meters.gauge('weir_smi_records', 'Records (one workload, peer and side each) kept.', () => [
    { value: engine.records, attributes: component },
  ]);
  meters.counter(
    'weir_smi_past_lives_forgotten_total',
    'Proxies gone so long that they are no longer known; one that began before them counts from its first page on.',
    () => [{ value: engine.forgottenLives, attributes: component }],
  );
  meters.gauge(
    'weir_smi_pods_scraped_twice',
    'Pods that are targets at two addresses, or of two receivers: their traffic counts twice.',
    () => [{ value: twins, attributes: component }],
  );
  meters.gauge('weir_smi_targets', 'Targets known.', () => [{ value: engine.targets, attributes: component }]);

  function tellBadValues({ items, times, total, detail }: ToldDrops<BadValues>): void {
    const { target, badSeries } = detail;
    const peer = badSeries?.peer.workload;
    log.warn(
      {
        target: target.address,
        workload: `${target.own.workload.namespace}/${target.own.workload.name}`,
        values: items,
        measure: badSeries?.measure ?? '',
        peer: peer === null || peer === undefined ? '' : `${peer.namespace}/${peer.name}`,
        times,
        total,
      },
      'values that are NaN, negative or above 2^53 were ignored: the last good ones stand',
    );
  }

  function tellTwins(pairs: readonly (readonly [Target, Target])[]): void {
    twins = pairs.length;
    const [first] = pairs;
    if (first === undefined) return;
    const times = limit.occurred('twins');
    if (times === 0) return;
    const [one, other] = first;
    const { workload, pod } = one.own;
    log.warn(
      {
        pod: `${workload.namespace}/${pod}`,
        targets: [`${one.receiver} ${one.address}`, `${other.receiver} ${other.address}`],
        pods: twins,
        times,
      },
      'this pod is scraped twice, so that its traffic counts twice: leave one of the targets out',
    );
  }

  return {
    received: others.received,
    refused: others.refused,
    handedOn: others.handedOn,
    taken({ items, target }, intake) {
      balance.accepted += items;
      balance.merged += intake.merged;
      balance.filter('bad_value', intake.badValues);
      balance.filter('own_export', intake.ownExports);
      balance.filter('unproven', intake.unproven);
      if (intake.overLimit > 0)
        balance.drop('record_limit', intake.overLimit, { sample: () => ({ target: target.key }) });
      badValues.dropped(target.key, intake.badValues, { target, badSeries: intake.badSeries });
      drops.dropped('record_limit', intake.overLimit, null);
    },
    slotClosed(sum, silent) {
      slots += 1;
      others.silent(silent);
      tellTwins(engine.twins(sum.interval.startMs));
      if (!isComplete(sum)) incomplete += 1;
      log.debug(
        { endMs: sum.interval.endMs, records: sum.records.length, coverage: sum.coverage.length },
        'slot closed',
      );
    },
    slotKept(reason) {
      kept += 1;
      const times = limit.occurred('kept');
      if (times > 0) log.warn({ reason, times }, 'nobody took the slot over; it is added into the next one');
    },
    slotsLost(sum, received) {
      const { interval, records, coverage } = sum;
      lost += records.length + coverage.length;
      others.lost(received, sum);
      log.error({ ...interval, records: records.length }, 'nobody took the last slots over: their counts are lost');
    },
    end() {
      drops.end();
      badValues.end();
    },
  };
}

/** True when no scrape due was missed, nothing was a first baseline and nothing was reset (design §6). */
function isComplete(sum: TrafficSum): boolean {
  return !sum.partial && sum.coverage.every((c) => c.scrapesMissed === 0 && c.resets === 0 && !c.firstSight);
}
