/** @module Thousands of targets: what a change of the list costs, counted in times the whole list is gone through. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { putFile } from '../../kit/put-file.ts';
import { createHarness, OWNER, turns } from './harness.ts';

/** Loopback addresses at which nobody listens. */
function listOf(from: number, to: number): string {
  const targets: string[] = [];
  for (let i = from; i < to; i++) targets.push(`127.1.${i >> 8}.${i & 255}:9`);
  return JSON.stringify([{ targets, labels: OWNER }]);
}

test('a long list that moves on is gone through once, not once for each target that left', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'weir-many-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'targets.json');
  await putFile(file, listOf(0, 20_000));
  let passes = 0;
  const h = await createHarness(
    t,
    {
      file_sd_configs: [{ files: [file], refresh_interval: '1s' }],
      target_limit: 1_000,
      scrape_interval: '1h',
      scrape_timeout: '10s',
    },
    undefined,
    (config) =>
      new Proxy(config, {
        get(of, key) {
          if (key === 'static_configs') passes += 1;
          return Reflect.get(of, key);
        },
      }),
  );
  await h.receiver.start();
  await h.sink.come(1_000, 'failed');
  t.is(passes, 1);
  await putFile(file, listOf(1_000, 21_000));
  while (h.sink.count('gone') === 0) {
    h.clock.advance(250);
    await turns(20);
  }
  await h.sink.come(1_000, 'gone');
  await h.sink.come(2_000, 'discovered');
  await turns();
  t.is(passes, 2);
  const scraped = h.receiver.targets?.().filter(({ refused }) => !refused) ?? [];
  t.is(scraped.length, 1_000);
  t.is(scraped[0]?.address, '127.1.3.232:9');
});
