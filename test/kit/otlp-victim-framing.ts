/**
 * @module Attacks by framing (D7, D9, T10, T24): requests that can be read in two ways, lie about their length, have headers
 * without measure or with line ends in them.
 */
import type { Attack, Attacker } from './otlp-victim-attack.ts';
import {
  callHeaders,
  grpcFrame,
  H2_PREFACE,
  h2Frame,
  h2Frames,
  h2Outcome,
  PATHS,
  rawExchange,
  SIGNALS,
} from './otlp-victim-calls.ts';

function corpus(path: string): string[] {
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n`;
  const inner = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`;
  const chunked = (line: string, rest = `0\r\n\r\n${inner}`) => `${head}${line}\r\n\r\n${rest}`;
  return [
    `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
    `${head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${inner}`,
    `${head}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`,
    `${head}Content-Length: 4, 5\r\n\r\nabcde`,
    ...['+4', '-1', '0x4', '4 4', '1e1', '', ' ', '9'.repeat(30)].map(
      (length) => `${head}Content-Length: ${length}\r\n\r\nabcd${inner}`,
    ),
    `${head}Content-Length : 4\r\n\r\nabcd`,
    ...['xchunked', 'chunked, identity', 'identity, chunked, gzip', 'gzip', '"chunked"'].map((coding) =>
      chunked(`Transfer-Encoding: ${coding}`),
    ),
    chunked('Transfer-Encoding : chunked'),
    chunked('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity'),
    chunked('Transfer-Encoding: chunked', 'ffffffffffffffffff\r\nabc'),
    chunked('Transfer-Encoding: chunked', 'zz\r\nabc\r\n'),
    chunked('Transfer-Encoding: chunked', '-1\r\nabc\r\n'),
    chunked('Transfer-Encoding: chunked', '0x3\r\nabc\r\n0\r\n\r\n'),
    chunked('Transfer-Encoding: chunked', '3\r\nabcdef\r\n0\r\n\r\n'),
    chunked('Transfer-Encoding: chunked', '3\nabc\n0\n\n'),
    `${head}Bad Header: y\r\n\r\n`,
    `${head} folded: y\r\n\r\n`,
    `${head}X: a\0b\r\n\r\n`,
    `${head}X: a\rb\r\n\r\n`,
    `${head}X\0: a\r\n\r\n`,
    `${head}: a\r\n\r\n`,
    `POST ${path} HTTP/1.1\r\nContent-Length: 0\r\n\r\n`,
    `POST ${path} HTTP/9.9\r\nHost: x\r\n\r\n`,
    `POST ${path}\0 HTTP/1.1\r\nHost: x\r\n\r\n`,
    `POST ${path} x HTTP/1.1\r\nHost: x\r\n\r\n`,
    `post ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `BREW ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    '\0'.repeat(1000),
  ];
}

const GOAWAY = 7;

/** Refused with one answer at most, after which the connection ends; one in HTTP/2 is refused in its own words. */
export const twoWays: Attack = async (attacker) => {
  await attacker.note('the preface of HTTP/2', 'GOAWAY HTTP_1_1_REQUIRED, closed', async () => {
    const answer = await rawExchange(attacker.ports.httpPort, H2_PREFACE, { patienceMs: 15_000 });
    const ends = h2Frames(Buffer.from(answer, 'latin1')).filter(({ type }) => type === GOAWAY);
    const isRefused = ends.length === 1 && ends[0]!.content.readUInt32BE(4) === 13 && !answer.endsWith('open');
    return isRefused ? 'GOAWAY HTTP_1_1_REQUIRED, closed' : answer.slice(0, 200);
  });
  for (const signal of SIGNALS) {
    for (const bytes of corpus(PATHS[signal])) await refusedOnce(attacker, attacker.ports.httpPort, bytes, '4\\d\\d');
  }
};

async function refusedOnce(attacker: Attacker, port: number, bytes: string, status: string): Promise<void> {
  const wanted = new RegExp(`^(?:HTTP/1\\.1 ${status} |$)`);
  await attacker.note(bytes.slice(0, 160), 'refused once', async () => {
    const answer = await rawExchange(port, Buffer.from(bytes, 'latin1'), { patienceMs: 15_000 });
    const answers = answer.match(/HTTP\/1\.1 /g)?.length ?? 0;
    return wanted.test(answer) && answers <= 1 && !answer.endsWith('open') ? 'refused once' : answer.slice(0, 200);
  });
}

/** Bodies shorter and longer than they say: the connection ends with a refusal. */
export const lies: Attack = async (attacker) => {
  for (const signal of SIGNALS) {
    const head = `POST ${PATHS[signal]} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n`;
    const statuses = (bytes: string) => async () => {
      const answer = await rawExchange(attacker.ports.httpPort, bytes, { half: true });
      return Array.from(answer.matchAll(/HTTP\/1\.1 (\d+)/g), ([, status]) => status).join(' ');
    };
    await attacker.note(
      `${signal}: longer than it says`,
      '400',
      statuses(`${head}Content-Length: 2\r\n\r\nx\0garbage`),
    );
    await attacker.note(`${signal}: shorter than it says`, '400', statuses(`${head}Content-Length: 200\r\n\r\nabc`));
    const cut = `${head}Transfer-Encoding: chunked\r\n\r\nff\r\nabc`;
    await attacker.note(`${signal}: a chunk cut short`, '400', statuses(cut));
  }
};

/** Headers beyond 16 KiB, or more than 200 of them, end the request with 431; and over gRPC the call or its connection. */
export const largeHeaders: Attack = async (attacker) => {
  const { httpPort, grpcPort } = attacker.ports;
  for (const signal of SIGNALS) {
    const head = `POST ${PATHS[signal]} HTTP/1.1\r\nHost: x\r\n`;
    const long = `X: ${'x'.repeat(64 * 1024)}\r\n`;
    const many = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: y\r\n`).join('');
    for (const headers of [long, many(1000), many(3000), `${'X'.repeat(64 * 1024)}: y\r\n`])
      await refusedOnce(attacker, httpPort, `${head}${headers}\r\n`, '431');
    await refusedOnce(attacker, httpPort, `POST /${'x'.repeat(64 * 1024)} HTTP/1.1\r\nHost: x\r\n\r\n`, '4(?:31|14)');
    await oddHeadersOverGrpc(attacker, callHeaders(signal));
  }
  const words = Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await attacker.note('gRPC: words of HTTP/1', 'ended', () => h2Outcome(grpcPort, words));
};

