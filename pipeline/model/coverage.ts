/** @module Coverage of a target that says nothing yet: what every count of how well it was watched begins with. */
import type { CoverageRecord } from './traffic.ts';

/** Who a target is, without what it came to. */
export type Watched = Pick<CoverageRecord, 'target' | 'mesh' | 'own'>;

/** A record of its own, all zeros, that its caller may write. */
export function emptyCoverage({ target, mesh, own }: Watched): CoverageRecord {
  return {
    target,
    mesh,
    own,
    scrapesDue: 0,
    scrapesMissed: 0,
    coveredSeconds: 0,
    expectedSeconds: 0,
    resets: 0,
    firstSight: false,
  };
}
