/** @module The configuration of `otlphttp`: defaults, addresses, and exactly what is said against wrong ones. */
import test from 'ava';
import { maxRequestItems, otlpHttpConfig, signalUrl } from '../../../exporters/otlp/config.ts';
import { loadConfig } from '../../../pipeline/config/load.ts';
import { renderProblems } from '../../../pipeline/config/print.ts';
import { registry } from '../../../pipeline/graph/registry.ts';

const frame = (exporter: string) => `
receivers: { linkerd: { static_configs: [{ targets: ["127.0.0.1:4191"] }] } }
processors: { smi: {} }
exporters:
  otlphttp:
    ${exporter}
service: { pipelines: { metrics: { receivers: [linkerd], processors: [smi], exporters: [otlphttp] } } }
`;

/** What is said, without its place; nothing of it shows a secret. */
async function problems(exporter: string): Promise<string[]> {
  const { problems: found } = await loadConfig(['c.yaml'], {
    env: { TOKEN: 'hunter2', BROKEN: 'hunter2\n' },
    registry,
    read: async () => frame(exporter),
  });
  const text = renderProblems(found);
  if (/hunter/.test(text)) return [`a secret was printed: ${text}`];
  return found.map(({ code, severity, message, mend }) => `${severity} ${code}: ${message} | ${mend}`);
}

const OK = 'endpoint: http://127.0.0.1:4318';

const NOWHERE =
  'error WEIR1008: exporters.otlphttp: nowhere to send to: neither endpoint, metrics_endpoint nor traces_endpoint | add endpoint: http://127.0.0.1:4318';

