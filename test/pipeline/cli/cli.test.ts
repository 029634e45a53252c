/** @module The program as a user starts it: usage, exit codes, validation, and reading a running Weir. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import manifest from '../../../package.json' with { type: 'json' };
import { assertStoppedWhole, callWeir, runWeir, startCli } from '../../kit/cli.ts';

const DATA = fileURLToPath(new URL('../../data/config/', import.meta.url));

async function serve(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
}

const serveJson = (t: ExecutionContext, value: unknown, status = 200) =>
  serve(t, (_request, response) => response.writeHead(status).end(JSON.stringify(value)));

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'weir-cli-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

const quantile = (value: number) => ({ value, lo: value, hi: value * 2 });
const EDGES = {
  apiVersion: 'weir/v1',
  ready: true,
  edges: [
    {
      source: { namespace: 'shop', name: 'web', kind: 'Deployment' },
      destination: { namespace: 'shop', name: 'cart\u001b[2J', kind: 'Deployment' },
      successes: 99,
      failures: 1,
      successRate: 0.99,
      ratePerSecond: 3.3333,
      latencyMs: { p50: quantile(12), p90: quantile(80), p99: { value: 10_000, lo: 10_000, hi: null } },
    },
    {
      source: null,
      destination: { namespace: 'pay', name: 'web', kind: '' },
      successRate: null,
      ratePerSecond: null,
      latencyMs: null,
    },
  ],
};
const TABLE = `SOURCE      DESTINATION        SUCCESS    RPS    P50    P90    P99
(unknown)   pay/web                  -      -      -      -      -
shop/web    shop/cart\\x1b[2J    99.00%   3.33   12ms   80ms   >10s
`;

test.serial('version and help go to standard output and end with 0', async (t) => {
  t.like(await runWeir(['--version']), { code: 0, out: `${manifest.version}\n`, err: '' });
  const help = await runWeir(['--help']);
  t.like(help, { code: 0, err: '' });
  for (const command of ['run', 'validate', 'components', 'edges', 'targets', 'explain', 'drops', 'demo']) {
    t.regex(help.out, new RegExp(`^ {2}${command} `, 'm'));
  }
});

for (const command of ['run', 'validate', 'components', 'edges', 'targets', 'drops']) {
  test(`help of ${command} has examples`, async (t) => {
    const { code, out } = await callWeir([command, '--help']);
    t.is(code, 0);
    t.regex(out, new RegExp(`Examples \\(run it as bin/weir from the checkout\\):\\n {2}weir ${command}`));
  });
}

const mistakes: [args: string[], err: RegExp][] = [
  [['egdes'], /unknown command 'egdes'\n\(Did you mean edges\?\)/],
  [['validate'], /required option '-c, --config <file\.\.\.>' not specified/],
  [['edges', '--colour', 'never'], /unknown option '--colour'\n\(Did you mean --color\?\)/],
  [['edges', '--url', 'foo'], /--url foo: expected http:\/\/HOST:PORT/],
  [['drops', 'kafka', 'otlp'], /kafka otlp: expected an id, or one of receiver, processor, exporter and an id/],
  [['drops', '--since', 'soon'], /--since soon: expected a duration such as 2s/],
  [['edges', '--watch=0'], /--watch 0: expected a duration such as 2s/],
  [['edges', '-o', 'yaml'], /Allowed choices are table, json/],
  [['components', 'linkred'], /no component has the type "linkred" \(did you mean linkerd\?\)/],
  [[], /Usage: weir/],
];

test('mistakes in the arguments end with 2 and say what is meant', async (t) => {
  for (const [args, err] of mistakes) {
    const result = await callWeir(args);
    t.is(result.code, 2, args.join(' '));
    t.is(result.out, '');
    t.regex(result.err, err);
  }
});

test.serial('validate accepts a right file, and its warnings can be denied', async (t) => {
  const cwd = join(DATA, 'good');
  t.like(await runWeir(['validate', '-c', 'minimal.yaml'], { cwd }), {
    code: 0,
    out: 'minimal.yaml: valid, metrics: linkerd → smi → smi\n',
    err: '',
  });
  const file = join(folder(t), 'unused.yaml');
  writeFileSync(
    file,
    'receivers: { linkerd: &a { static_configs: [{ targets: ["[::1]:4191"] }] }, linkerd/other: *a }\nprocessors: { smi: }\nexporters: { smi: }\n' +
      'service: { pipelines: { metrics: { receivers: [linkerd], processors: [smi], exporters: [smi] } } }\n',
  );
  const denied = await runWeir(['validate', '-c', file, '--deny-warnings']);
  t.is(denied.code, 3);
  t.regex(denied.err, /:1:77: warning WEIR1015: receivers\.linkerd\/other is configured but not used/);
  t.is((await runWeir(['validate', '-c', file])).code, 0);
});

test.serial('validate and run refuse a wrong file with 78 and the same text', async (t) => {
  const cwd = join(DATA, 'wrong');
  const file = '22-processor-missing.yaml';
  const [validated, ran] = await Promise.all([
    runWeir(['validate', '-c', file], { cwd }),
    runWeir(['run', '-c', file], { cwd }),
  ]);
  t.like(validated, { code: 78, out: '' });
  t.regex(validated.err, /^22-processor-missing\.yaml:7:19: error WEIR1018: .* put the processor smi between them/s);
  t.deepEqual({ code: ran.code, err: ran.err }, { code: 78, err: validated.err });
});

test.serial('validate -o json gives every field of every problem', async (t) => {
  const { code, out } = await runWeir(['validate', '-c', '09-not-an-address.yaml', '-o', 'json'], {
    cwd: join(DATA, 'wrong'),
  });
  t.is(code, 78);
  const answer = JSON.parse(out);
  t.false(answer.valid);
  t.like(answer.problems, { 0: { code: 'WEIR1007', line: 5, column: 15, path: 'exporters.smi.endpoint' }, length: 1 });
});

test('components lists all, and the keys of one', async (t) => {
  const all = await callWeir(['components']);
  t.regex(
    all.out,
    /^KIND +TYPE +STABILITY +TAKES +GIVES\n(?:receiver .*\n)*receiver +linkerd +metrics: \w+ +- +samples\n/,
  );
  const one = await callWeir(['components', 'linkerd']);
  t.regex(one.out, /^scrape_interval +duration +10s +\S/m);
  const json = JSON.parse((await callWeir(['components', 'kafka', '-o', 'json'])).out);
  t.like(json, { 0: { kind: 'exporter', type: 'kafka', config: { type: 'object' } }, length: 1 });
});

test('edges prints the table of a running Weir, with escaped names and one header', async (t) => {
  const url = await serveJson(t, EDGES);
  t.like(await callWeir(['edges', '--url', url]), { code: 0, out: TABLE, err: '' });
  const some = await callWeir(['edges', '-n', 'pay', '--no-headers'], { WEIR_URL: url });
  t.is(some.out, '(unknown)   web   -   -   -   -   -\n');
  t.regex((await callWeir(['edges', '-n', 'none', '--url', url])).out, /no edges begin or end in the namespace none/);
});

test('edges -o json gives the answer as it is', async (t) => {
  const url = await serveJson(t, EDGES);
  t.deepEqual(JSON.parse((await callWeir(['edges', '--url', url, '-o', 'json'])).out), EDGES);
});

test('before the first slot closed there is a time, never an empty table', async (t) => {
  const url = await serveJson(t, { ready: false, firstNumbersInSeconds: 11.2 }, 503);
  for (const command of ['edges', 'targets']) {
    t.like(await callWeir([command, '--url', url]), { code: 0, out: 'first numbers in 12s\n', err: '' });
  }
});

test('no edges and no targets say why', async (t) => {
  const url = await serve(t, (request, response) =>
    response.end(request.url === '/v1/edges' ? '{"ready":true,"edges":[]}' : '{"ready":true,"targets":[]}'),
  );
  t.regex(
    (await callWeir(['edges', '--url', url])).out,
    /^no edges: .*see: weir targets\); plain TCP.* only with tcp: true/,
  );
  t.regex((await callWeir(['targets', '--url', url])).out, /^no targets: static_configs/);
});

/** What a Weir that scrapes nobody says when it has no edges. */
const NO_EDGES = [
  ['nobody sends', false, [], /^no edges: nobody has sent traffic yet, .*takes what others send/],
  ['agents send', true, [], /^no edges: no proxy that the agents watch saw requests .*at each agent\); plain TCP/],
  ['Collectors send', true, [{ health: 'up' }], /^no edges: no proxy that a Collector tells of .*targets\); plain/],
  ['Collectors went silent', true, [{ health: 'down' }], /^no edges: 1 of 1 targets down: see weir targets/],
] as const;

