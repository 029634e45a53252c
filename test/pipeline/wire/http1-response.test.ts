/** @module Answers of HTTP/1.1 servers: every framing, split anywhere, and what is refused. */
import test from 'ava';
import fc from 'fast-check';
import { Http1Response } from '../../../pipeline/wire/http1-response.ts';

interface Read {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** 'reusable', 'closing', 'cut' or what is wrong. */
  end: string;
  /** Bytes that do not belong to the answer. */
  rest: number;
}

/** What is read from `bytes` in pieces of these sizes, the connection then ending. */
function read(bytes: Uint8Array, sizes: readonly number[]): Read {
  const found: Read = { status: 0, headers: {}, body: '', end: '', rest: 0 };
  const response = new Http1Response({
    onHeaders(status, headers) {
      found.status = status;
      found.headers = Object.fromEntries(headers);
    },
    onPiece(piece) {
      found.body += Buffer.from(piece).toString('latin1');
    },
    onEnd(reusable) {
      found.end = reusable ? 'reusable' : 'closing';
    },
  });
  let at = 0;
  for (let i = 0; at < bytes.length && !response.isDone && response.error === ''; i++) {
    const piece = bytes.subarray(at, at + (sizes[i % sizes.length] ?? bytes.length));
    at += response.feed(piece);
    if (response.feed(new Uint8Array(0)) !== 0) throw new Error('takes bytes from nothing');
  }
  found.rest = bytes.length - at;
  if (response.error !== '') found.end = response.error;
  else if (found.end === '' && !response.close()) found.end = 'cut';
  return found;
}

const answer = test.macro({
  exec(t, text: string, expected: Partial<Read>) {
    const bytes = Buffer.from(text, 'latin1');
    t.like(read(bytes, [bytes.length]), expected);
    t.like(read(bytes, [1]), expected);
  },
  title: (title) => `an answer: ${title}`,
});

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
test('with a length', answer, `${OK}Content-Length: 5\r\n\r\nhello`, {
  status: 200,
  body: 'hello',
  end: 'reusable',
  rest: 0,
});
test('with a length of 0', answer, `${OK}Content-Length: 0\r\n\r\n`, { body: '', end: 'reusable' });
test('with bytes behind its end', answer, `${OK}Content-Length: 2\r\n\r\nhello`, {
  body: 'he',
  end: 'reusable',
  rest: 3,
});
test('chunked', answer, `${CHUNKED}5\r\nhello\r\n6;x=1\r\n world\r\n0\r\n\r\n`, {
  body: 'hello world',
  end: 'reusable',
});
test('chunked with trailers', answer, `${CHUNKED}1\r\na\r\n0\r\nX: y\r\n\r\nrest`, {
  body: 'a',
  end: 'reusable',
  rest: 4,
});
test('until the connection ends', answer, `${OK}\r\nhello`, { body: 'hello', end: 'closing' });
test('that closes', answer, `${OK}Connection: Close\r\nContent-Length: 1\r\n\r\na`, { body: 'a', end: 'closing' });
test('of HTTP/1.0', answer, 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na', { body: 'a', end: 'closing' });
test('of HTTP/1.0 that is kept', answer, 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na', {
  end: 'reusable',
});
test('without a reason phrase', answer, 'HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n', { status: 404, end: 'reusable' });
test('without a body by its status', answer, 'HTTP/1.1 204 No Content\r\n\r\n', { status: 204, end: 'reusable' });
test(
  'after informational ones',
  answer,
  `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\n${OK}Content-Length: 1\r\n\r\na`,
  { status: 200, headers: { 'content-length': '1' }, body: 'a' },
);
test('fields in any case, blanks aside, joined', answer, `${OK}X-A:1\r\nx-a: \t2 \r\nContent-Length: 0\r\n\r\n`, {
  headers: { 'x-a': '1, 2', 'content-length': '0' },
});

test('cut in its head', answer, `${OK}Content-Le`, { end: 'cut' });
test('cut in its body', answer, `${OK}Content-Length: 9\r\n\r\nhello`, { body: 'hello', end: 'cut' });
test('cut in a chunk', answer, `${CHUNKED}9\r\nhello`, { body: 'hello', end: 'cut' });
test('cut before the last chunk', answer, `${CHUNKED}5\r\nhello\r\n`, { body: 'hello', end: 'cut' });
test('nothing', answer, '', { end: 'cut' });

