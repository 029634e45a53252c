/** @module What of a metrics request is samples, between whoever takes requests and whoever counts samples. */
import type { Admission } from '../../pipeline/component.ts';
import type { Outcome } from '../../pipeline/delivery.ts';
import type { InSteps } from '../../pipeline/wire/otlp-traffic.ts';
import type { RejectedPoints } from './samples-rejected.ts';

/** What of a request is samples: a mesh's families that a Collector scraped. */
export interface SamplesShare {
  /** Data points taken, by the name of their metric. */
  readonly points: ReadonlyMap<string, number>;
  /** Other data points of the same proxies, which nothing downstream asks for, by the name of their metric. */
  readonly unwanted: ReadonlyMap<string, number>;
  /** Those of `points` that are not taken, which is known once all are handed on, and what their sender is told of them. */
  readonly rejected: Pick<RejectedPoints, 'points' | 'message'>;
  /** Whether offering them takes so long that others should not wait for it. */
  readonly isLong: boolean;
  /** Proxies that they may be of, a text for all that are told by one name. O(resources). */
  whose(): Iterable<string>;
  /** Whether the pipeline would take them now. */
  admits(): Admission;
  /**
   * Applies by steps what has been held of others for too long, since requests came without a pause. Before `offer`, and while
   * nothing else is read or offered but a long one.
   */
  settleLate(): InSteps<void>;
  /**
   * Hands them on by steps; what is returned settles when it is known what became of them. Keeps its own books.
   * `isBeside`: other samples, which are of others, may be read and offered from this call on; of one share at a time.
   */
  offer(isBeside: boolean): InSteps<Promise<Outcome>>;
}

/** Finds samples in requests. */
export interface SamplesIntake {
  /**
   * Null when there are none. Applies nothing. `foreign`: points of the request that are no traffic, by name. What was read
   * is offered, if at all, before anything else is read; one that is offered beside others, before its offer has begun.
   */
  read(body: Uint8Array, foreign: ReadonlyMap<string, number>): InSteps<SamplesShare | null>;
  stop(): void;
}
