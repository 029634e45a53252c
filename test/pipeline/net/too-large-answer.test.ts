/** @module Bodies beyond the limit are answered alike, whether their length was told or not. */
import test from 'ava';
import { HTTP_PATH, MAX_BODY_BYTES, rawConnection, startStage, until } from './ingest-stage.ts';

for (const [what, header, body] of [
  ['a told length', `content-length: ${2 * MAX_BODY_BYTES}`, ''],
  [
    'chunks',
    'transfer-encoding: chunked',
    `${(MAX_BODY_BYTES + 1).toString(16)}\r\n${'x'.repeat(MAX_BODY_BYTES + 1)}\r\n`,
  ],
] as const) {
  test(`a body with ${what} that is too long is answered 413 with connection: close`, async (t) => {
    const stage = await startStage(t);
    const raw = await rawConnection(t, stage.http);
    raw.socket.write(
      `POST ${HTTP_PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n${header}\r\n\r\n${body}`,
    );
    await until(() => raw.text().includes('\r\n\r\n'));
    t.regex(raw.text(), /^HTTP\/1\.1 413 [\s\S]*\r\nConnection: close\r\n/);
    t.deepEqual(stage.ended, ['too_large']);
    t.regex(stage.peers[0]!, /^127\.0\.0\.1:\d+$/);
  });
}
