/** @module Files that change: noticed at the kernel's word without waiting, and by reading again where there is none. */
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type FileWatch, SETTLE_MS, watchFiles } from '../../../pipeline/net/file-watch.ts';
import { createTestClock, type TestClock } from '../../kit/clock.ts';

const HOUR_MS = 3_600_000;

interface Stage {
  readonly folder: string;
  readonly clock: TestClock;
  /** Changes told so far, as the texts (null for an error) of all files. */
  readonly changes: (string | null)[][];
  readonly watch: FileWatch;
  events(): number;
  /** Turns of the event loop until the condition holds; the clock stands still. */
  until(condition: () => boolean): Promise<void>;
}

async function start(
  t: ExecutionContext,
  { files = ['a.json'], events = true, intervalMs = HOUR_MS, prepare = async (_folder: string) => {} } = {},
): Promise<Stage> {
  t.timeout(30_000);
  const folder = await mkdtemp(join(tmpdir(), 'weir-files-'));
  await prepare(folder);
  const clock = createTestClock();
  const changes: (string | null)[][] = [];
  let told = 0;
  const patterns = files.map((file) => join(folder, file));
  const options = { intervalMs, maxBytes: 1000, ...(events ? { onEvent: () => void told++ } : {}) };
  const watch = await watchFiles(clock, patterns, options, (contents) =>
    changes.push(contents.map(({ text }) => text)),
  );
  t.teardown(async () => {
    watch.close();
    await rm(folder, { recursive: true, force: true });
  });
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  };
  return { folder, clock, changes, watch, events: () => told, until };
}

const one = async (folder: string) => writeFile(join(folder, 'a.json'), 'one');

test('a file that is written is read again SETTLE_MS after the event, long before the interval', async (t) => {
  const { folder, clock, changes, events, until } = await start(t, { prepare: one });
  await writeFile(join(folder, 'a.json'), 'two');
  await until(() => events() > 0);
  t.deepEqual(changes, []);
  clock.advance(SETTLE_MS);
  await until(() => changes.length > 0);
  t.deepEqual(changes, [['two']]);
});

test('a file that is moved into its place is noticed, one of another name is not', async (t) => {
  const { folder, clock, changes, events, until } = await start(t, { prepare: one });
  await writeFile(join(folder, 'a.json.next'), 'two');
  await rename(join(folder, 'a.json.next'), join(folder, 'a.json'));
  await until(() => events() > 0);
  t.is(events(), 1);
  clock.advance(SETTLE_MS);
  await until(() => changes.length > 0);
  t.deepEqual(changes, [['two']]);
});

test('the links that Kubernetes swaps behind a volume are noticed', async (t) => {
  const volume = async (folder: string, name: string, text: string) => {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'a.json'), text);
  };
  const { folder, clock, changes, events, until } = await start(t, {
    async prepare(at) {
      await volume(at, '..1', 'one');
      await symlink('..1', join(at, '..data'));
      await symlink('..data/a.json', join(at, 'a.json'));
    },
  });
  await volume(folder, '..2', 'two');
  await symlink('..2', join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  await until(() => events() >= 3);
  clock.advance(SETTLE_MS);
  await until(() => changes.length > 0);
  t.deepEqual(changes, [['two']]);
});

test('a change that the kernel did not tell is found by the interval', async (t) => {
  const { folder, clock, changes, until } = await start(t, { prepare: one, events: false, intervalMs: 5_000 });
  await writeFile(join(folder, 'a.json'), 'two');
  clock.advance(4_999);
  t.is(clock.timers, 1);
  clock.advance(1);
  await until(() => changes.length > 0);
  t.deepEqual(changes, [['two']]);
});

test('a folder that comes later is found by the interval, and watched from then on', async (t) => {
  const { folder, clock, changes, events, until } = await start(t, { files: ['later/*.json'], intervalMs: 5_000 });
  await mkdir(join(folder, 'later'));
  await writeFile(join(folder, 'later', 'b.json'), 'one');
  clock.advance(5_000);
  await until(() => changes.length > 0);
  t.deepEqual(changes, [['one']]);
  await writeFile(join(folder, 'later', 'c.json'), 'two');
  await until(() => events() > 0);
  clock.advance(SETTLE_MS);
  await until(() => changes.length > 1);
  t.deepEqual(changes[1], ['one', 'two']);
});

test('a pattern that no file matches is an error of its own, which ends with the first file', async (t) => {
  const { folder, clock, changes, events, watch, until } = await start(t, { files: ['*.json'] });
  t.like(watch.contents, [{ path: join(folder, '*.json'), text: null, error: 'no file matches this pattern' }]);
  await one(folder);
  await until(() => events() > 0);
  clock.advance(SETTLE_MS);
  await until(() => changes.length > 0);
  t.deepEqual(changes, [['one']]);
});

test('closed it leaves no timer and tells nothing more', async (t) => {
  const { folder, clock, changes, events, watch, until } = await start(t, { prepare: one });
  await writeFile(join(folder, 'a.json'), 'two');
  await until(() => events() > 0);
  watch.close();
  t.is(clock.timers, 0);
  clock.advance(HOUR_MS);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(changes, []);
});
