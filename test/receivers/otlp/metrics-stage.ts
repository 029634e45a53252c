/** @module An intake of metrics with a pipeline that the test decides for, and requests as Weirs and Collectors make them. */

import { Balance, type DropSample } from '../../../pipeline/balance.ts';
import type { Batch, Body, TrafficBatch } from '../../../pipeline/batch.ts';
import type { Clock } from '../../../pipeline/clock/clock.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import { Turns } from '../../../pipeline/clock/turns.ts';
import { ADMITTED, type Admission, type ReceiverSettings } from '../../../pipeline/component.ts';
import { type Outcome, TAKEN } from '../../../pipeline/delivery.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { createTrafficKey } from '../../../pipeline/model/traffic-key.ts';
import type { Meters, Observation } from '../../../pipeline/telemetry/meters.ts';
import { OtlpTrafficEncoder, type TrafficEnvelope } from '../../../pipeline/wire/otlp-traffic.ts';
import { type OtlpConfig, otlpConfig } from '../../../receivers/otlp/config.ts';
import { createMetricsIntake } from '../../../receivers/otlp/metrics-intake.ts';
import type { OpenStateFile } from '../../../receivers/otlp/repeats-store.ts';
import type { SamplesIntake } from '../../../receivers/otlp/samples-share.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { REQUEST_TYPE } from '../../kit/otlp-schema.ts';
import { covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

export { splitRequest as split } from '../../kit/split-request.ts';

export const START_MS = 1_764_000_000_000;
export const SLOT_MS = 10_000;

/** What the pipeline says to the next batches: the last word stays. A function is left to settle when it likes. */
export interface Pipeline {
  admission: Admission | ((batch: Batch) => Admission);
  outcome: Outcome | ((batch: TrafficBatch) => void);
}

/** `turnClock` is that by which requests take turns, where it is not that of all else. */
export function createStage(
  yaml: object = {},
  samples: SamplesIntake | null = null,
  openFile?: OpenStateFile,
  turnClock: Clock | null = null,
) {
  const clock = createTestClock(START_MS);
  const log = createTestLog();
  /** What the drop journal hears. */
  const drops: (readonly [reason: string, items: number, sample: DropSample | undefined])[] = [];
  const balances = new Map<Body, Balance>();
  const balanceOf = (body: Body): Balance => {
    const balance =
      balances.get(body) ?? new Balance((...[reason, items, cause]) => drops.push([reason, items, cause.sample?.()]));
    balances.set(body, balance);
    return balance;
  };
  const reads = new Map<string, () => Iterable<Observation>>();
  const register = (name: string, _help: string, read: () => Iterable<Observation>) => {
    reads.set(name, read);
    return () => void reads.delete(name);
  };
  const meters: Meters = { counter: register, gauge: register, seconds: () => ({ record() {} }) };
  const pipeline: Pipeline = { admission: ADMITTED, outcome: TAKEN };
  /** Batches that were handed over, taken or not. */
  const consumed: TrafficBatch[] = [];
  const next = {
    admits: (batch: Batch) =>
      typeof pipeline.admission === 'function' ? pipeline.admission(batch) : pipeline.admission,
    consume(batch: Batch) {
      if (batch.body !== 'traffic') throw new Error('only traffic is expected');
      consumed.push(batch);
      if (typeof pipeline.outcome === 'function') pipeline.outcome(batch);
      else batch.delivery.settle(pipeline.outcome);
    },
  };
  const settings: ReceiverSettings<OtlpConfig> = {
    ...{ id: 'otlp', config: otlpConfig.parse(yaml), clock, time: createEngineTime(clock), log, meters },
    ...{ balance: balanceOf('traffic'), balanceOf, startedMs: START_MS, next, signals: new Set(['metrics'] as const) },
    demand: new Set(),
  };
  const owner = createMetricsIntake(settings, new Turns(turnClock ?? clock), samples, openFile);
  // Senders keep what they send, and may send it again; the intake frees what it is given.
  const intake = {
    take: (body: Uint8Array) => owner.take(new Uint8Array(body)),
    start: async () => owner.start?.(),
    stop: () => owner.stop(),
  };
  /** Values of an own metric by its last attribute. */
  const metric = (name: string) =>
    new Map(
      Array.from(reads.get(name)?.() ?? [], ({ value, attributes }) => [Object.values(attributes).at(-1), value]),
    );
  return { intake, owner, pipeline, consumed, balanceOf, drops, log, metric, registered: reads, clock };
}

/** Sums as they were handed over and taken. */
export function takenSums(consumed: readonly TrafficBatch[]): TrafficSum[] {
  return consumed.flatMap(({ delivery, sum }) => (delivery.outcome?.kind === 'taken' ? [sum] : []));
}

/** A slot of some edges, each with `count` requests; number `slot`. */
export function slotSum(slot: number, edges = 2, count = 10): TrafficSum {
  const pods = Array.from({ length: edges }, (_, i) => own('shop/web', { kind: 'Deployment', pod: `web-${i}` }));
  const records = pods.map((pod) => {
    const made = record('client', pod, peer('shop/api'), count, 1);
    return { ...made, key: createTrafficKey(made.key) };
  });
  const coverage = pods.map((pod) => covered(pod));
  return sumOf(records, coverage, { startMs: START_MS + slot * SLOT_MS, lengthMs: SLOT_MS });
}

export function envelope(seq: number, more: Partial<TrafficEnvelope> = {}): TrafficEnvelope {
  return { source: 'agent-1', epoch: 'e1', seq, resource: new Map(), ...more };
}

export function request(sum: TrafficSum, from: TrafficEnvelope): Uint8Array {
  return new OtlpTrafficEncoder().encode(sum, from);
}

function bytesOf(tree: object): Uint8Array {
  return REQUEST_TYPE.encode(REQUEST_TYPE.fromObject(tree)).finish();
}

export function requestOf(tree: object): Uint8Array {
  return bytesOf(tree);
}

/** Several requests as one, which in protobuf is one behind the other. */
export function joined(...requests: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(requests.flatMap((bytes) => [...bytes]));
}

/** Requests by the key of their record, over all sums. */
export function requestTotals(sums: readonly TrafficSum[]): Map<string, number> {
  const totals = new Map<string, number>();
  for (const { records, interval } of sums) {
    for (const { key, successes, failures } of records) {
      const id = `${interval.startMs} ${key.id}`;
      totals.set(id, (totals.get(id) ?? 0) + successes + failures);
    }
  }
  return new Map([...totals].sort());
}

/** Scrapes due by pod and interval, over all sums. */
export function scrapesDue(sums: readonly TrafficSum[]): Map<string, number> {
  const totals = new Map<string, number>();
  for (const { coverage, interval } of sums) {
    for (const { own: me, scrapesDue: due } of coverage) {
      const id = `${interval.startMs} ${me.pod}`;
      totals.set(id, (totals.get(id) ?? 0) + due);
    }
  }
  return new Map([...totals].sort());
}
