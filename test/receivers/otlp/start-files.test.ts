/** @module Files of the `otlp` receiver that cannot be used keep all its ports closed. */
import test from 'ava';
import { Balance } from '../../../pipeline/balance.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import { otlpConfig } from '../../../receivers/otlp/config.ts';
import { createOtlpReceiver } from '../../../receivers/otlp/otlp.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { createTestMeters } from '../scrape/harness.ts';

test('a token file that is missing for HTTP is told before gRPC listens', async (t) => {
  const [clock, log] = [createTestClock(), createTestLog()];
  const endpoint = '127.0.0.1:0';
  const http = { endpoint, bearer_token_file: '/nowhere/token' };
  const balance = new Balance();
  const receiver = createOtlpReceiver({
    ...{ id: 'otlp', clock, time: createEngineTime(clock), log, meters: createTestMeters(), balance },
    config: otlpConfig.parse({ protocols: { grpc: { endpoint }, http } }),
    balanceOf: () => balance,
    startedMs: 0,
    signals: new Set(['traces'] as const),
    demand: new Set(),
    meshTable: () => Promise.reject(new Error('no mesh is asked for')),
    next: { admits: () => ({ ok: true }), consume: () => {} },
  });
  await t.throwsAsync(receiver.start(), {
    message: /^receivers\.otlp\.protocols\.http\.bearer_token_file: "\/nowhere\/token" cannot be read: /,
  });
  t.deepEqual(
    log.lines.filter(({ message }) => message === 'OTLP is taken'),
    [],
  );
});
