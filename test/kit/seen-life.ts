/** @module What a Weir that runs as a process of its own has scraped, as its targets saw it, put into slots. */
import type { ScrapeRecord } from '../../demo/proxies/serve.ts';
import type { Factors, SlotRange } from './expected-readings.ts';
import { ExpectedTraffic } from './expected-traffic.ts';
import type { WatchedLife } from './joined-truth.ts';

/** One life of an agent. */
export interface SeenLife {
  readonly agent: number;
  /** In order. */
  readonly records: ScrapeRecord[];
  /** Wall clock, milliseconds. */
  readonly spawnedMs: number;
  /** When it was sent SIGTERM; null while it runs. */
  stoppedMs: number | null;
}

/** What a life's scrapes told, each put at the time it was scheduled for: the machine may have been late. */
export function watched({ agent, records, spawnedMs, stoppedMs }: SeenLife, slotMs: number): WatchedLife {
  const expected = new ExpectedTraffic(slotMs, spawnedMs);
  for (const [, scheduled] of scheduledByPod({ records, stoppedMs }, slotMs))
    for (const record of scheduled) expected.scraped(record);
  return { agent, expected, startedMs: records[0]?.atMs ?? spawnedMs, stoppedMs };
}

function scheduledByPod(life: Pick<SeenLife, 'records' | 'stoppedMs'>, slotMs: number): [string, ScrapeRecord[]][] {
  const stoppedMs = life.stoppedMs ?? Number.POSITIVE_INFINITY;
  const pods = Map.groupBy(life.records, ({ pod }) => pod);
  return Array.from(pods, ([pod, records]) => [pod, asScheduled(records, stoppedMs, slotMs)]);
}

/**
 * How much longer each pod lived in these slots than its scrapes covered, where nobody tells what the slots were covered by:
 * a scrape covers the time since the one before it, and the one behind that at discovery is not a whole interval later. For
 * pods that were discovered before the first of the slots and missed no scrape.
 */
export function factorsSeen(life: SeenLife, slotMs: number, { from, to }: SlotRange): Factors {
  const factors = new Map<string, number>();
  for (const [pod, records] of scheduledByPod(life, slotMs)) {
    let coveredMs = 0;
    for (let i = 1; i < records.length; i++) {
      const slot = Math.floor(records[i]!.atMs / slotMs);
      if (slot >= from && slot < to) coveredMs += records[i]!.atMs - records[i - 1]!.atMs;
    }
    if (coveredMs > 0) factors.set(pod, ((to - from) * slotMs) / coveredMs);
  }
  return factors;
}

/**
 * Scrapes of one pod but for the first one, at discovery, and the farewell are on a grid: by a quarter of a slot before its
 * median, and by three behind, they belong to the same place of it.
 */
function asScheduled(records: readonly ScrapeRecord[], stoppedMs: number, slotMs: number): ScrapeRecord[] {
  const isOnGrid = ({ atMs }: ScrapeRecord, i: number) => i > 0 && atMs < stoppedMs;
  const offsets = records.filter(isOnGrid).map(({ atMs }) => atMs % slotMs);
  const phaseMs = offsets.sort((a, b) => a - b)[offsets.length >> 1] ?? 0;
  return records.map((record, i) => {
    if (!isOnGrid(record, i)) return record;
    return { ...record, atMs: phaseMs + slotMs * Math.round((record.atMs - phaseMs) / slotMs - 0.25) };
  });
}
