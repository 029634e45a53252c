/** @module What people are told of a target. */
import type { TargetStatus } from '../../pipeline/component.ts';
import type { TargetStats } from './target-stats.ts';
import type { TargetSpec } from './targets.ts';

interface Shared extends Pick<TargetStatus, 'receiver' | 'url' | 'intervalMs'> {
  /** Series of its pages tell whose they are where no label does. */
  readonly pagesTellOwner: boolean;
}

/** A target that is scraped. */
export function statusOf(spec: TargetSpec, stats: TargetStats, { pagesTellOwner, ...shared }: Shared): TargetStatus {
  return {
    ...shared,
    ...namesOf(spec, pagesTellOwner),
    refused: false,
    health: stats.up === null ? 'unknown' : stats.up ? 'up' : 'down',
    lastScrapeMs: stats.lastScrapeMs,
    lastDurationMs: stats.lastDurationMs,
    samples: stats.samples,
    consecutiveFailures: stats.consecutiveFailures,
    lastError: stats.lastError,
  };
}

/** A target beyond `target_limit`. */
export function refusedStatus(
  spec: TargetSpec,
  targetLimit: number,
  { pagesTellOwner, ...shared }: Shared,
): TargetStatus {
  return {
    ...shared,
    ...namesOf(spec, pagesTellOwner),
    refused: true,
    health: 'unknown',
    lastScrapeMs: null,
    lastDurationMs: null,
    samples: 0,
    consecutiveFailures: 0,
    lastError: `target_limit: this receiver takes ${targetLimit} targets, and this one comes after them`,
  };
}

function namesOf({ address, own: { workload, pod }, ownerSource }: TargetSpec, pagesTellOwner: boolean) {
  const { namespace, name, kind } = workload;
  const identity = ownerSource === 'address' && pagesTellOwner ? ('series' as const) : ownerSource;
  return { address, namespace, workload: name, kind, pod, identity };
}