const WRONG: readonly (readonly [yaml: string, problem: string])[] = [
  ['encoding: proto', NOWHERE],
  [
    `endpoint: 127.0.0.1:4318`,
    `error WEIR1007: exporters.otlphttp.endpoint: "127.0.0.1:4318" is no URL | write http://host:port or https://host:port, for example http://127.0.0.1:4318`,
  ],
  [
    `endpoint: ftp://127.0.0.1:4318`,
    `error WEIR1007: exporters.otlphttp.endpoint: "ftp://127.0.0.1:4318" is no URL | write http://host:port or https://host:port, for example http://127.0.0.1:4318`,
  ],
  [
    `endpoint: "http:/127.0.0.1"`,
    `error WEIR1007: exporters.otlphttp.endpoint: "http:/127.0.0.1" is no URL | write http://host:port or https://host:port, for example http://127.0.0.1:4318`,
  ],
  [
    `endpoint: "http://"`,
    `error WEIR1007: exporters.otlphttp.endpoint: "http://" is no URL | write http://host:port or https://host:port, for example http://127.0.0.1:4318`,
  ],
  [
    `endpoint: "http://127.0.0.1:99999"`,
    `error WEIR1007: exporters.otlphttp.endpoint: "http://127.0.0.1:99999" is no URL | write http://host:port or https://host:port, for example http://127.0.0.1:4318`,
  ],
  [
    `endpoint: "http://me:hunter3@127.0.0.1:4318"`,
    `error WEIR1007: exporters.otlphttp.endpoint: the URL holds a user name | write it as headers: { authorization: "\${env:NAME}" }`,
  ],
  [
    `endpoint: "http://127.0.0.1:4318?key=a"`,
    `error WEIR1007: exporters.otlphttp.endpoint: the URL has a query, and /v1/metrics or /v1/traces is appended to it | write the whole address as metrics_endpoint or traces_endpoint`,
  ],
  [
    `endpoint: "http://127.0.0.1:4318?key=hunter2"`,
    `error WEIR1007: exporters.otlphttp.endpoint: the URL has a query, and /v1/metrics or /v1/traces is appended to it | write the whole address as metrics_endpoint or traces_endpoint`,
  ],
  [
    `endpoint: "http://127.0.0.1:4318?key=a hunter2"`,
    `error WEIR1007: exporters.otlphttp.endpoint: the URL has a query, and /v1/metrics or /v1/traces is appended to it | write the whole address as metrics_endpoint or traces_endpoint`,
  ],
  [
    `endpoint: http://hunter2@127.0.0.1:4318`,
    `error WEIR1007: exporters.otlphttp.endpoint: the URL holds a user name | write it as headers: { authorization: "\${env:NAME}" }`,
  ],
  [
    `metrics_endpoint: http://me:hunter2/x@127.0.0.1:4318`,
    `error WEIR1007: exporters.otlphttp.metrics_endpoint: "http://***@127.0.0.1:4318" is no URL | write http://host:port or https://host:port, for example http://127.0.0.1:4318`,
  ],
  [
    `metrics_endpoint: collector:4318/v1/metrics?key=hunter2`,
    `error WEIR1007: exporters.otlphttp.metrics_endpoint: "collector:4318/v1/metrics?***" is no URL | write http://host:port or https://host:port, for example http://127.0.0.1:4318`,
  ],
  [
    `{ metrics_endpoint: "http://a/?key='hunter2'", encoding: xml }`,
    `error WEIR1004: exporters.otlphttp.encoding: "xml" is none of the allowed values | allowed: proto, json`,
  ],
  [
    `${OK}\n    headers: { __proto__: hunter2 }`,
    `error WEIR1003: unknown key "__proto__" in exporters.otlphttp.headers | use another name`,
  ],
  [
    `endpoint: "http://127.0.0.1:4318/#x"`,
    `error WEIR1007: exporters.otlphttp.endpoint: the URL has a fragment (#) | leave it out`,
  ],
  [
    `metrics_endpoint: "collector:4318/v1/metrics"`,
    `error WEIR1007: exporters.otlphttp.metrics_endpoint: "collector:4318/v1/metrics" is no URL | write http://host:port or https://host:port, for example http://127.0.0.1:4318`,
  ],
  [
    `${OK}\n    encoding: yaml`,
    `error WEIR1004: exporters.otlphttp.encoding: "yaml" is none of the allowed values | allowed: proto, json`,
  ],
  [
    `${OK}\n    compression: lz4`,
    `error WEIR1004: exporters.otlphttp.compression: "lz4" is none of the allowed values | allowed: gzip, zstd, none`,
  ],
  [
    `${OK}\n    compression_params: { level: 10 }`,
    `error WEIR1006: exporters.otlphttp.compression_params.level: 10 is too large | at most 9`,
  ],
  [
    `${OK}\n    timeout: 30`,
    `error WEIR1005: exporters.otlphttp.timeout: a duration needs a unit, found 30 | write 30s or 30ms`,
  ],
  [
    `${OK}\n    headers: { "a b": x }`,
    `error WEIR1004: exporters.otlphttp.headers.a b: "a b" is no name of a header | use letters, digits and -`,
  ],
  [
    `${OK}\n    headers: { "a\\r\\nb": x }`,
    `error WEIR1004: exporters.otlphttp.headers.a\\x0d\\x0ab: "a\\x0d\\x0ab" is no name of a header | use letters, digits and -`,
  ],
  [
    `${OK}\n    headers: { content-length: "3" }`,
    `error WEIR1004: exporters.otlphttp.headers.content-length: the header content-length is set by Weir itself | remove it`,
  ],
  [
    `${OK}\n    headers: { X-A: a, x-a: b }`,
    `error WEIR1004: exporters.otlphttp.headers.x-a: x-a and X-A are the same header | remove one of them`,
  ],
  [
    `${OK}\n    headers: { authorization: "hunter2\\r\\nx-b: 1" }`,
    `error WEIR1004: exporters.otlphttp.headers.authorization: the value of header authorization has characters that HTTP does not allow | write it in one line of printable Latin-1, without blanks at its ends; a secret from a file may end in a newline`,
  ],
  [
    `${OK}\n    headers: { authorization: "\${env:BROKEN}" }`,
    `error WEIR1004: exporters.otlphttp.headers.authorization: the value of header authorization has characters that HTTP does not allow | write it in one line of printable Latin-1, without blanks at its ends; a secret from a file may end in a newline`,
  ],
  [
    `${OK}\n    headers: { authorization: " hunter2" }`,
    `error WEIR1004: exporters.otlphttp.headers.authorization: the value of header authorization has characters that HTTP does not allow | write it in one line of printable Latin-1, without blanks at its ends; a secret from a file may end in a newline`,
  ],
  [
    `${OK}\n    headers: { authorization: "hunter2 ✓" }`,
    `error WEIR1004: exporters.otlphttp.headers.authorization: the value of header authorization has characters that HTTP does not allow | write it in one line of printable Latin-1, without blanks at its ends; a secret from a file may end in a newline`,
  ],
  [
    `${OK}\n    headers: { authorization: [hunter2] }`,
    `error WEIR1004: exporters.otlphttp.headers.authorization: expected text, found a list | write text`,
  ],
  [
    `${OK}\n    headers: [{ name: X-A, value: a }, { name: x-a, value: b }]`,
    `error WEIR1004: exporters.otlphttp.headers[1].name: x-a and X-A are the same header | remove one of them`,
  ],
  [
    `${OK}\n    headers: [{ name: content-length, value: "3" }]`,
    `error WEIR1004: exporters.otlphttp.headers[0].name: the header content-length is set by Weir itself | remove it`,
  ],
  [
    `${OK}\n    headers: [{ name: authorization, value: "\${env:BROKEN}" }]`,
    `error WEIR1004: exporters.otlphttp.headers[0].value: the value of header authorization has characters that HTTP does not allow | write it in one line of printable Latin-1, without blanks at its ends; a secret from a file may end in a newline`,
  ],
  [
    `${OK}\n    headers: [{ name: authorization }]`,
    `error WEIR1008: missing key "value" in exporters.otlphttp.headers[0] | add value: text`,
  ],
  [
    `${OK}\n    headers: [{ name: authorization, value: hunter2, secret: hunter2 }]`,
    `error WEIR1003: unknown key "secret" in exporters.otlphttp.headers[0] | allowed keys: name, value   see exporters/otlp/README.md`,
  ],
  [
    `${OK}\n    headers: [hunter2]`,
    `error WEIR1004: exporters.otlphttp.headers[0]: expected a mapping, found *** | write a mapping`,
  ],
  [
    `${OK}\n    headers: hunter2`,
    `error WEIR1004: exporters.otlphttp.headers: *** is not as expected | write a mapping or a list of mappings`,
  ],
  [
    `endpoint: http://b.example\n    headers: [{ name: Authorization, value: "\${env:TOKEN}" }]`,
    `warning WEIR1021: exporters.otlphttp: the header Authorization goes to b.example without TLS, readable for everybody on the way | write https:// if the backend has TLS`,
  ],
  [
    `${OK}\n    temporality: both`,
    `error WEIR1004: exporters.otlphttp.temporality: "both" is none of the allowed values | allowed: delta, cumulative`,
  ],
  [
    `${OK}\n    interval: minute`,
    `error WEIR1004: exporters.otlphttp.interval: "minute" is none of the allowed values | allowed: slot, window`,
  ],
  [
    `${OK}\n    tls: { cert_file: a.pem }`,
    `error WEIR1004: exporters.otlphttp.tls: cert_file and key_file belong together: give both or none | `,
  ],
  [
    `${OK}\n    sending_queue: { enabled: false }`,
    `error WEIR1004: exporters.otlphttp.sending_queue.enabled: false is none of the allowed values | allowed: true`,
  ],
  [
    `${OK}\n    sending_queue: { num_consumers: 0 }`,
    `error WEIR1006: exporters.otlphttp.sending_queue.num_consumers: 0 is too small | more than 0`,
  ],
  [
    `${OK}\n    sending_queue: { max_bytes: 64 }`,
    `error WEIR1005: exporters.otlphttp.sending_queue.max_bytes: a size needs a unit, found 64 | write 64B`,
  ],
  [
    `${OK}\n    max_request_items: 0`,
    `error WEIR1006: exporters.otlphttp.max_request_items: 0 is too small | more than 0`,
  ],
  [
    `${OK}\n    proxy_url: http://p`,
    `error WEIR1003: unknown key "proxy_url" in exporters.otlphttp | remove it: no proxy is used, write the address that is reached directly`,
  ],
  [
    `${OK}\n    tls: { ca_file: a.pem }`,
    `warning WEIR1021: exporters.otlphttp: tls has no effect on an http address | write https:// if TLS is meant`,
  ],
  [
    `endpoint: https://b.example\n    tls: { insecure: true }`,
    `warning WEIR1021: exporters.otlphttp: insecure has no effect on an https address: the scheme decides | write http:// if no TLS is meant, or leave it out`,
  ],
  [
    `endpoint: https://b.example\n    tls: { insecure_skip_verify: true }`,
    `warning WEIR1021: exporters.otlphttp: the certificate of the backend is not verified | set ca_file instead`,
  ],
  [
    `endpoint: http://b.example\n    headers: { Authorization: "\${env:TOKEN}" }`,
    `warning WEIR1021: exporters.otlphttp: the header Authorization goes to b.example without TLS, readable for everybody on the way | write https:// if the backend has TLS`,
  ],
  [
    `endpoint: http://b.example\n    headers: { X-Api-Key: "\${env:TOKEN}" }`,
    `warning WEIR1021: exporters.otlphttp: the header X-Api-Key goes to b.example without TLS, readable for everybody on the way | write https:// if the backend has TLS`,
  ],
];

