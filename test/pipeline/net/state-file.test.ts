/** @module Files that one life leaves to the next: whole or not at all, for their owner alone. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { NotAFile, stateFile, TooLarge } from '../../../pipeline/net/state-file.ts';

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
  await t.throwsAsync(file.read(), { instanceOf: NotAFile, message: 'it is no file' });
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

test('the last life that claims a file has it, until it lets go of it; one that crashed is no obstacle', async (t) => {
  const path = join(await folder(t), 'taken');
  const [one, other] = [stateFile(path, 100), stateFile(path, 100)];
  t.is(await one.owner(), null);
  await one.claim('a1');
  t.is(await other.owner(), 'a1');
  await other.claim('b2');
  t.is(await one.owner(), 'b2');
  await one.release('a1');
  t.is(await one.owner(), 'b2', 'it is not its to release');
  await other.release('b2');
  t.is(await one.owner(), null);
  await other.release('b2');
  t.deepEqual(await readdir(join(path, '..')), []);
});

test('lives that claim a file at the same time do not fail for each other, and one of them has it', async (t) => {
  const path = join(await folder(t), 'taken');
  const lives = Array.from({ length: 8 }, (_, i) => `life${i}`);
  await Promise.all(lives.map((life) => stateFile(path, 100).claim(life)));
  t.true(lives.includes((await stateFile(path, 100).owner())!));
  t.deepEqual(await readdir(join(path, '..')), ['taken.owner']);
});

test('what stands in the place of the claim is not written over, unless it is a claim or empty', async (t) => {
  const path = join(await folder(t), 'taken');
  const file = stateFile(path, 100);
  await writeFile(`${path}.owner`, '');
  await file.claim('a1');
  t.is(await file.owner(), 'a1');
  for (const [text, message] of [
    ['root:x:0:0', /holds something else/],
    ['x'.repeat(201), /more than 200/],
  ] as const) {
    await writeFile(`${path}.owner`, text);
    for (const work of [() => file.claim('b2'), () => file.owner(), () => file.release('a1')])
      await t.throwsAsync(work(), { message });
    t.is(await readFile(`${path}.owner`, 'utf8'), text);
  }
});
