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
          'A handshake of TLS failed: the client speaks plain HTTP; give it an address with https:// and this certificate to trust',
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