for (const [who, watched, targets, expected] of NO_EDGES) {
  test(`no edges at a Weir that scrapes nobody say why: ${who}`, async (t) => {
    const url = await serve(t, (request, response) => {
      const edges = { ready: true, watched, edges: [] };
      response.end(JSON.stringify(request.url === '/v1/edges' ? edges : { ready: true, scrapes: false, targets }));
    });
    const { out, code } = await callWeir(['edges', '--url', url]);
    t.regex(out, expected);
    t.is(code, 0);
  });
}

test('no targets at a Weir that takes what others send point at the edges and the senders', async (t) => {
  const url = await serveJson(t, { ready: true, scrapes: false, targets: [], problems: [] });
  const { out, code } = await callWeir(['targets', '--url', url]);
  t.is(code, 0);
  t.regex(
    out,
    /^no targets: .* scrapes none, it takes what others send, and no Collector .*\(see: weir edges; .*weir targets\)\n$/,
  );
  t.is((await callWeir(['targets', 'web', '--url', url])).code, 1);
});

const TARGETS = {
  ready: true,
  targets: [
    {
      receiver: 'linkerd',
      address: '127.0.0.1:4192',
      namespace: 'shop',
      workload: 'web',
      pod: 'web-1',
      health: 'up',
      lastScrape: '2020-01-01T00:00:00.000Z',
      lastDurationMs: 8.2,
      samples: 190,
      consecutiveFailures: 0,
      lastError: '',
      explanation: 'up: 171 requests received',
      mend: '',
    },
    {
      receiver: 'linkerd',
      address: '127.0.0.1:4191',
      namespace: '',
      workload: '',
      pod: '',
      health: 'down',
      lastScrape: null,
      lastDurationMs: null,
      samples: 0,
      consecutiveFailures: 3,
      lastError: 'connection refused',
      explanation: 'down: connection refused',
      mend: 'is the proxy running?',
    },
  ],
};

