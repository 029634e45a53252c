/** @module Whatever a target answers: the right samples or none, one counted reason, one log line, and the next works. */
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { createHarness, http, oneTarget, page, serve, turns } from './harness.ts';

const INTERVAL_MS = 10_000;
const LOGIN = '<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>please</body></html>\n';
const LABELS =
  'direction="outbound",target_port="8080",dst_namespace="shop",dst_deployment="api",classification="success"';
/** A line of exactly `bytes`. */
function wideLine(sample: string, bytes: number): string {
  const [before, after] = [`${sample}{a="`, '"} 1'];
  return before + 'v'.repeat(bytes - before.length - after.length) + after;
}

const head = (lines: string[]) =>
  `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n${lines.map((l) => `${l}\r\n`).join('')}\r\n`;

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/** Part of a page that ends in the middle of a line, and one that ends after a whole line. */
const HALF_LINE = page(9).slice(0, 60);
const WHOLE_LINE = page(9).replace('# EOF\n', '');

type Answer = (socket: Socket) => void;

const failing: readonly [title: string, reason: string, log: RegExp, answer: Answer, config?: object][] = [
  ['a login page as text/html', 'html', /web page/, http(LOGIN, { 'content-type': 'text/html; charset=utf-8' })],
  ['a login page as text/plain', 'html', /line 1/, http(LOGIN)],
  ['a page of another program', 'partial_page', /process_start_time_seconds/, http('foo 1\nbar 2\n# EOF\n')],
  ['an empty page', 'body_cut', /ends/, http('')],
  [
    'a page without its sentinel',
    'partial_page',
    /whole linkerd page/,
    http(page(9).replaceAll('process_start', 'proc_start')),
  ],
  [
    'a chunked body cut',
    'body_cut',
    /ended before/,
    (s) => s.end(head(['transfer-encoding: chunked']) + chunk(HALF_LINE)),
  ],
  [
    'a chunked body cut on a closing connection',
    'body_cut',
    /ended before/,
    (s) => s.end(head(['transfer-encoding: chunked', 'connection: close']) + chunk(HALF_LINE)),
  ],
  [
    'a short body under a longer Content-Length',
    'body_cut',
    /ended before/,
    (s) => s.end(head(['content-length: 5000']) + HALF_LINE),
  ],
  [
    'a close-delimited body cut in a line',
    'body_cut',
    /middle of a line/,
    (s) => s.end(head(['connection: close']) + HALF_LINE),
  ],
  [
    'a close-delimited body cut between lines',
    'body_cut',
    /whole line.*# EOF/,
    (s) => s.end(head(['connection: close']) + WHOLE_LINE),
  ],
  [
    'a reset within the body',
    'body_cut',
    /ended before/,
    async (s) => {
      s.write(head(['content-length: 5000']) + HALF_LINE);
      await turns();
      s.resetAndDestroy();
    },
  ],
  ['a reset before headers', 'connection_lost', /before an answer/, (s) => void s.resetAndDestroy()],
  ['a close before headers', 'connection_lost', /before an answer/, (s) => void s.end()],
  ['something other than HTTP', 'bad_http', /./, (s) => void s.write('SSH-2.0-OpenSSH_9.6\r\n')],
  [
    'both framing headers',
    'bad_http',
    /./,
    (s) => void s.write(`${head(['content-length: 5', 'transfer-encoding: chunked'])}5\r\nhello\r\n0\r\n\r\n`),
  ],
  ['a bad chunk size', 'bad_http', /./, (s) => void s.write(`${head(['transfer-encoding: chunked'])}zz\r\nhello\r\n`)],
  ['a redirect', 'redirect', /"\/login": redirects are not followed/, http('', { location: '/login' }, '302 Found')],
  ['403 by policy', 'http_status', /policy does not allow/, http('', {}, '403 Forbidden')],
  ['401', 'http_status', /credentials/, http('', {}, '401 Unauthorized')],
  ['404', 'http_status', /metrics_path/, http('', {}, '404 Not Found')],
  ['500', 'http_status', /status 500/, http('oops', {}, '500 Internal Server Error')],
  ['204 without a body', 'http_status', /status 204/, (s) => void s.write('HTTP/1.1 204 No Content\r\n\r\n')],
  [
    'protobuf',
    'content_type',
    /application\/vnd.google.protobuf/,
    http('x', { 'content-type': 'application/vnd.google.protobuf; proto=x' }),
  ],
  ['an encoding nobody asked for', 'content_encoding', /"br"/, http('x', { 'content-encoding': 'br' })],
  ['gzip cut', 'body_cut', /too early/, http(gzipSync(page(9)).subarray(0, 60), { 'content-encoding': 'gzip' })],
  ['gzip damaged', 'content_encoding', /damaged/, http(Buffer.from('not gzip at all'), { 'content-encoding': 'gzip' })],
  [
    'a gzip bomb',
    'body_too_large',
    /body_size_limit/,
    http(gzipSync(Buffer.alloc(8 << 20, 10)), { 'content-encoding': 'gzip' }),
    { body_size_limit: '1MiB' },
  ],
  [
    'a body announced too large',
    'body_too_large',
    /2000000/,
    (s) => void s.write(head(['content-length: 2000000'])),
    { body_size_limit: '1MiB' },
  ],
  [
    'a chunked body too large',
    'body_too_large',
    /body_size_limit/,
    (s) => void s.write(head(['transfer-encoding: chunked']) + chunk(`# ${'x'.repeat(2 << 20)}\n`)),
    { body_size_limit: '1MiB' },
  ],
  [
    'too many samples',
    'sample_limit',
    /line 3/,
    http(
      `response_total{${LABELS},a="1"} 1\nresponse_total{${LABELS},a="2"} 1\nresponse_total{${LABELS},a="3"} 1\n${page(9)}`,
    ),
    { sample_limit: 2 },
  ],
  [
    'too many labels',
    'label_limit',
    /line 1/,
    http(`response_total{${LABELS},a="1",b="2",c="3"} 1\n${page(9)}`),
    { label_limit: 6 },
  ],
  [
    'a label name too long',
    'label_name_length_limit',
    /line 1/,
    http(`response_total{${LABELS},${'n'.repeat(300)}="1"} 1\n${page(9)}`),
  ],
  [
    'a label value too long',
    'label_value_length_limit',
    /line 1/,
    http(`response_total{${LABELS},a="${'v'.repeat(3000)}"} 1\n${page(9)}`),
  ],
  [
    'a line of 1 MiB of a wanted family',
    'label_value_length_limit',
    /line 1/,
    http(`${wideLine('response_total', 2 ** 20)}\n${page(9)}`),
  ],
  [
    'a line without end',
    'line_too_long',
    /line 1/,
    http(`response_total{${LABELS},a="${'v'.repeat(2 << 20)}"} 1\n${page(9)}`),
  ],
  [
    'a type that changes',
    'type_changed',
    /line/,
    http(page(9).replace('response_total counter', 'response_total histogram')),
  ],
];

