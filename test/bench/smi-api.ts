/**
 * @module How long the SMI API takes to answer over 10,000 workloads with 30,000 edges, each seen from both sides.
 *
 * Run it with `node test/bench/smi-api.ts`. "Between slots" leaves out what the arrival of a slot costs; the lines that
 * say "a slot each 10 s" have it. A real listener and a real socket in one process, so client time counts too;
 * sums and readings are measured without HTTP.
 */
import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { config } from '../../exporters/smi/config.ts';
import { createSmiExporter } from '../../exporters/smi/smi.ts';
import { Balance } from '../../pipeline/balance.ts';
import { systemClock } from '../../pipeline/clock/clock.ts';
import { createEngineTime } from '../../pipeline/clock/engine-time.ts';
import { Delivery } from '../../pipeline/delivery.ts';
import { readTraffic } from '../../pipeline/model/reading.ts';
import type { Identity } from '../../pipeline/model/resource.ts';
import { sumTraffic } from '../../pipeline/model/sum.ts';
import type { TrafficRecord, TrafficSum } from '../../pipeline/model/traffic.ts';
import { NO_METERS } from '../../pipeline/telemetry/meters.ts';
import { buckets, covered, own, peer, record, sumOf } from '../kit/traffic.ts';
import { type BenchResult, formatResult, measured } from './result.ts';

const WORKLOADS = 10_000;
const EDGES_EACH = 3;
const SLOT_MS = 10_000;
/** Blocks of answers, the best of which counts: what else the machine does only adds. */
const BLOCKS = 6;
const ANSWERS = 1_000;
const LISTS = 9;
const SLOTS = 4;
/** Time between two questions while slots arrive, and how late a timer is anyway, milliseconds. */
const PACE_MS = 10;
const TIMER_MS = 2;
const BASE = '/apis/metrics.smi-spec.io/v1alpha1';
const LIST_PATH = `${BASE}/deployments`;
/** Long enough for a reading to be prepared, milliseconds. */
const LATER_MS = 1000;

/** Goals of the project, milliseconds. */
const ANSWER_GOAL_MS = 3;
const LIST_GOAL_MS = 80;
const READ_GOAL_MS = 100;

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const nameOf = (i: number) => `ns-${i % 50}/workload-${i}`;

/** Keys are made once, as the `smi` processor does, and shared by all slots. */
function mesh(): { owns: Identity[]; records: TrafficRecord[] } {
  const owns = Array.from({ length: WORKLOADS }, (_, i) =>
    own(nameOf(i), { kind: 'Deployment', node: `n${i % 200}`, account: `a${i}` }),
  );
  const records: TrafficRecord[] = [];
  for (const [i, me] of owns.entries()) {
    for (let k = 1; k <= EDGES_EACH; k++) {
      const to = (i * 7 + k * 13) % WORKLOADS;
      const latency = [
        buckets([
          [5, 40],
          [20, 50],
          [100, 9],
          [500, 1],
        ]),
      ];
      records.push(record('client', me, peer(nameOf(to), { service: `svc-${to}` }), 99, 1, { latency }));
      const [namespace = ''] = nameOf(i).split('/');
      const account = peer(`${namespace}/a${i}`, { kind: 'ServiceAccount' });
      records.push(record('server', owns[to]!, account, 99, 1, { latency }));
    }
  }
  return { owns, records };
}

function slots(endMs: number): TrafficSum[] {
  const { owns, records } = mesh();
  const coverage = owns.map((me) => covered(me, { scrapesDue: 1, coveredSeconds: 10, expectedSeconds: 10 }));
  return [3, 2, 1].map((back) => {
    const startMs = endMs - back * SLOT_MS;
    const copies = records.map((r) => ({ ...r, latency: r.latency!.map((h) => ({ ...h, counts: h.counts.slice() })) }));
    return sumOf(
      copies,
      coverage.map((c) => ({ ...c })),
      { startMs, lengthMs: SLOT_MS },
    );
  });
}

function timed(work: () => unknown): number {
  const from = systemClock.monoMs();
  work();
  return systemClock.monoMs() - from;
}

function percentile(times: readonly number[], share: number): number {
  return [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))]!;
}

