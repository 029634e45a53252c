/** @module `weir drops`, of the journal as it is served, and of answers by others. */
import { createServer, get, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Balance } from '../../../pipeline/balance.ts';
import { type DropsShown, dropsRoute } from '../../../pipeline/telemetry/drop-answer.ts';
import { DropJournal } from '../../../pipeline/telemetry/drop-journal.ts';
import { startMetricsServer } from '../../../pipeline/telemetry/metrics-server.ts';
import { callWeir } from '../../kit/cli.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { freePorts } from '../../kit/ports.ts';
import { readRepositoryFile } from '../../kit/repository.ts';

/** A journal behind the listener of own metrics; its drops are three minutes old. */
async function serveJournal(t: ExecutionContext, { maxEntries = 10, shown = 'here' as DropsShown } = {}) {
  const journal = new DropJournal(createTestClock(Date.now() - 180_500), { maxEntries, maxErrors: 4 });
  const server = await startMetricsServer({
    host: '127.0.0.1',
    port: 0,
    render: async () => '',
    drops: dropsRoute(journal, { shown }),
    log: createTestLog(),
  });
  t.teardown(() => server.close());
  const books = (component: string, signal = 'spans') => new Balance(journal.observer('exporter', component, signal));
  return { journal, books, url: `http://127.0.0.1:${server.port}` };
}