test('targets explains each target and what to mend', async (t) => {
  const url = await serveJson(t, TARGETS);
  const { out } = await callWeir(['targets', '--url', url]);
  t.regex(out, /^TARGET +WORKLOAD +RECEIVER +HEALTH +LAST +DURATION +SAMPLES +FAILURES +EXPLANATION\n/);
  t.regex(out, /^127\.0\.0\.1:4191 +- +linkerd +down +- +- +0 +3 +down: connection refused$/m);
  t.regex(out, /^127\.0\.0\.1:4192 +shop\/web +linkerd +up +\d+h\d+m ago +8\.2ms +190 +0 +up: 171 requests received$/m);
  t.true(out.endsWith('   mend 127.0.0.1:4191: is the proxy running?\n'));
});

test('mends tell targets of one address apart, by what differs', async (t) => {
  const [up, down] = TARGETS.targets;
  const two = (...changes: object[]) =>
    serveJson(t, { ready: true, targets: changes.map((one) => ({ ...down, ...one })) });
  const mendsOf = async (url: string) => {
    const { out } = await callWeir(['targets', '--url', url]);
    return [...out.matchAll(/^ {3}mend (.*): is the proxy running\?$/gm)].map(([, name]) => name);
  };
  const [web, cart] = ['web', 'cart'].map((workload) => ({ namespace: 'shop', workload }));
  t.deepEqual(await mendsOf(await two(web!, cart!)), ['127.0.0.1:4191 (shop/web)', '127.0.0.1:4191 (shop/cart)']);
  t.deepEqual(await mendsOf(await two({}, { receiver: 'otlp' })), [
    '127.0.0.1:4191 (linkerd)',
    '127.0.0.1:4191 (otlp)',
  ]);
  t.deepEqual(await mendsOf(await two(web!, { ...cart!, receiver: 'otlp' })), [
    '127.0.0.1:4191 (shop/web, linkerd)',
    '127.0.0.1:4191 (shop/cart, otlp)',
  ]);
  t.deepEqual(await mendsOf(await two(web!, {})), ['127.0.0.1:4191 (shop/web)', '127.0.0.1:4191']);
  t.deepEqual(await mendsOf(await two({ ...web!, pod: 'web-1' }, { ...web!, pod: 'web-2' })), [
    '127.0.0.1:4191 (web-1)',
    '127.0.0.1:4191 (web-2)',
  ]);
  t.deepEqual(await mendsOf(await two(web!, { ...up })), ['127.0.0.1:4191'], 'another address needs no more');
});