for (const [title, text] of [
  ['another protocol', 'SSH-2.0-OpenSSH\r\n'],
  ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n'],
  ['both framings', `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ['another coding', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`],
  ['two lengths', `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`],
  ['a length in hex', `${OK}Content-Length: 0x5\r\n\r\n`],
  ['a negative length', `${OK}Content-Length: -5\r\n\r\n`],
  ['a length beyond all', `${OK}Content-Length: 99999999999999999999\r\n\r\n`],
  ['a field without a colon', `${OK}nonsense\r\n\r\n`],
  ['a blank before the colon', `${OK}Content-Length : 5\r\n\r\n`],
  ['a folded field', `${OK}X: a\r\n b\r\n\r\n`],
  ['a bare line feed', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
  ['a NUL in a field', `${OK}X: a\0b\r\n\r\n`],
  ['a head without end', `${OK}X: ${'a'.repeat(20_000)}`],
  ['too many fields', OK + 'X: a\r\n'.repeat(5_000)],
  ['a chunk size that is none', `${CHUNKED}zz\r\n`],
  ['a negative chunk size', `${CHUNKED}-1\r\n`],
  ['a chunk size beyond all', `${CHUNKED}${'f'.repeat(16)}\r\n`],
  ['an endless chunk extension', `${CHUNKED}1;${'x'.repeat(5_000)}`],
  ['a chunk longer than its size', `${CHUNKED}2\r\nhello\r\n`],
  ['a switch of protocols', 'HTTP/1.1 101 Switching\r\n\r\n'],
] as const) {
  test(`refused: ${title}`, (t) => {
    const bytes = Buffer.from(text, 'latin1');
    for (const size of [bytes.length, 1, 7]) {
      const { end, status } = read(bytes, [size]);
      t.false(['', 'cut', 'reusable', 'closing'].includes(end), `${size}: ${end}`);
      t.true(status === 0 || text.startsWith(CHUNKED));
    }
  });
}

const chunkText = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const bodies = fc.array(fc.string({ minLength: 1, maxLength: 30, unit: 'binary-ascii' }), { maxLength: 6 });
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });

test('any split of any chunked body gives that body', (t) => {
  fc.assert(
    fc.property(bodies, sizes, (chunks, cuts) => {
      const text = `${CHUNKED}${chunks.map(chunkText).join('')}0\r\n\r\nnext`;
      t.like(read(Buffer.from(text, 'latin1'), cuts), { body: chunks.join(''), end: 'reusable', rest: 4 });
    }),
  );
});

test('any bytes in any split are read alike, and never throw', (t) => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ maxLength: 100 }).map((tail) => Buffer.concat([Buffer.from(CHUNKED), tail])),
    fc.uint8Array({ maxLength: 100 }).map((tail) => Buffer.concat([Buffer.from(OK), tail, Buffer.from('\r\n\r\n')])),
  );
  fc.assert(
    fc.property(bytes, sizes, (input, cuts) => {
      const { rest: _, ...whole } = read(input, [Math.max(1, input.length)]);
      const { rest: __, ...split } = read(input, cuts);
      t.deepEqual(split, whole);
    }),
  );
});

test('a head of 16 KiB is read in time whatever blanks and odd bytes stand in it', (t) => {
  const blanks = ' '.repeat(15_000);
  const pairs = ' \t'.repeat(7_500);
  const commas = ` ,${blanks}`;
  const before = process.threadCpuUsage();
  for (const run of [blanks, pairs, `${blanks}a`, `a${blanks}`, `a${blanks}a`, commas]) {
    for (const odd of ['', '\x01', '\x7f', '\r', ':']) {
      for (const field of [`x:${run}${odd}`, `x:${odd}${run}`, `connection:${run}${odd}b`, `x${run}${odd}: 1`]) {
        const { end } = read(Buffer.from(`${OK}Content-Length: 0\r\n${field}\r\n\r\n`, 'latin1'), [20_000]);
        t.regex(end, /^(?:reusable|a malformed header field)$/);
      }
    }
  }
  const { user } = process.threadCpuUsage(before);
  t.true(user < 5_000_000, `${user} µs of CPU`);
});

test(
  'blanks around a value are no part of it, those inside are',
  answer,
  `${OK}X: \t a \t b\t \r\nContent-Length: 0\r\n\r\n`,
  {
    headers: { x: 'a \t b', 'content-length': '0' },
  },
);
test('a field without a name', answer, `${OK}: 1\r\n\r\n`, { end: 'a malformed header field' });
test('a field without a colon', answer, `${OK}abc\r\n\r\n`, { end: 'a malformed header field' });
