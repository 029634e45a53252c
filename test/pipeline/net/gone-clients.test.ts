/** @module Clients that leave after all of a request was sent, while it is still being unpacked. */
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { Unpacker } from '../../../pipeline/net/unpacking.ts';
import { call, frame, GRPC_PATH, HTTP_PATH, h2, noise, rawConnection, startStage, until } from './ingest-stage.ts';

const BODY = noise(60_000);
const PACKED = gzipSync(BODY);
const HEAD = `POST ${HTTP_PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n`;

/** Lets no compressed body be unpacked before `open` is called. */
function gate(t: ExecutionContext) {
  const { unpack } = Unpacker.prototype;
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  const state = { waiting: 0, open: () => open() };
  Unpacker.prototype.unpack = async function (...body) {
    state.waiting += 1;
    await opened;
    return unpack.apply(this, body);
  };
  t.teardown(() => {
    Unpacker.prototype.unpack = unpack;
  });
  return state;
}

test.serial('HTTP: a body whose client has gone is not handed on, and that is counted', async (t) => {
  const unpacking = gate(t);
  // One connection at a time: another one is served only when the first is closed on the server's side as well.
  const stage = await startStage(t, { listener: { max_connections_per_address: 1 } });
  const raw = await rawConnection(t, stage.http);
  raw.socket.write(`${HEAD}content-encoding: gzip\r\ncontent-length: ${PACKED.length}\r\n\r\n`);
  raw.socket.write(PACKED);
  await until(() => unpacking.waiting === 1);
  raw.socket.destroy();
  const probe = async () => {
    const other = await rawConnection(t, stage.http);
    other.socket.write(`${HEAD}content-length: 5\r\nconnection: close\r\n\r\nprobe`);
    await other.closed;
    return other.text().startsWith('HTTP/1.1 200');
  };
  while (!(await probe()));
  unpacking.open();
  await until(() => stage.ended.length === 2);
  t.deepEqual(stage.ended, ['', 'broke_off']);
  t.deepEqual(
    stage.bodies.map((body) => Buffer.from(body).toString()),
    ['probe'],
  );
  await until(() => stage.room.bytes === 0);
});

for (const [what, leave] of [
  ['has reset it', (_, stream) => stream.close(8)],
  ['has gone', (session) => session.destroy()],
] satisfies [string, (session: Session, stream: Stream) => void][]) {
  test.serial(`gRPC: a call whose client ${what} is not handed on, and that is counted`, async (t) => {
    const unpacking = gate(t);
    const stage = await startStage(t, { listener: { max_connections_per_address: 2 } });
    const other = await h2(t, stage.grpc);
    const session = await h2(t, stage.grpc);
    const headers = { ':method': 'POST', ':path': GRPC_PATH, 'content-type': 'application/grpc' };
    const stream = session.request({ ...headers, 'grpc-encoding': 'gzip' });
    stream.on('error', () => {});
    stream.end(frame(PACKED, 1));
    await until(() => unpacking.waiting === 1);
    leave(session, stream);
    // What came on the same connection has been read by the time a later call on it is answered; else it must be closed.
    if (session.destroyed) await oneMore(t, stage);
    else t.is((await call(session, frame(Buffer.from('probe')))).status, '0');
    t.is((await call(other, frame(Buffer.from('probe')))).status, '0');
    const probes = stage.ended.length;
    unpacking.open();
    await until(() => stage.ended.length > probes);
    t.is(stage.ended.at(-1), 'broke_off');
    t.deepEqual(new Set(stage.bodies.map((body) => Buffer.from(body).toString())), new Set(['probe']));
    await until(() => stage.room.bytes === 0);
  });
}

type Session = Awaited<ReturnType<typeof h2>>;
type Stream = ReturnType<Session['request']>;

/** Preface of HTTP/2, and no settings. */
const OPENING = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

/** Connects until there is room for another connection, so that one of the others is closed on the server's side. */
async function oneMore(t: ExecutionContext, stage: Awaited<ReturnType<typeof startStage>>): Promise<void> {
  for (let served = false; !served; ) {
    const raw = await rawConnection(t, stage.grpc);
    raw.socket.write(OPENING);
    await until(() => raw.text() !== '' || raw.socket.destroyed);
    served = raw.text() !== '';
    raw.socket.destroy();
  }
}
