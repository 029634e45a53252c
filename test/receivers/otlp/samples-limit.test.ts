/** @module A request with more samples than one may have is refused as a whole, and its sender told which key says so. */
import test from 'ava';
import { TooManyItems } from '../../../pipeline/wire/otlp-traffic.ts';
import { REQUEST_TYPE } from '../../kit/otlp-schema.ts';
import { startReceiver } from './samples-receiver.ts';
import { countsOf, createStage, histogram, requestOf, sum } from './samples-stage.ts';

const BOUNDS = [1, 2, 3];
/** 4 buckets and 2 more, and 1. */
const SAMPLES = 7;
const request = (at: number, more: readonly object[] = []) =>
  requestOf([
    histogram('response_latency_ms', [1, 2, 3, 4], BOUNDS, { at }),
    sum('response_total', 10 * at, { at }),
    ...more,
  ]);

test('a histogram point is a sample for each bucket and two more; as many as may be are taken', async (t) => {
  const stage = await createStage({ config: { max_samples_per_request: SAMPLES } });
  stage.clock.advance(5000);
  t.deepEqual(await stage.send(request(5)), new Map(Object.entries({ response_latency_ms: 1, response_total: 1 })));
});

test('with one more nothing of the request is applied', async (t) => {
  const stage = await createStage({ config: { max_samples_per_request: SAMPLES } });
  stage.clock.advance(5000);
  await stage.send(request(5));
  stage.clock.advance(10_000);
  const { accepted } = stage.balance;
  const tooMany = request(15, [sum('response_total', 1, { at: 15 }, { direction: 'inbound' })]);
  const error = await t.throwsAsync(() => stage.send(tooMany), { instanceOf: TooManyItems });
  t.is(error?.message, 'the request has more than 7 samples');
  t.is(stage.balance.accepted, accepted);
  t.is(stage.seen.filter(({ kind }) => kind === 'scraped').length, 1);
  // What comes next is taken as if there had been no such request.
  await stage.send(request(15));
  stage.clock.advance(30_000);
  t.is(
    countsOf(stage.sums).reduce((all, { count }) => all + count, 0),
    100,
  );
});

test('points of nobody here are not counted', async (t) => {
  const stage = await createStage({ config: { max_samples_per_request: SAMPLES } });
  stage.clock.advance(5000);
  const foreign = histogram('http.server.duration', Array(100).fill(1), [...Array(99).keys()], { at: 5 });
  t.truthy(await stage.send(request(5, [foreign])));
});

for (const type of ['application/x-protobuf', 'application/json'] as const) {
  test(`over HTTP as ${type}: refused for good, with the name of the key`, async (t) => {
    t.timeout(60_000);
    const { url, books } = await startReceiver(t, { max_samples_per_request: SAMPLES - 1 });
    const bytes = request(5);
    const json = JSON.stringify(REQUEST_TYPE.toObject(REQUEST_TYPE.decode(bytes), { longs: String }));
    const body = type === 'application/json' ? json : Buffer.from(bytes);
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body });
    t.is(response.status, 413);
    t.regex(await response.text(), /more than 6 samples \(samples\.max_samples_per_request\)/);
    for (const balance of books.values()) t.is(balance.accepted, 0);
  });
}
