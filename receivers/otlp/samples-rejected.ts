/**
 * @module Points of a mesh that are not taken through a fault of theirs or because of a limit, and what their sender is told:
 * how many, why, of which family, one of them, and what mends it.
 *
 * Not among them is what comes with every Collector and loses nothing: marks of series that ended, repeats, baselines,
 * families that nobody asks for; nor what is found only when a scrape that was held is applied, after the answer.
 */
import { MAX_COUNT } from '../../pipeline/model/sum.ts';
import { NO_COUNT, shownNames } from './foreign-points.ts';

/** A reason that is told: what such points are, and what mends it. */
interface Told {
  readonly one: string;
  readonly many: string;
  readonly mend: string;
}

const TOLD: ReadonlyMap<string, Told> = new Map([
  [
    'bad_value',
    told(`holds ${NO_COUNT}`, `hold ${NO_COUNT}`, 'see what exposes or rewrites it; the last good value stands'),
  ],
  [
    'bad_histogram',
    told('is no histogram', 'are no histograms', 'bounds ascend, with one count more than bounds, or neither'),
  ],
  ['no_time', told('has no time', 'have no time', 'set time_unix_nano')],
  [
    'no_temporality',
    told(
      'is of a metric without temporality',
      'are of metrics without temporality',
      'set aggregation_temporality to cumulative or delta',
    ),
  ],
  ['attribute_limit', limited('samples.max_attribute_bytes', 'send fewer or shorter attributes')],
  ['bucket_limit', limited('samples.max_buckets', 'send fewer buckets')],
  ['series_limit', limited('samples.max_series', 'send fewer series')],
  ['target_limit', limited('samples.max_targets', 'send those of fewer proxies')],
  ['point_limit', told('is longer than 192 KiB', 'are longer than 192 KiB', 'send shorter ones')],
]);

interface Rejected {
  points: number;
  readonly names: Map<string, number>;
  readonly example: string;
}

/** Of one request. Bounded by the reasons and the families of the meshes. */
export class RejectedPoints {
  readonly #byReason = new Map<string, Rejected>();
  #points = 0;

  /** All of them, whatever the reason. */
  get points(): number {
    return this.#points;
  }

  /** `family` and what `example` gives are printable; it is called once for each reason. Reasons that are not told are left out. */
  add(reason: string, family: string, points: number, example: () => string): void {
    if (!TOLD.has(reason)) return;
    const rejected = this.#byReason.get(reason) ?? { points: 0, names: new Map<string, number>(), example: example() };
    this.#byReason.set(reason, rejected);
    rejected.points += points;
    rejected.names.set(family, (rejected.names.get(family) ?? 0) + points);
    this.#points += points;
  }

  /** '' for none. */
  get message(): string {
    return [...this.#byReason].map(([reason, rejected]) => messageOf(reason, TOLD.get(reason)!, rejected)).join('. ');
  }
}

/** True for what a counter can be at. */
export function isCount(value: number): boolean {
  return value >= 0 && value <= MAX_COUNT;
}

function messageOf(reason: string, { one, many, mend }: Told, { points, names, example }: Rejected): string {
  const what = points === 1 ? `1 data point ${one}` : `${points} data points ${many}`;
  return `${what} (${reason}): ${shownNames(names)}, for example ${example}; ${mend}`;
}

function told(one: string, many: string, mend: string): Told {
  return { one, many, mend };
}

function limited(key: string, less: string): Told {
  return told(`is beyond ${key}`, `are beyond ${key}`, `raise ${key} of the receiver, or ${less}`);
}
