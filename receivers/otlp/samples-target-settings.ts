/** @module What a proxy whose points a Collector sends is given, and what it tells. */
import type { ScrapeEvent, Target } from '../../pipeline/batch.ts';
import type { Steps } from '../../pipeline/clock/turns.ts';
import type { MeshRules } from '../../pipeline/model/rules.ts';
import type { Pace } from '../../pipeline/wire/otlp-traffic.ts';
import type { OwnerSource } from '../scrape/identity.ts';
import type { SeriesBudget } from '../scrape/series-index.ts';
import type { RowPool } from './samples-held.ts';
import type { Tally } from './samples-tally.ts';
import type { SampledTarget } from './samples-target.ts';
import type { Heard } from './samples-times.ts';

/** How a batch stands on the time line; engine milliseconds but `monoMs`, which only lengths are taken of. */
export interface BatchTimes {
  readonly scheduledMs: number | null;
  readonly startedMs: number;
  readonly monoMs: number;
  readonly nextDueMs: number | null;
}

/** Those left out are of the newest scrape. */
export type EventTimes = Partial<BatchTimes> & Pick<BatchTimes, 'scheduledMs' | 'startedMs'>;

export interface TargetEvents {
  /** What is too long for one go is handed to `later`, where there is any: to be done before anything else of the target. */
  emit(
    target: Target,
    event: ScrapeEvent,
    times: BatchTimes,
    items: number,
    later: ((steps: Steps<void>) => void) | undefined,
  ): void;
  /** Parts of the scrape of `timeMs` are held from now on: to be settled in a while, and before its slot closes. */
  held(target: SampledTarget, timeMs: number): void;
  /** Settles it in one go, and books what becomes of it. */
  settle(target: SampledTarget): void;
  /** A scrape came, in whatever parts and shown on however many pages, or failed at whoever scrapes. */
  scraped(outcome: 'good' | 'failed'): void;
  /** Scrapes that should have been and of which nothing came, or a time that no deltas tell of. */
  missed(target: Target, scrapes: number): void;
  /** The clock of whoever scrapes it was set forward by more than delays explain, or back (negative), ms. */
  clockStepped(target: SampledTarget, ms: number): void;
  /** Its newest scrape is of a clock that is far ahead, or behind (negative), ms. */
  clockOff(target: SampledTarget, ms: number): void;
}

export interface TargetSettings {
  readonly key: string;
  readonly receiver: string;
  readonly address: string;
  readonly own: Target['own'];
  readonly source: OwnerSource;
  readonly rules: MeshRules;
  readonly intervalMs: number;
  readonly budget: SeriesBudget;
  readonly events: TargetEvents;
  readonly pool: RowPool;
  /** Engine time (ms) since which this Weir watches. */
  readonly watchStartMs: number;
}

/** What goes with a part on its way. */
export interface TakeFacts extends Heard {
  readonly tally: Tally;
  readonly pace: Pace;
}

/** Room that is promised to what is read or held of one scrape, until that is held or applied. */
export class RoomPromise {
  readonly #budget: SeriesBudget;
  #series = 0;

  constructor(budget: SeriesBudget) {
    this.#budget = budget;
  }

  add(series: number): void {
    this.#budget.promised += series;
    this.#series += series;
  }

  end(): void {
    this.#budget.promised -= this.#series;
    this.#series = 0;
  }
}
