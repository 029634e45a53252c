/**
 * @module A real receiver and the real `smi` on the machine's own clock, in this process: for proxies that are real, too,
 * and whose uptime no test can drive.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Subject } from 'rxjs';
import { Balance } from '../../pipeline/balance.ts';
import type { Batch } from '../../pipeline/batch.ts';
import { systemClock } from '../../pipeline/clock/clock.ts';
import { createEngineTime } from '../../pipeline/clock/engine-time.ts';
import { ADMITTED, type ReceiverFactory } from '../../pipeline/component.ts';
import { TAKEN } from '../../pipeline/delivery.ts';
import type { TrafficRecord, TrafficSum } from '../../pipeline/model/traffic.ts';
import type { Meters } from '../../pipeline/telemetry/meters.ts';
import { config as smiConfig } from '../../processors/smi/config.ts';
import { createSmi } from '../../processors/smi/smi.ts';
import { createTestLog, type TestLog } from './log.ts';

export interface LiveWeir {
  /** Every slot closed so far. */
  readonly sums: readonly TrafficSum[];
  readonly log: TestLog;
  /** Books of the receiver and of `smi`. */
  readonly balances: readonly Balance[];
  /** Resolves when every target had a good scrape that began after this call. */
  scraped(): Promise<void>;
  /** Scrapes once more, closes all slots and ends. */
  stop(): Promise<void>;
}

const NO_METERS: Meters = {
  counter: () => () => {},
  gauge: () => () => {},
  seconds: () => ({ record() {} }),
};

/** Starts a receiver with what a user would write, `intervalMs` being its scrape interval, and `smi` behind it. */
export async function startLiveWeir<Config>(
  factory: ReceiverFactory<Config>,
  written: Record<string, unknown>,
  intervalMs: number,
): Promise<LiveWeir> {
  const time = createEngineTime(systemClock);
  const log = createTestLog();
  const shared = { clock: systemClock, time, log, meters: NO_METERS, startedMs: time.nowMs() };
  const demand = new Set(['requests', 'latency', 'tcp'] as const);
  const balances = [new Balance(), new Balance()] as const;
  const source = new Subject<Batch>();
  const sums: TrafficSum[] = [];
  /** Monotonic time (ms) at which the last good scrape of each target began. */
  const good = new Map<string, number>();
  const smi = createSmi({
    ...shared,
    id: 'smi',
    config: smiConfig.parse({ peer_detail: 'pod' }),
    balance: balances[1],
    balanceOf: () => balances[1],
    slotMs: intervalMs,
    scrapeTimeoutMs: intervalMs,
    receives: new Set(['samples'] as const),
    demand,
  });
  source.pipe(smi.stage).subscribe((batch) => {
    if (batch.body === 'traffic') sums.push(batch.sum);
    batch.delivery.settle(TAKEN);
  });
  const receiver = await factory.create({
    ...shared,
    id: factory.type,
    config: factory.config.parse({ ...written, scrape_interval: `${intervalMs}ms` }),
    balance: balances[0],
    balanceOf: () => balances[0],
    signals: new Set(['metrics'] as const),
    demand,
    next: {
      admits: () => ADMITTED,
      consume(batch) {
        if (batch.body === 'samples' && batch.event.kind === 'discovered') good.set(batch.target.key, -Infinity);
        if (batch.body === 'samples' && batch.event.kind === 'scraped') good.set(batch.target.key, batch.startedMonoMs);
        source.next(batch);
      },
    },
  });
  await smi.start();
  await receiver.start();
  return {
    sums,
    log,
    balances,
    async scraped() {
      const sinceMs = systemClock.monoMs();
      while (good.size === 0 || [...good.values()].some((startedMs) => startedMs < sinceMs)) await wait(20);
    },
    async stop() {
      await receiver.stop(AbortSignal.timeout(10_000));
      await smi.stop(AbortSignal.timeout(10_000));
    },
  };
}

/** Sum of all records that `pick` names, by the name it gives; null leaves a record out. */
export function totalsBy<Total>(
  sums: readonly TrafficSum[],
  name: (record: TrafficRecord) => string | null,
  empty: () => Total,
  add: (total: Total, record: TrafficRecord) => void,
): Map<string, Total> {
  const totals = new Map<string, Total>();
  for (const record of sums.flatMap(({ records }) => records)) {
    const key = name(record);
    if (key === null) continue;
    const total = totals.get(key) ?? empty();
    add(total, record);
    totals.set(key, total);
  }
  return totals;
}
