/**
 * @module Reads traffic (design §6): from a sum to edges and resources, sides picked, rates reckoned.
 */
import { Reading } from './reading-build.ts';
import type { ReadOptions, TrafficReading } from './reading-types.ts';
import type { TrafficSum } from './traffic.ts';

export type * from './reading-types.ts';

/** The reading of `sum`. Pure; keeps references to the sum's records, which must not change afterwards. O(records). */
export function readTraffic(sum: TrafficSum, options: ReadOptions): TrafficReading {
  return new Reading(sum, options);
}
