/** @module The end of a target's life as it is told downstream: when it was, not when it was found out. */
import { join } from 'node:path';
import test from 'ava';
import { putFile } from '../../kit/put-file.ts';
import { createHarness, http, page, serve } from './harness.ts';
import { fileOf, folderOf, until } from './target-files.ts';

test('a life ends when its target was dropped, however long the farewell takes', async (t) => {
  const file = join(await folderOf(t), 'targets.json');
  const server = await serve(t, http(page(1)));
  await putFile(file, fileOf(server.address));
  const h = await createHarness(t, {
    file_sd_configs: [{ files: [file], refresh_interval: '1s' }],
    scrape_interval: '1h',
    scrape_timeout: '8s',
  });
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  server.answer = () => {};
  await putFile(file, '[]');
  await until(
    (ms) => h.clock.advance(ms),
    () => h.receiver.targets?.().length === 0,
  );
  const noticedMs = h.time.nowMs();
  await server.asked(2);
  h.clock.advance(8_000);
  await h.sink.come(1, 'gone');
  t.is(h.sink.seen.at(-2)?.reason, 'timeout');
  t.is(h.sink.seen.at(-1)?.startedMs, noticedMs);
});

test('the life of a target that nobody could reach any more ended with the first scrape that could not', async (t) => {
  const file = join(await folderOf(t), 'targets.json');
  const server = await serve(t, http(page(1)));
  await putFile(file, fileOf(server.address));
  const h = await createHarness(t, { file_sd_configs: [{ files: [file], refresh_interval: '1h' }] });
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  server.close();
  for (let failures = 1; failures <= 2; failures++) {
    h.toNextScrape();
    await h.sink.come(failures, 'failed');
    // A kept connection that was closed is told first; then nobody listens any more.
    if (h.sink.seen.at(-1)?.reason !== 'connect') t.is(h.sink.seen.at(-1)?.reason, 'connection_lost');
  }
  const firstUnreached = h.sink.seen.find(({ reason }) => reason === 'connect')!;
  await putFile(file, '[]');
  await until(
    (ms) => h.clock.advance(ms / 10),
    () => h.receiver.targets?.().length === 0,
  );
  await h.sink.come(1, 'gone');
  const gone = h.sink.seen.at(-1)!;
  t.is(gone.kind, 'gone');
  t.is(gone.startedMs, firstUnreached.startedMs);
  t.true(gone.startedMs < h.time.nowMs());
});

test('a life whose last page came in the farewell ends with that page', async (t) => {
  const file = join(await folderOf(t), 'targets.json');
  const server = await serve(t, http(page(1)));
  await putFile(file, fileOf(server.address));
  const h = await createHarness(t, {
    file_sd_configs: [{ files: [file], refresh_interval: '1s' }],
    scrape_interval: '1h',
  });
  await h.receiver.start();
  await h.sink.come(1, 'scraped');
  await putFile(file, '[]');
  await until(
    (ms) => h.clock.advance(ms),
    () => h.receiver.targets?.().length === 0,
  );
  await h.sink.come(1, 'gone');
  const [farewell, gone] = h.sink.seen.slice(-2);
  t.is(farewell?.kind, 'scraped');
  t.is(gone?.startedMs, farewell?.startedMs);
});