for (const [yaml, problem] of WRONG) {
  test(`wrong: ${yaml.replace(/\s+/g, ' ')}`, async (t) => {
    t.deepEqual(await problems(yaml), [problem]);
  });
}

const FINE: readonly string[] = [
  `${OK}\n    headers: [{ name: authorization, value: "\${env:TOKEN}" }, { name: __proto__, value: a }]`,
  `${OK}\n    headers: []`,
  `${OK}\n    headers: { authorization: "\${env:TOKEN}" }`,
  `${OK}\n    tls: { insecure: true }`,
  `endpoint: http://b.example\n    headers: { X-Scope-OrgID: team }`,
  `endpoint: https://b.example\n    headers: { authorization: "\${env:TOKEN}" }\n    tls: { insecure: false }`,
  'metrics_endpoint: https://b.example/otlp?tenant=a',
  'endpoint: "http://[::1]:4318"',
  `${OK}\n    compression_params: { level: 9 }`,
  `${OK}\n    sending_queue: { enabled: true, num_consumers: 3, queue_size: 50, on_full: drop_oldest, max_bytes: 8MiB }`,
  `${OK}\n    compression: zstd`,
];

for (const yaml of FINE) {
  test(`nothing is said against ${yaml.replace(/\s+/g, ' ')}`, async (t) => {
    t.deepEqual(await problems(yaml), []);
  });
}

