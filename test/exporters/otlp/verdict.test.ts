/** @module What every outcome of OTLP/HTTP means, and what is told of it. */
import test from 'ava';
import { type Verdict, verdictOf } from '../../../exporters/otlp/verdict.ts';
import type { BodyEnd, PostFailureReason, PostResult } from '../../../pipeline/net/http-post.ts';

const NOW_MS = Date.UTC(2026, 10, 25, 12, 0, 0);
const PROTO = 'application/x-protobuf';
const JSON_TYPE = 'application/json';

interface Parts {
  readonly type?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly bodyEnd?: BodyEnd;
  readonly error?: string;
}

function answer(status: number, { type = PROTO, body = '', headers = {}, bodyEnd = 'whole', error = '' }: Parts = {}) {
  const all = new Map(Object.entries({ ...(type === '' ? {} : { 'content-type': type }), ...headers }));
  const result: PostResult = {
    kind: 'answer',
    status,
    headers: all,
    body: Buffer.from(body),
    bodyEnd,
    error,
    resent: false,
  };
  return verdictOf(result, NOW_MS);
}

const failure = (reason: PostFailureReason) =>
  verdictOf({ kind: 'failure', reason, error: 'what was said', resent: false }, NOW_MS);

/** Statuses of collector.md §3.4 and what becomes of the request. */
const STATUSES: readonly (readonly [status: number, kind: Verdict['kind'], reason: string])[] = [
  [200, 'accepted', ''],
  [202, 'accepted', ''],
  [204, 'accepted', ''],
  [299, 'accepted', ''],
  [301, 'permanent', 'redirected'],
  [302, 'permanent', 'redirected'],
  [303, 'permanent', 'redirected'],
  [304, 'permanent', 'redirected'],
  [307, 'permanent', 'redirected'],
  [308, 'permanent', 'redirected'],
  [400, 'permanent', 'http_400'],
  [401, 'permanent', 'http_401'],
  [403, 'permanent', 'http_403'],
  [404, 'permanent', 'http_404'],
  [405, 'permanent', 'http_405'],
  [408, 'permanent', 'http_408'],
  [413, 'too_large', ''],
  [415, 'permanent', 'http_415'],
  [418, 'permanent', 'http_4xx'],
  [422, 'permanent', 'http_422'],
  [429, 'transient', 'http_429'],
  [499, 'permanent', 'http_4xx'],
  [500, 'permanent', 'http_500'],
  [501, 'permanent', 'http_501'],
  [502, 'transient', 'http_502'],
  [503, 'transient', 'http_503'],
  [504, 'transient', 'http_504'],
  [505, 'permanent', 'http_505'],
  [599, 'permanent', 'http_5xx'],
  [999, 'permanent', 'http_other'],
];

for (const [status, kind, reason] of STATUSES) {
  test(`status ${status} is ${kind} ${reason}`, (t) => {
    const verdict = answer(status);
    t.is(verdict.kind, kind);
    t.is('reason' in verdict ? verdict.reason : '', reason);
    if ('afterMs' in verdict) t.fail('nobody asked for a time');
  });
}

const FAILURES: readonly (readonly [reason: PostFailureReason, arrived: 'no' | 'maybe'])[] = [
  ['connect', 'no'],
  ['tls', 'no'],
  ['tls_file', 'no'],
  ['lost', 'maybe'],
  ['cut', 'maybe'],
  ['protocol', 'maybe'],
  ['timeout', 'maybe'],
  ['closed', 'maybe'],
];

for (const [reason, arrived] of FAILURES) {
  test(`failure ${reason} is tried again${arrived === 'maybe' ? ', though it may have arrived' : ''}`, (t) => {
    t.deepEqual(failure(reason), { kind: 'transient', reason, error: 'what was said', arrived });
  });
}

