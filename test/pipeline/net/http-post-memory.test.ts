/** @module What bodies cost that were posted: collections of the young generation free them, not only full ones. */
import { Buffer } from 'node:buffer';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { createHttpPoster } from '../../../pipeline/net/http-post.ts';
import { createTestClock } from '../../kit/clock.ts';
import { OtlpBackend } from '../../kit/otlp-backend.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { type: 'major' | 'minor' }) => void;

const BODY_BYTES = 200_000;
const BODIES = 50;

/** Two collections of the young generation make what survives old: a body at a time may have had to stay. */
function collectYoung(): void {
  collect({ type: 'minor' });
  collect({ type: 'minor' });
}

test('a body that was posted is freed without a full collection', async (t) => {
  const backend = await OtlpBackend.start(t);
  const url = new URL('/v1/traces', backend.url);
  const poster = createHttpPoster({ url, tls: null, timeoutMs: 60_000, maxAnswerBytes: 100, clock: createTestClock() });
  t.teardown(() => poster.close());
  const post = async () => {
    t.is((await poster.post([], Buffer.allocUnsafeSlow(BODY_BYTES))).kind, 'answer');
    backend.received.length = 0;
    collectYoung();
  };
  await post();
  // From now on the poster is old, as it is in a process that runs for a while.
  collect({ type: 'major' });
  const before = process.memoryUsage().arrayBuffers;
  for (let n = 0; n < BODIES; n++) await post();
  const bodies = (process.memoryUsage().arrayBuffers - before) / BODY_BYTES;
  t.true(bodies < BODIES / 5, `${bodies} of ${BODIES} bodies are still there`);
});
