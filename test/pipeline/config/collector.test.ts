/** @module Keys and components of the OpenTelemetry Collector that Weir has not: each is told with what to do about it. */
import test from 'ava';
import { collectorComponentMend, collectorKeyMend, collectorUseMend } from '../../../pipeline/config/collector.ts';
import { loadConfig } from '../../../pipeline/config/load.ts';
import { registry } from '../../../pipeline/graph/registry.ts';

/** Keys of the Collector's schemas by where they stand; those that Weir knows are left out. */
const OF_LISTENERS = 'include_metadata auth middlewares transport read_buffer_size write_buffer_size'.split(' ');
const OF_GRPC = [...OF_LISTENERS, 'keepalive'];
const OF_HTTP = [
  ...'include_metadata auth middlewares transport read_timeout read_header_timeout write_timeout'.split(' '),
  ...'keep_alives_enabled response_headers compression_algorithms logs_url_path profiles_url_path'.split(' '),
];
const OF_TLS = 'cert_pem key_pem ca_pem include_system_ca_certs_pool max_version cipher_suites curve_preferences'.split(
  ' ',
);
const OF_SERVER_TLS = [...OF_TLS, 'reload_interval', 'client_ca_file_reload', 'ca_file'];
const OF_CLIENT_TLS = [...OF_TLS, 'reload_interval', 'min_version'];
const OF_GRPC_EXPORTER = 'user_agent read_buffer_size write_buffer_size auth middlewares'.split(' ');
const OF_HTTP_EXPORTER = [
  ...'logs_endpoint proxy_url cookies auth middlewares max_idle_conns idle_conn_timeout max_idle_conns_per_host'.split(
    ' ',
  ),
  ...'max_conns_per_host disable_keep_alives force_attempt_http2 read_buffer_size write_buffer_size'.split(' '),
];
const OF_QUEUE = 'storage wait_for_result block_on_overflow batch'.split(' ');

const PLACES: readonly (readonly [place: string, keys: readonly string[]])[] = [
  ['receivers.otlp.protocols.grpc', OF_GRPC],
  ['receivers.otlp.protocols.http', OF_HTTP],
  ['receivers.otlp.protocols.grpc.tls', OF_SERVER_TLS],
  ['receivers.otlp.protocols.http.tls', OF_SERVER_TLS],
  ['exporters.otlp', OF_GRPC_EXPORTER],
  ['exporters.otlphttp', OF_HTTP_EXPORTER],
  ['exporters.otlp.tls', OF_CLIENT_TLS],
  ['exporters.otlphttp.tls', OF_CLIENT_TLS],
  ['exporters.otlp.sending_queue', OF_QUEUE],
  ['exporters.otlphttp.sending_queue', OF_QUEUE],
  ['exporters.kafka.sending_queue', [...OF_QUEUE, 'enabled', 'num_consumers']],
];

for (const [place, keys] of PLACES) {
  test(`each key of the Collector that ${place} has not is told with what to do`, async (t) => {
    const { problems } = await loadConfig(['config.yaml'], {
      env: {},
      registry,
      read: async () => withKeys(place, keys),
    });
    const unknown = problems.filter(({ code }) => code === 'WEIR1003');
    t.deepEqual(
      unknown.map(({ path }) => path),
      keys.map((key) => `${place}.${key}`),
    );
    for (const { path, mend } of unknown) t.regex(mend ?? '', /^(?:remove it|write )/, path);
  });
}

/** A configuration with all of `keys` at `place`, in flow style. */
function withKeys(place: string, keys: readonly string[]): string {
  const value = `{ ${keys.map((key) => `${key}: x`).join(', ')} }`;
  return `${place
    .split('.')
    .reduceRight((inner, step) => `{ ${step}: ${inner} }`, value)
    .slice(2, -2)}\n`;
}

test('keys of a type go before those of its section, and names of others are none of the Collector', (t) => {
  t.regex(collectorKeyMend(['exporters', 'kafka/a', 'sending_queue', 'block_on_overflow']) ?? '', /coalesce/);
  t.regex(collectorKeyMend(['exporters', 'otlphttp/b', 'sending_queue', 'block_on_overflow']) ?? '', /drop_oldest/);
  for (const path of [
    ['receivers', 'linkerd', 'auth'],
    ['exporters', 'smi', 'cookies'],
    ['exporters', '__proto__', 'x'],
    [],
  ])
    t.is(collectorKeyMend(path), null, path.join('.'));
});

test('a key of the Collector that resembles one that is known hides nothing else', async (t) => {
  const text = `
receivers: { otlp: }
exporters: { otlp: { endpoint: "http://127.0.0.1:4317", auth: { authenticator: x } } }
service: { pipelines: { traces: { receivers: [otlp], exporters: [otlp] } } }
`;
  const { problems } = await loadConfig(['config.yaml'], { env: {}, registry, read: async () => text });
  t.deepEqual(
    problems.map(({ code }) => code),
    ['WEIR1029', 'WEIR1003'],
  );
});

test('components are told as renamed or needless, where they are configured and where a pipeline names them', (t) => {
  t.is(collectorComponentMend('exporters', 'logging'), 'write debug');
  t.is(collectorUseMend('exporters', 'logging/a'), 'write debug');
  t.is(
    collectorComponentMend('processors', 'batch'),
    'remove it, here and from the pipelines: batches are kept as they came',
  );
  t.is(collectorUseMend('processors', 'batch'), 'remove it: batches are kept as they came');
  t.is(collectorComponentMend('exporters', 'batch'), null);
});