test('Retry-After is obeyed for 429 and 503 in seconds and as a date, and for no other status', (t) => {
  const wait = (status: number, value: string) => {
    const verdict = answer(status, { headers: { 'retry-after': value } });
    return verdict.kind === 'transient' ? verdict.afterMs : null;
  };
  for (const status of [429, 503]) {
    t.is(wait(status, '7'), 7000);
    t.is(wait(status, '0'), 0);
    t.is(wait(status, 'Wed, 25 Nov 2026 12:00:07 GMT'), 7000);
    t.is(wait(status, 'soon'), undefined);
    t.is(wait(status, '-5'), undefined);
  }
  for (const status of [502, 504]) t.is(wait(status, '7'), undefined);
});

/** Field 1 of the response: PartialSuccess with rejected points as a varint and a message. */
function partial(rejected: readonly number[], message: string): Buffer {
  const text = Buffer.from(message);
  const inner = Buffer.from([...(rejected.length === 0 ? [] : [0x08, ...rejected]), 0x12, text.length, ...text]);
  return Buffer.from([0x0a, inner.length, ...inner]);
}

test('partial success is read from protobuf and from JSON by the content type', (t) => {
  const want = { kind: 'accepted', rejected: 300, message: 'too old' };
  t.deepEqual(answer(200, { body: partial([0xac, 0x02], 'too old') }), want as never);
  for (const points of ['"300"', '300']) {
    const body = `{"partialSuccess":{"rejectedDataPoints":${points},"errorMessage":"too old","more":[1]}}`;
    for (const type of [JSON_TYPE, 'Application/JSON; charset=utf-8'])
      t.deepEqual(answer(200, { type, body }), want as never);
  }
  t.like(answer(200, { body: partial([], 'be careful') }), { rejected: 0, message: 'be careful' });
  t.like(answer(200, { type: JSON_TYPE, body: '{"partialSuccess":{}}' }), { kind: 'accepted', rejected: 0 });
  t.like(answer(200, { type: JSON_TYPE, body: '{"partialSuccess":null}' }), { kind: 'accepted', rejected: 0 });
});

test('an empty body rejects nothing, and neither does one of a kind that OTLP does not have', (t) => {
  const all = { kind: 'accepted', rejected: 0, message: '' } as const;
  for (const type of [PROTO, JSON_TYPE, '']) t.deepEqual(answer(200, { type }), all);
  t.deepEqual(answer(200, { type: JSON_TYPE, body: '{}' }), all);
  t.deepEqual(answer(200, { type: 'text/plain', body: 'OK' }), all);
  t.deepEqual(answer(204, { type: '' }), all);
});

test('fields that OTLP may get later are skipped', (t) => {
  const later = Buffer.from([0x18, 0x05, 0x22, 0x01, 0x61, 0x2d, 1, 2, 3, 4]);
  const body = Buffer.concat([later, partial([0x03], 'too old'), later]);
  t.like(answer(200, { body }), { kind: 'accepted', rejected: 3, message: 'too old' });
});

test('a negative count rejects nothing', (t) => {
  const minusOne = [...new Array<number>(9).fill(0xff), 0x01];
  t.like(answer(200, { body: partial(minusOne, '') }), { kind: 'accepted', rejected: 0 });
  const body = '{"partialSuccess":{"rejectedDataPoints":"-1"}}';
  t.like(answer(200, { type: JSON_TYPE, body }), { kind: 'accepted', rejected: 0 });
});

test('the highest count there is rejects all', (t) => {
  const highest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
  t.like(answer(200, { body: partial(highest, '') }), { kind: 'accepted', rejected: 2 ** 63 });
  const body = '{"partialSuccess":{"rejectedDataPoints":"9223372036854775807"}}';
  t.like(answer(200, { type: JSON_TYPE, body }), { kind: 'accepted', rejected: 2 ** 63 });
});

