/**
 * @module The example as it is shipped, both files of it with other ports only: an agent and a gateway run as processes of
 * their own before the demo's world, and the gateway's API tells what the agent's scrapes told.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { serveWorld } from '../../../demo/proxies/serve.ts';
import { THREE_MESHES } from '../../../demo/world/three-meshes.ts';
import { createWorld, type World } from '../../../demo/world/world.ts';
import { checkWindow } from '../../kit/agent-checks.ts';
import { assertStoppedWhole, type RunningCli, startCli } from '../../kit/cli.ts';
import type { SlotRange } from '../../kit/expected-readings.ts';
import { JoinedTruth } from '../../kit/joined-truth.ts';
import { freePorts } from '../../kit/ports.ts';
import type { PublishedEdges } from '../../kit/published-edges.ts';
import { putFile } from '../../kit/put-file.ts';
import { readRepositoryFile } from '../../kit/repository.ts';
import { factorsSeen, type SeenLife, watched } from '../../kit/seen-life.ts';

const SLOT_MS = 10_000;
const LEAD_MS = 25_000;
const ADDRESS = /127\.0\.0\.1:(\d+)/g;

/** The example's files, each port of which is a free one, the same in both. */
async function shipped(): Promise<{ readonly texts: Map<string, string>; readonly portOf: (port: string) => number }> {
  const files = ['gateway', 'agent'].map(
    (name) => [name, readRepositoryFile(`examples/agent-gateway/${name}.yaml`)] as const,
  );
  const ports = [...new Set(files.flatMap(([, text]) => Array.from(text.matchAll(ADDRESS), ([, port]) => port!)))];
  const free = await freePorts(ports.length);
  const portOf = (port: string) => free[ports.indexOf(port)]!;
  const moved = (text: string) => text.replaceAll(ADDRESS, (_, port: string) => `127.0.0.1:${portOf(port)}`);
  return { texts: new Map(files.map(([name, text]) => [name, moved(text)])), portOf };
}

/** A checkout's folder as far as the example looks at it: the files of targets, relative to where it is run. */
async function serveDemo(t: ExecutionContext, folder: string, life: SeenLife): Promise<World> {
  const world = createWorld({ seed: 9, startMs: Date.now() - LEAD_MS, retainIdleMs: 60_000, topology: THREE_MESHES });
  world.advance(Date.now());
  const served = await serveWorld(world, {
    now: () => Date.now(),
    onScrape: (record) => void life.records.push(record),
  });
  t.teardown(() => served.close());
  await mkdir(join(folder, 'demo'));
  for (const mesh of ['linkerd', 'istio', 'envoy'] as const)
    await putFile(join(folder, 'demo', `targets-${mesh}.json`), JSON.stringify(served.targets(mesh)));
  return world;
}

async function end(t: ExecutionContext, { child, finished }: RunningCli): Promise<void> {
  child.kill('SIGTERM');
  assertStoppedWhole(t, await finished);
}

test('as shipped: the API of the gateway tells the whole mesh, each edge with the calls that the agent scraped', async (t) => {
  t.timeout(300_000);
  const folder = await mkdtemp(join(tmpdir(), 'weir-example-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const { texts, portOf } = await shipped();
  const life: SeenLife = { agent: 0, records: [], spawnedMs: Date.now(), stoppedMs: null };
  const world = await serveDemo(t, folder, life);
  const env = { NODE_NAME: 'node-7', WEIR_STATE: folder };
  const start = async (name: string): Promise<RunningCli> => {
    await writeFile(join(folder, `${name}.yaml`), texts.get(name)!);
    const running = startCli(['run', '-c', `${name}.yaml`], { env, cwd: folder });
    t.teardown(() => running.child.kill('SIGKILL'));
    await running.printed('started');
    return running;
  };
  const gateway = await start('gateway');
  // Its first scrapes come at once: early in a slot, so that this machine and its proxies agree on the slot that they are of.
  while (Date.now() % SLOT_MS > SLOT_MS / 4) await new Promise((resolve) => setTimeout(resolve, 100));
  const agent = await start('agent');
  for (const port of ['13134', '13135']) t.is((await fetch(`http://127.0.0.1:${portOf(port)}/livez`)).status, 200);

  const read = async () =>
    (await fetch(`http://127.0.0.1:${portOf('18080')}/v1/edges`)).json() as Promise<PublishedEdges>;
  let published = await read();
  // Until the first scrapes, which only tell where counters stand, are no part of the window.
  while (published.edges.length < 30 || published.edges.some(({ complete }) => !complete)) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    published = await read();
  }
  life.stoppedMs = Date.now();
  await end(t, agent);
  await end(t, gateway);

  const lives = [watched(life, SLOT_MS)];
  const run = {
    ...{ world, lives, truth: new JoinedTruth(lives, SLOT_MS, () => 0), slots: new Map(), slotMs: SLOT_MS },
    ...{ firstSlot: Math.floor(life.spawnedMs / SLOT_MS), isBehind: () => false },
    factors: (range: SlotRange) => factorsSeen(life, SLOT_MS, range),
  };
  const { exact } = checkWindow(t, run, published);
  t.true(exact >= 30);
  t.true(published.edges.reduce((calls, { successes }) => calls + successes, 0) > 500);
  t.regex(await readFile(join(folder, 'taken-requests'), 'utf8'), /node-7/, 'what the next gateway has to know');
});
