/** @module Large pages: made in turns, of one state, and never more of them in memory than allowed. */
import { connect } from 'node:net';
import test from 'ava';
import { config } from '../../../exporters/prometheus/config.ts';
import { createPrometheusExporter } from '../../../exporters/prometheus/prometheus.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { exporterBench, settle } from '../../kit/exporter.ts';
import { until } from '../../kit/prometheus.ts';
import { trafficBatch } from '../../kit/slots.ts';
import { buckets, own, peer, record, sumOf } from '../../kit/traffic.ts';
import { askExporter, OPEN_METRICS, samplesOf, startExporter } from './server.ts';

const EDGES = 2000;

/** Each of many edges gets `count` requests and as many latencies. */
function manyEdges(count: number): TrafficSum {
  const latency = [buckets([[10, count]])];
  const records = Array.from({ length: EDGES }, (_, i) =>
    record('client', own(`shop/web-${i}`), peer('shop/api'), count, 0, { latency }),
  );
  return sumOf(records, []);
}

test('a page made in many turns shows one state, and what came meanwhile is held, then added', async (t) => {
  const { settings, clock, balance } = exporterBench('prometheus', config, { endpoint: '127.0.0.1:0' });
  let readings = 0;
  // Every look at the clock is 10 ms later, so that each step takes a turn of its own.
  const slow = { ...clock, monoMs: () => 10 * readings++ };
  const exporter = createPrometheusExporter({ ...settings, clock: slow });
  await exporter.start();
  t.teardown(() => exporter.stop(AbortSignal.abort()));
  exporter.consume(trafficBatch(manyEdges(1)));
  const asked = askExporter(exporter.port ?? 0, {});
  await until(() => clock.timers > 0, 'the page is being made');
  for (let turns = 1; clock.timers > 0; turns++) {
    if (turns === 3) {
      const batch = trafficBatch(manyEdges(10));
      exporter.consume(batch);
      t.deepEqual(batch.delivery.outcome, { kind: 'taken' });
      t.deepEqual([balance.held, balance.delivered, balance.unaccounted], [EDGES, EDGES, 0]);
    }
    clock.fireNext();
    await settle();
  }
  const values = new Set(
    [...samplesOf((await asked).text)].filter(([s]) => /requests_total.*success|_count/.test(s)).map(([, v]) => v),
  );
  t.deepEqual([...values], [1]);
  t.deepEqual([balance.held, balance.delivered, balance.unaccounted], [0, 2 * EDGES, 0]);
});

test('nothing is forgotten while a page is made: a page begun meanwhile shows the same state', async (t) => {
  const { settings, clock } = exporterBench('prometheus', config, { endpoint: '127.0.0.1:0', metric_expiration: '1m' });
  let readings = 0;
  const slow = { ...clock, monoMs: () => 10 * readings++ };
  const exporter = createPrometheusExporter({ ...settings, clock: slow });
  await exporter.start();
  t.teardown(() => exporter.stop(AbortSignal.abort()));
  exporter.consume(trafficBatch(manyEdges(1)));
  const ask = (accept: string) => askExporter(exporter.port ?? 0, { headers: { accept } });
  const answered: string[] = [];
  const first = ask('').then(({ text }) => answered.push(text));
  await until(() => clock.timers === 1, 'the first page is being made');
  // All is an hour old now, and would be forgotten by whoever looks.
  clock.setWall(clock.wallMs() + 3_600_000);
  const second = ask(OPEN_METRICS).then(({ text }) => answered.push(text));
  await until(() => clock.timers === 2 || answered.length > 0, 'the second page is being made beside it');
  while (clock.fireNext()) await settle();
  await Promise.all([first, second]);
  for (const text of answered) t.is(text.match(/^weir_requests_total\{.*success/gm)?.length, EDGES);
  const third = ask('');
  await until(() => clock.timers === 1, 'the third page is being made');
  while (clock.fireNext()) await settle();
  const { text } = await third;
  t.false(text.includes('weir_requests_total{'), 'it is forgotten with the next scrape');
});

test('readers beyond the limit get 503 until one has gone', async (t) => {
  const { feed, ask, port, log } = await startExporter(t, { max_concurrent_scrapes: 1 });
  feed(manyEdges(1));
  t.is((await ask({ headers: { accept: OPEN_METRICS } })).status, 200);
  const slow = connect(port, '127.0.0.1');
  slow.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
  await new Promise((resolve) => slow.once('data', resolve));
  slow.pause();
  const second = await ask();
  t.is(second.status, 503);
  t.is(second.headers['retry-after'], '1');
  t.is(log.filter(({ message }) => message.startsWith('max_concurrent_scrapes')).length, 1);
  slow.destroy();
  await until(async () => (await ask()).status === 200, 'the next scrape is answered');
});
