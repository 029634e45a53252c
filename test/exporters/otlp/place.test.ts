/** @module What failures of exporters over OTLP say: where it was sent, what went wrong, and what mends it. */
import { readFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer as createH2, createSecureServer } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { grpcVerdictOf } from '../../../exporters/otlp/grpc-verdict.ts';
import { placeOfTarget, placeOfUrl, withPlace } from '../../../exporters/otlp/place.ts';
import { type Verdict, verdictOf } from '../../../exporters/otlp/verdict.ts';
import { systemClock as clock } from '../../../pipeline/clock/clock.ts';
import { createGrpcClient } from '../../../pipeline/net/grpc-client.ts';
import { createHttpPoster } from '../../../pipeline/net/http-post.ts';
import type { TlsFiles } from '../../../pipeline/net/tls-files.ts';

const pem = (name: string) => readFileSync(fileURLToPath(new URL(`../../data/tls/${name}`, import.meta.url)));
const PAIR = { cert: pem('listener.crt'), key: pem('listener.key') };
const MUTUAL = { ...PAIR, ca: PAIR.cert, requestCert: true, rejectUnauthorized: true };
const TRUSTING: TlsFiles = { caFile: '', certFile: '', keyFile: '', serverName: '', insecureSkipVerify: true };
const CAREFUL: TlsFiles = { ...TRUSTING, insecureSkipVerify: false };

const BACKENDS = {
  http: () => createHttp(),
  https: () => createHttps(PAIR),
  h2: () => createH2(),
  h2tls: () => createSecureServer(PAIR),
  /** Hangs up on what it cannot read, as servers of plain gRPC do. */
  hangsUp: () => createTcp((socket) => socket.once('data', () => socket.end()).on('error', () => {})),
  h2mutual: () => createSecureServer(MUTUAL),
} as const;

async function portOf(t: ExecutionContext, backend: keyof typeof BACKENDS): Promise<number> {
  const server = BACKENDS[backend]() as Server;
  t.teardown(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function post(port: number, tls: TlsFiles | null): Promise<Verdict> {
  const url = new URL(`${tls === null ? 'http' : 'https'}://127.0.0.1:${port}/v1/traces`);
  const poster = createHttpPoster({ url, tls, timeoutMs: 10_000, maxAnswerBytes: 1000, clock });
  const result = await poster.post([], new Uint8Array(1));
  poster.close();
  return withPlace(verdictOf(result, clock.wallMs()), placeOfUrl(url));
}

async function callTo(port: number, tls: TlsFiles | null): Promise<Verdict> {
  const fixed = { authority: '', headers: new Map(), compression: 'none', waitForReady: false } as const;
  const more = { balancer: 'round_robin', keepalive: null, maxAnswerBytes: 1000, timeoutMs: 10_000, clock } as const;
  const client = createGrpcClient({ host: '127.0.0.1', port, tls, ...fixed, ...more });
  const result = await client.call('/a.B/C', new Uint8Array(1));
  client.close();
  return withPlace(grpcVerdictOf(result), placeOfTarget('127.0.0.1', port, tls !== null));
}

for (const [what, backend, send, tls, reason, told] of [
  ['HTTP to a port with TLS', 'https', post, null, 'lost', /; if that port has TLS, write https:\/\/$/],
  ['HTTP to a port of gRPC', 'h2', post, null, 'protocol', /; it may be a port of gRPC: .* 4318; /],
  ['HTTPS to a plain port', 'http', post, TRUSTING, 'tls', /: wrong version number; that port has no TLS: /],
  ['HTTPS to gRPC', 'h2tls', post, TRUSTING, 'tls', /alert no application protocol; it may be a port of gRPC: /],
  [
    'HTTPS to a stranger',
    'https',
    post,
    CAREFUL,
    'tls',
    /: self-signed certificate; name the authority .* tls\.ca_file$/,
  ],
  ['gRPC to a port with TLS', 'h2tls', callTo, null, 'connect', /; if that port has TLS, write https:\/\/ or leave /],
  [
    'gRPC to a port of HTTP',
    'http',
    callTo,
    null,
    'connect',
    /; it speaks no HTTP\/2: OTLP over gRPC usually is on port 4317/,
  ],
  ['gRPC with TLS to a plain port', 'h2', callTo, TRUSTING, 'tls', /: wrong version number; that port has no TLS: /],
  [
    'gRPC with TLS to a port that hangs up on it',
    'hangsUp',
    callTo,
    TRUSTING,
    'tls',
    /disconnected before secure TLS connection was established; if that port has no TLS: .*tls\.insecure: true with gRPC$/,
  ],
  [
    'HTTPS to a port that hangs up on it',
    'hangsUp',
    post,
    TRUSTING,
    'lost',
    /disconnected before secure TLS connection was established; if that port has no TLS: write http:\/\/, /,
  ],
  ['gRPC with TLS to HTTPS', 'https', callTo, TRUSTING, 'tls', /alert no application protocol; it speaks no HTTP\/2: /],
  [
    'gRPC without the certificate it needs',
    'h2mutual',
    callTo,
    TRUSTING,
    'tls',
    /alert certificate required; it wants a certificate of this client/,
  ],
  ['gRPC to a stranger', 'h2tls', callTo, CAREFUL, 'tls', /: self-signed certificate; name the authority /],
] as const) {
  test(`${what} is ${reason}, with where and a mend, and nothing of OpenSSL's own`, async (t) => {
    const port = await portOf(t, backend);
    const verdict = await send(port, tls);
    t.like(verdict, {
      kind: 'transient',
      reason,
      arrived: reason === 'lost' || reason === 'protocol' ? 'maybe' : 'no',
    });
    const error = 'error' in verdict ? verdict.error : '';
    t.regex(error, told);
    t.true(error.includes(`127.0.0.1:${port}`), error);
    t.notRegex(error, /openssl|error:0A|SSL routines|use-system-ca/i);
  });
}

test('where nobody listens, that is said', async (t) => {
  for (const send of [post, callTo]) {
    const verdict = await send(1, null);
    t.regex(
      'error' in verdict ? verdict.error : '',
      /127\.0\.0\.1:1.*: connect ECONNREFUSED 127\.0\.0\.1:1; nothing listens there$/,
    );
  }
});

test('a 404 names the whole address that was asked, and a signal that stands there twice', (t) => {
  const refused = { kind: 'permanent', reason: 'http_404', error: 'status 404: not found' } as const;
  const told = (url: string) => (withPlace(refused, placeOfUrl(new URL(url))) as { readonly error: string }).error;
  t.is(told('http://a:4318/v1/traces'), 'http://a:4318/v1/traces: status 404: not found');
  t.is(
    told('https://a/otlp/v1/traces/v1/traces'),
    'https://a/otlp/v1/traces/v1/traces: status 404: not found; the path has the signal twice: endpoint gets /v1/traces or /v1/metrics appended, so leave it out there',
  );
  t.notRegex(told('http://a/v1/metrics/v1/traces'), /twice/);
  t.notRegex(told('http://a/v1/traces?key=s3cret'), /s3cret/);
});

test('what was taken is not touched', (t) => {
  const taken = { kind: 'accepted', rejected: 1, message: 'x' } as const;
  t.is(withPlace(taken, placeOfTarget('::1', 4317, true)), taken);
  t.is(placeOfTarget('::1', 4317, true).name, '[::1]:4317');
});
