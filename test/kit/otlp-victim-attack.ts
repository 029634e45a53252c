/** @module What an attack is: it knocks at the doors of a victim and says of each try what had to come of it, and what came. */
import { ATTACKER, Caller, type Door, type Form, type Ports } from './otlp-victim-calls.ts';

/** Answers that an attack may want, by protocol, and the reason under which a refusal is counted; '' for none. */
export const VERDICTS = {
  taken: { http: '200', grpc: 'grpc 0', reason: '' },
  'too large': { http: '413', grpc: 'grpc 8', reason: 'too_large' },
  'too many': { http: '413', grpc: 'grpc 8', reason: 'too_many_items' },
  'too many samples': { http: '413', grpc: 'grpc 8', reason: 'too_many_samples' },
  malformed: { http: '400', grpc: 'grpc 13', reason: 'malformed' },
  damaged: { http: '400', grpc: 'grpc 13', reason: 'damaged' },
  'unknown encoding': { http: '400', grpc: 'grpc 12', reason: 'unknown_encoding' },
} as const;
export type Verdict = keyof typeof VERDICTS;

/** One try. */
export interface Tried {
  readonly what: string;
  readonly wanted: string;
  readonly got: string;
  readonly tookMs: number;
  /** Protocol, signal and reason under which the victim counts it as a refused request; '' when it does not. */
  readonly counted: string;
  /** Protocol and reason of each connection or call that the victim ends for it, as it counts them. */
  readonly closed: readonly string[];
  /** What was seen of it beside the verdict, for people. */
  readonly seen: string;
}

/** What came of a try, and what was seen of it beside that. */
export interface Outcome {
  readonly got: string;
  readonly seen: string;
}

/** `short`: what a test has time for. `full`: what trust.md asks for, with the defaults of all keys. */
export type Scale = 'short' | 'full';

export type Attack = (attacker: Attacker) => Promise<void>;

/** Keeps the account of one attack. */
export class Attacker {
  readonly ports: Ports;
  readonly scale: Scale;
  readonly tried: Tried[] = [];
  readonly caller: Caller;

  constructor(ports: Ports, scale: Scale) {
    this.ports = ports;
    this.scale = scale;
    this.caller = new Caller(ports, ATTACKER);
  }

  /** Sends a body through a door; several verdicts: any of them, and then it is not looked at how it was counted. */
  async send(what: string, door: Door, body: Uint8Array, verdict: Verdict, form: Form = {}): Promise<void> {
    const { reason, ...wanted } = VERDICTS[verdict];
    const counted = reason === '' ? '' : `${door.protocol} ${door.signal} ${reason}`;
    const run = () => this.caller.send(door, body, form);
    await this.note(`${door.protocol} ${door.signal} ${what}`, wanted[door.protocol], run, counted);
  }

  /** Any other try. */
  async note(what: string, wanted: string, run: () => Promise<string>, counted = ''): Promise<void> {
    const began = performance.now();
    const got = await run();
    this.tried.push({ what, wanted, got, tookMs: performance.now() - began, counted, closed: [], seen: '' });
  }

  /** A try that the victim answers by ending connections or calls. */
  async ended(what: string, wanted: string, closed: readonly string[], run: () => Promise<Outcome>): Promise<void> {
    const began = performance.now();
    const { got, seen } = await run();
    this.tried.push({ what, wanted, got, tookMs: performance.now() - began, counted: '', closed, seen });
  }
}
