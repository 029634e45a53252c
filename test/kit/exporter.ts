/** @module What an exporter is handed in tests: a clock that stands still, a log that remembers, a balance. */
import type { ZodType } from 'zod';
import { createEngineTime } from '../../pipeline/clock/engine-time.ts';
import type { ExporterSettings, Signal } from '../../pipeline/component.ts';
import { NO_METERS } from '../../pipeline/telemetry/meters.ts';
import { createTestClock, type TestClock } from './clock.ts';
import { createTestLog, type TestLine } from './log.ts';
import { ToldBalance } from './told-balance.ts';

export interface ExporterBench<Config> {
  readonly settings: ExporterSettings<Config>;
  readonly clock: TestClock;
  readonly balance: ToldBalance;
  readonly log: readonly TestLine[];
}

export interface BenchOptions {
  readonly windowMs?: number;
  readonly slotMs?: number;
  readonly startWallMs?: number;
  readonly signal?: Signal;
}

/** Settings around the configuration `schema` makes of `yaml`. Slots of 10 s, windows of 30 s unless told otherwise. */
export function exporterBench<Config>(
  id: string,
  schema: ZodType<Config>,
  yaml: unknown = {},
  { windowMs = 30_000, slotMs = 10_000, startWallMs, signal = 'metrics' }: BenchOptions = {},
): ExporterBench<Config> {
  const clock = createTestClock(startWallMs);
  const balance = new ToldBalance();
  const log = createTestLog();
  const settings = {
    id,
    config: schema.parse(yaml),
    clock,
    time: createEngineTime(clock),
    log,
    meters: NO_METERS,
    balance,
    balanceOf: () => balance,
    signal,
    startedMs: clock.wallMs(),
    windowMs,
    slotMs,
    targets: () => [],
  };
  return { settings, clock, balance, log: log.lines };
}

/** Lets promises that are settled already run on; no time passes. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

/** Ends the waits of a test clock one by one until `done` answers true. Fails when nothing more is waited for. */
export async function runUntil(clock: TestClock, done: () => boolean, limit = 10_000): Promise<void> {
  for (let i = 0; i < limit; i++) {
    await settle();
    if (done()) return;
    if (!clock.fireNext()) throw new Error('nothing is waited for any more');
  }
  throw new Error('never done');
}
