/** @module What the `otlp` receiver logs and counts of connections that it ended. */
import test from 'ava';
import { ReceivingRoom } from '../../../pipeline/net/receiving-room.ts';
import { createOtlpEvents } from '../../../receivers/otlp/telemetry.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { createTestMeters } from '../scrape/harness.ts';

test('handshakes that fail are counted by reason, and told now and then with what to do', (t) => {
  const [log, meters, clock] = [createTestLog(), createTestMeters(), createTestClock()];
  const events = createOtlpEvents({ id: 'otlp', log, meters, clock }, new ReceivingRoom(1000));
  t.teardown(() => events.end());
  for (const protocol of ['grpc', 'http'] as const) {
    const server = events.server(protocol, new Map());
    for (let i = 0; i < 1000; i++) server.closed('tls_no_certificate', 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE');
    server.closed('tls_foreign_certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT');
    server.closed('tls_plain_http', 'ERR_SSL_HTTP_REQUEST');
    const closed = (reason: string) =>
      meters.read('weir_otlp_connections_closed_total', { receiver: 'otlp', protocol, reason });
    t.deepEqual(['tls_no_certificate', 'tls_foreign_certificate', 'tls_plain_http'].map(closed), [1000, 1, 1]);
    const lines = log.lines.filter(({ fields }) => fields.protocol === protocol);
    t.deepEqual(
      lines.map(({ level, fields, message }) => [level, fields.code, message]),
      [
        [
          ...['warn', 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'],
          'A handshake of TLS failed: clients need a certificate of client_ca_file, and this one showed none',
        ],
        [
          ...['warn', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
          'A handshake of TLS failed: clients need a certificate of client_ca_file, and this one showed another',
        ],
        [
          ...['warn', 'ERR_SSL_HTTP_REQUEST'],
          'A handshake of TLS failed: the client speaks without TLS, as plain HTTP and gRPC do; give it an address with https:// and this certificate to trust',
        ],
      ],
    );
  }
});

test('changed files that cannot be used are counted by protocol, and told with what is in use', (t) => {
  const [log, meters, clock] = [createTestLog(), createTestMeters(), createTestClock()];
  const events = createOtlpEvents({ id: 'otlp/tls', log, meters, clock }, new ReceivingRoom(1000));
  t.teardown(() => events.end());
  const count = (protocol: string) => meters.read('weir_otlp_files_unusable_total', { receiver: 'otlp/tls', protocol });
  t.deepEqual([count('grpc'), count('http')], [0, 0]);
  events.server('grpc', new Map()).fileUnusable('/etc/weir/tls.crt', 'is empty');
  events.server('grpc', new Map()).fileUnusable('/etc/weir/tls.key', 'is empty');
  events.server('http', new Map()).fileUnusable('/etc/weir/token', 'cannot be read: EACCES');
  t.deepEqual([count('grpc'), count('http')], [2, 1]);
  t.like(log.lines[2], {
    level: 'warn',
    fields: { protocol: 'http', path: '/etc/weir/token', reason: 'cannot be read: EACCES' },
    message: 'A file of the listener cannot be used; the old content stays in use',
  });
});

test('exchanged ports are told with the port of the other protocol, limits by their key, and each with the peer', (t) => {
  const [log, meters, clock] = [createTestLog(), createTestMeters(), createTestClock()];
  const events = createOtlpEvents({ id: 'otlp', log, meters, clock }, new ReceivingRoom(1000));
  t.teardown(() => events.end());
  events.server('grpc', new Map()).closed('http_at_grpc', '', '10.0.0.7:40000');
  events.listening('grpc', '127.0.0.1', 4317);
  const http = events.server('http', new Map());
  for (const reason of ['grpc_at_http', 'tls_at_plain', 'bad_http', 'max_connections'] as const) http.closed(reason);
  const told = log.lines.filter(({ level }) => level === 'warn').map(({ fields, message }) => [fields.peer, message]);
  t.deepEqual(told, [
    [
      '10.0.0.7:40000',
      'A connection was ended: the client speaks HTTP/1.1, and this port takes OTLP over gRPC (HTTP/2): OTLP over HTTP is not served here',
    ],
    [
      undefined,
      'A connection was ended: the client speaks gRPC (HTTP/2), and this port takes OTLP over HTTP/1.1: OTLP over gRPC is taken on port 4317',
    ],
    [
      undefined,
      'A connection was ended: the client speaks TLS, and this port has none: give the client http:// (or insecure), or set tls here',
    ],
    [undefined, 'A connection was ended whose bytes cannot be read: they are no HTTP/1.1'],
    [undefined, 'A connection or call was ended for a limit: max_connections are open'],
  ]);
});

test('a refusal is told with who got it and what it was told, cut and escaped', (t) => {
  const [log, meters, clock] = [createTestLog(), createTestMeters(), createTestClock()];
  const events = createOtlpEvents({ id: 'otlp', log, meters, clock }, new ReceivingRoom(1000));
  t.teardown(() => events.end());
  const server = events.server('http', new Map());
  const message = `the request cannot be read: \u001b[2J${'x'.repeat(1000)}`;
  for (let i = 0; i < 1000; i++) server.ended('/v1/traces', 'malformed', 9, { peer: '[::1]:5', message });
  t.is(log.lines.length, 1);
  t.like(log.lines[0]!.fields, { path: '/v1/traces', reason: 'malformed', peer: '[::1]:5' });
  const told = String(log.lines[0]!.fields.told);
  t.true(told.startsWith('the request cannot be read: \\x1b[2Jx') && told.endsWith('x…') && told.length < 310);
});

for (const [what, node, protocol, host, levels] of [
  ['flaws, for other machines', '26.10.0', 'grpc', '0.0.0.0', ['info', 'warn']],
  ['flaws, for this machine only', '26.10.0', 'grpc', '127.0.0.1', ['info', 'info']],
  ['flaws, over HTTP/1.1', '26.10.0', 'http', '0.0.0.0', ['info']],
  ['none of the known flaws', '26.13.1', 'grpc', '0.0.0.0', ['info']],
] as const) {
  test(`a Node whose HTTP/2 has ${what}: ${levels.at(-1)} at start`, (t) => {
    const [log, meters, clock] = [createTestLog(), createTestMeters(), createTestClock()];
    const events = createOtlpEvents({ id: 'otlp', log, meters, clock }, new ReceivingRoom(1000), node);
    t.teardown(() => events.end());
    events.listening(protocol, host, 4317);
    t.deepEqual(
      log.lines.map(({ level }) => level),
      levels,
    );
    if (levels.length > 1)
      t.deepEqual(log.lines[1]!.fields, {
        node,
        flaw: 'CVE-2026-123866',
        mend: 'start Weir with a Node of your own, 26.13.1 or a newer one of its line: node pipeline/main.ts in place of bin/weir; or take OTLP over HTTP only',
      });
  });
}
