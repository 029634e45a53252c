/** @module What is remembered of one series of points: a counter, or a histogram with all of its buckets. */
import type { Labels } from '../../pipeline/model/resource.ts';
import type { SeriesMeaning } from '../../pipeline/model/rules.ts';
import type { SampledTarget } from './samples-target.ts';

/** `ended`: over; back later it counts from 0. `forgotten`: its ids may be of others by now. */
export type Standing = 'live' | 'ended' | 'forgotten';

export type SeriesRole = SeriesMeaning['role'] | 'up';
export const NO_BOUNDS = new Float64Array(0);
export const NO_BUCKETS: Buckets = { ids: [], bounds: NO_BOUNDS };

/** Buckets of a histogram, or the one value of anything else; replaced as a whole when others are told. */
export interface Buckets {
  /** In the target's table; of a histogram one for each bucket, the last one without an upper bound. */
  readonly ids: readonly number[];
  /** Finite upper bounds of a histogram. */
  readonly bounds: Float64Array;
}

/** Buckets that no page has shown yet: they have no ids before, since whoever takes a page asks for all that have one. */
export interface NewBuckets {
  ids: readonly number[] | null;
  readonly bounds: Float64Array;
  readonly sample: string;
  readonly labels: Labels;
}

/** How many series are to be made for the buckets when they are shown: what has no bounds is there. */
export function newSeriesOf({ ids, bounds }: Buckets | NewBuckets): number {
  return ids === null ? bounds.length : 0;
}

export class PointSeries {
  readonly target: SampledTarget;
  readonly role: SeriesRole;
  /** Of filtered series, else ''. */
  readonly reason: string;
  /** Those that pages show: of the newest point that was written, or of the first that is to be. */
  buckets: Buckets;
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
  /** Page that it was last written on, and before which its cumulative value was last looked at. */
  page = 0;
  lookedPage = 0;
  /** Whether it has only those of its buckets that it is to have, too, until its newest value is written. */
  isNarrow = false;

  constructor(target: SampledTarget, meaning: SeriesMeaning | { readonly role: 'up' }, buckets: Buckets) {
    this.target = target;
    this.role = meaning.role;
    this.reason = meaning.role === 'filtered' ? meaning.reason : '';
    this.buckets = buckets;
  }

  get ids(): readonly number[] {
    return this.buckets.ids;
  }

  /** Finite upper bounds of a histogram. */
  get bounds(): Float64Array {
    return this.buckets.bounds;
  }

  /** Whether a histogram with these bounds has the buckets known. */
  hasBounds(values: Float64Array, length = values.length): boolean {
    const { bounds } = this.buckets;
    if (length !== bounds.length) return false;
    for (let i = 0; i < length; i++) if (values[i] !== bounds[i]) return false;
    return true;
  }

  /** Whether it tells of the process. */
  get tellsLife(): boolean {
    return this.role === 'start' || this.role === 'uptime' || this.role === 'restart_epoch';
  }
}
