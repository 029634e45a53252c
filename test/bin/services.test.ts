/** @module What the set-up of servers says when it cannot do its work. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

const SCRIPT = new URL('../../bin/services.mjs', import.meta.url);

/** Runs a copy of the script in a folder of its own, with nothing on its path. */
async function run(t: ExecutionContext, args: string[]): Promise<{ code: unknown; stderr: string }> {
  const root = await mkdtemp(join(tmpdir(), 'weir-services-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'bin'));
  const script = join(root, 'bin', 'services.mjs');
  await copyFile(SCRIPT, script);
  return await new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env: { PATH: join(root, 'bin') } }, (error, _stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stderr }),
    );
  });
}

test('a machine without Java and without apt is told what is missing', async (t) => {
  const { code, stderr } = await run(t, ['kafka']);
  t.is(code, 1);
  t.is(stderr, 'kafka: Java is missing and cannot be unpacked without apt-get\n');
});

test('a machine without Python is told what is missing', async (t) => {
  const { code, stderr } = await run(t, ['envoy']);
  t.is(code, 1);
  t.is(stderr, 'envoy: Envoy comes as a Python wheel, and there is no python3 with pip\n');
});

test('a machine without Prometheus and without apt is told what is missing', async (t) => {
  const { code, stderr } = await run(t, ['prometheus']);
  t.is(code, 1);
  t.is(stderr, 'prometheus: Prometheus is missing and cannot be unpacked without apt-get\n');
});

test('an unknown service is a usage error that names those there are', async (t) => {
  const { code, stderr } = await run(t, ['rabbit']);
  t.is(code, 2);
  t.is(stderr, 'usage: node bin/services.mjs kafka|envoy|prometheus\n');
});
