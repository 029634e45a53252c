/**
 * @module Both OTLP ports of a real Weir under attack, while a good client is served: every request of the good client is
 * answered well and arrives once, the process lives, its memory stays bounded, and hostile requests get the right refusal.
 */
import { type ClientHttp2Session, connect as connectH2, constants } from 'node:http2';
import { connect } from 'node:net';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { spansRequest } from '../bench/span-payload.ts';
import { EXPORT, grpcCall, grpcFrame, rawExchange, startVictim, type Victim } from '../kit/otlp-victim.ts';

const MIB = 2 ** 20;
/** What an attack may add to the resident memory of the process, garbage not yet collected included. */
const MEMORY_ROOM = 160 * MIB;
const INVALID = 3;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;

async function post(victim: Victim, body: Uint8Array, headers: Record<string, string> = {}): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${victim.httpPort}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', ...headers },
    body: new Uint8Array(body),
    signal: AbortSignal.timeout(60_000),
  });
  await answer.arrayBuffer();
  return answer.status;
}

function session(t: ExecutionContext, victim: Victim): ClientHttp2Session {
  // Node's client reads no answer while more than this waits to be sent.
  const made = connectH2(`http://127.0.0.1:${victim.grpcPort}`, { maxSessionMemory: 100 });
  made.on('error', () => {});
  t.teardown(() => made.destroy());
  return made;
}

/** Runs `attack` and checks that memory did not grow beyond the room, as far as the system tells. */
async function attacked(t: ExecutionContext, attack: (victim: Victim) => Promise<void>, listener = ''): Promise<void> {
  t.timeout(240_000);
  const victim = await startVictim(t, listener);
  const before = await victim.residentBytes();
  let most = before ?? 0;
  const look = setInterval(async () => {
    most = Math.max(most, (await victim.residentBytes()) ?? 0);
  }, 50);
  await attack(victim).finally(() => clearInterval(look));
  if (before !== null) {
    t.log(`memory grew by ${Math.round((most - before) / MIB)} MiB`);
    t.true(most - before < MEMORY_ROOM);
  }
  await victim.end();
}

const CODECS = { gzip: gzipSync, deflate: deflateSync, zstd: zstdCompressSync } as const;

test.serial('bombs of every codec are refused on both ports, however often they come', (t) => {
  const zeros = new Uint8Array(256 * MIB);
  const bombs = Object.entries(CODECS).map(([encoding, compress]) => ({ encoding, bomb: compress(zeros) }));
  return attacked(t, async (victim) => {
    const grpc = session(t, victim);
    for (const { encoding, bomb } of bombs) {
      t.true(bomb.length < 2 * MIB);
      const attempts = [0, 1, 2, 3];
      const statuses = await Promise.all(attempts.map(() => post(victim, bomb, { 'content-encoding': encoding })));
      t.deepEqual(statuses, [413, 413, 413, 413], encoding);
      const answers = await Promise.all(attempts.map(() => grpcCall(grpc, bomb, { encoding })));
      t.deepEqual(
        answers.map(({ status }) => status),
        attempts.map(() => RESOURCE_EXHAUSTED),
        encoding,
      );
    }
  });
});

test.serial('what is compressed wrongly, twice, or by an unknown codec is refused', (t) =>
  attacked(t, async (victim) => {
    const grpc = session(t, victim);
    const body = spansRequest(3);
    for (const [encoding, compress] of Object.entries(CODECS)) {
      const packed = compress(body);
      const cut = packed.subarray(0, packed.length - 5);
      const spoilt = Buffer.from(packed);
      spoilt[Math.floor(spoilt.length / 2)]! ^= 0xff;
      const followed = Buffer.concat([packed, Buffer.from('trailing garbage')]);
      for (const [what, wrong] of Object.entries({ cut, spoilt, followed, plain: body })) {
        t.is(await post(victim, wrong, { 'content-encoding': encoding }), 400, `HTTP ${encoding} ${what}`);
        const { status } = await grpcCall(grpc, wrong, { encoding });
        t.true([INVALID, 13].includes(status), `gRPC ${encoding} ${what}: ${status}`);
      }
      t.is(await post(victim, packed, { 'content-encoding': `${encoding}, ${encoding}` }), 400);
      t.is(await post(victim, packed, { 'content-encoding': encoding }), 200);
      t.is((await grpcCall(grpc, packed, { encoding })).status, 0);
    }
    t.is(await post(victim, body, { 'content-encoding': 'br' }), 400);
    t.is((await grpcCall(grpc, body, { encoding: 'br' })).status, UNIMPLEMENTED);
  }),
);

