/**
 * @module How long metrics over OTLP hold the event loop: the longest step that is taken in one go, and all of a request.
 *
 * Run it with `node test/bench/otlp-metrics.ts`. CPU time of the main thread. Hostile: bodies of 20 MiB, each of one kind of
 * thing that nobody wants. Points: 50,000 of Istio's from 100 proxies, at first sight and later.
 */
import { countDataPointsInSteps, decodeTrafficInSteps, inOneGo } from '../../pipeline/wire/otlp-traffic.ts';
import { attributesOf, createStage, encoded, WATCH_MS } from '../receivers/otlp/samples-stage.ts';
import { type BenchResult, formatResult, measured } from './result.ts';

const BODY = 20 * 1024 * 1024;
const PROXIES = 100;
const SERIES = 500;
/** Rest of a turn beside a slice of 5 ms where turns may take 20 ms. */
const STEP_GOAL_MS = 15;

interface Cost {
  readonly longestMs: number;
  readonly allMs: number;
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Takes all steps; what they come to, and what they cost. */
function taken<T>(steps: Iterator<void, T, void>): { value: T; cost: Cost } {
  const fromMs = cpuMs();
  let longestMs = 0;
  for (let beforeMs = fromMs; ; ) {
    const step = steps.next();
    const nowMs = cpuMs();
    longestMs = Math.max(longestMs, nowMs - beforeMs);
    beforeMs = nowMs;
    if (step.done === true) return { value: step.value, cost: { longestMs, allMs: nowMs - fromMs } };
  }
}

function hostileBodies(): Map<string, Buffer> {
  const many = (...part: readonly number[]) => Buffer.alloc(BODY - (BODY % part.length), Buffer.from(part));
  return new Map([
    ['unknown fields', many(15 * 8, 1)],
    ['groups', many(15 * 8 + 3, 15 * 8 + 4)],
    ['empty resources', many(0x0a, 0)],
  ]);
}

function istioPoints(seconds: number): Uint8Array {
  const timeUnixNano = (BigInt(WATCH_MS + seconds * 1000) * 1_000_000n).toString();
  const labels = (proxy: number, series: number) => ({
    ...{ reporter: 'source', source_workload: `web-${proxy}`, source_workload_namespace: 'shop', source_app: 'web' },
    ...{ source_principal: 'spiffe://cluster.local/ns/shop/sa/web', destination_workload: `api-${series >> 1}` },
    ...{ destination_workload_namespace: 'shop', destination_service_name: `api-${series >> 1}` },
    ...{ destination_service: `api-${series >> 1}.shop.svc.cluster.local`, request_protocol: 'http' },
    ...{
      response_code: series % 2 === 0 ? '200' : '503',
      response_flags: '-',
      connection_security_policy: 'mutual_tls',
    },
  });
  const dataPoints = (proxy: number) =>
    Array.from({ length: SERIES }, (_, series) => ({
      ...{ timeUnixNano, asDouble: seconds + series, attributes: attributesOf(labels(proxy, series)) },
    }));
  const resourceMetrics = Array.from({ length: PROXIES }, (_, proxy) => {
    const sum = { aggregationTemporality: 2, isMonotonic: true, dataPoints: dataPoints(proxy) };
    const attributes = attributesOf({
      'service.name': 'istio',
      'k8s.pod.name': `web-${proxy}-0`,
      'k8s.namespace.name': 'shop',
    });
    return { resource: { attributes }, scopeMetrics: [{ metrics: [{ name: 'istio_requests_total', sum }] }] };
  });
  return encoded({ resourceMetrics });
}

function figures(what: string, { longestMs, allMs }: Cost): BenchResult[] {
  return [
    measured(`otlp metrics: longest step, ${what}`, longestMs, 'ms', STEP_GOAL_MS),
    measured(`otlp metrics: all, ${what}`, allMs, 'ms'),
  ];
}

function hostile(): BenchResult[] {
  return [...hostileBodies()].flatMap(([what, body]) =>
    figures(`20 MiB of ${what}`, taken(decodeTrafficInSteps(body)).cost),
  );
}

async function points(): Promise<BenchResult[]> {
  const stage = await createStage();
  const costs: Cost[][] = [];
  for (let seconds = 5; seconds < 65; seconds += 10) {
    stage.clock.advance(seconds === 5 ? 5000 : 10_000);
    const body = istioPoints(seconds);
    inOneGo(countDataPointsInSteps(body, PROXIES * SERIES));
    const read = taken(stage.intake.read(body, new Map()));
    const offered = taken(read.value!.offer(false));
    await offered.value;
    costs.push([read.cost, offered.cost]);
  }
  const best = (of: number) =>
    costs.slice(1).reduce((least, cost) => (cost[of]!.allMs < least.allMs ? cost[of]! : least), costs[1]![of]!);
  return [
    ...figures('50,000 points read at first sight', costs[0]![0]!),
    ...figures('50,000 points applied at first sight', costs[0]![1]!),
    ...figures('50,000 points read', best(0)),
    ...figures('50,000 points applied', best(1)),
  ];
}

export async function run(): Promise<BenchResult[]> {
  return [...hostile(), ...(await points())];
}

if (import.meta.main) for (const result of await run()) console.log(formatResult(result));
