/** @module How well a target was watched in a slot: what its pages cover, and what was expected of it. */
import type { SamplesBatch } from '../../pipeline/batch.ts';
import { type LifeSigns, likelyStartMs } from '../../pipeline/model/lives.ts';
import type { CoverageRecord } from '../../pipeline/model/traffic.ts';
import type { Slot } from './slot.ts';
import type { TargetState } from './target-state.ts';

/** What is known of a good page beside its batch. */
interface PageSeen {
  /** What it counts is only where counting begins. */
  readonly isBaseline: boolean;
  readonly signs: LifeSigns;
  /** Start (engine ms) of the oldest open slot. */
  readonly openSinceMs: number;
}

/** Adds what a good page covers to the coverage of its slot, and at a first sight settles since when the target is expected. */
export function coverPage(
  state: TargetState,
  batch: SamplesBatch,
  coverage: CoverageRecord,
  { isBaseline, signs, openSinceMs }: PageSeen,
): void {
  if (state.life !== null) {
    coverage.coveredSeconds += (batch.startedMonoMs - state.life.lastSeenMonoMs) / 1000;
    return;
  }
  const startMs = likelyStartMs(signs, batch.startedMs, state.target.rules.uptimeLagSeconds ?? 0);
  if (isBaseline) {
    coverage.firstSight = true;
    // It lived before it was discovered, as far as its start is known: the slot expects all of its life in it.
    state.isOlder = Number.isNaN(startMs);
    state.lifeStartMs = Math.min(state.discoveredMs, state.isOlder ? Infinity : startMs);
    return;
  }
  coverage.coveredSeconds += (batch.startedMs - startMs) / 1000;
  // What is expected here of the time before is not expected again where a slot begins earlier after all.
  state.lifeStartMs = Math.max(startMs, openSinceMs);
  // The part of its life that lies in slots already closed is expected here, where its counts are.
  coverage.expectedSeconds += Math.max(0, openSinceMs - startMs) / 1000;
}

/** Adds what was expected of a target in a slot that closes at `endMs`, a scrape that is still due included. */
export function coverExpected(state: TargetState, slot: Slot, endMs: number): void {
  if (state.goneMs !== null && state.goneMs <= slot.startMs) return;
  if (state.goneMs === null && state.discoveredMs >= endMs) return;
  const coverage = slot.cover(state.target);
  const due = state.nextDueMs;
  if (state.goneMs === null && due !== null && due < endMs && due >= slot.startMs && state.countedDueMs !== due) {
    coverage.scrapesDue += 1;
    coverage.scrapesMissed += 1;
    state.countedDueMs = due;
  }
  if (state.lifeStartMs === null) return;
  // Whoever is found as the watch begins, and does not say since when it lives, lived before: as long as others were watched.
  const from = state.isOlder && slot.reachesBack ? slot.startMs : Math.max(slot.startMs, state.lifeStartMs);
  const to = Math.min(endMs, state.goneMs ?? endMs);
  coverage.expectedSeconds += Math.max(0, to - from) / 1000;
}