for (const [title, reason, log, answer, config = {}] of failing) {
  test(`${title} fails as ${reason}, says so once, and the next scrape works`, async (t) => {
    const server = await serve(t, http(page(5)));
    const h = await createHarness(t, { ...oneTarget(server.address), ...config });
    await h.receiver.start();
    await h.sink.come(1, 'scraped', 'failed');
    server.answer = answer;
    h.toNextScrape();
    await h.sink.come(2, 'scraped', 'failed');
    t.like(h.receiver.targets?.()[0], { health: 'down', consecutiveFailures: 1 });
    t.is(h.meters.read('weir_target_up'), 0);
    server.answer = http(page(12));
    h.toNextScrape();
    await h.sink.come(3, 'scraped', 'failed');

    const events = h.sink.seen.map((event) => event.kind + (event.reason && `:${event.reason}`));
    t.deepEqual(events, ['discovered', 'scraped', `failed:${reason}`, 'scraped']);
    t.is(h.sink.seen[3]?.rows[0]?.successes, 12);
    t.is(h.sink.seen[3]?.rows.length, 1);
    t.is(h.meters.read('weir_scrapes_total', { outcome: 'failure', reason }), 1);
    t.is(h.meters.read('weir_scrapes_total', { outcome: 'success' }), 2);
    t.is(h.meters.read('weir_target_up'), 1);
    t.like(h.receiver.targets?.()[0], { health: 'up', consecutiveFailures: 0, lastError: '' });
    const told = h.log.lines.filter((line) => line.level === 'warn' || line.level === 'error');
    t.is(told.length, 1);
    t.like(told[0], { message: 'scrape failed', fields: { target: server.address, reason } });
    t.regex(String(told[0]?.fields.error), log);
    t.is(h.log.lines.filter((line) => line.message === 'scrape works again').length, 1);
    t.is(h.balance.unaccounted, 0);
    t.is(h.balance.delivered, 4);
  });
}