test('files of targets that cannot be used are told, below the table and instead of an empty one', async (t) => {
  const problems = [{ receiver: 'linkerd', file: '/etc/a\u001b.json', error: 'no file matches this pattern' }];
  const told = '   problem linkerd: /etc/a\\x1b.json: no file matches this pattern\n';
  const full = await serveJson(t, { ...TARGETS, problems });
  t.true((await callWeir(['targets', '--url', full])).out.endsWith(`is the proxy running?\n${told}`));
  t.true((await callWeir(['targets', 'cart', '--url', full])).out.endsWith(told));
  const empty = await serveJson(t, { ready: true, targets: [], problems });
  const { out } = await callWeir(['targets', '--url', empty]);
  t.is(out, `no targets: the files of file_sd_configs cannot be used\n${told}`);
  const early = await serveJson(t, { ready: false, firstNumbersInSeconds: 4, targets: [], problems: [] });
  t.regex((await callWeir(['targets', '--url', early])).out, /^first numbers in 4s\nno targets: static_configs/);
});

test('targets of a workload that nobody watches says so', async (t) => {
  const url = await serveJson(t, TARGETS);
  t.regex((await callWeir(['targets', 'web', '--url', url, '--no-headers'])).out, /^127\.0\.0\.1:4192 [^\n]*\n$/);
  t.is(
    (await callWeir(['targets', 'cart', '-n', 'shop', '--url', url])).out,
    'none of the 2 targets has workload, pod or address cart in namespace shop: add its proxy, or correct its labels (namespace, deployment, pod …)\n',
  );
});

test('targets are found by the name and the address that the table prints; none found ends with 1', async (t) => {
  const url = await serveJson(t, TARGETS);
  for (const name of ['shop/web', 'web', 'web-1', 'shop/web-1', '127.0.0.1:4192']) {
    const { code, out } = await callWeir(['targets', name, '--url', url, '--no-headers']);
    t.is(code, 0, name);
    t.regex(out, /^127\.0\.0\.1:4192 [^\n]*\n$/);
  }
  t.is((await callWeir(['targets', 'pay/web', '--url', url])).code, 1);
});

test('targets whose series tell whose they are show and are found by those', async (t) => {
  const base = { ...TARGETS.targets[0], namespace: '', pod: '', identity: 'series' };
  const one = { ...base, address: '127.0.0.1:15020', workload: '127.0.0.1:15020', workloads: ['shop/cart'] };
  const node = { ...base, address: '127.0.0.1:15021', workload: '127.0.0.1:15021', workloads: ['pay/web', 'shop/api'] };
  const url = await serveJson(t, { ready: true, targets: [one, node] });
  const { out } = await callWeir(['targets', '--url', url, '--no-headers']);
  t.regex(out, /^127\.0\.0\.1:15020 +shop\/cart +linkerd /);
  t.regex(out, /^127\.0\.0\.1:15021 +\(2 by series\) +linkerd /m);
  for (const args of [['shop/api'], ['web'], ['api', '-n', 'shop'], ['-n', 'pay'], ['127.0.0.1:15021']]) {
    t.regex((await callWeir(['targets', ...args, '--url', url, '--no-headers'])).out, /^127\.0\.0\.1:15021 [^\n]*\n$/);
  }
  t.is((await callWeir(['targets', 'shop/web', '--url', url])).code, 1);
});

