/** @module Samples of a Collector into a `smi` processor, on a clock of the test's own; and requests made of JSON. */
import { Subject } from 'rxjs';
import { Balance } from '../../../pipeline/balance.ts';
import type { Batch, Body, SamplesBatch, ScrapeEvent } from '../../../pipeline/batch.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import { ADMITTED, type ReceiverSettings } from '../../../pipeline/component.ts';
import { type Outcome, TAKEN } from '../../../pipeline/delivery.ts';
import type { Demand, MeshRules } from '../../../pipeline/model/rules.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { inOneGo } from '../../../pipeline/wire/otlp-traffic.ts';
import { config as smiConfig } from '../../../processors/smi/config.ts';
import { createSmi } from '../../../processors/smi/smi.ts';
import { factory as envoy } from '../../../receivers/envoy/factory.ts';
import { factory as istio } from '../../../receivers/istio/factory.ts';
import { factory as linkerd } from '../../../receivers/linkerd/factory.ts';
import { type OtlpConfig, otlpConfig } from '../../../receivers/otlp/config.ts';
import { createSamplesIntake } from '../../../receivers/otlp/samples-intake.ts';
import { createTestClock, type TestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { REQUEST_TYPE } from '../../kit/otlp-schema.ts';
import { ToldBalance } from '../../kit/told-balance.ts';
import { createTestMeters } from '../scrape/harness.ts';

/** Engine time (ms) at which the watch begins, unless told otherwise. */
export const WATCH_MS = 1_700_000_000_000;
const ALL: readonly Demand[] = ['requests', 'latency', 'tcp'];
const FACTORIES = { linkerd, istio, envoy };

/** After so long (ms) what came of a scrape is all of it, with the usual interval. */
export const SETTLED_MS = 2500;

/** What the pipeline saw, in short. */
export interface Seen {
  readonly kind: ScrapeEvent['kind'];
  readonly reason: string;
  readonly target: string;
  readonly scheduledMs: number | null;
  readonly startedMs: number;
  readonly items: number;
}

export interface StageOptions {
  readonly startMs?: number;
  readonly intervalMs?: number;
  readonly config?: Record<string, unknown>;
  readonly demand?: readonly Demand[];
  /** Samples beyond which a request is long. */
  readonly longSamples?: number;
}

/** A `smi` with slots of `slotMs` that waits for others as one behind the `otlp` receiver does. */
export function createSlots(clock: TestClock, slotMs: number) {
  const time = createEngineTime(clock);
  const balance = new Balance();
  const smi = createSmi({
    ...{ id: 'smi', config: smiConfig.parse({}), clock, time, log: createTestLog(), meters: createTestMeters() },
    ...{ balance, balanceOf: () => balance, startedMs: time.nowMs(), slotMs, scrapeTimeoutMs: slotMs },
    ...{ receives: new Set(['samples', 'traffic'] as const), demand: new Set(ALL) },
  });
  const source = new Subject<Batch>();
  const sums: TrafficSum[] = [];
  source.pipe(smi.stage).subscribe((batch) => {
    if (batch.body === 'traffic') sums.push(batch.sum);
    batch.delivery.settle(TAKEN);
  });
  void smi.start();
  return {
    time,
    balance,
    sums,
    consume: (batch: Batch) => source.next(batch),
    close: () => smi.stop(AbortSignal.abort()),
  };
}

export async function createStage({
  startMs = WATCH_MS,
  intervalMs = 10_000,
  config = {},
  demand = ALL,
  longSamples,
}: StageOptions = {}) {
  const clock = createTestClock(startMs);
  const slots = createSlots(clock, intervalMs);
  const seen: Seen[] = [];
  const balances = new Map<Body, ToldBalance>();
  const balanceOf = (body: Body): ToldBalance => {
    const balance = balances.get(body) ?? new ToldBalance();
    balances.set(body, balance);
    return balance;
  };
  const log = createTestLog();
  const meters = createTestMeters();
  const settings: ReceiverSettings<OtlpConfig> = {
    ...{ id: 'otlp', config: otlpConfig.parse({ scrape_interval: `${intervalMs}ms`, samples: config }) },
    ...{ clock, time: slots.time, log, meters, balance: balanceOf('samples'), balanceOf, startedMs: startMs },
    next: {
      admits: () => ADMITTED,
      consume(batch) {
        seen.push(look(batch as SamplesBatch));
        slots.consume(batch);
      },
    },
    ...{ signals: new Set(['metrics'] as const), demand: new Set(demand) },
  };
  const intake = createSamplesIntake(settings, await tablesOf(settings.config.samples.meshes), longSamples)!;
  /** Moves the clock on to `lateMs` after that second since `WATCH_MS`, unless it is there already. */
  function goTo(second: number, lateMs = 0): void {
    clock.advance(Math.max(0, WATCH_MS + second * 1000 + lateMs - slots.time.nowMs()));
  }
  /** Sends a request, all of it or nothing; returns how many points were taken by name, null for none. */
  async function send(request: Uint8Array): Promise<ReadonlyMap<string, number> | null> {
    const share = inOneGo(intake.read(request, new Map()));
    if (share === null) return null;
    inOneGo(share.settleLate());
    const outcome: Outcome = await inOneGo(share.offer(false));
    if (outcome.kind !== 'taken') throw new Error(`not taken: ${outcome.reason}`);
    return share.points;
  }
  return {
    ...slots,
    clock,
    settings,
    intake,
    seen,
    balance: balanceOf('samples'),
    smiBalance: slots.balance,
    log,
    meters,
    goTo,
    send,
  };
}
export type Stage = Awaited<ReturnType<typeof createStage>>;

export async function tablesOf(meshes: readonly (keyof typeof FACTORIES)[]): Promise<MeshRules[]> {
  return Promise.all(meshes.map((mesh) => FACTORIES[mesh].meshTable!()));
}

function look({ event, target, scheduledMs, startedMs, items }: SamplesBatch): Seen {
  const reason = event.kind === 'failed' ? event.reason : '';
  return { kind: event.kind, reason, target: target.address, scheduledMs, startedMs, items };
}

/** A request of OTLP/JSON in protobuf. */
export function encoded(json: object): Uint8Array {
  return REQUEST_TYPE.encode(REQUEST_TYPE.fromObject(json)).finish();
}

type Attributes = Readonly<Record<string, string>>;

export function attributesOf(labels: Attributes) {
  return Object.entries(labels).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}

/** The proxy that requests are about unless told otherwise. */
export const PROXY: Attributes = {
  'service.name': 'linkerd-proxy',
  'service.instance.id': '10.0.0.7:4191',
  'k8s.namespace.name': 'shop',
  'k8s.pod.name': 'web-7f4f6d79b5-8mmkd',
  'k8s.deployment.name': 'web',
};

export function requestOf(metrics: readonly object[], resource: Attributes = PROXY): Uint8Array {
  const scopeMetrics = [{ scope: { name: 'prometheusreceiver' }, metrics }];
  return encoded({ resourceMetrics: [{ resource: { attributes: attributesOf(resource) }, scopeMetrics }] });
}

export interface PointOptions {
  /** Seconds since `WATCH_MS`. */
  readonly at: number;
  readonly from?: number;
  readonly stale?: boolean;
}

function timesOf({ at, from, stale }: PointOptions) {
  const nanos = (seconds: number) => (BigInt(WATCH_MS + seconds * 1000) * 1_000_000n).toString();
  const start = from === undefined ? {} : { startTimeUnixNano: nanos(from) };
  return { timeUnixNano: nanos(at), ...start, ...(stale === true ? { flags: 1 } : {}) };
}

export function gauge(name: string, value: number, options: PointOptions, labels: Attributes = {}): object {
  const point = { ...timesOf(options), attributes: attributesOf(labels), ...numberOf(value, options) };
  return { name, gauge: { dataPoints: [point] } };
}

function numberOf(asDouble: number, { stale }: PointOptions): object {
  return stale === true ? {} : { asDouble };
}

export const CUMULATIVE = 2;
export const DELTA = 1;

export function sum(
  name: string,
  value: number,
  options: PointOptions & { readonly temporality?: number },
  labels: Attributes = OUTBOUND,
): object {
  const point = { ...timesOf(options), attributes: attributesOf(labels), ...numberOf(value, options) };
  return {
    name,
    sum: { dataPoints: [point], aggregationTemporality: options.temporality ?? CUMULATIVE, isMonotonic: true },
  };
}

export function histogram(
  name: string,
  counts: readonly number[],
  bounds: readonly number[],
  options: PointOptions & { readonly temporality?: number },
  labels: Attributes = OUTBOUND,
): object {
  const count = counts.reduce((total, one) => total + one, 0);
  const point = {
    ...timesOf(options),
    attributes: attributesOf(labels),
    ...{ count, sum: count, bucketCounts: counts, explicitBounds: bounds },
  };
  return { name, histogram: { dataPoints: [point], aggregationTemporality: options.temporality ?? CUMULATIVE } };
}

/** Labels of Linkerd's successes to `api`. */
export const OUTBOUND: Attributes = {
  direction: 'outbound',
  dst_deployment: 'api',
  dst_namespace: 'shop',
  target_port: '8080',
  classification: 'success',
};

/** A scrape of the proxy with number `i`: each of its series stands at `value`. `more`: attributes of the resource. */
export function scrapeOf(i: number, at: number, value: number, series: number, more: Attributes = {}): Uint8Array {
  const metrics = Array.from({ length: series }, (_, s) =>
    sum('response_total', value, { at }, { ...OUTBOUND, dst_deployment: `api-${s}` }),
  );
  const proxy = { ...PROXY, 'service.instance.id': `10.0.0.${i}:4191`, 'k8s.pod.name': `web-${i}-x` };
  return requestOf(metrics, { ...proxy, ...more });
}

export interface SlotCount {
  /** Seconds since `WATCH_MS` at which the slot begins. */
  readonly at: number;
  readonly count: number;
  readonly complete: boolean;
}

/** Successes and failures of each slot, those without any and complete left out. */
export function countsOf(sums: readonly TrafficSum[]): SlotCount[] {
  return sums
    .map(({ interval, records, coverage }) => ({
      at: (interval.startMs - WATCH_MS) / 1000,
      count: records.reduce((total, record) => total + record.successes + record.failures, 0),
      complete: coverage.every((one) => one.scrapesMissed === 0 && one.resets === 0 && !one.firstSight),
    }))
    .filter(({ count, complete }) => count > 0 || !complete);
}

/** Successes and failures of all slots so far. */
export function totalOf({ sums }: Pick<Stage, 'sums'>): number {
  return countsOf(sums).reduce((all, { count }) => all + count, 0);
}
