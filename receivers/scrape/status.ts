/** @module What people are told of a target. */
import type { TargetStatus } from '../../pipeline/component.ts';
import type { TargetSpec } from './targets.ts';
import type { TargetStats } from './telemetry.ts';

type Shared = Pick<TargetStatus, 'receiver' | 'url' | 'intervalMs'>;

/** A target that is scraped. */
export function statusOf(spec: TargetSpec, stats: TargetStats, shared: Shared): TargetStatus {
  return {
    ...shared,
    ...namesOf(spec),
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
export function refusedStatus(spec: TargetSpec, targetLimit: number, shared: Shared): TargetStatus {
  return {
    ...shared,
    ...namesOf(spec),
    refused: true,
    health: 'unknown',
    lastScrapeMs: null,
    lastDurationMs: null,
    samples: 0,
    consecutiveFailures: 0,
    lastError: `target_limit: this receiver takes ${targetLimit} targets, and this one comes after them`,
  };
}

function namesOf({ address, own: { workload, pod }, ownerSource: identity }: TargetSpec) {
  const { namespace, name, kind } = workload;
  return { address, namespace, workload: name, kind, pod, identity };
}