test('a reason that stands twice in an explanation is printed once', async (t) => {
  const explanation = 'down: connect: connect ECONNREFUSED 127.0.0.1:1; its traffic is missing';
  const url = await serveJson(t, { ...TARGETS, targets: [{ ...TARGETS.targets[1], explanation }] });
  t.regex((await callWeir(['targets', '--url', url])).out, /down: connect ECONNREFUSED/);
});

test('below the edges stand their window and how many targets are down', async (t) => {
  const window = { windowEnd: '2026-01-02T19:43:20.000Z', windowSeconds: 30 };
  const withEdges = await serve(t, (request, response) =>
    response.end(JSON.stringify(request.url === '/v1/edges' ? { ...EDGES, ...window } : TARGETS)),
  );
  const { out } = await callWeir(['edges', '--url', withEdges]);
  t.is(out, `${TABLE}last 30s to 19:43:20 UTC\n1 of 2 targets down: see weir targets\n`);
  t.notRegex((await callWeir(['edges', '--url', withEdges, '--no-headers'])).out, /last 30s|down/);
  const without = await serve(t, (request, response) =>
    response.end(JSON.stringify(request.url === '/v1/edges' ? { ready: true, edges: [] } : TARGETS)),
  );
  t.is((await callWeir(['edges', '--url', without])).out, 'no edges: 1 of 2 targets down: see weir targets\n');
});

test('a token that was given and refused is told as that, a closed connection with a hint at https', async (t) => {
  const file = join(folder(t), 'token');
  writeFileSync(file, 'hunter2\n');
  const refusing = await serve(t, (_request, response) => response.writeHead(401).end('{}'));
  t.regex(
    (await callWeir(['edges', '--url', refusing, '--token-file', file])).err,
    /status 401: the token was refused/,
  );
  const closing = await serve(t, (request) => request.socket.destroy());
  t.regex((await callWeir(['edges', '--url', closing])).err, /mend: does it speak https\? use --url https:/);
  t.regex(
    (await callWeir(['edges', '--url', refusing, '--ca-file', '/does/not/exist'])).err,
    /--ca-file \/does\/not\/exist: there is no such file/,
  );
});

test('the token is sent and never printed', async (t) => {
  const file = join(folder(t), 'token');
  writeFileSync(file, 'hunter2\n');
  const seen: (string | undefined)[] = [];
  const url = await serve(t, (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(401).end('{"kind":"Status","message":"Unauthorized"}');
  });
  const { code, out, err } = await callWeir(['edges', '--url', url, '--token-file', file]);
  t.deepEqual(seen, ['Bearer hunter2']);
  t.is(code, 1);
  t.is(out, '');
  t.regex(err, /status 401: the token was refused/);
  t.notRegex(err, /hunter2/);
});

test('a Weir that is not there, is none, or does not answer ends with 1 and a reason', async (t) => {
  const html = await serve(t, (_request, response) => response.end('<html>login</html>'));
  const hanging = await serve(t, () => {});
  const closed = createTcpServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const address = closed.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await new Promise((resolve) => closed.close(resolve));
  const cases: [args: string[], err: RegExp][] = [
    [
      ['--url', `http://127.0.0.1:${port}`],
      /nothing listens there.*\n {3}mend: start one \(weir run -c config\.yaml\)/,
    ],
    [['--url', html], /the answer is no JSON; is this a Weir\?/],
    [['--url', hanging, '--timeout', '200ms'], /no answer within 0\.2s/],
    [['--url', html, '--token-file', '/does/not/exist'], /--token-file \/does\/not\/exist: /],
  ];
  for (const [args, err] of cases) {
    const result = await callWeir(['edges', ...args]);
    t.is(result.code, 1, args.join(' '));
    t.regex(result.err, err);
    t.notRegex(result.err, /\n {4}at /);
  }
});

test.serial('watching prints again, one JSON document a line, until a signal comes', async (t) => {
  let asked = 0;
  const url = await serve(t, (_request, response) =>
    response.end(JSON.stringify({ ready: true, edges: [], n: ++asked })),
  );
  const weir = startCli(['edges', '--url', url, '--watch=50ms', '-o', 'json']);
  await weir.printed('"n":3}\n');
  weir.child.kill('SIGTERM');
  const { code, out } = await weir.finished;
  t.is(code, 0);
  t.deepEqual(
    out
      .split('\n')
      .slice(0, 3)
      .map((line) => JSON.parse(line).n),
    [1, 2, 3],
  );
});

