/** @module Attacks by patience (D8, T11): 2,000 clients that are slow, silent or do not read, and bodies in pieces of a byte. */
import { spansRequest } from '../bench/span-payload.ts';
import type { Attack } from './otlp-victim-attack.ts';
import {
  callHeaders,
  grpcFrame,
  H2_PREFACE,
  h2Frame,
  h2Outcome,
  open,
  PATHS,
  type Ports,
  rawExchange,
  SIGNALS,
} from './otlp-victim-calls.ts';
import { pour } from './otlp-victim-pour.ts';

/** As many addresses as may fill `max_connections` (512) of a port almost, with 64 for each. */
const ADDRESSES = [2, 3, 4, 5, 6, 7, 8].map((last) => `127.0.0.${last}`);
const SLOW_CLIENTS = 2000;
/** trust.md, T11: all are closed within this when no key says otherwise. */
const CLOSED_WITHIN_MS = 40_000;
const DRIP_MS = 1000;

/** What a slow client says before it says no more, or one byte a second. */
function beginnings({
  httpPort,
  grpcPort,
}: Ports): (readonly [what: string, port: number, bytes: Buffer, drips: boolean])[] {
  return SIGNALS.flatMap((signal) => {
    const head = `POST ${PATHS[signal]} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n`;
    const call = Buffer.concat([H2_PREFACE, h2Frame(1, 4, 1, callHeaders(signal))]);
    return [
      ['nothing', httpPort, Buffer.alloc(0), false],
      ['half of the headers', httpPort, Buffer.from(head), false],
      ['headers byte by byte', httpPort, Buffer.from(`${head}X: `), true],
      ['a piece of the body', httpPort, Buffer.from(`${head}Content-Length: 1000\r\n\r\nabc`), false],
      ['a body byte by byte', httpPort, Buffer.from(`${head}Content-Length: 1000\r\n\r\nabc`), true],
      ['nothing', grpcPort, Buffer.alloc(0), false],
      ['words of HTTP/1', grpcPort, Buffer.from(head), false],
      ['the preface', grpcPort, H2_PREFACE, false],
      ['half of the headers', grpcPort, Buffer.concat([H2_PREFACE, h2Frame(1, 0, 1, Buffer.from([0x83]))]), false],
      ['a call without a body', grpcPort, call, false],
      ['the head of a message', grpcPort, Buffer.concat([call, h2Frame(0, 0, 1, Buffer.from([0, 0, 0, 9, 0]))]), false],
    ];
  });
}

export const slowClients: Attack = async (attacker) => {
  const kinds = beginnings(attacker.ports);
  const closed: Promise<void>[] = [];
  for (let i = 0; i < SLOW_CLIENTS; i++) {
    const [what, port, bytes, drips] = kinds[i % kinds.length]!;
    const from = ADDRESSES[i % ADDRESSES.length]!;
    closed.push(attacker.note(`slow: ${what}`, 'closed', () => dawdle(port, from, bytes, drips)));
    // Not faster than the system's queue of new connections allows.
    if (i % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await Promise.all(closed);
};

function dawdle(port: number, from: string, bytes: Buffer, drips: boolean): Promise<string> {
  return new Promise((resolve) => {
    const socket = open(port, from).resume();
    if (bytes.length > 0) socket.write(bytes);
    const drip = drips ? setInterval(() => socket.write('a'), DRIP_MS) : undefined;
    const patience = setTimeout(() => {
      clearInterval(drip);
      socket.destroy();
      resolve('still open');
    }, CLOSED_WITHIN_MS);
    socket.on('close', () => {
      clearInterval(drip);
      clearTimeout(patience);
      resolve('closed');
    });
  });
}

/** As many requests as one turn of the server's loop may take of a connection (pipeline/net/pipelining.ts). */
const MOST_ANSWERS = 32;

/**
 * Clients that ask again and again by the hundred, and read answers only once no more are taken, or at once: the server
 * answers some and ends the connection itself.
 */
export const deafClients: Attack = async (attacker) => {
  const { httpPort: port } = attacker.ports;
  const asked = SIGNALS.flatMap((signal) => {
    const one = `POST ${PATHS[signal]} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n`;
    const [first, again] = [Buffer.alloc(0), Buffer.from(one.repeat(100))];
    return [true, false].map((isDeaf) =>
      attacker.ended(`${isDeaf ? 'deaf' : 'hasty'}: ${signal}`, 'ended', ['http pipelined'], async () => {
        const from = ADDRESSES[0]!;
        const pouring = { port, from, first, again, times: 200, isDeaf, patienceMs: CLOSED_WITHIN_MS };
        const { isClosed, answer, times, tookMs } = await pour(pouring).poured;
        const answers = answer.toString('latin1').match(/HTTP\/1\.1 415 /g)?.length ?? 0;
        const seen = `(${answers} answers to ${times} hundreds in ${tookMs.toFixed(0)} ms)`;
        return { got: isClosed && answers <= MOST_ANSWERS ? 'ended' : 'went through', seen };
      }),
    );
  });
  await Promise.all(asked);
};

/** Bodies of which each byte is a chunk or a frame of its own are taken like others. */
export const crumbs: Attack = async (attacker) => {
  const long = spansRequest(2000, 7);
  const head = `POST ${PATHS.traces} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-protobuf\r\n`;
  const chunks = [...long].map((byte) => Buffer.from([0x31, 13, 10, byte, 13, 10]));
  const begin = Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`);
  const chunked = Buffer.concat([begin, ...chunks, Buffer.from('0\r\n\r\n')]);
  await attacker.note('http: chunks of one byte', 'HTTP/1.1 200', async () =>
    (await rawExchange(attacker.ports.httpPort, chunked)).slice(0, 12),
  );
  // As much as may be sent before the far side has said that it may be more.
  for (const signal of SIGNALS) {
    const short = signal === 'traces' ? spansRequest(100, 8) : Buffer.from([0x78, 0].concat(Array(40_000).fill(0)));
    const frames = [...grpcFrame(short)].map((byte) => h2Frame(0, 0, 1, Buffer.from([byte])));
    const call = Buffer.concat([H2_PREFACE, h2Frame(1, 4, 1, callHeaders(signal)), ...frames, h2Frame(0, 1, 1)]);
    await attacker.note(`gRPC ${signal}: frames of one byte`, 'answered', () =>
      h2Outcome(attacker.ports.grpcPort, call),
    );
  }
};
