/**
 * @module Bodies that are a mesh's own family, so that each of their buckets becomes a series, in protobuf and in JSON; and the
 * attacks that they are.
 */
import type { Attack, Attacker, Verdict } from './otlp-victim-attack.ts';
import { field, varint } from './otlp-victim-bodies.ts';
import { DOORS, type Door } from './otlp-victim-calls.ts';

const MIB = 2 ** 20;

/** What a proxy tells: `points` edges, each with a histogram of as many buckets; without any they are counters. */
export interface MeshPage {
  readonly points: number;
  readonly buckets: number;
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  /** What each bucket holds. */
  readonly each: number;
}

const PROXY = {
  'service.name': 'linkerd-proxy',
  'service.instance.id': '10.9.9.9:4191',
  'k8s.namespace.name': 'attack',
  'k8s.pod.name': 'web-7f4f6d79b5-8mmkd',
  'k8s.deployment.name': 'web',
};
const edge = (i: number) => ({
  direction: 'outbound',
  dst_deployment: `api-${i}`,
  dst_namespace: 'attack',
  classification: 'success',
});
const CUMULATIVE = 2;
const SUM = 7;
const HISTOGRAM = 9;
const nameOf = ({ buckets }: MeshPage) => (buckets === 0 ? 'response_total' : 'response_latency_ms');

// Field numbers: opentelemetry-proto, metrics/v1/metrics.proto and common/v1/common.proto.

export function meshBody(page: MeshPage): Buffer {
  const counts = numbers(page.buckets, (at, i) => at.setBigUint64(i * 8, BigInt(page.each), true));
  const bounds = numbers(Math.max(0, page.buckets - 1), (at, i) => at.setFloat64(i * 8, i + 1, true));
  const points = Array.from({ length: page.points }, (_, i) => field(point(page, i, counts, bounds), 1));
  const data = Buffer.concat([...points, varint(2 * 8), varint(CUMULATIVE)]);
  const metric = Buffer.concat([
    field(Buffer.from(nameOf(page)), 1),
    field(data, page.buckets === 0 ? SUM : HISTOGRAM),
  ]);
  const resource = Buffer.concat(attributes(PROXY, 1));
  return field(Buffer.concat([field(resource, 1), field(field(metric, 2), 2)]), 1);
}

function point({ buckets, timeMs, each }: MeshPage, i: number, counts: Buffer, bounds: Buffer): Buffer {
  const time = fixed(3, BigInt(timeMs) * 1_000_000n);
  if (buckets === 0) return Buffer.concat([time, fixed(6, BigInt(each)), ...attributes(edge(i), 7)]);
  const count = fixed(4, BigInt(each * buckets));
  return Buffer.concat([time, count, field(counts, 6), field(bounds, 7), ...attributes(edge(i), 9)]);
}

function attributes(labels: Readonly<Record<string, string>>, number: number): Buffer[] {
  return Object.entries(labels).map(([key, value]) => {
    const text = field(field(Buffer.from(value), 1), 2);
    return field(Buffer.concat([field(Buffer.from(key), 1), text]), number);
  });
}

function fixed(number: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = number * 8 + 1;
  bytes.writeBigUInt64LE(value, 1);
  return bytes;
}

function numbers(length: number, set: (at: DataView, i: number) => void): Buffer {
  const bytes = Buffer.alloc(length * 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < length; i++) set(view, i);
  return bytes;
}

/** The same in JSON. */
export function meshJson(page: MeshPage): Buffer {
  const { points, buckets, timeMs, each } = page;
  const timeUnixNano = `${BigInt(timeMs) * 1_000_000n}`;
  const counts = {
    bucketCounts: Array(buckets).fill(String(each)),
    explicitBounds: [...Array(buckets).keys()].slice(1),
  };
  const value = buckets === 0 ? { asInt: String(each) } : { count: String(each * buckets), ...counts };
  const dataPoints = Array.from({ length: points }, (_, i) => ({
    timeUnixNano,
    ...value,
    attributes: inJson(edge(i)),
  }));
  const data = { dataPoints, aggregationTemporality: CUMULATIVE };
  const metric = {
    name: nameOf(page),
    ...(buckets === 0 ? { sum: { ...data, isMonotonic: true } } : { histogram: data }),
  };
  const resource = { attributes: inJson(PROXY) };
  return Buffer.from(JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [metric] }] }] }));
}

function inJson(labels: Readonly<Record<string, string>>): object[] {
  return Object.entries(labels).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}

/** As many series as a request may have with the defaults, and a million. */
const MOST = { points: 398, buckets: 500 };
const MILLION = { points: 2000, buckets: 500 };
/** As many edges as a request may tell of, and in tests. */
const EDGES = { full: 49_000, short: 5000 };

const HTTP: Door = { protocol: 'http', signal: 'metrics' };

/** Scrapes of one proxy with as many series as may be, and requests of many more. */
export const bucketsOfMesh: Attack = async (attacker) => {
  for (const each of [1, 2, 3]) await send(attacker, HTTP, { ...MOST, each }, 'taken');
  for (const each of [4, 5]) await send(attacker, HTTP, { ...MOST, each }, 'taken', true);
  // 4 MiB are 250 such points.
  for (const grpc of DOORS.filter(({ protocol, signal }) => protocol === 'grpc' && signal === 'metrics'))
    await send(attacker, grpc, { ...MOST, points: 250, each: 6 }, 'taken');
  for (const json of [false, true]) await send(attacker, HTTP, { ...MILLION, each: 1 }, 'too many samples', json);
};

/** Scrapes of one proxy that speaks with as many others as may be. */
export const edgesOfMesh: Attack = async (attacker) => {
  const page = { points: EDGES[attacker.scale], buckets: 0 };
  for (const each of [1, 2, 3]) await send(attacker, HTTP, { ...page, each }, 'taken');
};

async function send(
  attacker: Attacker,
  door: Door,
  page: Omit<MeshPage, 'timeMs'>,
  verdict: Verdict,
  json = false,
): Promise<void> {
  const whole = { ...page, timeMs: Date.now() };
  const body = json ? meshJson(whole) : meshBody(whole);
  const what = `${page.points} points of a mesh with ${page.buckets} buckets${json ? ', JSON' : ''}`;
  if (body.length > 20 * MIB) throw new Error(`${what}: ${body.length} bytes are too many`);
  await attacker.send(what, door, body, verdict, json ? { json: true } : {});
}