test.serial('a reader that goes away is no failure', async (t) => {
  const url = await serveJson(t, { ready: true, edges: Array(20_000).fill(EDGES.edges[0]) });
  const weir = startCli(['edges', '--url', url]);
  weir.child.stdout?.once('data', () => weir.child.stdout?.destroy());
  const { code, err } = await weir.finished;
  t.deepEqual({ code, err }, { code: 0, err: '' });
});

function runFile(t: ExecutionContext, target: string, exporter = 'debug', settings = '{}'): string {
  const file = join(folder(t), 'config.yaml');
  writeFileSync(
    file,
    `receivers:
  linkerd: { scrape_interval: 3600s, static_configs: [{ targets: ["${target}"], labels: { namespace: shop, deployment: web } }] }
processors: { smi: }
exporters: { ${exporter}: ${settings} }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { metrics: { receivers: [linkerd], processors: [smi], exporters: [${exporter}] } }
`,
  );
  return file;
}

test.serial('run says what it started, and the first signal drains and ends with 0', async (t) => {
  const url = await serve(t, (_request, response) => response.end('process_start_time_seconds 1\n'));
  const weir = startCli(['run', '-c', runFile(t, new URL(url).host)]);
  await weir.printed('1 target');
  weir.child.kill('SIGTERM');
  assertStoppedWhole(t, await weir.finished);
});

test.serial('SIGTERM scrapes once more, and what was counted until then leaves before the end', async (t) => {
  let scrapes = 0;
  // The proxy began before Weir: the first page is what the second, of the farewell, is compared with.
  const url = await serve(t, (_request, response) => {
    const requests = ++scrapes === 1 ? 5 : 12;
    response.end(`response_total{direction="outbound",target_port="8080",dst_namespace="shop",dst_deployment="api",classification="success"} ${requests}
response_total{direction="outbound",target_port="8080",dst_namespace="shop",dst_deployment="api",classification="failure"} ${scrapes}
process_start_time_seconds 1
`);
  });
  const file = runFile(t, new URL(url).host, 'debug', '{ verbosity: normal }');
  // Balances and the end are told in full by logs as JSON.
  writeFileSync(file, readFileSync(file, 'utf8').replace('telemetry: {', 'telemetry: { logs: { encoding: json },'));
  const weir = startCli(['run', '-c', file]);
  await weir.printed('1 target');
  while (scrapes < 1) await new Promise((resolve) => setImmediate(resolve));
  weir.child.kill('SIGTERM');
  const { code, out, err } = await weir.finished;
  t.is(code, 0);
  t.is(scrapes, 2);
  const edges = out.split('\n').filter((line) => line.startsWith('  edge '));
  t.is(edges.length, 1, out);
  t.regex(edges[0]!, /^ {2}edge shop\/web -> shop\/api ok=7 failed=1 success=87\.50% /);
  t.regex(out, /^traffic \S+ \+\S+ edges=1 requests=8 records=1 targets=1 partial$/m);
  const last = JSON.parse(err.trim().split('\n').at(-1)!);
  t.like(last, { level: 'info', msg: 'stopped', unaccounted: 0, dropped: [] });
});

test.serial('a port that is taken is named, and nothing stays running', async (t) => {
  const { port } = new URL(await serve(t, () => {}));
  const file = runFile(t, '127.0.0.1:1', 'smi', `{ endpoint: "127.0.0.1:${port}" }`);
  const { code, err } = await runWeir(['run', '-c', file]);
  t.is(code, 1);
  t.regex(err, new RegExp(`weir: could not start: .*127\\.0\\.0\\.1:${port} is already in use`));
});

test.serial('a second signal ends a drain that hangs at once', async (t) => {
  const url = await serve(t, () => {});
  const weir = startCli(['run', '-c', runFile(t, new URL(url).host)]);
  await weir.printed('1 target');
  weir.child.kill('SIGINT');
  await weir.printed('draining');
  weir.child.kill('SIGINT');
  const { code, err } = await weir.finished;
  t.is(code, 130);
  t.regex(err, /weir: ended at the second SIGINT; not handed on: /);
});
