/** @module Keys of the `otlp` receiver: their defaults, and what is refused. */
import test from 'ava';
import { loadConfig } from '../../../pipeline/config/load.ts';
import { registry } from '../../../pipeline/graph/registry.ts';
import type { OtlpConfig } from '../../../receivers/otlp/config.ts';
import { factory } from '../../../receivers/otlp/factory.ts';

function issuesOf(yaml: unknown): { path: string; message: string; code: unknown }[] {
  const result = factory.config.safeParse(yaml);
  return (result.error?.issues ?? []).map((issue) => ({
    path: issue.path.join('.'),
    message: issue.message,
    code: 'params' in issue ? issue.params?.weir : undefined,
  }));
}

test('without keys both protocols are served, on loopback, with the limits of the Collector', (t) => {
  const { protocols, ...rest } = factory.config.parse({});
  t.deepEqual(protocols.grpc?.endpoint, { host: '127.0.0.1', port: 4317 });
  t.deepEqual(protocols.http?.endpoint, { host: '127.0.0.1', port: 4318 });
  t.is(protocols.grpc?.max_recv_msg_size_mib, 4);
  t.is(protocols.http?.max_request_body_size, 20 * 2 ** 20);
  t.is(protocols.http?.traces_url_path, '/v1/traces');
  t.is(protocols.http?.metrics_url_path, '/v1/metrics');
  t.is(rest.max_items_per_request, 50_000);
  t.is(rest.max_nesting_depth, 32);
  t.is(rest.max_receiving_size, 64 * 2 ** 20);
  t.is(rest.scrape_interval, 10_000);
});

test('only what is named is served, and a slash is put before a path without one', (t) => {
  const { protocols } = factory.config.parse({ protocols: { http: { traces_url_path: 'spans' } } });
  t.is(protocols.grpc, undefined);
  t.is(protocols.http?.traces_url_path, '/spans');
});

for (const [yaml, grpc, http] of [
  ['{ grpc: , http: }', true, true],
  ['{ grpc: }', true, false],
  ['{ http: }', false, true],
] as const) {
  test(`bare keys of protocols mean their defaults: protocols: ${yaml}`, async (t) => {
    const text = [
      'receivers: { otlp: { protocols: VALUE } }',
      'exporters: { debug: {} }',
      'service: { pipelines: { traces: { receivers: [otlp], exporters: [debug] } } }',
    ];
    const read = async () => text.join('\n').replace('VALUE', yaml);
    const { config, problems } = await loadConfig(['c.yaml'], { env: {}, registry, read });
    t.deepEqual(problems, []);
    const otlp = config?.pipelines[0]?.receivers[0]?.config as OtlpConfig | undefined;
    t.deepEqual(otlp?.protocols.grpc?.endpoint, grpc ? { host: '127.0.0.1', port: 4317 } : undefined);
    t.deepEqual(otlp?.protocols.http?.endpoint, http ? { host: '127.0.0.1', port: 4318 } : undefined);
  });
}

test('paths that differ are taken, those that another letter or an escaped slash sets apart, too', (t) => {
  for (const [traces_url_path, metrics_url_path] of [
    ['/v1/metrics', '/v1/traces'],
    ['/a', '/A'],
    ['/a/b', '/a%2Fb'],
    ['/a', '/a/'],
    ['/a', '//a'],
    ['/%', '/%2'],
  ])
    t.deepEqual(issuesOf({ protocols: { http: { traces_url_path, metrics_url_path } } }), []);
});

test('slots are as long as the interval of the senders, and close one slot after their end', (t) => {
  t.deepEqual(factory.cadence?.(factory.config.parse({ scrape_interval: '30s' })), {
    intervalMs: 30_000,
    timeoutMs: 30_000,
  });
});

const TLS = { cert_file: 'c', key_file: 'k' };
const wide = (more: object) => ({ protocols: { grpc: { endpoint: '0.0.0.0:4317', ...more } } });

const REFUSED: readonly (readonly [name: string, yaml: unknown, path: string, message: RegExp, code?: string])[] = [
  ['no protocol', { protocols: {} }, 'protocols', /^must specify at least one protocol when using the OTLP receiver$/],
  [
    'a path that is none',
    { protocols: { http: { traces_url_path: 'a b' } } },
    'protocols.http.traces_url_path',
    /path/,
  ],
  ...(
    [
      ['/v1/otlp', '/v1/otlp', /^traces_url_path and metrics_url_path have to differ, and both are \/v1\/otlp$/],
      ['v1/otlp', '/v1/otlp', /both are \/v1\/otlp$/],
      ['/v1/metrics', undefined, /both are \/v1\/metrics$/],
      ['/v1/./otlp', '/v1/%6ftlp', /and \/v1\/\.\/otlp and \/v1\/%6ftlp are the same$/],
      ['/a%2fb', '/x/../a%2Fb', /are the same$/],
    ] as const
  ).map(
    ([traces_url_path, metrics_url_path, message]) =>
      [
        `one path for both signals, ${traces_url_path} and ${metrics_url_path ?? 'none written'},`,
        { protocols: { http: { traces_url_path, metrics_url_path } } },
        'protocols.http.metrics_url_path',
        message,
        'WEIR1021',
      ] as const,
  ),
  ['an old version of TLS', wide({ tls: { ...TLS, min_version: '1.0' } }), 'protocols.grpc.tls.min_version', /1\.2/],
  ['an address others reach', wide({}), 'protocols.grpc.endpoint', /no TLS and no credential/, 'WEIR1024'],
  ['one with TLS for everybody', wide({ tls: TLS }), 'protocols.grpc.endpoint', /has no credential/, 'WEIR1024'],
  ['one with a token in the clear', wide({ bearer_token_file: 't' }), 'protocols.grpc.endpoint', /no TLS/, 'WEIR1024'],
  ['an unknown key', { protocols: { grpc: {}, udp: {} } }, 'protocols', /udp/],
  [
    'less room than one request may take',
    { max_receiving_size: '10MiB' },
    'max_receiving_size',
    /20971520 bytes.*10485760/,
    'WEIR1006',
  ],
];

for (const [name, yaml, path, message, code] of REFUSED) {
  test(`${name} is refused`, (t) => {
    const [issue, ...more] = issuesOf(yaml);
    t.deepEqual(more, []);
    t.is(issue?.path, path);
    t.regex(issue?.message ?? '', message);
    if (code !== undefined) t.is(issue?.code, code);
  });
}

for (const [name, more] of [
  ['certificates of clients', { tls: { ...TLS, client_ca_file: 'ca' } }],
  ['TLS and a token', { tls: TLS, bearer_token_file: 't' }],
  ["the user's word", { insecure_allow: true }],
] as const) {
  test(`an address others reach may be listened on with ${name}`, (t) => {
    t.deepEqual(issuesOf(wide(more)), []);
  });
}
