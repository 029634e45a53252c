/**
 * @module What reading spans costs alone, from protobuf and JSON, and telling them in JSON, beside protobufjs and JSON.parse
 * in the same run. Run it with `node test/bench/otlp-spans-decode.ts`.
 */
import {
  OtlpJsonReader,
  readSpans,
  SpanReader,
  sliceSpans,
  spansToJson,
  spansToJsonSteps,
  TraceRequest,
  traceRequestFromJson,
} from '../../pipeline/wire/otlp-spans.ts';
import { TRACE_REQUEST_TYPE } from '../kit/otlp-schema.ts';
import { atLeast, type BenchResult, formatResult, measured } from './result.ts';
import { spansRequest } from './span-payload.ts';

const SPANS = 1000;
/** Requests of other ids and routes: more than the processor's caches hold. */
const REQUESTS = 8;
const ROUNDS = 25;
const LIMITS = { maxItems: 50_000, maxDepth: 32 };
const GOAL_SPANS_PER_SECOND = 1_000_000;
const LARGE_BYTES = 20 * 1024 * 1024;
const STEP_BYTES = 128 * 1024;
const STEP_GOAL_MS = 20;
const SLICE = 100;

/** Spans of a second of CPU, at best; all contestants take turns. */
function race(contestants: ReadonlyMap<string, (request: number) => unknown>): Map<string, number> {
  const best = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, work] of contestants) {
      const from = process.cpuUsage();
      for (let request = 0; request < REQUESTS; request++) work(request);
      const { user, system } = process.cpuUsage(from);
      const perSecond = (SPANS * REQUESTS * 1e6) / (user + system);
      best.set(name, Math.max(perSecond, best.get(name) ?? 0));
    }
  }
  return best;
}

function cutUp(bytes: Uint8Array): number {
  const spans = readSpans(bytes, LIMITS);
  let count = 0;
  for (let from = 0; from < spans.count; from += SLICE) count += sliceSpans(spans, from, from + SLICE).count;
  return count;
}

type Steps = { step(budgetBytes: number): boolean };

/** CPU milliseconds of the longest of the steps that read a large body, its checks before the first one included. */
function longestStepMs(open: () => Steps): number {
  let from = process.threadCpuUsage();
  const reader = open();
  let longest = 0;
  for (let done = false; !done; from = process.threadCpuUsage()) {
    done = reader.step(STEP_BYTES);
    const { user, system } = process.threadCpuUsage(from);
    longest = Math.max(longest, (user + system) / 1000);
  }
  return longest;
}

function stepping(steps: Iterator<void, unknown, void>): Steps {
  return { step: () => steps.next().done === true };
}

/** Of a process that has read such bodies before. */
function warmStepMs(open: () => Steps): number {
  longestStepMs(open);
  return longestStepMs(open);
}

/** One span of as many empty attributes as fit: the most fields that a body can have. */
function hostileBody(): Uint8Array {
  const attributes = new Uint8Array(LARGE_BYTES);
  for (let at = 0; at < attributes.length; at += 2) attributes[at] = 0x4a;
  return wrapped(0x0a, wrapped(0x12, wrapped(0x12, attributes)));
}

function wrapped(tag: number, content: Uint8Array): Uint8Array {
  const head = [tag];
  for (let rest = content.length; ; rest >>>= 7) {
    head.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
    if (rest < 0x80) break;
  }
  return Buffer.concat([Uint8Array.from(head), content]);
}

/** Takes about half a minute. */
export function run(): BenchResult[] {
  const requests = Array.from({ length: REQUESTS }, (_, i) => spansRequest(SPANS, i + 1));
  const json = requests.map((bytes) => spansToJson(readSpans(bytes, LIMITS)));
  if (!Buffer.from(traceRequestFromJson(json[0]!, LIMITS)).equals(requests[0]!))
    throw new Error('JSON is not the same');
  if (cutUp(requests[0]!) !== SPANS) throw new Error('slices lose spans');
  const best = race(
    new Map<string, (request: number) => unknown>([
      ['decode', (i) => readSpans(requests[i]!, LIMITS)],
      ['decode by protobufjs', (i) => TRACE_REQUEST_TYPE.decode(requests[i]!)],
      [`decode, slices of ${SLICE}`, (i) => cutUp(requests[i]!)],
      ['decode, to JSON', (i) => spansToJson(readSpans(requests[i]!, LIMITS))],
      ['from JSON, decode', (i) => readSpans(traceRequestFromJson(json[i]!, LIMITS), LIMITS)],
      ['JSON.parse alone', (i) => JSON.parse(Buffer.from(json[i]!).toString())],
    ]),
  );
  const large = spansRequest(Math.ceil(LARGE_BYTES / (requests[0]!.length / SPANS)));
  const largeJson = closed(spansToJson(readSpans(large, LIMITS)).subarray(0, LARGE_BYTES));
  const hostile = hostileBody();
  const step = (what: string, open: () => Steps) =>
    measured(`spans: longest step in 20 MiB, ${what}`, warmStepMs(open), 'ms CPU', STEP_GOAL_MS);
  return [
    ...[...best].map(([name, value]) =>
      atLeast(`spans: ${name}`, value, 'spans/CPU s', name === 'decode' ? GOAL_SPANS_PER_SECOND : undefined),
    ),
    measured('spans: bytes a span', requests[0]!.length / SPANS, 'B'),
    measured('spans: bytes a span in JSON', json[0]!.length / SPANS, 'B'),
    step('protobuf', () => new SpanReader(large, LIMITS)),
    step('one span of empty attributes', () => new SpanReader(hostile, LIMITS)),
    step('JSON', () => new OtlpJsonReader(largeJson, TraceRequest, LIMITS)),
    step('to JSON', () => stepping(spansToJsonSteps({ bytes: large }))),
    step('to JSON, one span of empty attributes', () => stepping(spansToJsonSteps({ bytes: hostile }))),
  ];
}

/** A JSON request that was cut off somewhere, with its last span left out. */
function closed(json: Uint8Array): Uint8Array {
  const text = Buffer.from(json.buffer, json.byteOffset, json.length);
  const end = text.lastIndexOf(',{"traceId"');
  return Buffer.concat([text.subarray(0, end), Buffer.from(']}]}]}')]);
}

if (import.meta.main) for (const result of run()) console.log(formatResult(result));
