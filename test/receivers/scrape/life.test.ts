/** @module A target's life: at once, by the grid, a farewell, gone; files that change; the end of Weir itself. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { SETTLE_MS } from '../../../pipeline/net/file-watch.ts';
import { offsetOf } from '../../../receivers/scrape/schedule.ts';
import { putFile } from '../../kit/put-file.ts';
import { createHarness, http, OWNER, oneTarget, page, serve, turns } from './harness.ts';
import { fileOf, folderOf, until } from './target-files.ts';

const INTERVAL_MS = 10_000;

test('a target is discovered, scraped at once without a schedule, then by its grid', async (t) => {
  const server = await serve(t, http(page(5)));
  const h = await createHarness(t, oneTarget(server.address));
  const startMs = h.time.nowMs();
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  for (let i = 2; i <= 4; i++) {
    h.toNextScrape();
    await h.sink.come(i, 'scraped');
  }
  const [discovered, first, ...grid] = h.sink.seen;
  t.like(discovered, { kind: 'discovered', scheduledMs: null, startedMs: startMs, items: 0 });
  t.like(first, { kind: 'scraped', scheduledMs: null, startedMs: startMs, items: 2 });
  const offsetMs = offsetOf(discovered!.key, INTERVAL_MS);
  for (const event of grid) {
    t.is((Number(event.scheduledMs) - offsetMs) % INTERVAL_MS, 0);
    t.is(event.startedMs, Number(event.scheduledMs));
    t.is(event.nextDueMs, event.scheduledMs! + INTERVAL_MS);
  }
  t.is(first!.nextDueMs, grid[0]!.scheduledMs);
  t.is(grid[1]!.scheduledMs, grid[0]!.scheduledMs! + INTERVAL_MS);
  t.is(server.connections, 1);
});

test('a page says how long it took to come', async (t) => {
  const server = await serve(t, () => {});
  const h = await createHarness(t, oneTarget(server.address));
  await h.receiver.start();
  await server.asked(1);
  h.clock.advance(1250);
  const [socket] = server.sockets;
  http(page(5))(socket!);
  await h.sink.come(1, 'scraped');
  t.is(h.sink.seen.at(-1)!.tookMs, 1250);
});

test('after a stall the grid goes on at its next time, the times that passed are left out', async (t) => {
  const server = await serve(t, http(page(5)));
  const h = await createHarness(t, oneTarget(server.address));
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  const dueMs = h.sink.seen[1]!.nextDueMs!;
  h.clock.setWall(h.clock.wallMs() + 60_000);
  h.clock.advance(INTERVAL_MS);
  await h.sink.come(2, 'scraped');
  const late = h.sink.seen[2]!;
  t.is(late.scheduledMs, dueMs);
  t.true(late.nextDueMs! > late.startedMs && late.nextDueMs! <= late.startedMs + INTERVAL_MS);
  t.is((late.nextDueMs! - dueMs) % INTERVAL_MS, 0);
});

test('a scrape that is due while the first one still runs is skipped, counted and told downstream', async (t) => {
  const server = await serve(t, () => {});
  const h = await createHarness(t, oneTarget(server.address));
  await h.receiver.start();
  await server.asked(1);
  h.toNextScrape();
  t.like(h.sink.seen.at(-1), { kind: 'failed', reason: 'overlap' });
  t.is(h.meters.read('weir_scrapes_total', { outcome: 'skipped' }), 1);
  t.is(h.meters.read('weir_scrapes_in_flight'), 1);
  for (const socket of server.sockets) http(page(5))(socket);
  await h.sink.come(1, 'scraped');
  t.is(h.meters.read('weir_scrapes_in_flight'), 0);
});

test('stop scrapes every target once more, lets it go, and can come twice or without start', async (t) => {
  const server = await serve(t, http(page(5)));
  const h = await createHarness(t, oneTarget(server.address));
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  server.answer = http(page(8));
  const stopped = h.receiver.stop(new AbortController().signal);
  await Promise.all([stopped, h.receiver.stop(new AbortController().signal)]);
  const events = h.sink.seen.map(({ kind, scheduledMs, nextDueMs }) => ({ kind, scheduledMs, nextDueMs })).slice(2);
  t.deepEqual(events, [
    { kind: 'scraped', scheduledMs: null, nextDueMs: null },
    { kind: 'gone', scheduledMs: null, nextDueMs: null },
  ]);
  t.is(h.sink.seen[2]?.rows[0]?.successes, 8);
  t.is(h.clock.timers, 0);
  t.is(h.balance.unaccounted, 0);
  t.is(h.meters.read('weir_target_up'), null);

  const unused = await createHarness(t, oneTarget(server.address));
  await unused.receiver.stop(new AbortController().signal);
  t.is(unused.sink.seen.length, 0);
});

test('stop waits for a scrape that runs and for the farewell until the deadline, and no longer', async (t) => {
  const server = await serve(t, () => {});
  const h = await createHarness(t, oneTarget(server.address));
  await h.receiver.start();
  await server.asked(1);
  const deadline = new AbortController();
  const stopped = h.receiver.stop(deadline.signal);
  deadline.abort();
  await stopped;
  t.deepEqual(
    h.sink.seen.map(({ kind, reason }) => [kind, reason]),
    [
      ['discovered', ''],
      ['failed', 'stopped'],
      ['gone', ''],
    ],
  );
  t.is(h.clock.timers, 0);
});

test('a farewell that hangs ends at scrape_timeout', async (t) => {
  const server = await serve(t, http(page(5)));
  const h = await createHarness(t, { ...oneTarget(server.address), scrape_timeout: '2s' });
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  server.answer = () => {};
  const stopped = h.receiver.stop(new AbortController().signal);
  await server.asked(2);
  h.clock.advance(2_000);
  await stopped;
  t.deepEqual(
    h.sink.seen.slice(2).map(({ kind, reason }) => [kind, reason]),
    [
      ['failed', 'timeout'],
      ['gone', ''],
    ],
  );
  t.is(h.log.lines.filter((line) => line.level === 'warn').length, 0);
});

test('a file of targets that was never there, or never good, is told of as that', async (t) => {
  const folder = await folderOf(t);
  const [missing, broken] = [join(folder, 'missing.json'), join(folder, 'broken.json')];
  await putFile(broken, '[');
  const h = await createHarness(t, { file_sd_configs: [{ files: [missing, broken], refresh_interval: '1s' }] });
  await h.receiver.start();
  const told = h.log.lines.filter((line) => line.level === 'warn');
  t.deepEqual(
    told.map(({ message, fields }) => [message, fields.path]),
    [
      ['file_sd file does not exist (yet), it is read as soon as it does', missing],
      ['file_sd file is broken and gave no targets yet', broken],
    ],
  );
});

test('targets of a file come and go with it; a broken file keeps the last good list and is told once', async (t) => {
  const folder = await folderOf(t);
  const file = join(folder, 'targets.json');
  const [a, b] = [await serve(t, http(page(1))), await serve(t, http(page(2)))];
  await putFile(file, fileOf(a.address));
  const h = await createHarness(t, { file_sd_configs: [{ files: [join(folder, '*.json')], refresh_interval: '1s' }] });
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  const advance = (ms: number) => h.clock.advance(ms);

  await putFile(file, fileOf(a.address, b.address));
  await until(advance, () => h.sink.count('discovered') === 2);
  t.deepEqual(
    h.receiver.targets?.().map(({ address }) => address),
    [a.address, b.address],
  );

  await putFile(file, '[{"targets": ["nonsense"]}]');
  await until(advance, () => h.log.lines.some((line) => line.level === 'warn'));
  for (let i = 0; i < 5; i++) {
    advance(1_000);
    await turns(5);
  }
  const told = h.log.lines.filter((line) => line.level === 'warn');
  t.is(told.length, 1);
  t.like(told[0], { message: 'file_sd file is broken, its last good targets stay', fields: { path: file } });
  t.regex(String(told[0]?.fields.error), /0\.targets\.0.*host:port/);
  t.like(h.receiver.discoveryProblems?.(), [{ receiver: 'linkerd', file }]);
  t.is(h.receiver.discoveryProblems?.()[0]?.error, String(told[0]?.fields.error));
  t.is(h.sink.count('gone'), 0);

  b.answer = http(page(9));
  await putFile(file, fileOf(a.address));
  await until(advance, () => h.receiver.targets?.().length === 1);
  await h.sink.come(1, 'gone');
  const last = h.sink.seen.filter((event) => event.address === b.address).slice(-2);
  t.like(last[0], { kind: 'scraped', scheduledMs: null, nextDueMs: null });
  t.is(last[0]?.rows[0]?.successes, 9);
  t.like(last[1], { kind: 'gone' });
  t.true(h.log.lines.some((line) => line.message === 'file_sd file is readable again'));
  t.deepEqual(
    h.receiver.targets?.().map(({ address }) => address),
    [a.address],
  );

  t.deepEqual(h.receiver.discoveryProblems?.(), []);
  await rm(file);
  await until(advance, () => h.receiver.targets?.().length === 0);
  await h.sink.come(2, 'gone');
  t.deepEqual(h.receiver.targets?.(), []);
  t.deepEqual(h.receiver.discoveryProblems?.(), [
    { receiver: 'linkerd', file: join(folder, '*.json'), error: 'no file matches this pattern' },
  ]);
});

test('a file of targets that is not there is a problem that is listed, and its change is noticed at once', async (t) => {
  const file = join(await folderOf(t), 'targets.json');
  const server = await serve(t, http(page(1)));
  const h = await createHarness(t, { file_sd_configs: [{ files: [file], refresh_interval: '1h' }] });
  await h.receiver.start();
  t.like(h.receiver.discoveryProblems?.(), [{ receiver: 'linkerd', file }]);
  t.regex(h.receiver.discoveryProblems?.()[0]?.error ?? '', /ENOENT/);
  await putFile(file, fileOf(server.address));
  while (h.meters.read('weir_file_sd_events_total') === 0) await turns(1);
  h.clock.advance(SETTLE_MS);
  await h.sink.come(1, 'scraped');
  t.deepEqual(h.receiver.discoveryProblems?.(), []);
});

test('a target that returns during its farewell begins a new life after the old one has ended', async (t) => {
  const folder = await folderOf(t);
  const file = join(folder, 'targets.yaml');
  const server = await serve(t, http(page(1)));
  const listed = `- targets: ["${server.address}"]\n  labels: { namespace: shop, deployment: web }\n`;
  await putFile(file, listed);
  const h = await createHarness(t, {
    file_sd_configs: [{ files: [file], refresh_interval: '1s' }],
    scrape_interval: '1h',
  });
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  server.answer = () => {};
  const before = server.requests.length;
  await putFile(file, '[]');
  await until(
    (ms) => h.clock.advance(ms),
    () => h.receiver.targets?.().length === 0,
  );
  await server.asked(before + 1);
  await putFile(file, listed);
  for (let i = 0; i < 3; i++) {
    h.clock.advance(1_000);
    await turns(5);
  }
  t.is(h.sink.count('discovered'), 1);
  server.answer = http(page(3));
  for (const socket of server.sockets) http(page(2))(socket);
  await h.sink.come(2, 'discovered');
  await h.sink.come(3, 'scraped');
  const kinds = h.sink.seen.map(({ kind }) => kind).filter((kind) => kind !== 'failed');
  t.deepEqual(kinds, ['discovered', 'scraped', 'scraped', 'gone', 'discovered', 'scraped']);
});

test('targets beyond target_limit are refused, told once and counted; equal ones are one', async (t) => {
  const server = await serve(t, http(page(1)));
  const port = server.address.split(':')[1];
  const targets = [server.address, server.address, `127.0.0.2:${port}`, `127.0.0.3:${port}`, `127.0.0.4:${port}`];
  const h = await createHarness(t, { static_configs: [{ targets, labels: OWNER }], target_limit: 2 });
  await h.receiver.start();
  const listed = h.receiver.targets?.() ?? [];
  t.deepEqual(
    listed.map(({ address, health, refused }) => [address, health, refused]),
    [
      [targets[0], 'unknown', false],
      [targets[2], 'unknown', false],
      [targets[3], 'unknown', true],
      [targets[4], 'unknown', true],
    ],
  );
  t.is(listed[3]?.lastError, 'target_limit: this receiver takes 2 targets, and this one comes after them');
  t.is(h.meters.read('weir_targets_refused'), 2);
  const told = h.log.lines.filter((line) => line.level === 'warn' && line.fields.refused !== undefined);
  t.like(told, [{ fields: { refused: 2, limit: 2 } }]);
});

test('unscheduled scrapes run at most discovery_concurrency at once', async (t) => {
  const waiting: (() => void)[] = [];
  const server = await serve(t, (socket) => void waiting.push(() => http(page(1))(socket)), '0.0.0.0');
  const port = server.address.split(':')[1];
  const targets = [1, 2, 3, 4, 5].map((n) => `127.0.0.${n}:${port}`);
  const h = await createHarness(t, { static_configs: [{ targets, labels: OWNER }], discovery_concurrency: 2 });
  await h.receiver.start();
  await server.asked(2);
  await turns();
  t.is(server.requests.length, 2);
  for (let answered = 0; answered < 5; answered++) {
    await server.asked(answered + 1);
    t.true(h.meters.read('weir_scrapes_in_flight')! <= 2);
    waiting[answered]!();
  }
  await h.sink.come(5, 'scraped');
  t.is(h.sink.count('discovered'), 5);
});

test('a target without a workload goes by its address and is told which labels to add', async (t) => {
  const server = await serve(t, http(page(1)));
  const h = await createHarness(t, { static_configs: [{ targets: [server.address] }] });
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  t.like(h.receiver.targets?.()[0], {
    workload: server.address,
    kind: '',
    namespace: '',
    identity: 'address',
    health: 'up',
  });
  const told = h.log.lines.filter((line) => line.level === 'warn');
  t.is(told.length, 1);
  t.regex(told[0]!.message, /namespace and deployment/);
});

test('time in which Weir itself stood still is no timeout of the target', async (t) => {
  const server = await serve(t, () => {});
  const h = await createHarness(t, { ...oneTarget(server.address), scrape_interval: '1h', scrape_timeout: '2s' });
  await h.receiver.start();
  await server.asked(1);
  h.clock.stall(3_000);
  t.is(h.sink.count('failed'), 0);
  for (const socket of server.sockets) http(page(5))(socket);
  await h.sink.come(1, 'scraped');

  server.answer = () => {};
  h.toNextScrape();
  await server.asked(2);
  h.clock.stall(3_000);
  t.is(h.sink.count('failed'), 0);
  h.clock.advance(1_000);
  t.is(h.sink.seen.at(-1)?.reason, 'timeout');
});
