/**
 * @module A gateway is restarted between a request and its repeat: with `repeats_file` nothing counts twice; without it that
 * one request does, and nothing else (docs/adr/0013).
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { AgentFleet, SLOT_MS, START_MS } from '../kit/agent-fleet.ts';
import { observedCounts } from '../kit/expected-traffic.ts';
import type { Fate, Member } from '../kit/fleet.ts';
import { expectedOf } from '../kit/joined-truth.ts';

const FIRST_SLOT = START_MS / SLOT_MS;
/** The gateway is restarted in this slot, while agent 0 does not know whether that of the slot before has come. */
const RESTART = 5;

/** Two agents and a gateway; what agent 0 sends of the slot before the restart meets `fate` until the gateway stops. */
async function run(t: ExecutionContext, fate: Fate, repeatsFile: string | null): Promise<AgentFleet> {
  const stage = await AgentFleet.create(7, 2, repeatsFile);
  t.teardown(() => stage.close());
  await stage.startGateway();
  for (const agent of [0, 1]) await stage.startAgent(agent);
  await stage.advance(RESTART * SLOT_MS - 2000);
  stage.fates.set(0, new Array<Fate>(20).fill(fate));
  await stage.advance(7000);
  await stage.stopGateway();
  stage.fates.delete(0);
  await stage.advance(3000);
  await stage.startGateway();
  await stage.advance(4 * SLOT_MS);
  await stage.stopAll();
  return stage;
}

type Counts = ReadonlyMap<string, { readonly successes: number; readonly failures: number }>;

/** Requests by row, of all slots. */
function requests(slots: Iterable<Counts>): Map<string, number> {
  const totals = new Map<string, number>();
  for (const rows of slots) {
    for (const [key, { successes, failures }] of rows) {
      if (successes + failures > 0) totals.set(key, (totals.get(key) ?? 0) + successes + failures);
    }
  }
  return new Map([...totals].sort());
}

/** What came out of the gateway beyond the truth, by slot: 0 where it is the truth. */
function tooMuch(stage: AgentFleet): Map<number, number> {
  const { lives } = stage;
  const slots = stage.slots();
  return new Map(
    Array.from(slots, ([slot, sum]) => {
      const seen = requests([observedCounts(sum)]);
      const want = requests([expectedOf(lives, slot)]);
      return [slot - FIRST_SLOT, total(seen) - total(want)] as const;
    }),
  );
}

const total = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((sum, count) => sum + count, 0);
const beyond = (stage: AgentFleet) => [...tooMuch(stage)].filter(([, count]) => count !== 0).map(([slot]) => slot);

function filtered({ service }: Member, reason: string): number {
  return service.graph.balances().reduce((sum, { balance }) => sum + (balance.filtered.get(reason) ?? 0), 0);
}

for (const fate of ['answer lost', 'half arrives'] as const) {
  test.serial(`with a file, a gateway that is restarted knows what it has taken: ${fate}`, async (t) => {
    t.timeout(300_000);
    const folder = await mkdtemp(join(tmpdir(), 'weir-gateway-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const stage = await run(t, fate, join(folder, 'taken'));
    t.deepEqual(beyond(stage), []);
    for (const [slot, sum] of stage.slots()) {
      t.deepEqual(
        requests([observedCounts(sum)]),
        requests([expectedOf(stage.lives, slot)]),
        `slot ${slot - FIRST_SLOT}`,
      );
    }
    const [, second] = stage.gateways;
    if (fate === 'answer lost') t.true(filtered(second!, 'repeat') > 0);
    const lines = stage.gateways.flatMap(({ log }) => log);
    t.deepEqual(
      lines.filter(({ msg }) => /never came|cannot be used/.test(msg)),
      [],
      'no gap is told where nothing was lost',
    );
    t.deepEqual(await readdir(folder), ['taken'], 'what the second life leaves to the next');
  });

  test.serial(`without a file, that request counts twice, and nothing else does: ${fate}`, async (t) => {
    t.timeout(300_000);
    const stage = await run(t, fate, null);
    t.deepEqual(beyond(stage), [RESTART - 1]);
    const slot = FIRST_SLOT + RESTART - 1;
    const seen = requests([observedCounts(stage.slots().get(slot)!)]);
    const livesOfFirst = stage.lives.filter(({ agent }) => agent === 0);
    const twice = requests([expectedOf(livesOfFirst, slot)]);
    const most = requests([expectedOf(stage.lives, slot)]);
    for (const [key, count] of twice) most.set(key, most.get(key)! + count);
    if (fate === 'answer lost') t.deepEqual(seen, most);
    // Which points are in the half is as it comes.
    else t.true(total(seen) <= total(most) && total(seen) > total(most) - total(twice));
  });
}

test.serial('what is lost between two lives of a gateway is told as a gap of its sender by the second', async (t) => {
  t.timeout(300_000);
  const folder = await mkdtemp(join(tmpdir(), 'weir-gateway-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const stage = await AgentFleet.create(7, 2, join(folder, 'taken'));
  t.teardown(() => stage.close());
  await stage.startGateway();
  for (const agent of [0, 1]) await stage.startAgent(agent);
  await stage.advance(RESTART * SLOT_MS - 3000);
  await stage.stopGateway();
  // Its answer says success, and nobody has it: something between has taken it and was lost.
  stage.fates.set(0, ['swallowed']);
  await stage.advance(8000);
  await stage.startGateway();
  await stage.advance(3 * SLOT_MS);
  const gaps = stage.gateways[1]!.log.filter(({ msg }) => /never came/.test(msg));
  t.deepEqual(
    gaps.map(({ source }) => source),
    ['agent-0'],
  );
});