test('headers are a mapping or a list of names and values, as the Collector has them', (t) => {
  const sent = (headers: unknown) =>
    Array.from(otlpHttpConfig.parse({ endpoint: 'http://a', headers }).headers, ([name, value]) => [
      name,
      value.reveal(),
    ]);
  const pairs = [
    ['X-Team', 'a'],
    ['x-zone', 'b'],
  ];
  t.deepEqual(sent(Object.fromEntries(pairs)), pairs);
  t.deepEqual(sent(pairs.map(([name, value]) => ({ name, value }))), pairs);
  t.deepEqual(sent([{ name: '__proto__', value: 'c' }]), [['__proto__', 'c']]);
});

test('defaults are those of the Collector, and of traffic', (t) => {
  const {
    sending_queue: queue,
    retry_on_failure: retry,
    headers,
    ...rest
  } = otlpHttpConfig.parse({ endpoint: 'http://a' });
  t.deepEqual(rest, {
    endpoint: 'http://a',
    encoding: 'proto',
    compression: 'gzip',
    compression_params: { level: 1 },
    timeout: 30_000,
    temporality: 'delta',
    interval: 'slot',
    source: '',
    max_cached_items: 100_000,
    metric_expiration: 300_000,
    max_series: 200_000,
  });
  t.is(headers.size, 0);
  t.is(maxRequestItems(otlpHttpConfig.parse({ endpoint: 'http://a' })), 2000);
  t.is(maxRequestItems(otlpHttpConfig.parse({ endpoint: 'http://a', encoding: 'json' })), 500);
  t.is(maxRequestItems(otlpHttpConfig.parse({ endpoint: 'http://a', encoding: 'json', max_request_items: 9 })), 9);
  t.deepEqual(queue, {
    traffic: { queueSize: 1000, sizer: 'requests', onFull: 'coalesce', maxItems: 200_000 },
    spans: { queueSize: 1000, sizer: 'requests', onFull: 'refuse', maxBytes: 64 * 1024 * 1024 },
    consumers: 10,
  });
  t.is(retry.traffic.maxElapsedMs, 0, 'traffic has no deadline');
  t.is(retry.spans.maxElapsedMs, 300_000);
  for (const { maxRetryAfterMs } of [retry.traffic, retry.spans]) t.is(maxRetryAfterMs, 120_000);
});

