/** @module What the `prometheus` exporter tells of itself: totals kept, refused and forgotten, and pages made. */
import test from 'ava';
import { covered, own, peer, record, sumOf } from '../../kit/traffic.ts';
import { OPEN_METRICS, samplesOf, startExporter, testMeters } from './server.ts';

const API = peer('shop/api');
const pod = (n: number) => own('shop/web', { pod: `web-${n}` });

/** Of so many pods of web, with one more request each. */
function pods(count: number, from = 0) {
  return sumOf(
    Array.from({ length: count }, (_, n) => record('client', pod(from + n), API, 1)),
    [],
  );
}

test('what totals lost that stop at 2^53 is told', async (t) => {
  const { meters, read } = testMeters();
  const { feed } = await startExporter(t, {}, { meters });
  for (let n = 0; n < 3; n++) feed(sumOf([record('client', pod(0), API, 2 ** 53)], [covered(pod(0))]));
  t.deepEqual(read('weir_running_totals_capped_counts_total'), {
    'prometheus kind=edges': 2 ** 54,
    'prometheus kind=resources': 2 ** 54,
  });
});

test('totals, their ids and what was refused are told for edges and resources apart', async (t) => {
  const { meters, read } = testMeters();
  const { feed, balance } = await startExporter(t, { max_series: 3 }, { meters });
  const latency = Array.from({ length: 33 }, (_, n) => ({ boundsMs: [n + 1], counts: Float64Array.of(1, 0) }));
  feed(
    sumOf(
      [
        record('client', pod(0), API, 1, 0, { latency }),
        record('client', pod(1), API, 1),
        record('server', own('shop/api'), peer('shop/web'), 1),
        record('client', pod(2), API, 1),
      ],
      [covered(pod(0))],
    ),
  );
  const [[reason, items, sample] = [], ...others] = balance.told;
  t.deepEqual([reason, items, others], ['max_series', 2, []]);
  t.like(sample, { from: 'shop/web', to: 'shop/api', mesh: 'linkerd' }, 'an edge of the sum');
  t.deepEqual(read('weir_running_totals'), { 'prometheus kind=edges': 3, 'prometheus kind=resources': 2 });
  t.deepEqual(read('weir_running_totals_ids'), { 'prometheus kind=edges': 3, 'prometheus kind=resources': 4 });
  t.deepEqual(read('weir_running_totals_refused_items_total'), {
    'prometheus kind=edges': 2,
    'prometheus kind=resources': 0,
  });
  t.deepEqual(read('weir_running_totals_refused_histograms_total'), {
    'prometheus kind=edges': 1,
    'prometheus kind=resources': 1,
  });
  t.deepEqual(read('weir_running_totals_ids_turned_away_total'), {
    'prometheus kind=edges': 0,
    'prometheus kind=resources': 0,
  });
  feed(pods(20));
  t.deepEqual(read('weir_running_totals_ids'), { 'prometheus kind=edges': 3, 'prometheus kind=resources': 12 });
  // Of 20 pods three were known and nine had room.
  t.deepEqual(read('weir_running_totals_ids_turned_away_total'), {
    'prometheus kind=edges': 0,
    'prometheus kind=resources': 9,
  });
});

test('pods that came and went leave nothing behind, though their workload lives', async (t) => {
  const { meters, read } = testMeters();
  const { feed, clock } = await startExporter(t, { metric_expiration: '1m' }, { meters });
  for (let n = 0; n < 100; n++) {
    feed(pods(1, n));
    clock.advance(10_000);
  }
  // One of them comes each 10 s and stays for a minute.
  t.deepEqual(read('weir_running_totals'), { 'prometheus kind=edges': 6, 'prometheus kind=resources': 1 });
  t.deepEqual(read('weir_running_totals_ids'), { 'prometheus kind=edges': 6, 'prometheus kind=resources': 6 });
  t.deepEqual(read('weir_running_totals_forgotten_total'), {
    'prometheus kind=edges': 94,
    'prometheus kind=resources': 0,
  });
});

test('a page tells how many samples it has and how long it took, and answers are counted by code', async (t) => {
  const { meters, read, recorded } = testMeters();
  const { feed, page, ask } = await startExporter(t, {}, { meters });
  t.deepEqual(read('weir_page_samples'), { prometheus: 0 });
  feed(pods(3));
  const text = await page();
  t.deepEqual(read('weir_page_samples'), { prometheus: samplesOf(text).size });
  const open = await page(OPEN_METRICS);
  t.deepEqual(read('weir_page_samples'), { prometheus: samplesOf(open).size });
  t.true(samplesOf(open).size > samplesOf(text).size);
  t.deepEqual(recorded, [
    { name: 'weir_page_duration_seconds', seconds: 0, attributes: { component: 'prometheus', format: 'text' } },
    { name: 'weir_page_duration_seconds', seconds: 0, attributes: { component: 'prometheus', format: 'openmetrics' } },
  ]);
  await ask({ path: '/' });
  await ask({ method: 'POST' });
  t.deepEqual(read('weir_http_requests_total'), {
    'prometheus code=200': 2,
    'prometheus code=404': 1,
    'prometheus code=405': 1,
  });
});

test('the time of a page is that from its first line to its last', async (t) => {
  const { meters, recorded } = testMeters();
  let monoMs = 0;
  const clock = { wallMs: () => 0, monoMs: () => (monoMs += 250), after: () => ({ cancel() {} }), randomId: () => '' };
  const { page } = await startExporter(t, {}, { meters, clock });
  const before = monoMs;
  await page();
  t.true(recorded[0] !== undefined && recorded[0].seconds >= 0.25 && recorded[0].seconds <= (monoMs - before) / 1000);
});
