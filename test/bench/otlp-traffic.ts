/**
 * @module What exporting traffic as OTLP costs for each data point, beside protobufjs in the same run.
 *
 * Run it with `node test/bench/otlp-traffic.ts`. Two shapes over 10,000 edges: two sum points an edge, and two sums with a
 * histogram of 26 buckets. Steady: the same records slot after slot, all numbers new. The best of several rounds counts,
 * the contestants take turns.
 */
import protobuf from 'protobufjs';
import type { TrafficRecord, TrafficSum } from '../../pipeline/model/traffic.ts';
import { createTrafficKey } from '../../pipeline/model/traffic-key.ts';
import {
  decodeTraffic,
  encodeTrafficJson,
  OtlpTrafficEncoder,
  TrafficMemory,
} from '../../pipeline/wire/otlp-traffic.ts';
import { REQUEST_TYPE, type SchemaRequest, schemaDecode } from '../kit/otlp-schema.ts';
import { LINKERD_BOUNDS_MS, own, peer } from '../kit/traffic.ts';
import { type BenchResult, formatResult, measured } from './result.ts';

const EDGES = 10_000;
const ROUNDS = 8;
/** Messages in a row, so that a contestant finds its own data in the processor's caches, as a busy exporter does not always. */
const TURNS = 4;
const SLOT_MS = 10_000;
const ENVELOPE = { source: 'weir-1', epoch: 'e1', seq: 1, resource: new Map([['service.name', 'weir']]) };
/** Goal of the project, nanoseconds a point. */
const ENCODE_GOAL_NS = 100;

/** Slots of the same edges with new objects and new numbers, as the `smi` processor makes them: keys are shared. */
function slotsOf(withLatency: boolean, count: number): TrafficSum[] {
  const keys = Array.from({ length: EDGES }, (_, i) =>
    createTrafficKey({
      mesh: 'linkerd',
      side: 'client',
      own: own(`ns-${i % 50}/workload-${i}`, { kind: 'Deployment', node: `node-${i % 200}`, account: 'default' }),
      peer: peer(`ns-${i % 50}/workload-${(i * 7) % EDGES}`, { kind: 'Deployment', service: `svc-${i % 500}` }),
      protocol: 'http',
      counts: 'attempts',
    }),
  );
  return Array.from({ length: count }, (_, slot) => {
    const records = keys.map((key, i): TrafficRecord => {
      const counts = Float64Array.from(
        { length: LINKERD_BOUNDS_MS.length + 1 },
        (_, b) => (i * 31 + slot * 7 + b) % 90,
      );
      const latency = withLatency ? [{ boundsMs: LINKERD_BOUNDS_MS, counts }] : null;
      return { key, successes: 90 + slot, failures: i % 7, unreached: 0, latency, tcp: null };
    });
    const startMs = 1_764_000_000_000 + slot * SLOT_MS;
    const interval = { startMs, endMs: startMs + SLOT_MS };
    return { interval, records, coverage: [], partial: false, clockAhead: false };
  });
}

/** The best of some rounds by name, CPU nanoseconds a point, collection of garbage included; all take turns. */
function race(contestants: ReadonlyMap<string, (round: number) => unknown>, points: number): Map<string, number> {
  const best = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, work] of contestants) {
      const from = process.cpuUsage();
      for (let turn = 0; turn < TURNS; turn++) work(round * TURNS + turn);
      const { user, system } = process.cpuUsage(from);
      const ns = ((user + system) * 1000) / TURNS / points;
      best.set(name, Math.min(ns, best.get(name) ?? Number.POSITIVE_INFINITY));
    }
  }
  return best;
}

/** The tree that protobufjs encodes, and what has to be set in it from slot to slot. */
function objectTree(bytes: Uint8Array): { message: protobuf.Message; points: Record<string, unknown>[] } {
  const message = REQUEST_TYPE.decode(bytes);
  const points: Record<string, unknown>[] = [];
  const { resourceMetrics = [] } = message as unknown as SchemaRequest;
  for (const { scopeMetrics = [] } of resourceMetrics) {
    for (const { metrics = [] } of scopeMetrics) {
      for (const { sum, histogram } of metrics) points.push(...((sum ?? histogram)!.dataPoints as unknown as []));
    }
  }
  return { message, points };
}

function setTimes(points: readonly Record<string, unknown>[], { interval }: TrafficSum): void {
  const [start, end] = [interval.startMs, interval.endMs].map((ms) =>
    protobuf.util.LongBits.fromNumber(ms * 1e6).toLong(true),
  );
  for (const point of points) {
    point.startTimeUnixNano = start;
    point.timeUnixNano = end;
  }
}

function shape(name: string, withLatency: boolean): BenchResult[] {
  const slots = slotsOf(withLatency, 4);
  const at = (round: number) => slots[round % slots.length]!;
  const points = EDGES * (withLatency ? 3 : 2);
  const steady = new OtlpTrafficEncoder();
  const fresh = new OtlpTrafficEncoder();
  const reordered = new OtlpTrafficEncoder();
  const bytes = steady.encode(slots[0]!, ENVELOPE);
  const tree = objectTree(bytes);
  const memory = new TrafficMemory(10 * EDGES);
  const best = race(
    new Map<string, (round: number) => unknown>([
      ['steady', (round) => steady.giveBack(steady.encode(at(round), ENVELOPE))],
      ['steady, fresh memory', (round) => fresh.encode(at(round), ENVELOPE)],
      ['moved', (round) => reordered.encode({ ...at(round), records: at(round).records.slice(round % 16) }, ENVELOPE)],
      ['first', (round) => new OtlpTrafficEncoder().encode(at(round), ENVELOPE)],
      [
        'protobufjs',
        (round) => {
          setTimes(tree.points, at(round));
          return REQUEST_TYPE.encode(tree.message).finish();
        },
      ],
      ['decode', () => decodeTraffic(bytes)],
      ['decode, remembered', () => decodeTraffic(bytes, { memory })],
      ['protobufjs decode', () => REQUEST_TYPE.decode(bytes)],
    ]),
    points,
  );
  const figure = (what: string, goal?: number) => measured(`otlp ${name}: ${what}`, best.get(what)!, 'ns/point', goal);
  return [
    figure('steady', ENCODE_GOAL_NS),
    figure('steady, fresh memory'),
    figure('moved'),
    figure('first'),
    figure('protobufjs'),
    figure('decode'),
    figure('decode, remembered'),
    figure('protobufjs decode'),
    measured(`otlp ${name}: bytes a point`, bytes.length / points, 'B'),
  ];
}

/** Takes about ten seconds. */
export function run(): BenchResult[] {
  const one = slotsOf(true, 1)[0]!;
  // Both forms say the same, or the figures say nothing.
  const few = { ...one, records: one.records.slice(0, 10) };
  const read = JSON.stringify(schemaDecode(new OtlpTrafficEncoder().encode(few, ENVELOPE)));
  if (read.length < encodeTrafficJson(few, ENVELOPE).length / 2) throw new Error('the encoder leaves something out');
  return [...shape('2 sums', false), ...shape('2 sums + histogram', true)];
}

if (import.meta.main) for (const result of run()) console.log(formatResult(result));
