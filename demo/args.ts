/** @module Arguments of `weir demo`. */
import { parseArgs } from 'node:util';
import { parseEndpoint } from '../pipeline/config/types.ts';
import { parseGoDuration } from '../pipeline/wire/duration.ts';
import { createTopicCommand } from './topic.ts';

export interface DemoArgs {
  /** Time after which the demo ends by itself, milliseconds; null: when it is told to. */
  readonly forMs: number | null;
  /** Broker to stream to as well, `host:port`; null for none. */
  readonly kafka: string | null;
  /** Backend to which spans are sent as well, an URL; null for none. */
  readonly otlp: string | null;
  /** Port wanted for the SMI API; the next free one is taken when it is not. */
  readonly port: number;
  readonly seed: number;
}

export type ParsedArgs =
  | { readonly kind: 'run'; readonly args: DemoArgs }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'wrong'; readonly text: string };

export const USAGE = `Usage: weir demo [options]

Runs simulated meshes (Linkerd, Istio, Envoy) of 20 workloads through a real pipeline and shows who talks to whom.

  --for DURATION     end after this time, for example 20s; default: run until Ctrl-C
  --kafka HOST:PORT  also stream to topic smi_traffic of this broker; it must exist:
                       ${createTopicCommand('HOST:PORT')}
  --otlp URL         also send spans to this backend over OTLP/HTTP, for example http://127.0.0.1:5318
  --port PORT        port of the SMI API, or the next free one; default 8080
  --seed NUMBER      another mesh day; default 1
  -h, --help         show this help

Run it as bin/weir from the checkout. --for bounds the time it shows; ending takes at most 5s more.
`;

/** Reads the arguments after `demo`. Never throws. */
export function parseDemoArgs(argv: readonly string[]): ParsedArgs {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        for: { type: 'string' },
        kafka: { type: 'string' },
        otlp: { type: 'string' },
        port: { type: 'string', default: '8080' },
        seed: { type: 'string', default: '1' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return { kind: 'help', text: USAGE };
    return {
      kind: 'run',
      args: {
        forMs: values.for === undefined ? null : readDuration(values.for),
        kafka: values.kafka === undefined ? null : readBroker(values.kafka),
        otlp: values.otlp === undefined ? null : readBackend(values.otlp),
        port: readWhole('--port', values.port, 1, 65_535),
        seed: readWhole('--seed', values.seed, 0, 2 ** 31 - 1),
      },
    };
  } catch (error) {
    return { kind: 'wrong', text: `weir demo: ${error instanceof Error ? error.message : String(error)}\n\n${USAGE}` };
  }
}

function readDuration(text: string): number {
  const ns = parseGoDuration(text);
  if (ns === null || ns <= 0n) throw new Error(`--for "${text}" is no duration: write a number with a unit, as in 20s`);
  return Number(ns) / 1e6;
}

function readBroker(text: string): string {
  if ((parseEndpoint(text)?.host ?? '') === '') throw new Error(`--kafka "${text}" is no address: write HOST:PORT`);
  return text;
}

function readBackend(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Error(`--otlp "${text}" is no URL: write http://HOST:PORT`);
  return text;
}

function readWhole(option: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new Error(`${option} "${text}" is no number from ${min} to ${max}`);
  return value;
}