const ADDRESSES: readonly (readonly [yaml: object, metrics: string | undefined, traces: string | undefined])[] = [
  [{ endpoint: 'http://a:4318' }, 'http://a:4318/v1/metrics', 'http://a:4318/v1/traces'],
  [{ endpoint: 'http://a:4318/' }, 'http://a:4318/v1/metrics', 'http://a:4318/v1/traces'],
  [{ endpoint: 'https://a/otlp' }, 'https://a/otlp/v1/metrics', 'https://a/otlp/v1/traces'],
  [{ endpoint: 'https://a/otlp/' }, 'https://a/otlp/v1/metrics', 'https://a/otlp/v1/traces'],
  [{ metrics_endpoint: 'https://a/x?tenant=b' }, 'https://a/x?tenant=b', undefined],
  [{ traces_endpoint: 'https://a/x?tenant=b' }, undefined, 'https://a/x?tenant=b'],
  [{ endpoint: 'http://a', metrics_endpoint: 'https://b/x' }, 'https://b/x', 'http://a/v1/traces'],
  [{ endpoint: 'http://a', traces_endpoint: 'https://b/x' }, 'http://a/v1/metrics', 'https://b/x'],
];

for (const [yaml, metrics, traces] of ADDRESSES) {
  test(`${JSON.stringify(yaml)} sends traffic to ${metrics} and spans to ${traces}`, (t) => {
    const config = otlpHttpConfig.parse(yaml);
    t.is(signalUrl(config, 'metrics')?.href, metrics);
    t.is(signalUrl(config, 'traces')?.href, traces);
  });
}

test('keys of one signal leave the other as it is', (t) => {
  const parse = (yaml: object) => otlpHttpConfig.parse({ endpoint: 'http://a', ...yaml });
  for (const [onFull, spans] of [
    ['coalesce', 'refuse'],
    ['refuse', 'refuse'],
    ['refuse_always', 'refuse_always'],
    ['drop_oldest', 'drop_oldest'],
    ['drop_newest', 'drop_newest'],
  ] as const) {
    const { sending_queue: queue } = parse({ sending_queue: { on_full: onFull, queue_size: 7, sizer: 'items' } });
    t.like(queue.traffic, { onFull: 'coalesce', queueSize: 7, sizer: 'items' });
    t.like(queue.spans, { onFull: spans, queueSize: 7, sizer: 'items' });
  }
  const { retry_on_failure: retry } = parse({
    retry_on_failure: { max_elapsed_time: '1m', initial_interval: '1s', max_retry_after: '15m' },
  });
  t.like(retry.traffic, { maxElapsedMs: 60_000, initialIntervalMs: 1000, maxRetryAfterMs: 900_000 });
  t.deepEqual(retry.spans, retry.traffic);
});

test('a pipeline whose signal has no address is refused', async (t) => {
  t.deepEqual(await problems('traces_endpoint: http://127.0.0.1:4318/v1/traces'), [
    'error WEIR1008: exporters.otlphttp: nowhere to send the metrics of this pipeline to: neither endpoint nor metrics_endpoint | add endpoint: http://127.0.0.1:4318, or metrics_endpoint with the whole address',
  ]);
});

test('header names such as constructor are names like any other, and values never print themselves', (t) => {
  const { headers } = otlpHttpConfig.parse({ endpoint: 'http://a', headers: { constructor: 'a', toString: 'b' } });
  t.deepEqual([...headers.keys()], ['constructor', 'toString']);
  t.is(headers.get('constructor')?.reveal(), 'a');
  t.is(JSON.stringify([...headers]), '[["constructor","***"],["toString","***"]]');
});
