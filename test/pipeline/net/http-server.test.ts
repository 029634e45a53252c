/** @module HTTP listeners over real sockets: routes, credential, limits, addresses. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { type RequestOptions, request as secureRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { type HttpAnswer, type HttpListenerOptions, startHttpListener } from '../../../pipeline/net/http-server.ts';
import { checkListener, listenerConfig, refineListener } from '../../../pipeline/net/listener-config.ts';
import { createTestClock } from '../../kit/clock.ts';

const schema = z.strictObject(listenerConfig('127.0.0.1:8080')).superRefine(refineListener);
const text = (status: number, body: string): HttpAnswer => ({
  status,
  headers: { 'content-type': 'text/plain' },
  body,
});

async function listen(
  t: ExecutionContext,
  written: Record<string, unknown> = {},
  options: Partial<HttpListenerOptions> = {},
) {
  const listener = await startHttpListener({
    key: 'exporters.smi.endpoint',
    config: schema.parse({ endpoint: '127.0.0.1:0', ...written }),
    clock: createTestClock(),
    routes: [
      { path: '/health', open: true, handle: () => text(200, 'ok') },
      {
        path: '/broken',
        handle: () => {
          throw new Error('secret detail');
        },
      },
      { path: '/in/*', handle: ({ method, path, query }) => text(200, `${method} ${path} ${query.get('t')}`) },
    ],
    notFound: ({ path }) => text(404, `no ${path}`),
    unauthorized: () => text(401, 'who?'),
    failed: () => text(500, 'failed'),
    ...options,
  });
  t.teardown(() => listener.close(AbortSignal.abort()));
  return listener;
}

function ask(port: number, path: string, { method = 'GET', headers = {}, body = '' } = {}) {
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => {
      let received = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece) => {
        received += piece;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: received }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

test('a route sees method, raw path and query; what no route knows is not found', async (t) => {
  const { port } = await listen(t);
  t.is((await ask(port, '/in/a%2Fb/%2e%2e?t=1m')).body, 'GET /in/a%2Fb/%2e%2e 1m');
  t.is((await ask(port, 'http://weir.example/in/a%2Fb?t=1m')).body, 'GET /in/a%2Fb 1m');
  t.like(await ask(port, '/elsewhere'), { status: 404, body: 'no /elsewhere' });
  t.like(await ask(port, '/in/x', { method: 'DELETE' }), { status: 200, body: 'DELETE /in/x null' });
});

/** A route of `count` pieces of `bytes` zeros, and how often their end was told. */
function pieces(count: number, bytes: number) {
  const told = { ended: 0, byNow: Promise.resolve() };
  let tell = () => {};
  told.byNow = new Promise((resolve) => {
    tell = resolve;
  });
  const body = Array.from({ length: count }, () => new Uint8Array(bytes));
  const ended = () => {
    told.ended += 1;
    tell();
  };
  return { told, routes: [{ path: '/pieces', handle: () => ({ status: 200, headers: {}, body, ended }) }] };
}

test('a body in pieces arrives whole with its length, and its end is told once', async (t) => {
  const { told, routes } = pieces(3, 100_000);
  const { port } = await listen(t, {}, { routes });
  const answer = await ask(port, '/pieces');
  t.is(answer.headers['content-length'], '300000');
  t.is(answer.body.length, 300_000);
  await told.byNow;
  t.is(told.ended, 1);
  t.like(await ask(port, '/pieces', { method: 'HEAD' }), { status: 200, body: '' });
  t.is(told.ended, 2);
});

test('the end of a body in pieces is told when its client leaves in the middle', async (t) => {
  const { told, routes } = pieces(200, 1_000_000);
  const { port } = await listen(t, {}, { routes });
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /pieces HTTP/1.1\r\nhost: x\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  t.is(told.ended, 0);
  socket.destroy();
  await told.byNow;
  t.is(told.ended, 1);
});

test('HEAD has the headers of GET and no body; a body of GET is ignored', async (t) => {
  const { port } = await listen(t);
  const head = await ask(port, '/health', { method: 'HEAD' });
  t.like(head, { status: 200, body: '' });
  t.is(head.headers['content-length'], '2');
  const withBody = { body: 'ignored', headers: { 'content-length': '7' } };
  t.like(await ask(port, '/health', withBody), { status: 200, body: 'ok' });
});

test('a route that throws tells the client nothing', async (t) => {
  const failures: unknown[] = [];
  const { port } = await listen(
    t,
    {},
    {
      failed: (_, error) => {
        failures.push(error);
        return text(500, 'failed');
      },
    },
  );
  t.like(await ask(port, '/broken'), { status: 500, body: 'failed' });
  t.is(String(failures[0]), 'Error: secret detail');
});