const series = (extra: string, value: string) => `response_total{${LABELS}${extra}} ${value}`;
/** A page around a good one with 5 successes, the successes that then count, lines skipped, series repeated. */
const reading: readonly [title: string, text: string, successes: number, skipped: number, repeated?: number][] = [
  ['CRLF line ends', page(5).replaceAll('\n', '\r\n'), 5, 0],
  ['duplicates, summed', `${series('', '2')}\n${series('', '3')}\n${page(5)}`, 10, 0, 1],
  [
    'duplicates in another label order, summed',
    `${series(',a="1",b="2"', '2')}\n${series(',b="2",a="1"', '3')}\n${page(5)}`,
    10,
    0,
    1,
  ],
  ['a bad escape in a wanted line', `${series(',a="\\q"', '2')}\n${page(5)}`, 5, 1],
  ['a bad escape in a line nobody wants', `other_total{a="\\q"} 2\n${page(5)}`, 5, 0],
  ['a good escape', `${series(',a="\\"\\\\\\n"', '2')}\n${page(5)}`, 7, 0],
  ['a value that is no number', `${series(',a="1"', 'many')}\n${page(5)}`, 5, 1],
  ['a line without a value', `response_total{${LABELS},a="1"}\n${page(5)}`, 5, 1],
  ['an open brace', `response_total{${LABELS}\n${page(5)}`, 5, 1],
  ['HELP twice', `# HELP response_total a\n# HELP response_total b\n${page(5)}`, 5, 0],
  ['an exemplar', `${series(',a="1"', '2 # {trace_id="x"} 0.5 123.4')}\n${page(5)}`, 7, 0],
  ['a timestamp', `${series(',a="1"', '2 1700000000000')}\n${page(5)}`, 7, 0],
  ['a name in UTF-8', `{"größe",a="1"} 2\n${page(5)}`, 5, 0],
  ['a label name in UTF-8', `response_total{${LABELS},"größe"="1"} 2\n${page(5)}`, 7, 0],
  ['a line of 1 MiB that nobody wants', `${wideLine('other_total', 2 ** 20)}\n${page(5)}`, 5, 0],
  ['a comment of 1 MiB', `# ${'x'.repeat(2 ** 20 - 2)}\n${page(5)}`, 5, 0],
  ['HELP twice for a histogram', `# HELP response_latency_ms a\n# HELP response_latency_ms a\n${page(5)}`, 5, 0],
  ['a sum that is negative', `response_latency_ms_sum{${LABELS}} -5\n${page(5)}`, 5, 0],
  ['a label value in UTF-8', `${series(',a="größe"', '2')}\n${page(5)}`, 7, 0],
];

for (const [title, text, successes, skipped, repeated = 0] of reading) {
  test(`${title}: the page counts with its right samples`, async (t) => {
    const server = await serve(t, http(text));
    const h = await createHarness(t, oneTarget(server.address));
    await h.receiver.start();
    await h.sink.come(1, 'scraped', 'failed');
    const seen = h.sink.seen[1];
    t.like(seen, { kind: 'scraped', skippedLines: skipped, start: 1_690_000_000 });
    t.is(seen?.rows[0]?.successes, successes);
    t.is(h.meters.read('weir_scrape_skipped_lines_total'), skipped);
    t.is(h.log.lines.filter((line) => line.message === 'bad lines skipped').length, Math.min(1, skipped));
    t.is(h.meters.read('weir_scrape_repeated_series_total'), repeated);
    const told = h.log.lines.filter((line) => line.message.startsWith('series repeated on one page'));
    t.deepEqual(
      told.map(({ level, fields }) => [level, fields]),
      repeated === 0 ? [] : [['warn', { target: server.address, series: repeated }]],
    );
    t.is(h.balance.unaccounted, 0);
  });
}