const UNREADABLE: readonly (readonly [what: string, parts: Parts])[] = [
  ['cut protobuf', { body: Uint8Array.of(0x0a, 0x05, 0x08) }],
  ['field number 0', { body: Uint8Array.of(0x00, 0x01) }],
  ['the end of a group that never began', { body: Uint8Array.of(0x0c) }],
  ['a message that is not UTF-8', { body: Uint8Array.of(0x0a, 0x03, 0x12, 0x01, 0xff) }],
  ['an endless varint', { body: new Uint8Array(12).fill(0xff) }],
  ['JSON that is none', { type: JSON_TYPE, body: '{"partialSuccess":' }],
  ['JSON that is a list', { type: JSON_TYPE, body: '[]' }],
  ['a partial success that is a text', { type: JSON_TYPE, body: '{"partialSuccess":"no"}' }],
  ['a count that is none', { type: JSON_TYPE, body: '{"partialSuccess":{"rejectedDataPoints":"many"}}' }],
  ['a count with a fraction', { type: JSON_TYPE, body: '{"partialSuccess":{"rejectedDataPoints":1.5}}' }],
  ['a page for people', { type: 'text/html; charset=utf-8', body: '<title>Log in</title>' }],
  ['an empty page for people', { type: 'text/html', body: '' }],
  ['an endless answer', { bodyEnd: 'too_long', error: 'the answer has more than 65536 bytes' }],
];

for (const [what, parts] of UNREADABLE) {
  test(`a success that answers ${what} is never sent again, and not counted as delivered`, (t) => {
    const verdict = answer(200, parts);
    t.like(verdict, { kind: 'permanent', reason: 'unreadable_answer' });
    t.regex('error' in verdict ? verdict.error : '', /^status 200, but its body is no answer of OTLP: .*unknown$/);
  });
}

test('a success whose body breaks off, or does not end in time, is sent again', (t) => {
  for (const bodyEnd of ['cut', 'timeout'] as const) {
    t.deepEqual(answer(200, { bodyEnd, error: 'it was closed' }), {
      kind: 'transient',
      reason: bodyEnd,
      error: 'status 200, but its body broke off: it was closed',
      arrived: 'yes',
    });
  }
});

test('a refusal counts as one even when its body breaks off', (t) => {
  t.like(answer(400, { bodyEnd: 'cut', error: 'it was closed' }), { kind: 'permanent', reason: 'http_400' });
  t.like(answer(503, { bodyEnd: 'timeout', error: 'late' }), { kind: 'transient', reason: 'http_503' });
});

const TEXTS: readonly (readonly [parts: Parts, text: string])[] = [
  [{ body: Uint8Array.of(0x08, 3, 0x12, 3, 0x62, 0x61, 0x64) }, 'status 400: bad (rpc code 3)'],
  [{ type: JSON_TYPE, body: '{"code":3,"message":"bad","details":[]}' }, 'status 400: bad (rpc code 3)'],
  [{ type: JSON_TYPE, body: '{"error":"bad"}' }, 'status 400: {"error":"bad"}'],
  [{ type: 'text/plain', body: 'no such\nthing\u001b[31m' }, 'status 400: no such\\x0athing\\x1b[31m'],
  [{ body: Uint8Array.of(0xff) }, 'status 400'],
  [{}, 'status 400'],
];

for (const [index, [parts, text]] of TEXTS.entries()) {
  test(`refusal ${index} says: ${text}`, (t) => {
    t.like(answer(400, parts), { kind: 'permanent', error: text });
  });
}

test('a long refusal is cut', (t) => {
  const verdict = answer(500, { type: 'text/plain', body: 'x'.repeat(60_000) });
  t.true('error' in verdict && verdict.error.length < 450);
});

test('a redirect says where it pointed, without what may be secret', (t) => {
  const said = (location: string) => {
    const verdict = answer(307, { headers: { location } });
    return 'error' in verdict ? verdict.error : '';
  };
  t.regex(
    said('https://b.example/v1/metrics'),
    /^status 307 points to https:\/\/b\.example\/v1\/metrics; redirects are not followed/,
  );
  t.regex(said('https://me:hunter2@b.example/x?key=hunter3#y'), /points to https:\/\/\*\*\*@b\.example\/x\?\*\*\*;/);
  t.notRegex(said('https://me:hunter2@b.example/x?key=hunter3#y'), /hunter/);
  t.regex(said(''), /points to nowhere/);
});
