/** @module Clients of HTTP that send requests without waiting for answers. */
import test from 'ava';
import { Pipelining } from '../../../pipeline/net/pipelining.ts';
import { createTestClock } from '../../kit/clock.ts';
import { HTTP_PATH, rawConnection, startStage } from './ingest-stage.ts';

/** A whole request without a body of the right kind. */
const REQUEST = `POST ${HTTP_PATH} HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: 0\r\n\r\n`;

/** How each answer ends its connection, or not. */
function connections(text: string): string[] {
  return Array.from(text.matchAll(/^connection: (\S+)/gim), ([, how]) => how!.toLowerCase());
}

test('of 200 requests at once 32 are answered, and the last answer says that nothing behind it is taken', async (t) => {
  const stage = await startStage(t);
  const raw = await rawConnection(t, stage.http);
  raw.socket.write(REQUEST.repeat(200));
  await raw.closed;
  t.deepEqual(connections(raw.text()), [...new Array(31).fill('keep-alive'), 'close']);
  t.is(stage.ended.length, 32);
  t.deepEqual(stage.closed, ['pipelined']);
});

test('bodies behind the last request are none that was taken', async (t) => {
  const stage = await startStage(t);
  const raw = await rawConnection(t, stage.http);
  const good = `POST ${HTTP_PATH} HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-protobuf\r\ncontent-length: 2\r\n\r\n`;
  const bodies = Array.from({ length: 40 }, (_, i) => String(i).padStart(2, '0'));
  raw.socket.write(bodies.map((body) => good + body).join(''));
  await raw.closed;
  t.deepEqual(
    stage.bodies.map((body) => Buffer.from(body).toString()),
    bodies.slice(0, 32),
  );
  t.is(connections(raw.text()).length, 32, 'each that was taken is answered');
});

test('31 requests in each turn are no reason to end a connection, nor are those of others', (t) => {
  const clock = createTestClock();
  const pipelining = new Pipelining(clock);
  const [one, other] = [{}, {}];
  for (let turn = 0; turn < 3; turn++) {
    for (let i = 1; i <= 31; i++) t.false(pipelining.isLast(one) || pipelining.isLast(other));
    t.is(clock.timers, 1);
    clock.advance(1);
  }
  for (let i = 1; i <= 31; i++) pipelining.isLast(one);
  t.false(pipelining.isLast(other));
  t.true(pipelining.isLast(one));
});