test('a target that hangs before headers times out, and the next scrape works', async (t) => {
  const server = await serve(t, () => {});
  const h = await createHarness(t, oneTarget(server.address));
  await h.receiver.start();
  await server.asked(1);
  h.clock.advance(INTERVAL_MS);
  await h.sink.come(1, 'failed');
  t.regex(h.receiver.targets?.()[0]?.lastError ?? '', /timeout: .*before any headers/);
  server.answer = http(page(7));
  h.toNextScrape();
  await h.sink.come(1, 'scraped');
  t.is(h.sink.seen.at(-1)?.rows[0]?.successes, 7);
});

test('a target that hangs after headers times out, and the next scrape works', async (t) => {
  const server = await serve(t, (socket) => void socket.write(head(['content-length: 500']) + HALF_LINE));
  const h = await createHarness(t, { ...oneTarget(server.address), scrape_timeout: '3s' });
  await h.receiver.start();
  await server.asked(1);
  await turns();
  h.clock.advance(3_000);
  await h.sink.come(1, 'failed');
  t.regex(h.receiver.targets?.()[0]?.lastError ?? '', /timeout: .*scrape_timeout 3000ms.*after headers and 60 bytes/);
  server.answer = http(page(7));
  h.toNextScrape();
  await h.sink.come(1, 'scraped');
  t.is(h.sink.seen.at(-1)?.rows[0]?.successes, 7);
});

test('one byte a second is a timeout, on time', async (t) => {
  const server = await serve(t, (socket) => void socket.write(head(['content-length: 500'])));
  const h = await createHarness(t, oneTarget(server.address));
  await h.receiver.start();
  await server.asked(1);
  for (let second = 1; second <= 9; second++) {
    for (const socket of server.sockets) socket.write('#');
    await turns(5);
    h.clock.advance(1_000);
    t.is(h.sink.count('failed', 'scraped') - h.sink.seen.filter((e) => e.reason === 'overlap').length, 0);
  }
  h.clock.advance(1_000);
  await h.sink.come(1, 'failed');
  t.true(h.sink.seen.some((event) => event.reason === 'timeout'));
  t.is(h.sink.count('scraped'), 0);
});

test('a target that refuses connections is down until it listens', async (t) => {
  const server = await serve(t, http(page(5)));
  server.close();
  const h = await createHarness(t, oneTarget(server.address));
  await h.receiver.start();
  await h.sink.come(1, 'failed');
  t.is(h.sink.seen[1]?.reason, 'connect');
  t.regex(h.receiver.targets?.()[0]?.lastError ?? '', /ECONNREFUSED/);
});

test('a proxy whose version ends its pages without # EOF is believed at the third page', async (t) => {
  const server = await serve(t, http(page(5)));
  const h = await createHarness(t, oneTarget(server.address));
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  server.answer = http(page(9).replace('# EOF\n', ''));
  for (let i = 2; i <= 5; i++) {
    h.toNextScrape();
    await h.sink.come(i, 'scraped', 'failed');
  }
  t.deepEqual(
    h.sink.seen.slice(1).map((event) => event.kind),
    ['scraped', 'failed', 'failed', 'scraped', 'scraped'],
  );
});

test('a failure that goes on is told once in 30 s with its count', async (t) => {
  const server = await serve(t, http('', {}, '500 Oops'));
  const h = await createHarness(t, oneTarget(server.address));
  await h.receiver.start();
  for (let i = 1; i <= 8; i++) {
    await h.sink.come(i, 'failed');
    h.clock.advance(INTERVAL_MS);
  }
  await h.sink.come(9, 'failed');
  const told = h.log.lines.filter((line) => line.message === 'scrape failed').map((line) => line.fields.failures);
  t.deepEqual(told, [1, 3, 3]);
});
