/** @module Drives a `smi` engine page by page: every page lies in a slot of its own unless told otherwise. */
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { SmiEngine } from '../../processors/smi/engine.ts';
import type { TestTarget } from './mesh.ts';

export const SLOT_MS = 10_000;
/** Engine time at which the watch begins, ms. */
export const WATCH_MS = 1_000_000_000_000;

export type Rows = readonly (readonly [string, number])[];

export function createEngine(options: Partial<ConstructorParameters<typeof SmiEngine>[0]> = {}): SmiEngine {
  return new SmiEngine({
    slotMs: SLOT_MS,
    graceMs: 5000,
    peerPod: false,
    ownExports: new Set(),
    maxRecords: 1000,
    maxPastLives: 100,
    watchStartMs: WATCH_MS,
    ...options,
  });
}

/** Times are seconds since the watch began; they must not fall. */
export class SmiRun {
  readonly engine: SmiEngine;
  readonly sums: TrafficSum[] = [];

  constructor(engine: SmiEngine = createEngine()) {
    this.engine = engine;
    engine.open(WATCH_MS, false);
  }

  discover(target: TestTarget, atSeconds: number): void {
    this.#look(atSeconds);
    this.engine.take(target.event({ kind: 'discovered' }, { startedMs: WATCH_MS + atSeconds * 1000, nextDueMs: null }));
  }

  /** A good page asked for at `atSeconds`, on no schedule. */
  page(target: TestTarget, atSeconds: number, rows: Rows, skippedLines = 0): void {
    this.#look(atSeconds);
    this.engine.take(target.page(rows, { startedMs: WATCH_MS + atSeconds * 1000, nextDueMs: null }, skippedLines));
  }

  /** A scrape that was due at `atSeconds` and failed. */
  fail(target: TestTarget, atSeconds: number): void {
    this.#look(atSeconds);
    this.engine.take(
      target.event(
        { kind: 'failed', reason: 'timeout' },
        { scheduledMs: WATCH_MS + atSeconds * 1000, nextDueMs: null },
      ),
    );
  }

  gone(target: TestTarget, atSeconds: number): void {
    this.#look(atSeconds);
    this.engine.take(target.event({ kind: 'gone' }, { startedMs: WATCH_MS + atSeconds * 1000, nextDueMs: null }));
  }

  /** Closes every slot up to `atSeconds` and returns those that closed since the last call. */
  close(atSeconds: number): TrafficSum[] {
    this.#look(atSeconds);
    return this.sums.splice(0);
  }

  #look(atSeconds: number): void {
    const nowMs = WATCH_MS + atSeconds * 1000;
    this.engine.open(nowMs, false);
    this.sums.push(...this.engine.close(nowMs));
  }
}

/** Successes and failures of all records of all slots. */
export function counted(sums: readonly TrafficSum[]): number {
  return sums.reduce((total, { records }) => records.reduce((sum, r) => sum + r.successes + r.failures, total), 0);
}
