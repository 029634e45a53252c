/** @module The receiver over real HTTP: a recorded page, limits across targets, encodings, credentials, TLS. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { linkerdConfig } from '../../../receivers/linkerd/config.ts';
import { factory } from '../../../receivers/linkerd/factory.ts';
import { createLinkerdRules } from '../../../receivers/linkerd/rules.ts';
import { Access } from '../../../receivers/scrape/access.ts';
import { SeriesBudget } from '../../../receivers/scrape/series-index.ts';
import { TargetScraper } from '../../../receivers/scrape/target-scraper.ts';
import { type TargetSpec, targetsOf } from '../../../receivers/scrape/targets.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createHarness, http, oneTarget, page, serve, turns } from './harness.ts';

const DATA = new URL('../../data/linkerd/', import.meta.url);
const NAME = 'proxy-edge-22.6-slow-cooker-opaque';

test('the whole page of a real proxy gives the rows written beside it, and its filtered samples are counted', async (t) => {
  const server = await serve(t, http(readFileSync(new URL(`${NAME}.prom`, DATA))));
  const expected = JSON.parse(readFileSync(new URL(`${NAME}.expected.json`, DATA), 'utf8'));
  const h = await createHarness(t, oneTarget(server.address));
  await h.receiver.start();
  await h.sink.come(1, 'scraped', 'failed');
  const { rows, start, items } = h.sink.seen[1]!;
  t.deepEqual({ rows, start }, { rows: expected.rows, start: expected.start });
  t.deepEqual(Object.fromEntries([...h.balance.filtered].sort()), expected.filtered);
  t.is(h.balance.accepted, expected.samples);
  t.is(h.balance.delivered, items);
  t.is(h.balance.unaccounted, 0);
  t.is(h.meters.read('weir_series'), expected.samples);
});

test('a whole page of a newer proxy, sent in small pieces, gives the same rows again and again', async (t) => {
  const name = 'real-29637b64f-web-8';
  const body = readFileSync(new URL(`${name}.prom`, DATA));
  const expected = JSON.parse(readFileSync(new URL(`${name}.expected.json`, DATA), 'utf8'));
  const server = await serve(t, async (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n');
    for (let at = 0; at < body.length; at += 20_011) {
      const piece = body.subarray(at, at + 20_011);
      socket.write(`${piece.length.toString(16)}\r\n`);
      socket.write(piece);
      socket.write('\r\n');
      await turns(2);
    }
    socket.write('0\r\n\r\n');
  });
  const h = await createHarness(t, oneTarget(server.address));
  await h.receiver.start();
  for (let i = 1; i <= 3; i++) {
    await h.sink.come(i, 'scraped', 'failed');
    t.deepEqual(h.sink.seen[i]?.rows, expected.rows);
    h.toNextScrape();
  }
});

test('a pipeline that takes nothing fails the scrape as backpressure; the next one brings what was missed', async (t) => {
  const server = await serve(t, http(page(5)));
  const h = await createHarness(t, oneTarget(server.address));
  h.sink.admission = { ok: false, reason: 'queue full', retryAfterMs: 1_000 };
  await h.receiver.start();
  await h.sink.come(1, 'failed');
  t.is(h.sink.seen[1]?.reason, 'backpressure');
  t.is(h.balance.refused, 2);
  t.is(h.balance.accepted, 0);
  h.sink.admission = { ok: true };
  h.toNextScrape();
  await h.sink.come(1, 'scraped');
  t.is(h.sink.seen.at(-1)?.rows[0]?.successes, 5);
});

test('series beyond max_series are dropped, counted and told; the page counts otherwise', async (t) => {
  const server = await serve(
    t,
    http(page(5).replace('# EOF', 'tcp_open_total{direction="inbound",peer="src"} 3\n# EOF')),
  );
  const h = await createHarness(t, { ...oneTarget(server.address), max_series: 2 });
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  t.is(h.sink.seen[1]?.items, 2);
  t.is(h.balance.dropped.get('series_limit'), 1);
  t.is(h.balance.unaccounted, 0);
  t.is(h.meters.read('weir_series_limited_total'), 1);
  t.like(h.receiver.targets?.()[0], { health: 'up' });
  t.regex(h.receiver.targets?.()[0]?.lastError ?? '', /series_limit/);
  t.is(h.log.lines.filter((line) => line.level === 'error').length, 1);
});

test('only what something downstream demands is read', async (t) => {
  const server = await serve(t, http(readFileSync(new URL('real-29637b64f-web-8.prom', DATA))));
  const h = await createHarness(t, oneTarget(server.address), ['tcp']);
  await h.receiver.start();
  await h.sink.come(1, 'scraped', 'failed');
  t.deepEqual([...new Set(h.sink.seen[1]?.rows.map(({ protocol }) => protocol))], ['tcp']);
  t.is(h.sink.seen[1]?.start, 1_795_629_292.489368);
});

test('the timeout is the smaller of 10 s and the interval', (t) => {
  t.deepEqual(factory.cadence?.(factory.config.parse({ scrape_interval: '2s' })), {
    intervalMs: 2_000,
    timeoutMs: 2_000,
  });
  t.deepEqual(factory.cadence?.(factory.config.parse({})), { intervalMs: 10_000, timeoutMs: 10_000 });
});

test('the request names its target, path, parameters and timeout, and asks this machine for no compression', async (t) => {
  const server = await serve(t, http(page(5)));
  const h = await createHarness(t, {
    ...oneTarget(server.address),
    metrics_path: '/proxy/metrics',
    params: { format: ['text', 'a b'] },
    scrape_timeout: '2500ms',
  });
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  const request = server.requests[0]!.toLowerCase();
  t.true(request.startsWith('get /proxy/metrics?format=text&format=a+b http/1.1\r\n'));
  t.true(request.includes(`host: ${server.address}\r\n`));
  t.true(request.includes('accept-encoding: identity\r\n'));
  t.true(request.includes('x-prometheus-scrape-timeout-seconds: 2.5\r\n'));
  t.false(request.includes('authorization'));
});

test('compression is asked for when told, and undone', async (t) => {
  const zipped = gzipSync(page(5));
  const server = await serve(t, http(zipped, { 'content-encoding': 'gzip' }));
  const h = await createHarness(t, { ...oneTarget(server.address), enable_compression: true });
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  t.regex(server.requests[0]!, /accept-encoding: gzip\r\n/);
  t.is(h.sink.seen[1]?.rows[0]?.successes, 5);
  t.is(h.meters.read('weir_scrape_body_bytes'), page(5).length);
});

test('a large page that inflates faster than it is read arrives whole, many times over one connection', async (t) => {
  const comments = `# ${'x'.repeat(997)}\n`.repeat(16_000);
  const server = await serve(t, http(gzipSync(comments + page(5), { level: 1 }), { 'content-encoding': 'gzip' }));
  const h = await createHarness(t, { ...oneTarget(server.address), enable_compression: true });
  await h.receiver.start();
  for (let i = 1; i <= 3; i++) {
    await h.sink.come(i, 'scraped', 'failed');
    t.is(h.sink.seen[i]?.rows[0]?.successes, 5);
    t.is(h.meters.read('weir_scrape_body_bytes'), 16_000_000 + page(5).length);
    h.toNextScrape();
  }
  t.is(server.connections, 1);
});

test('a target goes by name', async (t) => {
  const server = await serve(t, http(page(5)));
  const h = await createHarness(t, oneTarget(server.address.replace('127.0.0.1', 'localhost')));
  await h.receiver.start();
  await h.sink.come(1, 'scraped', 'failed');
  t.is(h.sink.seen[1]?.kind, 'scraped');
  t.regex(server.requests[0]!, /host: localhost:\d+\r\n/);
});

test('a path that a request line cannot hold is encoded', async (t) => {
  const server = await serve(t, http(page(5)));
  const h = await createHarness(t, {
    ...oneTarget(server.address),
    metrics_path: '/größe a?x=1#y',
    params: { z: ['2'] },
  });
  await h.receiver.start();
  await h.sink.come(1, 'scraped', 'failed');
  t.true(server.requests[0]!.startsWith('GET /gr%C3%B6%C3%9Fe%20a?x=1%23y&z=2 HTTP/1.1\r\n'));
});

test('credentials that would break the request are refused, not sent', async (t) => {
  const server = await serve(t, http(page(5)));
  const h = await createHarness(t, { ...oneTarget(server.address), authorization: { credentials: 'a\r\nx-evil: 1' } });
  await h.receiver.start();
  await h.sink.come(1, 'scraped', 'failed');
  t.is(h.sink.seen[1]?.reason, 'bad_http');
  t.is(server.requests.length, 0);
  t.false(JSON.stringify(h.log.lines).includes('evil'));
});

test('a target on IPv6 is scraped', async (t) => {
  const server = await serve(t, http(page(5)), '::1').catch(() => null);
  if (server === null) {
    t.log('no IPv6 on this machine');
    t.pass();
    return;
  }
  const h = await createHarness(t, oneTarget(server.address));
  await h.receiver.start();
  await h.sink.come(1, 'scraped', 'failed');
  t.like(h.sink.seen[1], { kind: 'scraped', address: server.address });
  t.is(h.receiver.targets?.()[0]?.url, `http://${server.address}/metrics`);
});

test('a kept connection that the target closed meanwhile costs no scrape', async (t) => {
  const server = await serve(t, http(page(5)));
  const h = await createHarness(t, oneTarget(server.address));
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  let first = true;
  server.answer = (socket) => {
    if (!first) return http(page(6))(socket);
    first = false;
    socket.destroy();
  };
  h.toNextScrape();
  await h.sink.come(2, 'scraped', 'failed');
  t.is(h.sink.seen.at(-1)?.rows[0]?.successes, 6);
  t.is(server.connections, 2);
});

test('basic and bearer credentials go with the request, from a file that may change, and into no log', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-access-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'token');
  writeFileSync(file, 'first-token\n');
  const server = await serve(t, http(page(5)));
  const basic = { username: 'weir', password: 'p:w' };
  const one = await createHarness(t, { ...oneTarget(server.address), basic_auth: basic });
  await one.receiver.start();
  await one.sink.come(1, 'scraped');
  t.true(server.requests[0]!.includes(`authorization: Basic ${btoa('weir:p:w')}\r\n`));

  const two = await createHarness(t, { ...oneTarget(server.address), authorization: { credentials_file: file } });
  await two.receiver.start();
  await two.sink.come(1, 'scraped');
  t.true(server.requests[1]!.includes('authorization: Bearer first-token\r\n'));
  writeFileSync(file, 'second-token\n');
  for (let scrapes = 2; !server.requests.at(-1)!.includes('second-token'); scrapes++) {
    two.toNextScrape();
    await two.sink.come(scrapes, 'scraped');
    await turns();
  }
  t.false(/first-token|second-token|p:w/.test(JSON.stringify([one.log.lines, two.log.lines])));
  t.false(JSON.stringify(one.receiver.targets?.()).includes('p:w'));
});

test('a file of credentials that is missing fails the start and names it', async (t) => {
  const h = await createHarness(t, { ...oneTarget('127.0.0.1:1'), authorization: { credentials_file: '/none/token' } });
  await t.throwsAsync(h.receiver.start(), { message: /\/none\/token/ });
  t.is(h.clock.timers, 0);
});

test('TLS: the authority and the name are verified, a client certificate is shown', async (t) => {
  const pki = createPki(t);
  const server = await serveTls(t, pki);
  const target = { ...oneTarget(server), scheme: 'https' };
  const outcomes = new Map<string, object>([
    ['scraped', { ca_file: pki.ca, cert_file: pki.cert, key_file: pki.key, server_name: 'proxy.test' }],
    ['tls: unknown authority', { cert_file: pki.cert, key_file: pki.key, server_name: 'proxy.test' }],
    ['tls: other name', { ca_file: pki.ca, cert_file: pki.cert, key_file: pki.key, server_name: 'other.test' }],
    ['scraped unverified', { insecure_skip_verify: true, cert_file: pki.cert, key_file: pki.key }],
  ]);
  for (const [outcome, tls] of outcomes) {
    const h = await createHarness(t, { ...target, tls_config: tls });
    await h.receiver.start();
    await h.sink.come(1, 'scraped', 'failed');
    const [kind] = outcome.split(/[: ]/);
    t.is(h.sink.seen[1]?.reason || h.sink.seen[1]?.kind, kind, outcome);
  }
  const h = await createHarness(t, { ...target, tls_config: { insecure_skip_verify: true } });
  await h.receiver.start();
  await h.sink.come(1, 'failed');
  t.true(['tls', 'connection_lost'].includes(h.sink.seen[1]!.reason));
});

interface Pki {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A throw-away authority and one certificate that serves both ends, made by the openssl program. */
function createPki(t: ExecutionContext): Pki {
  const folder = mkdtempSync(join(tmpdir(), 'weir-pki-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const at = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe', cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=weir test', '-days', '2');
  openssl('req', ...newKey, '-keyout', 'end.key', '-out', 'end.csr', '-subj', '/CN=proxy.test');
  writeFileSync(at('ext'), 'subjectAltName=DNS:proxy.test\n');
  openssl(
    'x509',
    '-req',
    '-in',
    'end.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    'ext',
    '-out',
    'end.pem',
  );
  return { ca: at('ca.pem'), cert: at('end.pem'), key: at('end.key') };
}

async function serveTls(t: ExecutionContext, pki: Pki): Promise<string> {
  const options = {
    ca: readFileSync(pki.ca),
    cert: readFileSync(pki.cert),
    key: readFileSync(pki.key),
    requestCert: true,
  };
  const server = createTlsServer(options, (_request, response) => void response.end(page(5)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('an address nobody can connect to is a problem of the configuration, with its place', (t) => {
  const parsed = linkerdConfig.safeParse(oneTarget('999.999.999.999:4191'));
  t.like(parsed.error?.issues[0], { path: ['static_configs', 0, 'targets', 0], code: 'custom' });
});

test('a client that cannot be made is a failed scrape, not the end of the process', (t) => {
  const [found] = targetsOf('linkerd', [{ targets: ['a:1'], labels: new Map() }], 1).targets.values();
  const spec: TargetSpec = { ...found!, address: '999.1.1.1:1' };
  const config = linkerdConfig.parse(oneTarget('127.0.0.1:1'));
  const scraper = new TargetScraper(spec, {
    receiver: 'linkerd',
    clock: createTestClock(),
    access: new Access(config),
    rulesOf: () => createLinkerdRules({ adminPort: 4191, sentinel: true }),
    wanted: new Map(),
    budget: new SeriesBudget(10),
    limits: { sampleLimit: 10, labelLimit: 10, labelNameLengthBytes: 10, labelValueLengthBytes: 10 },
    bodyLimitBytes: 1_000,
    intervalMs: 1_000,
    timeoutMs: 1_000,
  });
  for (let i = 0; i < 2; i++) {
    const reasons: (string | undefined)[] = [];
    scraper.scrape(({ failed }) => reasons.push(failed?.reason));
    t.deepEqual(reasons, ['connect']);
  }
  scraper.close();
});
