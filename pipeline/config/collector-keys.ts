/**
 * @module Keys that the OpenTelemetry Collector has and Weir has not: what to write instead, or why it goes without.
 *
 * Source: opentelemetry-collector, receiver/otlpreceiver, exporter/otlpexporter, exporter/otlphttpexporter,
 * exporter/exporterhelper, config/configgrpc, config/confighttp, config/configtls.
 */

/** Mends by key, or by parent and key. */
type Mends = Readonly<Record<string, string>>;

const FILES_ONLY = 'write it into a file: no private key stands in a configuration';
const NODES_OWN = "remove it: Node's own are used";
const NODES_BUFFERS = 'remove it: buffers are those of Node';
const NOT_HERE = 'remove it: there is no such thing here';

const BUFFERS: Mends = { read_buffer_size: NODES_BUFFERS, write_buffer_size: NODES_BUFFERS };

const ANY_TLS: Mends = {
  'tls.cert_pem': `${FILES_ONLY} (cert_file)`,
  'tls.key_pem': `${FILES_ONLY} (key_file)`,
  'tls.max_version': 'remove it: the newest version that both sides know is used',
  'tls.cipher_suites': NODES_OWN,
  'tls.curve_preferences': NODES_OWN,
  'tls.tpm': NOT_HERE,
};

const OTLP_RECEIVER: Mends = {
  ...BUFFERS,
  include_metadata: 'remove it: headers of requests are not passed on, nothing here sends by them',
  auth: 'remove it; bearer_token_file, or tls with client_ca_file, say who may send',
  middlewares: NOT_HERE,
  'grpc.transport': 'remove it: TCP only; on one machine, loopback',
  'http.transport': 'remove it: TCP only; on one machine, loopback',
  'grpc.keepalive': 'remove it; idle_timeout and header_timeout end connections that are not used',
  read_timeout: 'write request_timeout, the time for a whole request',
  read_header_timeout: 'write header_timeout, the time for the headers of a request',
  write_timeout: 'remove it; request_timeout holds for answers that are not read as well',
  keep_alives_enabled: 'remove it: connections are kept for idle_timeout',
  response_headers: 'remove it: answers have no headers of your own',
  compression_algorithms: 'remove it: gzip, deflate and zstd are always taken, snappy and lz4 never',
  logs_url_path: 'remove it: only traces and metrics are taken here',
  profiles_url_path: 'remove it: only traces and metrics are taken here',
  'tls.client_ca_file_reload': 'remove it: files are read again soon after a change',
  'tls.reload_interval': 'remove it: files are read again soon after a change',
  'tls.ca_file': 'write client_ca_file, the authorities of clients',
  'tls.ca_pem': `${FILES_ONLY} (client_ca_file, the authorities of clients)`,
  'tls.include_system_ca_certs_pool': 'remove it: client_ca_file names all authorities of clients',
};

const EXPORTER: Mends = {
  'sending_queue.storage': 'remove it: queues are in memory',
  'sending_queue.wait_for_result': 'remove it: senders are answered as soon as the queue has what they sent',
  'sending_queue.batch': 'remove it: batches are kept as they came',
  batcher: 'remove it: batches are kept as they came',
  'tls.ca_pem': 'write it into a file (ca_file)',
  'tls.min_version': 'remove it: TLS 1.2 or newer is used',
  'tls.reload_interval': 'remove it: files are read at each connection',
  'tls.include_system_ca_certs_pool':
    'remove it: ca_file stands instead of the well-known authorities; name them in it as well',
};

const COALESCES = 'remove it: a full queue adds windows together (on_full: coalesce), and nobody waits';

const KAFKA_EXPORTER: Mends = {
  'sending_queue.block_on_overflow': COALESCES,
  'sending_queue.enabled': 'remove it: what is sent is always queued',
  'sending_queue.num_consumers': 'remove it: windows go one after the other',
};

const OTLP_EXPORTER: Mends = {
  ...BUFFERS,
  'sending_queue.block_on_overflow':
    'write on_full: refuse (the default) tells senders to come again, drop_oldest and drop_newest drop',
  auth: 'write headers: { authorization: "Bearer ${env:TOKEN}" }',
  middlewares: NOT_HERE,
  user_agent: 'write headers: { user-agent: … }',
  proxy_url: 'remove it: no proxy is used, write the address that is reached directly',
  logs_endpoint: 'remove it: only traces and metrics are sent from here',
  profiles_endpoint: 'remove it: only traces and metrics are sent from here',
};

const CONNECTIONS = 'remove it; sending_queue.num_consumers bounds how many connections there are';
const HTTP_1 = 'remove it: HTTP/1.1 is spoken; HTTP/2 with the exporter otlp (gRPC)';

const OTLPHTTP_EXPORTER: Mends = {
  cookies: 'remove it: cookies are not kept',
  max_idle_conns: CONNECTIONS,
  max_idle_conns_per_host: CONNECTIONS,
  max_conns_per_host: CONNECTIONS,
  idle_conn_timeout: 'remove it: connections are kept until the backend ends them, or some time without use',
  disable_keep_alives: 'remove it: connections are kept',
  force_attempt_http2: HTTP_1,
  http2_read_idle_timeout: HTTP_1,
  http2_ping_timeout: HTTP_1,
};

/** By section, or by section and type; the keys of a type go before those of its section. */
export const COLLECTOR_KEYS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map(
  Object.entries({
    receivers: ANY_TLS,
    'receivers.otlp': OTLP_RECEIVER,
    exporters: { ...ANY_TLS, ...EXPORTER },
    'exporters.kafka': KAFKA_EXPORTER,
    'exporters.otlp': OTLP_EXPORTER,
    'exporters.otlphttp': { ...OTLP_EXPORTER, ...OTLPHTTP_EXPORTER },
    service: { 'metrics.readers': 'write address: 127.0.0.1:8888, where /metrics is served' },
  }).map(([scope, mends]) => [scope, new Map(Object.entries(mends))]),
);
