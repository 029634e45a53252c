/** @module What happens to samples that a Collector sends, each as a function that logs and counts. */
import type { Target } from '../../pipeline/batch.ts';
import type { ReceiverSettings } from '../../pipeline/component.ts';
import { createDropLog, type ToldDrops } from '../../pipeline/telemetry/drop-log.ts';
import { createOccurrenceLimit } from '../../pipeline/telemetry/limit.ts';
import type { OwnerSource } from '../scrape/identity.ts';
import type { SeriesBudget } from '../scrape/series-index.ts';
import type { KnownResources } from './samples-resources.ts';

export interface SamplesEvents {
  found(target: Target, source: OwnerSource): void;
  left(target: Target): void;
  /** Scrapes that should have been and of which nothing came, or a time that no deltas tell of. */
  missed(target: Target, scrapes: number): void;
  /** The Collector's clock was set forward by so much, or back (negative), ms. */
  clockStepped(target: Target, ms: number): void;
  /** A scrape came of a Collector whose clock is far ahead, or behind (negative), ms. */
  clockOff(target: Target, ms: number): void;
  /** A scrape came, whole or in part, or failed at the Collector. */
  scraped(outcome: 'good' | 'failed'): void;
  /** Points that were dropped because of a limit. */
  limited(reason: string, samples: number): void;
  end(): void;
}

/** Keys whose limits are meant by the reasons for which points are dropped. */
const KEYS: ReadonlyMap<string, string> = new Map([
  ['series_limit', 'samples.max_series'],
  ['target_limit', 'samples.max_targets'],
  ['attribute_limit', 'samples.max_attribute_bytes'],
  ['bucket_limit', 'samples.max_buckets'],
]);

export function createSamplesEvents(
  { id, log, meters, clock }: Pick<ReceiverSettings<unknown>, 'id' | 'log' | 'meters' | 'clock'>,
  state: {
    readonly budget: SeriesBudget;
    readonly targets: () => number;
    readonly resources: Pick<KnownResources, 'forgotten' | 'unremembered'>;
  },
): SamplesEvents {
  const attributes = { receiver: id };
  const limit = createOccurrenceLimit(clock);
  const drops = createDropLog(clock, tellLimited);
  const scrapes = new Map([
    ['good', 0],
    ['failed', 0],
    ['missed', 0],
  ]);
  let clocksOff = 0;
  const steps = new Map([
    ['back', 0],
    ['forward', 0],
  ]);
  const directionOf = (ms: number) => (ms < 0 ? 'back' : 'forward');
  const add = (outcome: string, count: number) => scrapes.set(outcome, scrapes.get(outcome)! + count);
  const registered = [
    meters.counter(
      'weir_otlp_samples_scrapes_total',
      "Scrapes of a Collector's, each by one outcome: good when it came, whole or in part, failed when the Collector says so (up 0), missed when it was due and nothing came in time, or no deltas tell of it.",
      () => [...scrapes].map(([outcome, value]) => ({ value, attributes: { ...attributes, outcome } })),
    ),
    meters.counter(
      'weir_otlp_samples_clock_steps_total',
      "Scrapes before which a Collector's clock was set back, or forward by more than a minute, each proxy by itself.",
      () => [...steps].map(([direction, value]) => ({ value, attributes: { ...attributes, direction } })),
    ),
    meters.counter(
      'weir_otlp_samples_clock_off_total',
      'Scrapes of a Collector whose clock was ahead or behind by more than a minute: they count when they come.',
      () => [{ value: clocksOff, attributes }],
    ),
    meters.gauge('weir_otlp_samples_targets', 'Proxies known by what a Collector sends of them.', () => [
      { value: state.targets(), attributes },
    ]),
    meters.gauge('weir_otlp_samples_series', 'Series kept of those proxies.', () => [
      { value: state.budget.used, attributes },
    ]),
    meters.counter(
      'weir_otlp_samples_reread_total',
      'Resources forgotten because of samples.max_targets, and attributes of points not remembered because of samples.max_series: both are read anew each time, and nothing is lost.',
      () => [
        { value: state.resources.forgotten, attributes: { ...attributes, what: 'resource' } },
        { value: state.resources.unremembered, attributes: { ...attributes, what: 'attributes' } },
      ],
    ),
  ];
  const whose = ({ address, own, rules }: Target) => ({
    target: address,
    mesh: rules.mesh,
    workload: `${own.workload.namespace}/${own.workload.name}`,
    pod: own.pod,
  });

  function tellLimited({ key: reason, items: samples, times, total }: ToldDrops<null>): void {
    const key = KEYS.get(reason);
    const fields = { reason, samples, times, total };
    if (key === undefined) log.warn(fields, 'data points were dropped that cannot be read as a series');
    else log.error(fields, `data points were dropped because of ${key}: counts are incomplete`);
  }

  return {
    found(target, source) {
      log.debug(whose(target), 'a proxy that a Collector scrapes');
      if (source !== 'address') return;
      const times = limit.occurred('address');
      if (times > 0)
        log.warn(
          { target: target.address, mesh: target.rules.mesh, times },
          'nothing tells whose proxy this is, so that its address stands for it: let the Collector add k8s attributes, or labels such as namespace and pod',
        );
    },
    left(target) {
      log.debug(whose(target), 'a proxy is gone');
    },
    missed(target, count) {
      add('missed', count);
      const times = limit.occurred('missed');
      if (times === 0) return;
      log.warn(
        { ...whose(target), scrapes: count, times },
        'nothing came of scrapes that were due: traffic is incomplete; if scrape_interval is not that of the Collector, write its',
      );
    },
    clockStepped(target, ms) {
      steps.set(directionOf(ms), steps.get(directionOf(ms))! + 1);
      const times = limit.occurred('clock');
      if (times === 0) return;
      log.warn(
        { ...whose(target), seconds: Math.round(ms / 1000), times },
        'the clock of the Collector was set: its scrapes go on by the time that passed here; let it keep time by NTP',
      );
    },
    clockOff(target, ms) {
      clocksOff += 1;
      const times = limit.occurred('clock_off');
      if (times === 0) return;
      log.warn(
        { ...whose(target), seconds: Math.round(Math.abs(ms) / 1000), times },
        `the clock of the Collector is ${ms < 0 ? 'behind' : 'ahead'}: its scrapes count when they come; let it keep time by NTP`,
      );
    },
    scraped(outcome) {
      add(outcome, 1);
    },
    limited: (reason, samples) => drops.dropped(reason, samples, null),
    end() {
      drops.end();
      for (const remove of registered) remove();
    },
  };
}
