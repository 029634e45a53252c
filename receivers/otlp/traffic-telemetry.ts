/** @module What happens to metrics that come over OTLP, each as a function that logs and counts. */
import type { Clock } from '../../pipeline/clock/clock.ts';
import type { ReceiverSettings } from '../../pipeline/component.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { createDropLog } from '../../pipeline/telemetry/drop-log.ts';
import { createOccurrenceLimit } from '../../pipeline/telemetry/limit.ts';
import type { Logger } from '../../pipeline/telemetry/logger.ts';
import type { TrafficEnvelope, TrafficMemory, UnreadAttribute } from '../../pipeline/wire/otlp-traffic.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';
import { ForeignPoints } from './foreign-points.ts';
import type { Claim, Repeats } from './repeats.ts';
import type { SplitRequests } from './split-requests.ts';
import { total } from './totals.ts';

/** How one sender's request ended. `unnumbered`: taken, but without source, epoch or number, so a repeat would be too. */
export type TrafficOutcome = 'taken' | 'unnumbered' | 'split' | 'repeat' | 'repeat_too_old' | 'refused' | 'rejected';

export interface TrafficEvents {
  ended(outcome: TrafficOutcome, envelope: TrafficEnvelope | null): void;
  /** A request was found new: what that says of its sender, and of what it sent before. */
  claimed(envelope: TrafficEnvelope, claim: Claim, sums: readonly TrafficSum[]): void;
  /** Points of a split request that were there already. */
  repeatedPoints(points: number): void;
  /** Parts of a split request never came, or may not have: their points are not known any more. */
  unfinished(source: string): void;
  /** Points of a mesh's proxies that nothing here asks for. */
  unwanted(names: ReadonlyMap<string, number>): void;
  /** Points of metrics that are no mesh's; `unnamed` are those whose names are not told. */
  foreign(names: ReadonlyMap<string, number>, unnamed: number): void;
  /** Points of Weir's own metrics that hold no count, by metric. */
  badValues(names: ReadonlyMap<string, number>, points: number): void;
  /** Something that is said of a request cannot be read, and is taken as if it were not there. */
  unread(attribute: UnreadAttribute, envelope: TrafficEnvelope | null): void;
  /** Counts of a request lost because its points go beyond 2^53 together. */
  capped(counts: number): void;
  /** Items of which the pipeline took a part of their request, and not these. */
  partlyTaken(items: number, reason: string): void;
  end(): void;
}

/** What is read whenever somebody collects. */
export interface TrafficState {
  readonly repeats: Repeats;
  readonly splits: SplitRequests;
  readonly memory: TrafficMemory;
  readonly maxForeignNames: number;
}

const LONGEST_NAME = 200;

