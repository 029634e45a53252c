/** @module What people are told of a target. */
import type { TargetStatus } from '../../pipeline/component.ts';
import type { TargetSpec } from './targets.ts';
import type { TargetStats } from './telemetry.ts';

export function statusOf(
  spec: TargetSpec,
  stats: TargetStats,
  shared: Pick<TargetStatus, 'receiver' | 'url' | 'intervalMs'>,
): TargetStatus {
  const { workload, pod } = spec.own;
  return {
    ...shared,
    address: spec.address,
    namespace: workload.namespace,
    workload: workload.name,
    kind: workload.kind,
    pod,
    health: stats.up === null ? 'unknown' : stats.up ? 'up' : 'down',
    lastScrapeMs: stats.lastScrapeMs,
    lastDurationMs: stats.lastDurationMs,
    samples: stats.samples,
    consecutiveFailures: stats.consecutiveFailures,
    lastError: stats.lastError,
  };
}
