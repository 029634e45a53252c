/**
 * @module The good clients of a victim: spans and traffic over both ports, one request after another, one of them over a new
 * connection each time, and the account of what they sent.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { OtlpTrafficEncoder } from '../../pipeline/wire/otlp-traffic.ts';
import { spansRequest } from '../bench/span-payload.ts';
import { GOOD_MARK } from './otlp-victim-backend.ts';
import { field } from './otlp-victim-bodies.ts';
import { Caller, DOORS, type Door, type Ports } from './otlp-victim-calls.ts';
import { own, peer, record } from './traffic.ts';

/** Spans of each request. */
const SPANS = 50;
/** Workloads that traffic is told of, in turns, for each client. */
const WORKLOADS = 8;
const PAUSE_MS = 20;
const HOME = '127.0.0.1';
const SUCCESSES: ReadonlySet<string> = new Set(['200', 'grpc 0']);

/** What the clients saw and sent so far. */
export interface GoodFigures {
  /** Time of each answer, milliseconds, ascending. */
  readonly tookMs: readonly number[];
  /** Answers that were no success. */
  readonly failures: readonly string[];
}

export class GoodClients {
  /** Marks of the requests of spans that were taken. */
  readonly marks: string[] = [];
  /** Successes by workload in the requests of traffic that were taken. */
  readonly successes = new Map<string, number>();
  readonly #failures: string[] = [];
  #tookMs: number[] = [];
  #running = true;
  #next = 0;
  readonly #callers: Caller[];
  readonly #loops: Promise<unknown>;

  constructor(ports: Ports) {
    const kept = new Caller(ports, HOME);
    const fresh = new Caller(ports, HOME, false);
    this.#callers = [kept, fresh];
    const traffic = DOORS.filter(({ signal }) => signal === 'metrics');
    const spans = DOORS.filter(({ signal }) => signal === 'traces');
    this.#loops = Promise.all([
      ...spans.map((door) => this.#sendSpans(kept, door)),
      ...traffic.map((door) => this.#sendTraffic(kept, door)),
      this.#sendSpans(fresh, DOORS[0]!),
    ]);
  }

  /** What was seen since the last look. */
  look(): GoodFigures {
    const tookMs = this.#tookMs.sort((a, b) => a - b);
    this.#tookMs = [];
    return { tookMs, failures: this.#failures };
  }

  /** Resolves when the last answers are here. */
  async stop(): Promise<void> {
    this.#running = false;
    await this.#loops;
    for (const caller of this.#callers) caller.close();
  }

  async #sendSpans(caller: Caller, door: Door): Promise<void> {
    while (this.#running) {
      const n = this.#next++;
      const mark = `${GOOD_MARK}${String(n).padStart(8, '0')}`;
      if (await this.#timed(caller, door, spansBody(mark, n))) this.marks.push(mark);
      await wait(PAUSE_MS);
    }
  }

  async #sendTraffic(caller: Caller, door: Door): Promise<void> {
    const encoder = new OtlpTrafficEncoder();
    for (let seq = 0; this.#running; seq++) {
      const name = `${door.protocol}-${seq % WORKLOADS}`;
      const body = trafficBody(encoder, `good-${door.protocol}`, name, seq);
      if (await this.#timed(caller, door, body)) this.successes.set(name, (this.successes.get(name) ?? 0) + seq + 1);
      await wait(PAUSE_MS);
    }
  }

  async #timed(caller: Caller, door: Door, body: Uint8Array): Promise<boolean> {
    const began = performance.now();
    const answer = await caller.send(door, body);
    this.#tookMs.push(performance.now() - began);
    if (SUCCESSES.has(answer)) return true;
    this.#failures.push(`${door.protocol} ${door.signal}: ${answer}`);
    return false;
  }
}

/** A request that no other one equals: the mark is the schema (field 3) of a resource without spans, which passes through. */
function spansBody(mark: string, n: number): Buffer {
  return Buffer.concat([spansRequest(SPANS, n + 1), [3, 1].reduce<Buffer>(field, Buffer.from(mark))]);
}

/** One edge with `seq + 1` successes in the second before this one. */
function trafficBody(encoder: OtlpTrafficEncoder, source: string, name: string, seq: number): Uint8Array {
  const startMs = Math.floor(Date.now() / 1000) * 1000 - 1000;
  const records = [record('client', own(`shop/${name}`), peer('shop/cart'), seq + 1)];
  const interval = { startMs, endMs: startMs + 1000 };
  const sum = { interval, records, coverage: [], partial: false, clockAhead: false };
  return encoder.encode(sum, { source, epoch: 'e1', seq, resource: new Map() });
}
