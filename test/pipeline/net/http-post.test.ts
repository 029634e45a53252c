/** @module POSTs over real sockets: kept connections, broken ones, late and long answers, TLS. */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { createHttpPoster, type PostResult, USER_AGENT } from '../../../pipeline/net/http-post.ts';
import type { TlsFiles } from '../../../pipeline/net/tls-files.ts';
import { createTestClock } from '../../kit/clock.ts';
import { OtlpBackend } from '../../kit/otlp-backend.ts';
import { readRepositoryFile } from '../../kit/repository.ts';

const file = (name: string) => fileURLToPath(new URL(`../../data/tls/${name}`, import.meta.url));
const NO_FILES: TlsFiles = { caFile: '', certFile: '', keyFile: '', serverName: '', insecureSkipVerify: false };
const BODY = Buffer.from('what is sent');

function createPoster(t: ExecutionContext, url: string, tls: TlsFiles | null = null) {
  const clock = createTestClock();
  const target = new URL('/v1/metrics?team=a', url);
  const poster = createHttpPoster({ url: target, tls, timeoutMs: 5000, maxAnswerBytes: 100, clock });
  t.teardown(() => poster.close());
  return { poster, clock, post: () => poster.post(['x-a', '1', 'X-B', '2'], BODY) };
}

const told = (result: PostResult) =>
  result.kind === 'answer'
    ? [result.status, result.bodyEnd, Buffer.from(result.body).toString(), result.resent]
    : [result.reason, result.resent];

test('requests go one after the other over one connection, with their headers and body', async (t) => {
  const backend = await OtlpBackend.start(t);
  backend.react = (_request, number) => ({ status: 200 + number, body: `answer ${number}` });
  const { post, clock } = createPoster(t, backend.url);
  for (let n = 0; n < 3; n++) t.deepEqual(told(await post()), [200 + n, 'whole', `answer ${n}`, false]);
  t.is(backend.connections, 1);
  t.is(clock.timers, 0);
  for (const { path, headers, wire } of backend.received) {
    t.is(path, '/v1/metrics?team=a');
    t.like(headers, { 'x-a': '1', 'x-b': '2', 'content-length': String(BODY.length) });
    t.deepEqual(wire, BODY);
  }
});

test('a peer that is not there, drops the connection or cuts its answer is told from one another', async (t) => {
  const backend = await OtlpBackend.start(t);
  const { post } = createPoster(t, backend.url);
  backend.react = () => 'drop';
  t.deepEqual(told(await post()), ['lost', false]);
  backend.react = () => 'cut';
  t.deepEqual(told(await post()), [200, 'cut', 'abc', false]);
  await backend.stop();
  t.deepEqual(told(await post()), ['connect', false]);
});

test('a kept connection that the peer closed meanwhile costs nothing, or one repeat that is told', async (t) => {
  const backend = await OtlpBackend.start(t);
  const { post } = createPoster(t, backend.url);
  await post();
  backend.closeKept();
  const again = await post();
  t.deepEqual([again.kind, backend.connections], ['answer', 2]);
  // Now it breaks after the request came: a repeat, and only one.
  backend.react = () => 'drop';
  t.deepEqual(told(await post()), ['lost', true]);
  t.is(backend.received.length, 4);
});

test('the deadline holds for the whole exchange: without headers, and with a body that never comes', async (t) => {
  const backend = await OtlpBackend.start(t);
  const { post, clock } = createPoster(t, backend.url);
  for (const [reaction, want] of [
    ['hang', ['timeout', false]],
    ['stall', [200, 'timeout', '', false]],
  ] as const) {
    backend.react = () => reaction;
    const before = backend.received.length;
    let ended = false;
    const posted = post().finally(() => {
      ended = true;
    });
    await backend.arrived(before + 1);
    // With `stall` the headers must have been read.
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(4999);
    t.false(ended);
    clock.advance(1);
    t.deepEqual(told(await posted), want);
  }
  t.is(backend.connections, 2, 'a connection that was given up is not used again');
});

test('no more of an answer is read than allowed', async (t) => {
  const backend = await OtlpBackend.start(t);
  const { post } = createPoster(t, backend.url);
  backend.react = () => ({ status: 500, body: 'x'.repeat(100) });
  t.deepEqual(told(await post()), [500, 'whole', 'x'.repeat(100), false]);
  backend.react = () => ({ status: 500, body: 'x'.repeat(1_000_000) });
  t.deepEqual(told(await post()), [500, 'too_long', 'x'.repeat(100), false]);
});

