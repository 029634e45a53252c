/** @module What keeps the `otlp` receiver from starting: files that cannot be used, and two signals at one path. */
import test from 'ava';
import { Balance } from '../../../pipeline/balance.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import { type OtlpConfig, otlpConfig } from '../../../receivers/otlp/config.ts';
import { createOtlpReceiver } from '../../../receivers/otlp/otlp.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { createTestMeters } from '../scrape/harness.ts';

const endpoint = '127.0.0.1:0';

function receiverOf(config: OtlpConfig) {
  const [clock, log] = [createTestClock(), createTestLog()];
  const balance = new Balance();
  const receiver = createOtlpReceiver({
    ...{ id: 'otlp', clock, time: createEngineTime(clock), log, meters: createTestMeters(), balance },
    config,
    balanceOf: () => balance,
    startedMs: 0,
    signals: new Set(['traces', 'metrics'] as const),
    demand: new Set(),
    meshTable: () => Promise.reject(new Error('no mesh is asked for')),
    next: { admits: () => ({ ok: true }), consume: () => {} },
  });
  const listens = () => log.lines.some(({ message }) => message === 'OTLP is taken');
  return { receiver, listens };
}

test('a token file that is missing for HTTP is told before gRPC listens', async (t) => {
  const http = { endpoint, bearer_token_file: '/nowhere/token' };
  const { receiver, listens } = receiverOf(otlpConfig.parse({ protocols: { grpc: { endpoint }, http } }));
  await t.throwsAsync(receiver.start(), {
    message: /^receivers\.otlp\.protocols\.http\.bearer_token_file: "\/nowhere\/token" cannot be read: /,
  });
  t.false(listens());
});

test('no signal takes the place of another at its path, whoever made the configuration', async (t) => {
  const { protocols, ...rest } = otlpConfig.parse({ protocols: { http: { endpoint } } });
  const http = { ...protocols.http!, metrics_url_path: '/v1/traces' };
  const { receiver, listens } = receiverOf({ ...rest, protocols: { http } });
  await t.throwsAsync(receiver.start(), {
    message: 'two signals are to be taken at /v1/traces, metrics being the second',
  });
  t.false(listens());
});
