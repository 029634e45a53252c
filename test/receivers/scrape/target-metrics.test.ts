/** @module Metrics of single targets: one point each, whatever address they share. */
import test from 'ava';
import { createHarness, http, OWNER, page, serve } from './harness.ts';

test('two targets at one address have metrics of their own', async (t) => {
  const server = await serve(t, http(page(1)));
  const at = (labels: object) => ({ targets: [server.address], labels });
  const h = await createHarness(t, {
    static_configs: [at(OWNER), at({ ...OWNER, pod: 'web-2' }), at({ ...OWNER, namespace: 'other' })],
  });
  await h.receiver.start();
  await h.sink.come(3, 'scraped');
  const points = h.meters.all('weir_target_up');
  t.deepEqual(
    points.map(({ value, attributes }) => [value, attributes]),
    [
      ['shop', 'web-1'],
      ['shop', 'web-2'],
      ['other', 'web-1'],
    ].map(([namespace, pod]) => [
      1,
      { receiver: 'linkerd', target: server.address, namespace: namespace!, workload: 'web', pod: pod! },
    ]),
  );
});

test('a target that takes the place of one on its farewell is one point, not two', async (t) => {
  const server = await serve(t, http(page(1)));
  const at = (node: string) => ({ targets: [server.address], labels: { ...OWNER, node } });
  const h = await createHarness(t, { static_configs: [at('n1'), at('n2')] });
  await h.receiver.start();
  await h.sink.come(2, 'scraped');
  t.deepEqual(
    h.meters.all('weir_target_up').map(({ value }) => value),
    [1],
  );
});
