/** @module Which pages of browsers may send, and what they are told. */
import { request } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import type { CorsConfig } from '../../../pipeline/net/cors.ts';
import { HTTP_PATH, startStage } from './ingest-stage.ts';

const CORS: CorsConfig = {
  allowedOrigins: ['https://app.example.com', 'https://*.example.org', 'http://localhost:*', 'https://ab*ab'],
  allowedHeaders: ['X-Tenant'],
  exposedHeaders: ['X-Request-Id'],
  maxAgeSeconds: 600,
};

async function ask(
  t: ExecutionContext,
  cors: CorsConfig | null,
  method: string,
  headers: Record<string, string>,
): Promise<{ status: number; headers: Record<string, unknown> }> {
  const { http } = await startStage(t, { cors });
  return new Promise((resolve, reject) => {
    const sent = request({ port: http.port, path: HTTP_PATH, method, headers, agent: false }, (answer) => {
      resolve({ status: answer.resume().statusCode ?? 0, headers: answer.headers });
    });
    sent.on('error', reject).end();
  });
}

const PREFLIGHT = { 'access-control-request-method': 'POST' };

for (const [origin, allowed] of [
  ['https://app.example.com', true],
  ['https://APP.example.com', true],
  ['https://a.example.org', true],
  ['https://a.b.example.org', true],
  ['http://localhost:3000', true],
  ['https://example.org', false],
  ['https://evil.com', false],
  ['https://app.example.com.evil.com', false],
  ['https://evilexample.org', false],
  ['https://.example.org', true],
  ['https://ab.twice.ab', true],
  ['https://ab', false],
  ['null', false],
] as const) {
  test(`a page of ${origin} may ${allowed ? '' : 'not '}send`, async (t) => {
    const { status, headers } = await ask(t, CORS, 'OPTIONS', { origin, ...PREFLIGHT });
    t.is(status, 204);
    t.is(headers['access-control-allow-origin'], allowed ? origin : undefined);
    t.is(headers['access-control-allow-methods'], allowed ? 'POST' : undefined);
    t.is(headers['access-control-max-age'], allowed ? '600' : undefined);
  });
}

test('of the headers a page asks for, it is allowed those of OTLP and those configured', async (t) => {
  const asked = { 'access-control-request-headers': 'content-type, X-Tenant, x-other' };
  const { headers } = await ask(t, CORS, 'OPTIONS', { origin: 'https://app.example.com', ...PREFLIGHT, ...asked });
  t.is(headers['access-control-allow-headers'], 'content-type, x-tenant');
});

test('a star among the allowed headers allows all that are asked for', async (t) => {
  const asked = { 'access-control-request-headers': 'x-one, bad header, x-two' };
  const cors = { ...CORS, allowedHeaders: ['*'] };
  const { headers } = await ask(t, cors, 'OPTIONS', { origin: 'https://app.example.com', ...PREFLIGHT, ...asked });
  t.is(headers['access-control-allow-headers'], 'x-one, x-two');
});

test('the answers to a page say whom they are for, refusals too', async (t) => {
  for (const [type, expected] of [
    ['application/x-protobuf', 200],
    ['text/plain', 415],
  ] as const) {
    const sent = { origin: 'https://app.example.com', 'content-type': type };
    const { status, headers } = await ask(t, CORS, 'POST', sent);
    t.is(status, expected);
    t.is(headers['access-control-allow-origin'], 'https://app.example.com');
    t.is(headers['access-control-allow-credentials'], 'true');
    t.is(headers['access-control-expose-headers'], 'X-Request-Id');
    t.is(headers.vary, 'Origin');
  }
});

test('without origins there is no CORS', async (t) => {
  const { status, headers } = await ask(t, null, 'OPTIONS', { origin: 'https://app.example.com', ...PREFLIGHT });
  t.is(status, 405);
  t.is(headers['access-control-allow-origin'], undefined);
});

for (const [name, allowedOrigins] of [
  ['a star', ['*']],
  ['any host of a scheme', ['https://*']],
  ['any host and port', ['http://localhost', '*://*:*']],
  ['nothing but stars and dots', ['https://*.*']],
  ['the begin of a scheme', ['http*']],
] as const) {
  test(`pages of anybody, allowed by ${name}, may send, but not with credentials of the browser`, async (t) => {
    const origin = allowedOrigins.includes('*://*:*' as never) ? 'https://a.example.net:8443' : 'https://a.example.net';
    for (const [method, asked] of [
      ['POST', {}],
      ['OPTIONS', PREFLIGHT],
    ] as const) {
      const { headers } = await ask(t, { ...CORS, allowedOrigins }, method, { origin, ...asked });
      t.is(headers['access-control-allow-origin'], '*');
      t.is(headers['access-control-allow-credentials'], undefined);
      t.is(headers['access-control-expose-headers'], 'X-Request-Id');
      t.is(headers['access-control-allow-methods'], method === 'OPTIONS' ? 'POST' : undefined);
    }
  });
}

test('a page that is named beside a star may send credentials of the browser, and others may not', async (t) => {
  const cors = { ...CORS, allowedOrigins: ['*', 'https://app.example.com', 'http://localhost:*'] };
  for (const [origin, trusted] of [
    ['https://app.example.com', true],
    ['http://localhost:3000', true],
    ['https://evil.com', false],
    ['null', false],
  ] as const) {
    const { headers } = await ask(t, cors, 'POST', { origin });
    t.is(headers['access-control-allow-origin'], trusted ? origin : '*');
    t.is(headers['access-control-allow-credentials'], trusted ? 'true' : undefined);
    t.is(headers.vary, 'Origin');
  }
});

test('keys of CORS without origins leave it off', async (t) => {
  const cors = { ...CORS, allowedOrigins: [] };
  const preflight = await ask(t, cors, 'OPTIONS', { origin: 'https://app.example.com', ...PREFLIGHT });
  t.is(preflight.status, 405);
  t.is(preflight.headers.allow, 'POST');
  const sent = await ask(t, cors, 'POST', { origin: 'https://app.example.com' });
  for (const { headers } of [preflight, sent]) {
    t.is(headers.vary, undefined);
    t.deepEqual(
      Object.keys(headers).filter((header) => header.startsWith('access-control-')),
      [],
    );
  }
});

test('where some origins are allowed each answer depends on the origin, also one to a page that may not send', async (t) => {
  for (const origin of ['https://app.example.com', 'https://evil.com'])
    for (const method of ['POST', 'OPTIONS']) {
      const { headers } = await ask(t, CORS, method, { origin, ...(method === 'OPTIONS' ? PREFLIGHT : {}) });
      t.is(headers.vary, 'Origin', `${method} ${origin}`);
    }
  t.is((await ask(t, CORS, 'POST', {})).headers.vary, 'Origin');
  t.is((await ask(t, null, 'POST', { origin: 'https://evil.com' })).headers.vary, undefined);
});