async function serve(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function someDrops(books: (component: string, signal?: string) => Balance): void {
  books('kafka', 'traffic').drop('too_large', 12, {
    error: 'message of 2 MB',
    sample: () => ({ from: 'shop/web', to: 'pay/api' }),
  });
  const otlp = books('otlphttp/west');
  for (let i = 0; i < 3; i++)
    otlp.drop('http_400', 500, { error: 'no\ttenant', sample: () => ({ traceId: 'ab', span: 'GET /' }) });
  otlp.drop('shutdown', 1);
}

test('a line for each entry, the latest drop first', async (t) => {
  const { books, url } = await serveJournal(t);
  someDrops(books);
  const { code, out, err } = await callWeir(['drops', '--url', url]);
  t.deepEqual({ code, err }, { code: 0, err: '' });
  t.is(
    // How long ago depends on how long the test takes.
    out.replaceAll(/^3m\ds ago/gm, '3m0s ago'),
    `    LAST   COMPONENT                SIGNAL    REASON      ITEMS   TIMES   SAMPLE                     ERROR
3m0s ago   exporter otlphttp/west   spans     shutdown        1       1   -                          -
3m0s ago   exporter otlphttp/west   spans     http_400     1500       3   traceId=ab span="GET /"    no\\x09tenant
3m0s ago   exporter kafka           traffic   too_large      12       1   from=shop/web to=pay/api   message of 2 MB
`,
  );
});

test('entries are chosen by component, kind, reason and age', async (t) => {
  const { books, url } = await serveJournal(t);
  someDrops(books);
  const reasons = async (...args: string[]) => {
    const { code, out } = await callWeir(['drops', ...args, '--url', url, '--json']);
    t.is(code, 0);
    return JSON.parse(out).drops.map(({ reason }: { reason: string }) => reason);
  };
  t.deepEqual(await reasons('otlphttp/west'), ['shutdown', 'http_400']);
  t.deepEqual(await reasons('exporter', 'kafka'), ['too_large']);
  t.deepEqual(await reasons('receiver', 'kafka'), []);
  t.deepEqual(await reasons('exporter'), ['shutdown', 'http_400', 'too_large']);
  t.deepEqual(await reasons('receiver'), []);
  t.deepEqual(await reasons('--reason', 'http_400'), ['http_400']);
  t.deepEqual(await reasons('--since', '4m'), ['shutdown', 'http_400', 'too_large']);
  t.deepEqual(await reasons('--since', '2m'), []);
});

test('nothing to show is told apart: no such component, no such reason, or no drops but of others', async (t) => {
  const { books, url } = await serveJournal(t);
  const answer = async (...args: string[]) => {
    const { code, out } = await callWeir(['drops', ...args, '--url', url]);
    return [code, out];
  };
  books('debug');
  t.deepEqual(await answer('nope'), [1, 'there is no component nope; there are: exporter debug\n']);
  t.regex((await answer('--reason', 'xx'))[1] as string, /^nothing was dropped since /);
  someDrops(books);
  const known = 'exporter debug, exporter kafka, exporter otlphttp/west';
  t.deepEqual(await answer('no\tpe'), [1, `there is no component no\\x09pe; there are: ${known}\n`]);
  t.deepEqual(await answer('receiver', 'kafka'), [1, `there is no receiver kafka; there are: ${known}\n`]);
  t.deepEqual(await answer('--reason', 'xx'), [
    0,
    'nothing was dropped for the reason xx; reasons so far: shutdown, http_400, too_large\n',
  ]);
  t.deepEqual(await answer('kafka', '--reason', 'http_400'), [
    0,
    'nothing was dropped by kafka for the reason http_400; reasons so far: too_large\n',
  ]);
  const others = 'no drops of this kind, but others (3; see: weir drops)\n';
  t.deepEqual(await answer('debug'), [0, others]);
  t.deepEqual(await answer('kafka', '--reason', 'too_large', '--since', '2m'), [0, others]);
});

test('JSON is what the listener serves, whole', async (t) => {
  const { books, url } = await serveJournal(t, { maxEntries: 2 });
  someDrops(books);
  const { out } = await callWeir(['drops', '-o', 'json'], { WEIR_TELEMETRY_URL: url });
  const served = (await (await fetch(`${url}/v1/drops`)).json()) as object;
  t.deepEqual(JSON.parse(out), { ...served, left: 0 });
  t.like(served, { apiVersion: 'weir/v1', maxEntries: 2, forgotten: { entries: 1, items: 12 } });
  const table = (await callWeir(['drops', '--url', url])).out;
  t.true(table.endsWith('   1 older entries of 12 items fell out (service.telemetry.drops.max_entries)\n'), table);
});

test('nothing dropped is said with since when', async (t) => {
  const { journal, url } = await serveJournal(t);
  const { code, out } = await callWeir(['drops', '--url', url]);
  t.deepEqual(
    { code, out },
    { code: 0, out: `nothing was dropped since ${new Date(journal.startedMs).toISOString()}\n` },
  );
});

test('who cannot answer is told with what to do', async (t) => {
  const [free = 0] = await freePorts(1);
  const closed = await serveJournal(t, { shown: 'nowhere' });
  const elsewhere = await serve(t, (_request, response) => response.writeHead(404).end('not found\n'));
  const page = await serve(t, (_request, response) => response.end('<html>'));
  const { url: secure } = await serveJournal(t);
  const text = 'the client speaks HTTP/1.1, and this port takes OTLP over gRPC (HTTP/2)';
  const grpc = await serve(t, (_request, response) => response.writeHead(400).end(text));
  const answers: [url: string, err: RegExp][] = [
    [
      `http://127.0.0.1:${free}`,
      /nothing listens there.*\n {3}mend: start one \(weir run -c config\.yaml\), or say where it is \(--url, WEIR_TELEMETRY_URL\)\n {3}a Weir with service\.telemetry\.metrics\.level: none shows no journal: set another level\n$/,
    ],
    [`https://${secure.slice('http://'.length)}`, /\n {3}mend: does it speak http\? use --url http:\/\/HOST:PORT\n$/],
    [
      grpc,
      /status 400: the client speaks HTTP\/1\.1, and this port takes OTLP over gRPC .*; is this the address of the own metrics of a Weir/,
    ],
    [
      closed.url,
      /^weir: the drop journal is not shown on an address that other machines reach; set service\.telemetry/,
    ],
    [
      elsewhere,
      /status 404: is this the address of the own metrics of a Weir \(service\.telemetry\.metrics\.address, as "own metrics" in its log\), and is that Weir new enough to have a drop journal\?/,
    ],
    [page, /the answer is no JSON; is this a Weir\?/],
  ];
  for (const [url, said] of answers) {
    const { code, out, err } = await callWeir(['drops', '--url', url]);
    t.deepEqual({ code, out }, { code: 1, out: '' }, url);
    t.regex(err, said);
  }
});

test('an answer by a stranger is printed as text and crashes nothing', async (t) => {
  const drops = [
    null,
    7,
    { kind: 'a\u001b[2J', items: 'many', lastAt: 'soon', sample: { __proto__x: '\u202e', b: { c: 1 } } },
    {},
  ];
  const url = await serve(t, (_request, response) => response.end(JSON.stringify({ drops, since: '\u0007' })));
  const { code, out } = await callWeir(['drops', '--url', url, '--no-headers']);
  t.is(code, 0);
  t.is(out.split('\n').length, 3);
  t.regex(out, /^ *- {3}a\\x1b\[2J - {3}- {3}- {3}- {3}- {3}__proto__x=\\u202e b="\[object Object\]" {3}-\n/);
});

/** Status of `/v1/drops` asked for under a name, which `fetch` would not send. */
function statusFor(url: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get(`${url}/v1/drops`, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on('error', reject);
  });
}

test('on loopback it is shown to who asks by a loopback address, not by a name that was made to point there', async (t) => {
  const { url } = await serveJournal(t);
  for (const host of ['127.0.0.1:8888', '127.0.0.1', 'localhost', 'localhost:1', '[::1]:8888'])
    t.is(await statusFor(url, host), 200, host);
  for (const host of ['evil.example:8888', 'localhost.evil.example', '10.0.0.1:8888', 'x', '[::1]x'])
    t.is(await statusFor(url, host), 403, host);
  const open = await serveJournal(t, { shown: 'everywhere' });
  t.is(await statusFor(open.url, 'weir.example:8888'), 200);
});

/** What follows `weir drops` in each line of a text that is such a command, without a comment. */
function commandsIn(text: string): string[][] {
  return [...text.matchAll(/^ *(?:bin\/)?weir drops\b(.*)$/gm)].map(([, rest = '']) =>
    rest.replace(/ #.*/, '').trim().split(/\s+/).filter(Boolean),
  );
}

test('the commands of the page and of --help are taken', async (t) => {
  const { books, journal, url } = await serveJournal(t);
  someDrops(books);
  for (const kind of ['receiver', 'exporter'] as const) journal.observer(kind, 'otlphttp', 'spans');
  const commands = [
    ...commandsIn(readRepositoryFile('docs/drops.md')),
    ...commandsIn((await callWeir(['drops', '--help'])).out),
  ];
  t.true(commands.length >= 10, JSON.stringify(commands));
  for (const args of commands) {
    const local = args.map((word) => (word.startsWith('http:') ? url : word));
    const { code, out, err } = await callWeir(['drops', ...local], { WEIR_TELEMETRY_URL: url });
    t.deepEqual({ code, err }, { code: 0, err: '' }, args.join(' '));
    t.not(out, '');
  }
});

test('names that are hostile stand in the table and in JSON as text, one line an entry', async (t) => {
  const { books, url } = await serveJournal(t);
  const hostile = [
    '\u001b]0;x\u0007\u001b[2J',
    '__proto__',
    'a\r\nfake   exporter x',
    '\u202e\u200b\ufeff',
    'x'.repeat(1 << 20),
  ];
  for (const [n, name] of hostile.entries())
    books('otlphttp/west').drop(`reason_${n}`, 1, { error: name, sample: () => ({ span: name, service: name }) });
  const { out } = await callWeir(['drops', '--url', url]);
  t.is(out.trimEnd().split('\n').length, 1 + hostile.length);
  t.notRegex(out.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
  const { drops } = JSON.parse((await callWeir(['drops', '--url', url, '--json'])).out);
  t.is(drops.length, hostile.length);
  for (const { error, sample } of drops) {
    t.notRegex(error + sample.span + sample.service, /[\p{Cc}\p{Cf}]/u);
    t.true(error.length < 530 && sample.span.length <= 200, error);
  }
});

test('many readers at once each see the whole journal, which adds up', async (t) => {
  const { books, url } = await serveJournal(t, { maxEntries: 50 });
  const otlp = books('otlphttp');
  const readings = Array.from({ length: 40 }, async (_, n) => {
    for (let i = 0; i < 20; i++) otlp.drop(`reason_${(n * 20 + i) % 70}`, 1, { error: `error ${i}` });
    return (await fetch(`${url}/v1/drops`)).json() as Promise<{
      drops: { items: number }[];
      forgotten: { items: number };
    }>;
  });
  for (const { drops, forgotten } of await Promise.all(readings)) {
    t.is(
      drops.reduce((sum, { items }) => sum + items, forgotten.items),
      otlp.dropped.values().reduce((sum, items) => sum + items, 0),
    );
    t.true(drops.length <= 50);
  }
});
