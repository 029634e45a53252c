/** @module Configuration of the `otlp` exporter: addresses, TLS, headers, and what is said of mistakes. */
import test from 'ava';
import { checkOtlpGrpcConfig, otlpGrpcConfig, targetOf, tlsOf } from '../../../exporters/otlp/grpc-config.ts';

/** The parsed configuration, or what is wrong with it: messages and mends. */
function read(yaml: object) {
  const found = otlpGrpcConfig.safeParse(yaml);
  if (found.success) return found.data;
  return found.error.issues.map((issue) => ({
    path: issue.path.join('.'),
    message: issue.message,
    mend: 'params' in issue ? String((issue.params as { mend?: string }).mend) : '',
  }));
}

function parsed(yaml: object) {
  return otlpGrpcConfig.parse(yaml);
}

test('defaults are those of the Collector', (t) => {
  const config = parsed({ endpoint: 'b.example:4317' });
  t.like(config, {
    compression: 'gzip',
    timeout: 5000,
    wait_for_ready: false,
    balancer_name: 'round_robin',
    temporality: 'delta',
    interval: 'slot',
    max_request_items: 2000,
  });
  t.is(config.keepalive, undefined);
  t.is(config.sending_queue.consumers, 10);
  t.is(config.retry_on_failure.spans.maxElapsedMs, 300_000);
  t.is(config.retry_on_failure.traffic.maxElapsedMs, 0);
});

for (const [endpoint, tls, host, port, isSecure] of [
  ['b.example:4317', {}, 'b.example', 4317, true],
  ['b.example:4317', { insecure: true }, 'b.example', 4317, false],
  ['b.example:4317', { insecure: false }, 'b.example', 4317, true],
  ['http://b.example:4317', {}, 'b.example', 4317, false],
  ['HTTP://b.example:4317/', {}, 'b.example', 4317, false],
  ['https://b.example:443', {}, 'b.example', 443, true],
  ['https://b.example:443', { insecure: true }, 'b.example', 443, true],
  ['dns:///b.example:4317', {}, 'b.example', 4317, true],
  ['dns:///b.example:4317', { insecure: true }, 'b.example', 4317, false],
  ['127.0.0.1:4317', {}, '127.0.0.1', 4317, true],
  ['[::1]:4317', {}, '::1', 4317, true],
  ['otel_collector.svc.:4317', {}, 'otel_collector.svc.', 4317, true],
] as const) {
  test(`${endpoint} ${JSON.stringify(tls)}: ${host} ${port}, ${isSecure ? 'TLS' : 'plain'}`, (t) => {
    const config = parsed({ endpoint, tls });
    t.like(targetOf(config), { host, port, isSecure });
    t.is(tlsOf(config) === null, !isSecure);
  });
}

for (const [endpoint, message] of [
  ['', 'the address is empty'],
  ['b.example', 'the address has no port'],
  ['https://b.example', 'the address has no port'],
  ['[::1]', 'the address has no port'],
  ['b.example:otlp', 'the port is no number from 1 to 65535'],
  ['b.example:70000', 'the port is no number from 1 to 65535'],
  ['b.example:0', 'nobody listens on port 0'],
  [':4317', 'the address has no host'],
  ['http://:4317', 'the address has no host'],
  ['::1:4317', '::1:4317 needs brackets: [::1:4317]:4317'],
  ['b.example:4317/v1/traces', 'the address has a path'],
  ['http://b.example:4317/v1/traces', 'the address has a path'],
  ['http://b.example:4317?x=1', 'the address has a path'],
  ['https://user:secret@b.example:4317', 'the address holds a user name'],
  ['grpc://b.example:4317', 'grpc:// is no scheme of an address for gRPC'],
  ['unix:///run/otlp.sock', 'unix:// is no scheme of an address for gRPC'],
  ['dns://8.8.8.8/b.example:4317', 'dns:// names a server to ask, which is not supported'],
  ['b example:4317', 'the address has no name of a host'],
] as const) {
  test(`"${endpoint}" is refused: ${message}`, (t) => {
    const problems = read({ endpoint });
    t.true(Array.isArray(problems));
    if (!Array.isArray(problems)) return;
    t.is(problems.length, 1);
    t.like(problems[0], { path: 'endpoint', message });
    t.not(problems[0]?.mend, '');
    t.notRegex(JSON.stringify(problems), /secret/);
  });
}

test('no endpoint at all, and keys that nobody knows, are errors', (t) => {
  t.true(Array.isArray(read({})));
  t.true(Array.isArray(read({ endpoint: 'b:1', encoding: 'json' })));
});

for (const [headers, message] of [
  [{ 'a b': 'x' }, '"a b" is no name of a header'],
  [{ 'trace-bin': 'x' }, '"trace-bin" is no name of a header'],
  [{ 'grpc-timeout': '1S' }, 'the header grpc-timeout is set by Weir itself'],
  [{ 'Content-Type': 'x' }, 'the header Content-Type is set by Weir itself'],
  [{ a: 'x', A: 'y' }, 'A and a are the same header'],
  [{ a: 'hünter2' }, 'the value of header a has characters that gRPC does not allow'],
  [{ a: 'hunter2\n' }, 'the value of header a has characters that gRPC does not allow'],
] as const) {
  test(`headers ${JSON.stringify(headers)}: ${message}`, (t) => {
    const problems = read({ endpoint: 'b:1', headers });
    t.true(Array.isArray(problems) && problems[0]?.message === message);
    t.notRegex(JSON.stringify(problems), /nter2/);
  });
}

for (const compression of ['zstd', 'snappy'])
  test(`compression ${compression}, which the library does not have, is refused`, (t) => {
    t.like(read({ endpoint: 'b:1', compression }), [{ path: 'compression' }]);
  });

for (const [yaml, path] of [
  [{ endpoint: 'http://b.example:1', tls: { ca_file: '/ca' } }, 'tls'],
  [{ endpoint: 'b.example:1', tls: { insecure: true, ca_file: '/ca' } }, 'tls'],
  [{ endpoint: 'https://b.example:1', tls: { insecure: true } }, 'tls.insecure'],
  [{ endpoint: 'b.example:1', tls: { insecure_skip_verify: true } }, 'tls.insecure_skip_verify'],
  [{ endpoint: 'http://b.example:1', headers: { Authorization: 'Bearer x' } }, 'headers.Authorization'],
] as const) {
  test(`a warning at ${path} of ${JSON.stringify(yaml)}`, (t) => {
    const issues = checkOtlpGrpcConfig(parsed(yaml));
    t.deepEqual(
      issues.map((issue) => [issue.path.join('.'), issue.severity]),
      [[path, 'warning']],
    );
  });
}

for (const yaml of [
  { endpoint: 'b.example:4317', headers: { authorization: 'Bearer x' } },
  { endpoint: 'http://127.0.0.1:4317', headers: { authorization: 'Bearer x' } },
  { endpoint: '127.0.0.1:4317', tls: { insecure: true } },
  { endpoint: 'https://b.example:4317', tls: { ca_file: '/ca', cert_file: '/c', key_file: '/k' } },
]) {
  test(`nothing is said against ${JSON.stringify(yaml)}`, (t) => {
    t.deepEqual(checkOtlpGrpcConfig(parsed(yaml)), []);
  });
}