test.serial('bodies made of minimal spans up to the limit of bytes are refused whole', (t) => {
  const bodies = [4 * MIB - 64, 20 * MIB - 64].map((size) => {
    const bomb = emptySpans(size);
    const texts = `{"resourceSpans":[{"scopeSpans":[{"spans":[${'{},'.repeat(size / 3)}{}]}]}]}`;
    return { bomb, packed: gzipSync(bomb), json: Buffer.from(texts).subarray(0, 20 * MIB) };
  });
  return attacked(t, async (victim) => {
    const grpc = session(t, victim);
    for (const { bomb, packed, json } of bodies) {
      for (let i = 0; i < 3; i++) {
        t.is(await post(victim, bomb), 413);
        t.is(await post(victim, packed, { 'content-encoding': 'gzip' }), 413);
        t.is((await grpcCall(grpc, bomb)).status, RESOURCE_EXHAUSTED);
      }
      t.is(await post(victim, json, { 'content-type': 'application/json' }), 413);
    }
  });
});

/** A request of `size` bytes in which every two bytes are a span. */
function emptySpans(size: number): Buffer {
  const spans = Buffer.alloc(Math.floor(size / 2) * 2);
  for (let i = 0; i < spans.length; i += 2) spans[i] = 0x12;
  const scope = Buffer.concat([Buffer.from([0x12]), lengthOf(spans.length), spans]);
  return Buffer.concat([Buffer.from([0x0a]), lengthOf(scope.length), scope]);
}

function lengthOf(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 0x80);
  }
}

