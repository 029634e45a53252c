/** @module `config.yaml` as it is, beside the demo: what the README says to type, and what it then says of itself. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { runDemo } from '../../demo/demo.ts';
import { assertStoppedWhole, startCli } from '../kit/cli.ts';
import { assertOwnBalance } from '../kit/own-metrics.ts';
import { ROOT } from '../kit/repository.ts';

/** Five times what two slots of 10 s and the starts of three processes take. */
const WATCHDOG_MS = 150_000;
/** What `config.yaml` listens on. */
const PORTS = { smi: 18_080, metrics: 18_888, health: 13_134 };

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

test('config.yaml runs as it is beside the demo, shows its edges, and its balance holds', async (t) => {
  t.timeout(WATCHDOG_MS);
  for (const port of Object.values(PORTS)) {
    if (await isFree(port)) continue;
    // The file is tested as it is, with its ports: somebody runs it here already.
    t.log(`SKIPPED: port ${port} of config.yaml is taken; end what listens there and run this again`);
    t.not(process.env.CI, 'true', `port ${port} of config.yaml is taken`);
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'weir-beside-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'demo'));
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  const errors: string[] = [];
  const demo = runDemo(['--port', '28080'], {
    output: { write: () => true, on() {}, off() {} },
    writeError: (text) => void errors.push(text),
    env: {},
    stopped,
    targetsFile: join(folder, 'demo', 'targets.json'),
  });
  t.teardown(() => stop());

  const weir = startCli(['run', '-c', join(ROOT, 'config.yaml')], { cwd: folder });
  t.teardown(() => weir.child.kill('SIGKILL'));
  await weir.printed('first window at');
  const edges = startCli(['edges', '--url', `http://127.0.0.1:${PORTS.smi}`, '--watch=500ms', '--no-headers']);
  t.teardown(() => edges.child.kill('SIGKILL'));
  await edges.printed('shop/web ');
  edges.child.kill('SIGTERM');
  const shown = await edges.finished;
  t.is(shown.code, 0);
  t.regex(shown.out, /^payments\/checkout +payments\/fraud +\d+\.\d\d% /m);
  t.true(new Set(shown.out.match(/^[\w()/-]+ +[\w()/-]+(?= +\d)/gm)).size >= 8, shown.out);

  t.is((await fetch(`http://127.0.0.1:${PORTS.health}/readyz`)).status, 200);
  const page = await (await fetch(`http://127.0.0.1:${PORTS.metrics}/metrics`)).text();
  const accepted = assertOwnBalance(t, page);
  for (const component of ['receiver linkerd samples', 'processor smi samples', 'exporter smi traffic']) {
    t.true((accepted.get(component) ?? 0) > 0, `${component}: ${JSON.stringify([...accepted])}`);
  }

  weir.child.kill('SIGTERM');
  assertStoppedWhole(t, await weir.finished);
  stop();
  t.is(await demo, 0);
  t.deepEqual(errors, []);
});