test('with a token file only health is open, and a new token is taken into use', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'weir-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'token');
  await writeFile(file, 'first\n');
  const clock = createTestClock();
  const { port } = await listen(t, { bearer_token_file: file }, { clock });
  const as = async (token: string) =>
    (await ask(port, '/in/x', { headers: { authorization: `Bearer ${token}` } })).status;
  t.is((await ask(port, '/health')).status, 200);
  t.is((await ask(port, '/in/x')).status, 401);
  t.is((await ask(port, '/nowhere')).status, 401);
  t.deepEqual([await as('first'), await as('firs'), await as('first2'), await as('')], [200, 401, 401, 401]);
  await writeFile(file, 'second');
  clock.advance(60_000);
  while ((await as('second')) !== 200) t.pass();
  t.is(await as('first'), 401);
});

test('a token file that cannot be read keeps the listener from starting and names the key', async (t) => {
  await t.throwsAsync(listen(t, { bearer_token_file: '/nowhere/token' }), {
    code: 'WEIR_FILE_UNREADABLE',
    message: /^exporters\.smi\.bearer_token_file: "\/nowhere\/token" .*ENOENT/,
  });
});

test('a port in use names key, address and mend', async (t) => {
  const { port } = await listen(t);
  await t.throwsAsync(listen(t, { endpoint: `127.0.0.1:${port}` }), {
    code: 'WEIR_NET_LISTEN_FAILED',
    message: `exporters.smi.endpoint: 127.0.0.1:${port} is already in use; end the process that holds it, or set another port`,
  });
});

test('connections of one address above the limit are closed and counted', async (t) => {
  const refused: string[] = [];
  const { port } = await listen(t, { max_connections_per_address: 2 }, { refused: (limit) => refused.push(limit) });
  const sockets: Socket[] = [];
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  const open = () =>
    new Promise<Socket>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(socket));
      socket.on('error', () => {});
      sockets.push(socket);
    });
  await open();
  await open();
  const third = await open();
  await new Promise<void>((resolve) => third.on('close', () => resolve()).resume());
  t.deepEqual(refused, ['max_connections_per_address']);
  sockets[0]!.end('GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  t.regex(String(await new Promise((resolve) => sockets[0]!.once('data', resolve))), /^HTTP\/1\.1 200/);
});

test('headers that do not arrive in time end the connection', async (t) => {
  const { port } = await listen(t, { header_timeout: '200ms', request_timeout: '200ms' });
  const socket = connect(port, '127.0.0.1', () => socket.write('GET /health HTTP/1.1\r\nhost:'));
  const answer = await new Promise((resolve) => socket.once('data', resolve));
  t.regex(String(answer), /^HTTP\/1\.1 408/);
});

test('with a certificate it speaks TLS 1.3 and nothing older', async (t) => {
  const file = (name: string) => fileURLToPath(new URL(`../../data/tls/${name}`, import.meta.url));
  const tls = { cert_file: file('listener.crt'), key_file: file('listener.key') };
  const { port } = await listen(t, { tls });
  const ca = await readFile(tls.cert_file);
  const status = (options: RequestOptions) =>
    new Promise<number | string>((resolve) => {
      const asked = { host: '127.0.0.1', port, path: '/health', ca, agent: false, ...options };
      const sent = secureRequest(asked, (answer) => resolve(answer.resume().statusCode ?? 0));
      sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      sent.end();
    });
  t.is(await status({}), 200);
  t.regex(String(await status({ maxVersion: 'TLSv1.2' })), /^EPROTO$|PROTOCOL_VERSION/);
});

test('a key of another certificate keeps the listener from starting', async (t) => {
  const file = (name: string) => fileURLToPath(new URL(`../../data/tls/${name}`, import.meta.url));
  await t.throwsAsync(listen(t, { tls: { cert_file: file('listener.crt'), key_file: file('other.key') } }), {
    code: 'WEIR_FILE_UNREADABLE',
    message: /^exporters\.smi\.tls\.key_file: ".*other\.key" is not the key of the certificate; /,
  });
});

const addresses: [string, Record<string, unknown>, string | null][] = [
  ['the loopback address needs nothing', { endpoint: '127.0.0.1:1' }, null],
  ['the IPv6 loopback address needs nothing', { endpoint: '[::1]:1' }, null],
  ['an open address without anything', { endpoint: '0.0.0.0:1' }, 'no TLS and no credential'],
  ['a token in clear text', { endpoint: '10.0.0.1:1', bearer_token_file: 't' }, 'no TLS'],
  ['TLS for everybody', { endpoint: '[::]:1', tls: { cert_file: 'c', key_file: 'k' } }, 'no credential'],
  ['TLS and a token', { endpoint: '0.0.0.0:1', tls: { cert_file: 'c', key_file: 'k' }, bearer_token_file: 't' }, null],
  ["the user's word", { endpoint: '0.0.0.0:1', insecure_allow: true }, null],
];
for (const [title, written, lacks] of addresses) {
  test(`address: ${title}${lacks === null ? '' : ' is refused'}`, (t) => {
    const result = schema.safeParse(written);
    t.is(result.success, lacks === null);
    if (lacks === null) return;
    t.true(result.error!.issues[0]!.message.endsWith(`this listener has ${lacks}`));
    t.deepEqual(result.error!.issues[0]!.path, ['endpoint']);
    const config = z.strictObject(listenerConfig('127.0.0.1:8080')).parse(written);
    t.is(checkListener(config).length, 1);
  });
}
