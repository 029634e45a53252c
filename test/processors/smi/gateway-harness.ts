/** @module A `smi` processor that other Weirs feed, on a clock of the test's own, and the read model behind it. */
import { Subject } from 'rxjs';
import type { Batch, Body, TrafficBatch, TrafficSender } from '../../../pipeline/batch.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import { Delivery, type Outcome, TAKEN } from '../../../pipeline/delivery.ts';
import { ReadModel } from '../../../pipeline/model/read-model.ts';
import type { CoverageRecord, Interval, TrafficRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { type Meters, NO_METERS } from '../../../pipeline/telemetry/meters.ts';
import { config } from '../../../processors/smi/config.ts';
import { createSmi } from '../../../processors/smi/smi.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { ToldBalance } from '../../kit/told-balance.ts';
import { covered, own, peer, record } from '../../kit/traffic.ts';

export const SLOT_MS = 10_000;
export const T0 = 1_700_000_010_000;

/** Coverage of a target that was scraped once, without a fault, in `seconds`. */
export const watched = (name: string, seconds = 10): CoverageRecord =>
  covered(own(`x/${name}`), { scrapesDue: 1, coveredSeconds: seconds, expectedSeconds: seconds });

export const calls = (name: string, requests: number, pod = `${name}-1`): TrafficRecord =>
  record('client', own(`x/${name}`, { pod }), peer('x/api'), requests);

/** The interval of slots `from` up to, not including, `to`; fractions cut them. */
export function slots(from: number, to = from + 1): Interval {
  return { startMs: T0 + from * SLOT_MS, endMs: T0 + to * SLOT_MS };
}

export function traffic(
  interval: Interval,
  records: readonly TrafficRecord[],
  coverage: readonly CoverageRecord[],
  partial = false,
): TrafficSum {
  return { interval, records, coverage, partial, clockAhead: false };
}

interface GatewayOptions {
  readonly written?: Record<string, unknown>;
  readonly receives?: readonly Body[];
  readonly answer?: (n: number) => Outcome;
  readonly meters?: Meters;
  /** When it begins, in seconds of the test. */
  readonly fromSecond?: number;
}

/** One that begins at `T0`, unless `fromSecond` says otherwise. Seconds of the test count from `T0`. */
export function gateway({
  written = {},
  receives = ['traffic'],
  answer = () => TAKEN,
  meters = NO_METERS,
  fromSecond = 0,
}: GatewayOptions = {}) {
  const clock = createTestClock(T0 + fromSecond * 1000);
  const time = createEngineTime(clock);
  const books = new Map<Body, ToldBalance>([
    ['samples', new ToldBalance()],
    ['traffic', new ToldBalance()],
  ]);
  const log = createTestLog();
  const smi = createSmi({
    id: 'smi',
    config: config.parse(written),
    clock,
    time,
    log,
    meters,
    balance: books.get('samples')!,
    balanceOf: (body) => books.get(body)!,
    startedMs: T0 + fromSecond * 1000,
    slotMs: SLOT_MS,
    scrapeTimeoutMs: SLOT_MS,
    receives: new Set(receives),
    demand: new Set(['requests'] as const),
  });
  const source = new Subject<Batch>();
  const told: TrafficSum[] = [];
  const model = new ReadModel({
    windowMs: 30_000,
    slotMs: SLOT_MS,
    retentionMs: 300_000,
    defaultKind: 'Deployment',
    startedMs: T0 + fromSecond * 1000,
    maxItems: 100_000,
    maxReadings: 4,
  });
  let offered = 0;
  source.pipe(smi.stage).subscribe((batch) => {
    const outcome = answer(offered++);
    if (outcome.kind === 'taken' && batch.body === 'traffic') {
      told.push(batch.sum);
      model.add(batch.sum);
    }
    batch.delivery.settle(outcome);
  });
  const send = (sum: TrafficSum, sender: Partial<TrafficSender> | null = {}): Outcome | null => {
    const delivery = new Delivery();
    const items = sum.records.length + sum.coverage.length;
    const from = sender === null ? {} : { sender: { source: 'a', epoch: '1', gap: false, ...sender } };
    const batch: TrafficBatch = { body: 'traffic', sum, items, ...from, delivery };
    const verdict = smi.admits?.(batch);
    if (verdict?.ok === false) return { kind: 'retry', afterMs: verdict.retryAfterMs, reason: verdict.reason };
    source.next(batch);
    return delivery.outcome;
  };
  /** Lets the time pass up to `second`. */
  const until = (second: number) => clock.advance(T0 + second * 1000 - clock.wallMs());
  return {
    clock,
    smi,
    source,
    told,
    model,
    send,
    until,
    log,
    books: books.get('traffic')!,
    samples: books.get('samples')!,
  };
}

/** Ends of slots told so far, in slots since the beginning. */
export const ends = (told: readonly TrafficSum[]) => told.map(({ interval }) => (interval.endMs - T0) / SLOT_MS);

export const successes = ({ records }: TrafficSum) => records.reduce((sum, each) => sum + each.successes, 0);

/** Due, missed, covered and expected of all targets of a sum. */
export function coverageOf({ coverage }: TrafficSum): readonly number[] {
  const total = [0, 0, 0, 0];
  for (const { scrapesDue, scrapesMissed, coveredSeconds, expectedSeconds } of coverage) {
    [scrapesDue, scrapesMissed, coveredSeconds, expectedSeconds].forEach((value, i) => {
      total[i]! += value;
    });
  }
  return total;
}
