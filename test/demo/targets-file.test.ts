/** @module Two demos in one checkout do not read each other's pods. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createTargetsFiles } from '../../demo/targets-file.ts';

const one = [{ targets: ['127.0.0.1:1'], labels: { pod: 'one' } }];
const two = [{ targets: ['127.0.0.1:2'], labels: { pod: 'two' } }];

test('each demo reads its own files; the shared ones are the last writer’s and emptied only by it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'weir-test-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const shared = join(folder, 'targets-istio.json');
  const read = async (file: string) => JSON.parse(await readFile(file, 'utf8'));
  const [first, second] = [await createTargetsFiles(folder), await createTargetsFiles(folder)];
  await first.publish((mesh) => (mesh === 'istio' ? one : []));
  await second.publish((mesh) => (mesh === 'istio' ? two : []));
  t.deepEqual(await read(first.own('istio')), one);
  t.deepEqual(await read(second.own('istio')), two);
  t.deepEqual(await read(first.own('linkerd')), []);
  t.deepEqual(await read(shared), two);
  await first.close();
  t.deepEqual(await read(shared), two);
  await second.close();
  t.deepEqual(await read(shared), []);
  await t.throwsAsync(stat(first.own('istio')), { code: 'ENOENT' });
});
