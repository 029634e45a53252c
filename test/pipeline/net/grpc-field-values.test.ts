/** @module Calls of gRPC whose header fields hold what no field may: CR, LF and NUL never arrive, and the call does. */
import { connect } from 'node:net';
import test from 'ava';
import { frame, GRPC_PATH, startStage, until } from './ingest-stage.ts';

/** A frame of HTTP/2 (RFC 9113 §4.1). */
function h2Frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A field as it is, neither indexed nor compressed (RFC 7541 §6.2.2). */
function field(name: string, value: string): Buffer {
  const text = (part: string) => Buffer.concat([Buffer.from([part.length]), Buffer.from(part, 'latin1')]);
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

for (const [name, value, served] of [
  ['CR and LF', 'a\r\nx-other: b', true],
  ['LF', 'a\nb', true],
  ['NUL', 'a\0b', true],
  ['an encoding that nobody knows', 'ab', false],
] as const) {
  test(`a call with ${name} in a field is ${served ? 'served without that field' : 'refused for it'}`, async (t) => {
    const stage = await startStage(t);
    const socket = connect(stage.grpc.port, '127.0.0.1');
    t.teardown(() => socket.destroy());
    const fields = [
      ...[field(':method', 'POST'), field(':scheme', 'http'), field(':path', GRPC_PATH), field(':authority', 'x')],
      ...[field('content-type', 'application/grpc'), field('grpc-encoding', value), field('te', 'trailers')],
    ];
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(h2Frame(4, 0, 0, Buffer.alloc(0)));
    socket.write(h2Frame(1, 0x4, 1, Buffer.concat(fields)));
    socket.write(h2Frame(0, 0x1, 1, frame(Buffer.from('message'))));
    await until(() => stage.ended.length > 0);
    t.deepEqual(stage.ended, [served ? '' : 'unknown_encoding']);
    t.deepEqual(
      stage.bodies.map((body) => Buffer.from(body).toString()),
      served ? ['message'] : [],
    );
  });
}
