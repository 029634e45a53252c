/** @module What is remembered of one series of points: a counter, or a histogram with all of its buckets. */
import type { SeriesMeaning } from '../../pipeline/model/rules.ts';
import type { NumberRow } from '../../pipeline/wire/otlp-metrics.ts';
import type { SampledTarget } from './samples-target.ts';

/** `ended`: over; back later it counts from 0. `forgotten`: its ids may be of others by now. */
export type Standing = 'live' | 'ended' | 'forgotten';

export type SeriesRole = SeriesMeaning['role'] | 'up';
export const NO_BOUNDS = new Float64Array(0);

export class PointSeries {
  readonly target: SampledTarget;
  readonly role: SeriesRole;
  /** Of filtered series, else ''. */
  readonly reason: string;
  /** In the target's table; of a histogram one for each bucket, the last one without an upper bound. */
  ids: readonly number[];
  /** Finite upper bounds of a histogram. */
  bounds: Float64Array;
  standing: Standing = 'live';
  /** Time of the newest point as its sender told it, ms; 0 before any. */
  timeMs = 0;
  /** Time of the mark that it has ended, ms; 0 without one that still counts. */
  staleMs = 0;
  /** What its last point was. */
  isDelta = false;
  /** Time of the scrape of which a point of it is held, ms, 0 for none; and what kinds of points are. */
  heldMs = 0;
  heldKinds = 0;
  /** Page that it was last written on. */
  page = 0;

  constructor(
    target: SampledTarget,
    meaning: SeriesMeaning | { readonly role: 'up' },
    ids: readonly number[],
    bounds: Float64Array = NO_BOUNDS,
  ) {
    this.target = target;
    this.role = meaning.role;
    this.reason = meaning.role === 'filtered' ? meaning.reason : '';
    this.ids = ids;
    this.bounds = bounds;
  }

  /** Whether a histogram with these bounds has the buckets known. */
  hasBounds({ values, length }: NumberRow): boolean {
    if (length !== this.bounds.length) return false;
    for (let i = 0; i < length; i++) if (values[i] !== this.bounds[i]) return false;
    return true;
  }

  /** Whether it tells of the process. */
  get tellsLife(): boolean {
    return this.role === 'start' || this.role === 'uptime' || this.role === 'restart_epoch';
  }
}
