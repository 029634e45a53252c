/** @module A request of HTTP/1.1 says once, and as HTTP has it, which host it is for; else it is 400 and nothing is taken. */
import test from 'ava';
import { HTTP_PATH, rawConnection, startStage } from './ingest-stage.ts';

const BODY = Buffer.from('what is taken');

const CASES: readonly (readonly [name: string, version: string, hosts: readonly string[], status: number])[] = [
  ['a name', '1.1', ['weir'], 200],
  ['a name and a port', '1.1', ['weir.shop.svc.cluster.local.:4318'], 200],
  ['a name with underscores', '1.1', ['otel_collector:4318'], 200],
  ['a name and no port behind the colon', '1.1', ['weir:'], 200],
  ['an IPv4 address', '1.1', ['127.0.0.1:4318'], 200],
  ['an IPv6 address', '1.1', ['[::1]:4318'], 200],
  ['an IPv6 address with a zone', '1.1', ['[fe80::1%25eth0]'], 200],
  ['none', '1.1', [], 400],
  ['an empty one', '1.1', [''], 400],
  ['spaces only', '1.1', ['   '], 400],
  ['a port only', '1.1', [':4318'], 400],
  ['two that differ', '1.1', ['weir', 'other'], 400],
  ['two that are the same', '1.1', ['weir', 'weir'], 400],
  ['two, the first of which is empty', '1.1', ['', 'weir'], 400],
  ['two names', '1.1', ['weir, other'], 400],
  ['a URL', '1.1', ['http://weir'], 400],
  ['a path', '1.1', ['weir/v1'], 400],
  ['a user', '1.1', ['me@weir'], 400],
  ['a port that is none', '1.1', ['weir:http'], 400],
  ['an address in half a bracket', '1.1', ['[::1'], 400],
  ['a name with a byte beyond ASCII', '1.1', ['w\u00e9ir'], 400],
  ['none, in HTTP/1.0', '1.0', [], 200],
  ['an empty one, in HTTP/1.0', '1.0', [''], 200],
];

for (const [name, version, hosts, status] of CASES) {
  test(`${name}: ${status}`, async (t) => {
    const stage = await startStage(t);
    const client = await rawConnection(t, stage.http);
    const lines = hosts.map((host, i) => `${i % 2 === 0 ? 'Host' : 'hOST'}: ${host}\r\n`).join('');
    const length = `Content-Type: application/x-protobuf\r\nContent-Length: ${BODY.length}\r\nConnection: close\r\n\r\n`;
    const head = Buffer.from(`POST ${HTTP_PATH} HTTP/${version}\r\n${lines}${length}`, 'latin1');
    client.socket.write(Buffer.concat([head, BODY]));
    await client.closed;
    t.is(/^HTTP\/1\.1 (\d+) /.exec(client.text())?.[1], String(status));
    t.is(stage.bodies.length, status === 200 ? 1 : 0);
  });
}
