/** @module The plain server: fixed routes, clear refusals, a clean end. */
import { connect } from 'node:net';
import test from 'ava';
import { type PlainRoute, startPlainServer } from '../../../pipeline/net/plain-server.ts';

const hello: PlainRoute = (query) => ({
  status: 200,
  contentType: 'text/plain',
  body: `hello ${query.get('who') ?? ''}`,
});

function start(routes: [string, PlainRoute][], failed?: (path: string) => void) {
  return startPlainServer({
    key: 'test.endpoint',
    host: '127.0.0.1',
    port: 0,
    routes: new Map(routes),
    ...(failed === undefined ? {} : { failed }),
  });
}

/** Sends `text` and returns all that comes back until the server ends the connection. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (piece) => {
      answer += piece;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

test('GET is answered with its query, HEAD with the same headers and no body', async (t) => {
  const server = await start([['/hello', hello]]);
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${server.port}/hello?who=a%20b`;
  const got = await fetch(url);
  t.is(got.status, 200);
  t.is(await got.text(), 'hello a b');
  t.is(got.headers.get('x-content-type-options'), 'nosniff');
  const head = await fetch(url, { method: 'HEAD' });
  t.is(head.headers.get('content-length'), '9');
  t.is(await head.text(), '');
});

test('unknown paths are 404, other methods 405 with Allow', async (t) => {
  const server = await start([['/hello', hello]]);
  t.teardown(() => server.close());
  const base = `http://127.0.0.1:${server.port}`;
  t.is((await fetch(`${base}/hello/`)).status, 404);
  const post = await fetch(`${base}/hello`, { method: 'POST', body: 'x' });
  t.is(post.status, 405);
  t.is(post.headers.get('allow'), 'GET, HEAD');
});

test('a whole address as target, as clients behind a proxy write it, is answered as its path', async (t) => {
  const server = await start([['/hello', hello]]);
  t.teardown(() => server.close());
  const target = 'http://metrics.example:8888/hello?who=you';
  const answer = await raw(server.port, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  t.regex(answer, /^HTTP\/1\.1 200 .*hello you$/s);
});

test('odd request targets are 404, never a crash', async (t) => {
  const server = await start([['/hello', hello]]);
  t.teardown(() => server.close());
  for (const target of ['//', '/%', '/hello%00', '*', 'http://[bad/', '/__proto__', '/constructor']) {
    const answer = await raw(server.port, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    t.regex(answer, /^HTTP\/1\.1 4\d\d /, target);
  }
});

test('a route that throws is a 500 without details, told once, and the server lives on', async (t) => {
  const told: string[] = [];
  const bad: PlainRoute = () => {
    throw new Error('secret detail');
  };
  const server = await start(
    [
      ['/bad', bad],
      ['/hello', hello],
    ],
    (path) => told.push(path),
  );
  t.teardown(() => server.close());
  const answer = await fetch(`http://127.0.0.1:${server.port}/bad`);
  t.is(answer.status, 500);
  t.notRegex(await answer.text(), /secret/);
  t.deepEqual(told, ['/bad']);
  t.is((await fetch(`http://127.0.0.1:${server.port}/hello`)).status, 200);
});

test('a taken port names the key, the address and the mend', async (t) => {
  const first = await start([]);
  t.teardown(() => first.close());
  const options = { key: 'service.telemetry.metrics.address', host: '127.0.0.1', port: first.port, routes: new Map() };
  const error = await t.throwsAsync(startPlainServer(options), { code: 'WEIR_NET_LISTEN_FAILED' });
  t.is(
    error?.message,
    `service.telemetry.metrics.address: 127.0.0.1:${first.port} is already in use; end the process that holds it, or set another port`,
  );
});

test('close ends idle connections at once, frees the port, and may come twice', async (t) => {
  const server = await start([['/hello', hello]]);
  const idle = connect(server.port, '127.0.0.1');
  const ended = new Promise((resolve) => idle.on('close', resolve));
  await (await fetch(`http://127.0.0.1:${server.port}/hello`)).text();
  idle.on('error', () => {});
  await new Promise((resolve) => idle.write('GET /hello HTTP/1.1\r\nHost: x\r\n\r\n', resolve));
  await new Promise((resolve) => idle.once('data', resolve));
  await Promise.all([server.close(), server.close(), ended]);
  const again = await startPlainServer({ key: 'k', host: '127.0.0.1', port: server.port, routes: new Map() });
  await again.close();
  t.is(again.port, server.port);
});