function ask(port: number, path: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const from = systemClock.monoMs();
    const sent = request({ host: '127.0.0.1', port, path, agent }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${path}: ${answer.statusCode}`));
      answer.on('data', () => {});
      answer.on('end', () => resolve(systemClock.monoMs() - from));
    });
    sent.on('error', reject);
    sent.end();
  });
}

async function answerTimes(port: number, agent: Agent, count: number, path: (i: number) => string): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await ask(port, path(i), agent));
  return times;
}

async function blocksOf(ask: () => Promise<number[]>): Promise<number[][]> {
  const blocks: number[][] = [];
  for (let block = 0; block < BLOCKS; block++) blocks.push(await ask());
  return blocks;
}

function bestPercentile(blocks: readonly (readonly number[])[], share: number): number {
  return Math.min(...blocks.map((times) => percentile(times, share)));
}

function objectPath(i: number): string {
  const [namespace, name] = nameOf((i * 37) % WORKLOADS).split('/');
  return `${BASE}/namespaces/${namespace}/deployments/${name}${i % 4 === 0 ? '/edges' : ''}`;
}

/** Asks every `PACE_MS` for `spanMs`, as dashboards and autoscalers do; a question that has to wait is counted from when it was due. */
async function pacedTimes(port: number, agent: Agent, spanMs: number, path: (i: number) => string): Promise<number[]> {
  const times: number[] = [];
  const startMs = systemClock.monoMs();
  for (let i = 0; i * PACE_MS < spanMs; i++) {
    const dueMs = startMs + i * PACE_MS;
    await wait(Math.max(0, dueMs - systemClock.monoMs()));
    const lateMs = Math.max(0, systemClock.monoMs() - dueMs - TIMER_MS);
    times.push(lateMs + (await ask(port, path(i), agent)));
  }
  return times;
}

/** Takes about a minute. */
export async function run(): Promise<BenchResult[]> {
  const time = createEngineTime(systemClock);
  const endMs = Math.floor(time.nowMs() / SLOT_MS) * SLOT_MS;
  const sums = slots(endMs);
  const exporter = createSmiExporter({
    id: 'smi',
    config: config.parse({ endpoint: '127.0.0.1:0' }),
    clock: systemClock,
    time,
    log: silent,
    meters: NO_METERS,
    balance: new Balance(),
    balanceOf: () => new Balance(),
    signal: 'metrics',
    startedMs: endMs - 60_000,
    windowMs: 3 * SLOT_MS,
    slotMs: SLOT_MS,
    targets: () => [],
  });
  await exporter.start();
  const feed = (sum: TrafficSum) =>
    exporter.consume({ body: 'traffic', sum, items: sum.records.length, delivery: new Delivery() });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    for (const sum of sums) feed(sum);
    const port = exporter.port!;
    const first = await ask(port, objectPath(0), agent);
    const cpuFrom = process.cpuUsage();
    const objects = await blocksOf(() => answerTimes(port, agent, ANSWERS, objectPath));
    const cpu = process.cpuUsage(cpuFrom);
    const lists = await blocksOf(() => answerTimes(port, agent, LISTS, () => LIST_PATH));
    const afterSlot: number[] = [];
    const freshLists: number[] = [];
    let slot = 0;
    const feedNext = () => {
      const interval = { startMs: endMs + slot * SLOT_MS, endMs: endMs + (slot + 1) * SLOT_MS };
      feed({ ...sums[slot % sums.length]!, interval });
      slot += 1;
    };
    const atOnceLists: number[] = [];
    for (let round = 0; round < SLOTS; round++) {
      feedNext();
      afterSlot.push(await ask(port, objectPath(round), agent));
      feedNext();
      atOnceLists.push(await ask(port, LIST_PATH, agent));
      feedNext();
      await wait(LATER_MS);
      freshLists.push(await ask(port, LIST_PATH, agent));
    }
    const fed: number[][] = [];
    for (let round = 0; round < SLOTS; round++) {
      feedNext();
      fed.push(await pacedTimes(port, agent, SLOT_MS, (i) => objectPath(i + round)));
    }
    const total = sumTraffic(sums)!;
    const options = { defaultKind: 'Deployment', windowMs: 3 * SLOT_MS } as const;
    const readMs = Math.min(...[1, 2, 3, 4].map(() => timed(() => readTraffic(total, options))));
    return [
      measured('smi-api: reading of 10k workloads, 30k edges', readMs, 'ms', READ_GOAL_MS),
      measured('smi-api: very first answer', first, 'ms'),
      measured('smi-api: one answer, asked as a slot arrives', Math.min(...afterSlot), 'ms'),
      measured('smi-api: one answer between slots, p50', bestPercentile(objects, 0.5), 'ms'),
      measured('smi-api: one answer between slots, p99', bestPercentile(objects, 0.99), 'ms', ANSWER_GOAL_MS),
      measured('smi-api: one answer, a slot each 10 s, p99', bestPercentile(fed, 0.99), 'ms', ANSWER_GOAL_MS),
      measured('smi-api: one answer, a slot each 10 s, max', bestPercentile(fed, 1), 'ms'),
      measured('smi-api: one answer, CPU with its client', (cpu.user + cpu.system) / 1000 / ANSWERS / BLOCKS, 'ms'),
      measured('smi-api: list of 10,000, asked as a slot arrives', Math.min(...atOnceLists), 'ms'),
      measured('smi-api: list of 10,000, first after a slot, 1 s later', Math.min(...freshLists), 'ms', LIST_GOAL_MS),
      measured('smi-api: list of 10,000, p50', bestPercentile(lists, 0.5), 'ms', LIST_GOAL_MS),
    ];
  } finally {
    agent.destroy();
    await exporter.stop(AbortSignal.abort());
  }
}

if (import.meta.main) for (const result of await run()) console.log(formatResult(result));
