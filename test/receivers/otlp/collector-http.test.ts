/** @module What a stock Collector posted, posted to a real `otlp` receiver with `smi` behind it, in JSON and in protobuf. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { Balance } from '../../../pipeline/balance.ts';
import type { Body } from '../../../pipeline/batch.ts';
import { ADMITTED } from '../../../pipeline/component.ts';
import { otlpConfig } from '../../../receivers/otlp/config.ts';
import { factory } from '../../../receivers/otlp/factory.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { createTestMeters } from '../scrape/harness.ts';
import { createSlots, encoded, tablesOf } from './samples-stage.ts';

const START_MS = 1_795_628_150_000;
const LINES = readFileSync(new URL('../../data/otlp/collector-istio.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const FORMS = [
  { contentType: 'application/json', bodyOf: (line: string) => Buffer.from(line) },
  { contentType: 'application/x-protobuf', bodyOf: (line: string) => Buffer.from(encoded(JSON.parse(line))) },
];

for (const { contentType, bodyOf } of FORMS) {
  test(`over HTTP as ${contentType}: counted, each request once, and the rest of the page is no fault`, async (t) => {
    t.timeout(60_000);
    const clock = createTestClock(START_MS);
    const slots = createSlots(clock, 2000);
    const log = createTestLog();
    const books = new Map<Body, Balance>();
    const balanceOf = (body: Body) => books.get(body) ?? books.set(body, new Balance()).get(body)!;
    const receiver = await factory.create({
      ...{
        id: 'otlp',
        clock,
        time: slots.time,
        log,
        meters: createTestMeters(),
        balance: balanceOf('samples'),
        balanceOf,
      },
      config: otlpConfig.parse({ protocols: { http: { endpoint: '127.0.0.1:0' } }, scrape_interval: '2s' }),
      startedMs: START_MS,
      next: { admits: () => ADMITTED, consume: slots.consume },
      ...{ signals: new Set(['metrics'] as const), demand: new Set(['requests', 'latency'] as const) },
      meshTable: async (mesh) => (await tablesOf([mesh as 'istio']))[0]!,
    });
    t.teardown(() => receiver.stop(AbortSignal.abort()));
    await receiver.start();
    const address = log.lines.find(({ message }) => message === 'OTLP is taken')?.fields.address;
    const post = (line: string) =>
      fetch(`http://${address}/v1/metrics`, {
        ...{ method: 'POST', headers: { 'content-type': contentType }, body: bodyOf(line) },
      });

    for (const [k, line] of LINES.entries()) {
      clock.advance(k === 0 ? 5200 : 2000);
      for (const response of [await post(line), await post(line)]) {
        t.is(response.status, 200);
        t.is(await response.text(), contentType === 'application/json' ? '{}' : '');
      }
    }
    t.like(receiver.targets?.()[0], { receiver: 'otlp', namespace: 'default', workload: 'reviews-v1', health: 'up' });
    clock.advance(10_000);

    const counts = slots.sums.map(({ records }) =>
      records.map(({ successes, latency }) => [successes, latency?.length]),
    );
    t.deepEqual(
      counts.filter((slot) => slot.some(([successes]) => successes !== 0)),
      [[[1, 1]], [[1, 1]], [[1, 1]]],
    );
    for (const balance of [...books.values(), slots.balance]) t.is(balance.unaccounted, 0);
    t.true((books.get('samples')?.filtered.get('repeat') ?? 0) > 0);
    t.true((books.get('samples')?.filtered.get('not_wanted') ?? 0) > 0);
    t.deepEqual([...books.get('samples')!.dropped], []);
  });
}
