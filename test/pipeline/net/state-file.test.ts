/** @module Files that one life leaves to the next: whole or not at all, for their owner alone. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { stateFile, TooLarge } from '../../../pipeline/net/state-file.ts';

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'weir-state-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('what is written is read, by its owner alone, until it is removed', async (t) => {
  const path = join(await folder(t), 'taken');
  const file = stateFile(path, 100);
  t.is(await file.read(), null);
  await file.check();
  await file.write('one');
  await file.write('two');
  t.is(await file.read(), 'two');
  t.is((await stat(path)).mode & 0o777, 0o600);
  await file.remove();
  t.is(await file.read(), null);
  await t.throwsAsync(file.remove(), { code: 'ENOENT' });
});

test('what was left of a writing that was cut is no obstacle, and a link is not written through', async (t) => {
  const path = await folder(t);
  const other = join(path, 'other');
  await writeFile(other, 'not mine');
  await symlink(other, join(path, 'taken.tmp'));
  await stateFile(join(path, 'taken'), 100).write('mine');
  t.is(await readFile(other, 'utf8'), 'not mine');
  t.deepEqual(await readdir(path), ['other', 'taken']);
});

test('a writing that fails leaves the old file and nothing else', async (t) => {
  const path = await folder(t);
  await mkdir(join(path, 'taken'));
  await writeFile(join(path, 'taken', 'x'), '');
  const file = stateFile(join(path, 'taken'), 100);
  await t.throwsAsync(file.write('new'));
  t.deepEqual(await readdir(path), ['taken']);
  await t.throwsAsync(file.read(), { message: 'it is no file' });
});

test('a folder that is missing is told before anything is to be written', async (t) => {
  const file = stateFile(join(await folder(t), 'missing', 'taken'), 100);
  await t.throwsAsync(file.check(), { code: 'ENOENT' });
  await t.throwsAsync(file.write('x'), { code: 'ENOENT' });
  t.is(await file.read(), null);
});

test('a file that is too large is not read', async (t) => {
  const path = join(await folder(t), 'taken');
  await writeFile(path, 'x'.repeat(101));
  await t.throwsAsync(stateFile(path, 100).read(), { instanceOf: TooLarge, message: /101 bytes, more than 100/ });
  t.is((await stateFile(path, 101).read())?.length, 101);
});