test('redirects are told, not followed, and no proxy of the environment is asked', async (t) => {
  const backend = await OtlpBackend.start(t);
  backend.react = () => ({ status: 307, headers: { location: '/elsewhere' } });
  process.env.HTTP_PROXY = 'http://127.0.0.1:1';
  process.env.http_proxy = 'http://127.0.0.1:1';
  t.teardown(() => {
    delete process.env.HTTP_PROXY;
    delete process.env.http_proxy;
  });
  const { post } = createPoster(t, backend.url);
  const result = await post();
  t.is(result.kind === 'answer' ? result.headers.get('location') : '', '/elsewhere');
  t.is(backend.received.length, 1);
});

test('close ends what runs, and what comes later', async (t) => {
  const backend = await OtlpBackend.start(t);
  backend.react = () => 'hang';
  const { post, poster, clock } = createPoster(t, backend.url);
  const posted = post();
  await backend.arrived(1);
  poster.close();
  t.deepEqual(told(await posted), ['closed', false]);
  t.deepEqual(told(await post()), ['closed', false]);
  t.is(backend.received.length, 1);
  t.is(clock.timers, 0);
});

test('what listens there and speaks no HTTP is a protocol failure', async (t) => {
  const { createServer } = await import('node:net');
  const server = createServer((socket) => void socket.end('SSH-2.0-OpenSSH\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as import('node:net').AddressInfo;
  t.deepEqual(told(await createPoster(t, `http://127.0.0.1:${port}`).post()), ['protocol', false]);
});

const ownTls = async () => ({ cert: await readFile(file('listener.crt')), key: await readFile(file('listener.key')) });

test('TLS: the own authority is trusted, another one is not, and verification can be switched off', async (t) => {
  const backend = await OtlpBackend.start(t, { tls: await ownTls() });
  const post = (tls: Partial<TlsFiles>) => createPoster(t, backend.url, { ...NO_FILES, ...tls }).post();
  t.is((await post({ caFile: file('listener.crt') })).kind, 'answer');
  for (const tls of [{ caFile: file('other.crt') }, {}, { caFile: file('listener.crt'), serverName: 'elsewhere' }]) {
    const refused = await post(tls);
    t.like(refused, { kind: 'failure', reason: 'tls' });
  }
  t.is((await createPoster(t, backend.url, null).post()).kind, 'failure', 'https without keys verifies, too');
  t.is((await post({ insecureSkipVerify: true })).kind, 'answer');
  t.is(backend.received.length, 2);
});

test('what a request needs is loaded when the poster is checked, not before', async (t) => {
  const url = new URL('../../../pipeline/net/http-post.ts', import.meta.url).href;
  const program = `
    import { createRequire } from 'node:module';
    import { createHttpPoster } from '${url}';
    const loaded = () => Object.keys(createRequire('${url}').cache).some((path) => path.includes('/undici/'));
    const poster = createHttpPoster({ url: new URL('http://127.0.0.1:9/'), tls: null });
    const before = loaded();
    await poster.check();
    console.log(before, loaded());`;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program];
  t.is((await promisify(execFile)(process.execPath, args)).stdout, 'false true\n');
});

test('TLS: a client certificate is shown to those who ask for one', async (t) => {
  const tls = {
    ...(await ownTls()),
    requestCert: true,
    rejectUnauthorized: true,
    ca: await readFile(file('other.crt')),
  };
  const backend = await OtlpBackend.start(t, { tls });
  const own = { ...NO_FILES, caFile: file('listener.crt') };
  t.is((await createPoster(t, backend.url, own).post()).kind, 'failure');
  const shown = { ...own, certFile: file('other.crt'), keyFile: file('other.key') };
  t.is((await createPoster(t, backend.url, shown).post()).kind, 'answer');
});

test('TLS: files are read at each connection, so that renewed ones are taken up', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'weir-tls-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const caFile = join(folder, 'ca.crt');
  const backend = await OtlpBackend.start(t, { tls: await ownTls() });
  const { post, poster } = createPoster(t, backend.url, { ...NO_FILES, caFile });
  t.regex((await poster.check()) ?? '', /^cannot read the TLS file .*ca\.crt: ENOENT/);
  t.like(await post(), { kind: 'failure', reason: 'tls_file' });
  await copyFile(file('other.crt'), caFile);
  t.is(await poster.check(), null);
  t.like(await post(), { kind: 'failure', reason: 'tls' });
  await copyFile(file('listener.crt'), caFile);
  t.is((await post()).kind, 'answer');
  await copyFile(file('other.crt'), caFile);
  t.is((await post()).kind, 'answer', 'the connection that is open stays');
  backend.closeKept();
  t.like(await post(), { kind: 'failure', reason: 'tls' });
});

test('the program names itself with its version', (t) => {
  t.is(USER_AGENT, `weir/${JSON.parse(readRepositoryFile('package.json')).version}`);
});