export function createTrafficEvents(
  {
    id,
    log,
    meters,
    clock,
    startedMs,
  }: Pick<ReceiverSettings<unknown>, 'id' | 'log' | 'meters' | 'clock' | 'startedMs'>,
  { repeats, splits, memory, maxForeignNames }: TrafficState,
): TrafficEvents {
  const attributes = { receiver: id };
  const limit = createOccurrenceLimit(clock);
  const drops = createDropLines(log, clock);
  const outcomes = new Map<TrafficOutcome, number>();
  const foreign = new ForeignPoints(maxForeignNames);
  const bad = new ForeignPoints(maxForeignNames);
  const unread = new Map<string, number>();
  const counts = { gaps: 0, beforeStart: 0, shared: 0, repeatedPoints: 0, unfinished: 0, capped: 0 };
  const one = (read: () => number) => () => [{ value: read(), attributes }];
  const registered = [
    meters.counter(
      'weir_otlp_traffic_requests_total',
      'Requests of traffic, each sender of a joined one by itself, by what became of them.',
      () => [...outcomes].map(([outcome, value]) => ({ value, attributes: { ...attributes, outcome } })),
    ),
    meters.counter(
      'weir_otlp_traffic_gaps_total',
      'Times that something a sender sent before never came.',
      one(() => counts.gaps),
    ),
    meters.counter(
      'weir_otlp_traffic_before_start_total',
      'First requests of senders of which nothing is remembered, with traffic from before this Weir started: if a life before took them, they count twice in streams.',
      one(() => counts.beforeStart),
    ),
    meters.counter(
      'weir_otlp_traffic_shared_sources_total',
      'Times that a life of a sender came again long after a newer one: several Weirs have one weir.source.',
      one(() => counts.shared),
    ),
    meters.counter(
      'weir_otlp_traffic_repeated_points_total',
      'Data points of split requests that were there already and are not counted twice.',
      one(() => counts.repeatedPoints),
    ),
    meters.counter(
      'weir_otlp_traffic_splits_unfinished_total',
      'Split requests whose parts did not all come before max_split_points was reached.',
      one(() => counts.unfinished),
    ),
    meters.gauge(
      'weir_otlp_traffic_split_points',
      'Data points remembered of split requests.',
      one(() => splits.points),
    ),
    meters.gauge(
      'weir_otlp_traffic_sources',
      'Senders whose requests are remembered.',
      one(() => repeats.sources),
    ),
    meters.counter(
      'weir_otlp_traffic_forgotten_total',
      'Senders, and lives of senders, forgotten because of limits.',
      () => [
        { value: repeats.forgottenSources, attributes: { ...attributes, what: 'source' } },
        { value: repeats.forgottenEpochs, attributes: { ...attributes, what: 'epoch' } },
      ],
    ),
    meters.gauge(
      'weir_otlp_traffic_cached_items',
      'Records and targets whose attributes are remembered.',
      one(() => memory.size),
    ),
    meters.counter(
      'weir_otlp_traffic_cache_evicted_total',
      'Records and targets forgotten because of max_cached_items.',
      one(() => memory.forgotten),
    ),
    meters.counter('weir_otlp_foreign_points_total', 'Data points of metrics that nobody here wants, by name.', () =>
      Array.from(foreign.totals(), ([name, value]) => ({ value, attributes: { ...attributes, name } })),
    ),
  ];
  registered.push(
    meters.counter(
      'weir_otlp_traffic_capped_counts_total',
      'Counts lost because points of one request go beyond 2^53 together.',
      one(() => counts.capped),
    ),
    meters.counter(
      'weir_otlp_traffic_unread_attributes_total',
      'Senders in requests whose weir.seq or weir.replaces is there and cannot be read, so that a repeat counts twice.',
      () => [...unread].map(([name, value]) => ({ value, attributes: { ...attributes, name } })),
    ),
    meters.counter(
      'weir_otlp_traffic_bad_values_total',
      'Data points of traffic left out because they hold no count, by the name of their metric.',
      () => Array.from(bad.totals(), ([name, value]) => ({ value, attributes: { ...attributes, name } })),
    ),
  );
  const tell = (kind: string, fields: Readonly<Record<string, unknown>>, text: string): void => {
    const times = limit.occurred(kind);
    if (times > 0) log.warn({ ...fields, times }, text);
  };
  return {
    ended(outcome, envelope) {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (outcome !== 'unnumbered' && outcome !== 'split') return;
      const times = limit.occurred(outcome);
      if (times === 0) return;
      if (outcome === 'unnumbered')
        log.warn(
          { times },
          'Traffic came without weir.source, weir.epoch or a weir.seq that can be read: a repeat of it would be counted twice',
        );
      else
        log.warn(
          { times, source: shown(envelope?.source ?? '') },
          'Something between has split a request of traffic. It is put together again, at a cost: send it whole',
        );
    },
    claimed({ source, seq }, { gap, isFirst, isShared }, sums) {
      if (isFirst && sums.some(({ interval }) => interval.endMs <= startedMs)) counts.beforeStart += 1;
      if (gap) {
        counts.gaps += 1;
        tell('gap', { source: shown(source), seq }, 'Requests of a sender never came before this one');
      }
      if (isShared) {
        counts.shared += 1;
        const mend = 'give each Weir a source of its own (exporters.otlphttp.source)';
        tell(
          'shared',
          { source: shown(source), mend },
          'Several Weirs have one weir.source: repeats and gaps of them cannot be told',
        );
      }
    },
    repeatedPoints(points) {
      counts.repeatedPoints += points;
    },
    unfinished(source) {
      counts.unfinished += 1;
      const times = limit.occurred('unfinished');
      if (times > 0) log.warn({ source: shown(source), times }, 'Parts of a split request of traffic never came');
    },
    unwanted(names) {
      for (const [name, points] of names) foreign.add(shown(name), points);
    },
    foreign(names, unnamed) {
      for (const [name, points] of names) foreign.add(shown(name), points);
      foreign.addUnnamed(unnamed);
      const [name = ''] = names.keys();
      drops.foreign.dropped('foreign', total(names.values()) + unnamed, shown(name));
    },
    badValues(names, points) {
      for (const [name, count] of names) bad.add(shown(name), count);
      const [name = ''] = names.keys();
      drops.badValues.dropped('bad values', points, shown(name));
    },
    unread({ name, found, expected }, envelope) {
      unread.set(name, (unread.get(name) ?? 0) + 1);
      const source = shown(envelope?.source ?? '');
      tell(
        `unread ${name}`,
        { attribute: name, found: shown(found), expected, source },
        'Traffic came with an attribute that cannot be read: what it repeats would be counted twice',
      );
    },
    capped(lost) {
      counts.capped += lost;
    },
    partlyTaken(items, reason) {
      drops.partlyTaken.dropped(reason, items, reason);
    },
    end() {
      for (const lines of Object.values(drops)) lines.end();
      for (const remove of registered.splice(0)) remove();
    },
  };
}

/** Lines about what is left out: each with an example, or the reason. */
function createDropLines(log: Logger, clock: Clock) {
  return {
    foreign: createDropLog<string>(clock, ({ items: points, times, total, detail: metric }) =>
      log.warn({ metric, points, times, total }, 'Metrics came that are of no mesh known here; they are dropped'),
    ),
    badValues: createDropLog<string>(clock, ({ items: points, times, total, detail: metric }) =>
      log.warn(
        { metric, points, mend: 'look at its sender, and at what stands between', times, total },
        'Traffic came with values that are no counts: not a number, negative, above 2^53. They are left out',
      ),
    ),
    partlyTaken: createDropLog<string>(clock, ({ items, times, total, detail: reason }) =>
      log.error({ items, reason, times, total }, 'The pipeline took a request in part; the rest is dropped'),
    ),
  };
}

function shown(text: string): string {
  return printableShort(text, LONGEST_NAME);
}