test.serial('bytes that are no message, and JSON of any depth, are refused and nothing of them arrives', (t) =>
  attacked(t, async (victim) => {
    const grpc = session(t, victim);
    const deep = (n: number) => Buffer.concat([...Array(n)].map(() => Buffer.from([0x0b])));
    const wrong: Record<string, Uint8Array> = {
      'a length beyond the end': Buffer.from([0x0a, 0x7f, 0x01]),
      'a varint without end': Buffer.alloc(20, 0xff),
      'groups without end': deep(10_000),
      'tag 0': Buffer.from([0x00, 0x01]),
      'wire type 7': Buffer.from([0x0f, 0x01]),
      text: Buffer.from('hello'),
    };
    for (const [what, body] of Object.entries(wrong)) {
      t.is(await post(victim, body), 400, what);
      const { status } = await grpcCall(grpc, body);
      t.true([INVALID, 13].includes(status), `${what}: gRPC ${status}`);
    }
    const json = { 'content-type': 'application/json' };
    const texts = ['', '[', 'nul', '{"resourceSpans":7}', '{"resourceSpans":[{}]} x', `{"a":${'['.repeat(100_000)}`];
    for (const text of [...texts, `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, '{"resourceSpans":[{}],}'])
      t.is(await post(victim, Buffer.from(text), json), 400, text.slice(0, 30));
  }),
);

test.serial('framing that lies or can be read two ways is refused and the connection ends', (t) =>
  attacked(t, async (victim) => {
    const head = 'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n';
    const port = victim.httpPort;
    const smuggled = `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST /v1/traces HTTP/1.1\r\n\r\n`;
    for (const bytes of [
      smuggled,
      `${head}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`,
      `${head}Content-Length: +4\r\n\r\nabcd`,
      `${head}Content-Length: -1\r\n\r\n`,
      `${head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc`,
      `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n`,
      `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    ]) {
      const answer = await rawExchange(port, bytes);
      t.regex(answer, /^(?:HTTP\/1\.1 4\d\d|$)/, bytes.slice(0, 90));
      t.is(answer.match(/HTTP\/1\.1/g)?.length ?? 0, answer === '' ? 0 : 1, 'one answer at most');
    }
    t.regex(await rawExchange(port, `${head}X: ${'x'.repeat(64 * 1024)}\r\n\r\n`), /^HTTP\/1\.1 431/);
    const many = Array.from({ length: 3000 }, (_, i) => `X-${i}: y\r\n`).join('');
    t.regex(await rawExchange(port, `${head}${many}\r\n`), /^HTTP\/1\.1 431/);
    t.regex(await rawExchange(victim.grpcPort, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /^(?!HTTP\/1\.1 200)/);
  }),
);

test.serial('a body whose declared length is beyond the limit is refused before it is read', (t) =>
  attacked(t, async (victim) => {
    const head = `POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: ${2 ** 34}\r\n\r\n`;
    t.regex(await rawExchange(victim.httpPort, head), /^HTTP\/1\.1 413/);
    const grpc = session(t, victim);
    const { status } = await grpcCall(grpc, new Uint8Array(), { frame: grpcFrame(Buffer.alloc(10), false, 2 ** 31) });
    t.is(status, RESOURCE_EXHAUSTED);
  }),
);

test.serial('slow clients are closed, whether they dawdle in headers or in the body, or say nothing', (t) =>
  attacked(
    t,
    async (victim) => {
      const closed: Promise<void>[] = [];
      const half = 'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n';
      for (const [port, bytes] of [
        [victim.httpPort, half],
        [victim.httpPort, `${half}Content-Length: 1000\r\n\r\nabc`],
        [victim.grpcPort, half],
        [victim.grpcPort, ''],
        [victim.grpcPort, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
        [victim.grpcPort, Buffer.concat([PREFACE, frame(1, 0, 1, Buffer.from([0x83]))])],
      ] as const) {
        for (let i = 0; i < 20; i++) closed.push(dawdle(t, port, bytes));
      }
      await Promise.all(closed);
      t.pass();
    },
    'header_timeout: 2s, request_timeout: 4s',
  ),
);

/** Says so much and no more; resolves once the far side has closed. */
function dawdle(t: ExecutionContext, port: number, bytes: Uint8Array | string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.on('error', () => {}).resume();
  socket.write(bytes);
  return new Promise((resolve) => socket.on('close', () => resolve()));
}

test.serial('bodies in pieces of one byte are taken, and take no more memory than others', (t) => {
  const long = spansRequest(2000, 7);
  const head = 'POST /v1/traces HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-protobuf\r\n';
  const chunks = [...long].map((byte) => Buffer.from([0x31, 13, 10, byte, 13, 10]));
  const begin = Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`);
  const chunked = Buffer.concat([begin, ...chunks, Buffer.from('0\r\n\r\n')]);
  // As much as may be sent before the far side has said that it may be more.
  const short = spansRequest(100, 8);
  const frames = [...grpcFrame(short)].map((byte) => frame(0, 0, 1, Buffer.from([byte])));
  const call = Buffer.concat([PREFACE, frame(1, 4, 1, EXPORT_HEADERS), ...frames, frame(0, 1, 1, NOTHING)]);
  return attacked(t, async (victim) => {
    t.regex(await rawExchange(victim.httpPort, chunked), /^HTTP\/1\.1 200/);
    const socket = connect(victim.grpcPort, '127.0.0.1');
    t.teardown(() => socket.destroy());
    socket.resume().write(call);
    const came = (body: Uint8Array) => victim.backend.received.some((one) => one.body.equals(body));
    while (!came(long) || !came(short)) await new Promise((resolve) => setTimeout(resolve, 20));
    socket.destroy();
  });
});

test.serial(
  'streams that are opened and reset at once, pings and settings without end do not keep others waiting',
  (t) =>
    attacked(t, async (victim) => {
      for (let round = 0; round < 3; round++) {
        const attacker = session(t, victim);
        await rapidReset(attacker);
        await flood(victim.grpcPort, frame(6, 0, 0, Buffer.alloc(8)));
        await flood(victim.grpcPort, frame(4, 0, 0, NOTHING));
        // Headers that never end, and a body of which nothing comes.
        await flood(victim.grpcPort, frame(9, 0, 1, Buffer.alloc(16_000)), frame(1, 0, 1, Buffer.from([0x83])));
        await flood(victim.grpcPort, frame(0, 0, 1, NOTHING), frame(1, 4, 1, EXPORT_HEADERS));
      }
    }),
);

/** Opens and resets streams until the far side has enough or 20,000 are through. */
async function rapidReset(attacker: ClientHttp2Session): Promise<void> {
  for (let i = 0; i < 20_000 && !attacker.destroyed && !attacker.closed; i++) {
    const stream = attacker.request({ ':method': 'POST', ':path': '/x', 'content-type': 'application/grpc' });
    stream.on('error', () => {});
    stream.close(constants.NGHTTP2_CANCEL);
    if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  attacker.destroy();
}

const NOTHING = Buffer.alloc(0);
/** Headers of a call: POST, http, then :authority, :path and content-type (RFC 7541 §6.2.2 and appendix A). */
const EXPORT_HEADERS = Buffer.concat([
  Buffer.from([0x83, 0x86, 0x01, 1]),
  Buffer.from('x'),
  Buffer.from([0x04, EXPORT.length]),
  Buffer.from(EXPORT),
  Buffer.from([0x0f, 0x10, 'application/grpc'.length]),
  Buffer.from('application/grpc'),
]);
/** What begins a connection of HTTP/2: the words, and settings (RFC 9113 §3.4). */
const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, NOTHING)]);

function frame(type: number, flags: number, stream: number, content: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(content.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, content]);
}

/** Sends the same frame 20,000 times, after `first`, never reading, until the far side closes. */
function flood(port: number, one: Buffer, first: Buffer = NOTHING): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    // A far side that reads no more leaves the writer waiting: that is as good as closed.
    const patience = setTimeout(() => socket.destroy(), 10_000);
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(patience);
      resolve();
    });
    socket.pause();
    socket.write(Buffer.concat([PREFACE, first]));
    const many = Buffer.concat(Array.from({ length: 100 }, () => one));
    let left = 200;
    const more = () => {
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
