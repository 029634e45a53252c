/** @module What a stock Collector posted, posted to a real `otlp` receiver with `smi` behind it, in JSON and in protobuf. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { type Sender, startReceiver } from './samples-receiver.ts';
import { encoded } from './samples-stage.ts';

const SENDER: Sender = { mesh: 'istio', startMs: 1_795_628_150_000, slotMs: 2000 };
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
    const { url, receiver, books, slots, clock } = await startReceiver(t, {}, SENDER);
    const post = (line: string) =>
      fetch(url, { method: 'POST', headers: { 'content-type': contentType }, body: bodyOf(line) });

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
