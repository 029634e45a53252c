/** @module What a Collector adds to each of its scrapes is nobody's fault, whatever it scraped; and how its scrapes are counted. */
import test from 'ava';
import { PROTOCOLS, startReceiver } from './samples-receiver.ts';
import { createStage, gauge, OUTBOUND, requestOf, type Stage, sum, WATCH_MS } from './samples-stage.ts';

const OWNER = { namespace: 'shop', deployment: 'web', pod: 'web-1' };
const RESOURCE = { 'service.name': 'linkerd-proxy', 'service.instance.id': '127.0.0.1:4191' };
const FIVE = [
  'up',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'scrape_series_added',
];
const MORE = ['scrape_timeout_seconds', 'scrape_sample_limit', 'scrape_body_size_bytes'];
const reports = (names: readonly string[], at = 5) => names.map((name) => gauge(name, 0, { at }, OWNER));

for (const protocol of PROTOCOLS) {
  test(`scrapes that failed of whatever was never scraped well are no loss and not told, over ${protocol}`, async (t) => {
    const { send, books, log, receiver } = await startReceiver(t);
    const lines = log.lines.length;
    for (const at of [5, 15, 25]) t.deepEqual(await send(protocol, requestOf(reports(FIVE, at), RESOURCE)), {});
    const samples = books.get('samples')!;
    t.deepEqual([[...samples.filtered], [...samples.dropped]], [[['not_wanted', 15]], []]);
    t.deepEqual([samples.accepted, samples.unaccounted], [15, 0]);
    t.deepEqual(log.lines.slice(lines), []);
    t.deepEqual(receiver.targets?.(), [], 'nothing tells that it is a proxy');
  });
}

test('beside metrics of an application only those are told, however many names stand before', async (t) => {
  const { send, books } = await startReceiver(t);
  const own = Array.from({ length: 150 }, (_, i) => gauge(`app_${i}`, 1, { at: 5 }));
  const answer = await send('HTTP protobuf', requestOf([...own, ...reports([...FIVE, ...MORE])], RESOURCE));
  t.is(answer.partialSuccess?.rejectedDataPoints, '150');
  t.notRegex(answer.partialSuccess?.errorMessage ?? '', /up|scrape_/);
  const { filtered, dropped, accepted, unaccounted } = books.get('samples')!;
  t.deepEqual([[...filtered], [...dropped]], [[['not_wanted', 8]], [['not_mesh', 150]]]);
  t.deepEqual([accepted, unaccounted], [158, 0]);
});

test('an unknown proxy that fails beside a known one takes nothing from it', async (t) => {
  const { send, books } = await startReceiver(t);
  const other = { ...RESOURCE, 'service.instance.id': '127.0.0.1:4291' };
  const known = requestOf([sum('response_total', 100, { at: 5 }), ...reports(FIVE)], RESOURCE);
  const failed = requestOf(reports(FIVE), other);
  t.deepEqual(await send('gRPC', Buffer.concat([known, failed])), {});
  const { filtered, dropped } = books.get('samples')!;
  // Its own `up` is taken, its four others are not wanted.
  t.deepEqual([filtered.get('not_wanted'), [...dropped]], [9, []]);
});

// --- Scrapes by outcome -------------------------------------------------------------------------------------------------

function outcomes({ meters }: Stage): Record<string, number> {
  const told = meters.all('weir_otlp_samples_scrapes_total');
  return Object.fromEntries(told.map(({ attributes, value }) => [attributes.outcome, value]));
}

async function come(stage: Stage, at: number, metrics: readonly object[]): Promise<void> {
  stage.goTo(at, 100);
  await stage.send(requestOf(metrics));
}
const page = (at: number) => [sum('response_total', at, { at }), gauge('up', 1, { at })];

test('a scrape is good once, also when it comes in parts and tells of a new process', async (t) => {
  const stage = await createStage();
  const start = (at: number, seconds: number) => gauge('process_start_time_seconds', WATCH_MS / 1000 + seconds, { at });
  await come(stage, 5, [...page(5), start(5, -500)]);
  await come(stage, 15, [sum('response_total', 3, { at: 15 }), start(15, 10)]);
  stage.clock.advance(5000);
  await stage.send(
    requestOf([
      gauge('up', 1, { at: 15 }),
      sum('response_total', 2, { at: 15 }, { ...OUTBOUND, dst_deployment: 'auth' }),
    ]),
  );
  stage.clock.advance(4000);
  t.true(stage.seen.filter(({ kind }) => kind === 'scraped').length > 2);
  t.deepEqual(outcomes(stage), { good: 2, failed: 0, missed: 0 });
});

test('scrapes are good, failed or missed, and none is two of them', async (t) => {
  const stage = await createStage();
  for (const at of [5, 15, 25]) await come(stage, at, page(at));
  await come(stage, 35, [gauge('up', 0, { at: 35 })]);
  await come(stage, 45, page(45));
  stage.clock.advance(3000);
  t.deepEqual(outcomes(stage), { good: 4, failed: 1, missed: 0 });
  // Due at 55, 65, 75 and 85 s.
  await come(stage, 95, page(95));
  stage.clock.advance(3000);
  t.deepEqual(outcomes(stage), { good: 5, failed: 1, missed: 4 });
  t.is(stage.seen.filter(({ kind }) => kind === 'failed').length, 5, 'to the pipeline all of them are incomplete');
});
