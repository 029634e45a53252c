/** @module Pages that fail, hide lines or may be cut: what they may neither fill nor make count. */
import type { Socket } from 'node:net';
import test from 'ava';
import { createHarness, http, oneTarget, page, serve } from './harness.ts';

const START = 'process_start_time_seconds 1690000000\n';

/** A series of its own for every `n`. */
function series(n: number, value = 1): string {
  return `response_total{direction="outbound",target_port="8080",dst_namespace="shop",dst_deployment="d${n}",classification="success"} ${value}\n`;
}

/** An answer whose end is the end of the connection. */
function untilClose(body: string) {
  return (socket: Socket) => socket.end(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n${body}`);
}

async function watched(t: Parameters<typeof createHarness>[0], first: string, config: Record<string, unknown> = {}) {
  const server = await serve(t, http(first));
  const h = await createHarness(t, { ...oneTarget(server.address), ...config });
  await h.receiver.start();
  await h.sink.come(1, 'scraped', 'failed');
  let pages = 1;
  const next = async (answer: (socket: Socket) => void) => {
    server.answer = answer;
    h.toNextScrape();
    await h.sink.come(++pages, 'scraped', 'failed');
    return h.sink.seen.at(-1)!;
  };
  return { ...h, next };
}

test('a target whose every page fails with ever new series keeps none of them', async (t) => {
  const h = await watched(t, series(0));
  t.is(h.sink.seen.at(-1)?.reason, 'partial_page');
  for (let n = 1; n <= 5; n++) await h.next(http(series(2 * n) + series(2 * n + 1)));
  t.is(h.meters.read('weir_series'), 0);
  const good = await h.next(http(series(3, 7) + START));
  t.like(good, { kind: 'scraped', items: 2 });
  t.is(good.rows[0]?.successes, 7);
  t.is(h.meters.read('weir_series'), 2);
});

test('a failed page takes nothing from series that were there before', async (t) => {
  const h = await watched(t, series(0, 5) + START);
  t.is((await h.next(http(series(0, 6) + series(1)))).reason, 'partial_page');
  t.is(h.meters.read('weir_series'), 2);
  const good = await h.next(http(series(2, 3) + series(0, 8) + START));
  t.deepEqual(good.rows.map(({ successes }) => successes).sort(), [3, 8]);
  t.is(h.meters.read('weir_series'), 3);
});

test('a page that the pipeline refuses keeps no series either, and the next one is read anew', async (t) => {
  const h = await watched(t, series(0, 5) + START);
  h.sink.admission = { ok: false, reason: 'full', retryAfterMs: 1_000 };
  t.is((await h.next(http(series(0, 6) + series(1) + START))).reason, 'backpressure');
  t.is(h.meters.read('weir_series'), 2);
  h.sink.admission = { ok: true };
  t.is((await h.next(http(series(0, 6) + series(1) + START))).items, 3);
});

test('one line that stays unreadable does not keep series for ever that left', async (t) => {
  const many = (from: number) => Array.from({ length: 1_100 }, (_, i) => series(from + i)).join('');
  const bad = 'response_total{ 1\n';
  const h = await watched(t, many(0) + START);
  for (let n = 1; n <= 63; n++) await h.next(http(bad + START));
  t.is(h.meters.read('weir_series'), 1_101, 'hidden, perhaps');
  for (let n = 1; n <= 8; n++) await h.next(http(bad + START));
  t.is(h.meters.read('weir_series'), 1);
});

test('max_series has always room for the series without which no page is whole', async (t) => {
  const h = await watched(t, `${series(0) + series(1) + START}process_start_time_seconds{a="b"} 1\n`, {
    max_series: 2,
  });
  t.like(h.sink.seen.at(-1), { kind: 'scraped', items: 3 });
  t.is(h.balance.dropped.get('series_limit'), 1, 'one of them, not as many as a page likes');
});

test('a body that ends only with its connection and without # EOF may be cut, one with # EOF is whole', async (t) => {
  const h = await watched(t, START);
  t.is((await h.next(untilClose(START))).skippedLines, 1);
  t.is((await h.next(http(START))).skippedLines, 0);
  t.is((await h.next(untilClose(page(1)))).skippedLines, 0);
  t.is(h.meters.read('weir_scrape_skipped_lines_total'), 0, 'no line was skipped');
});

test('pages believed although they end more weakly than others did may be cut', async (t) => {
  const h = await watched(t, page(5));
  const weak = http(page(9).replace('# EOF\n', ''));
  t.is((await h.next(weak)).reason, 'body_cut');
  t.is((await h.next(weak)).reason, 'body_cut');
  t.like(await h.next(weak), { kind: 'scraped', skippedLines: 1 });
  t.like(await h.next(weak), { kind: 'scraped', skippedLines: 1 });
  t.like(await h.next(http(page(10))), { kind: 'scraped', skippedLines: 0 });
});