/**
 * Headers behind those of a call. A line end or a NUL in them makes the HTTP/2 library leave out that header (RFC 9113 §8.2.1
 * would have the call refused), so that it is seen by nobody; too many, or what HTTP/2 forbids, end the call.
 */
const ODD_HEADERS: Readonly<Record<string, readonly [outcome: string, ...pieces: Buffer[]]>> = {
  'sound headers': ['answered', literal('x-one', 'y')],
  '1,000 headers': ['ended', ...Array.from({ length: 5 }, () => repeated(literal('x-many', 'y'.repeat(64)), 200))],
  'a line end in a value': ['answered', literal('x-split', 'a\r\nset-cookie: b')],
  'a NUL in a value': ['answered', literal('x-nul', 'a\0b')],
  'a line end in a name': ['answered', literal('x\r\ny', 'a')],
  'upper case in a name': ['ended', literal('X-Upper', 'a')],
  'a header of connections': ['ended', literal('transfer-encoding', 'chunked')],
};

async function oddHeadersOverGrpc(attacker: Attacker, headers: Buffer): Promise<void> {
  for (const [what, [outcome, ...pieces]] of Object.entries(ODD_HEADERS)) {
    const rest = pieces.map((piece, i) => h2Frame(9, i === pieces.length - 1 ? 4 : 0, 1, piece));
    const body = h2Frame(0, 1, 1, grpcFrame(Buffer.alloc(0)));
    const call = Buffer.concat([H2_PREFACE, h2Frame(1, 0, 1, headers), ...rest, body]);
    await attacker.note(`gRPC: ${what}`, outcome, () => h2Outcome(attacker.ports.grpcPort, call));
  }
}

function repeated(bytes: Buffer, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => bytes));
}

/** A header that the far side does not keep (RFC 7541 §6.2.2). */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name, 'latin1'),
    Buffer.from([value.length]),
    Buffer.from(value, 'latin1'),
  ]);
}
