/**
 * @module Six agents and a gateway as processes of their own, on the machine's clock and sockets, over HTTP in both encodings
 * and gRPC: all are ended by SIGTERM and started again while answers and halves of requests are lost on the way. Each slot and
 * each window of the gateway is the world's truth.
 */
import { stat } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { checkSlots, checkWindow, type GatewayRun } from '../kit/agent-checks.ts';
import { AgentProcesses, SLOT_MS, WAYS } from '../kit/agent-processes.ts';
import { budget } from '../kit/budget.ts';
import type { RelayedFate } from '../kit/lossy-relay.ts';
import { parseOwnMetrics } from '../kit/own-metrics.ts';
import type { PublishedEdges } from '../kit/published-edges.ts';

const AGENTS = WAYS.map((_, agent) => agent);
const SEEDS = Array.from({ length: budget('seeds', 1) }, (_, i) => 51 + i);

/** Resolves `offsetMs` after the start of the slot with this number. */
async function at(slot: number, offsetMs: number): Promise<void> {
  const waitMs = slot * SLOT_MS + offsetMs - Date.now();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}

/** In the midst of a slot: by now some targets of each agent have been scraped in it, and some have not. */
const MIDST_MS = 700;
const present = () => Math.floor(Date.now() / SLOT_MS);

/** Loses the answer to each third request of each agent. */
function losingSome(): (agent: number) => RelayedFate {
  const requests = new Map<number, number>();
  return (agent) => {
    const number = (requests.get(agent) ?? agent) + 1;
    requests.set(agent, number);
    return number % 3 === 0 ? 'answer lost' : 'arrives';
  };
}

/** Loses each answer, and of what agent 3 sends the second half as well. */
const losingAll = (agent: number): RelayedFate => (agent === 3 ? 'half arrives' : 'answer lost');

/** Reads every window that the gateway shows, until it is told to stop. */
function readWindows(stage: AgentProcesses): { readonly windows: PublishedEdges[]; stop(): Promise<void> } {
  const windows: PublishedEdges[] = [];
  let stopped = false;
  const reading = (async () => {
    for (let slot = present(); !stopped; slot++) {
      await at(slot, SLOT_MS * 0.9);
      const published = (await stage.get('/v1/edges')) as PublishedEdges | null;
      if (published?.ready === true) windows.push(published);
    }
  })();
  return {
    windows,
    stop: () => {
      stopped = true;
      return reading;
    },
  };
}

/** Items that this life of the gateway knew as repeats. */
async function repeats(stage: AgentProcesses): Promise<number> {
  const samples = parseOwnMetrics(await stage.ownMetrics());
  const known = samples.filter(({ name, labels }) => name === 'weir_items_total' && labels.get('reason') === 'repeat');
  return known.reduce((sum, { value }) => sum + value, 0);
}

/** What agents have sent is taken of all of them, and none of them knows, when the gateway is told to stop. */
async function restartGateway(t: ExecutionContext, stage: AgentProcesses, slot: number): Promise<number> {
  await at(slot, SLOT_MS * 0.8);
  stage.relay.fateOf = losingAll;
  const before = new Map(stage.relay.swallowed);
  await at(slot + 2, MIDST_MS);
  for (const agent of AGENTS)
    t.true((stage.relay.swallowed.get(agent) ?? 0) > (before.get(agent) ?? 0), `agent ${agent} is not told`);
  const known = await repeats(stage);
  await stage.stopGateway();
  t.is((await stat(stage.repeatsFile)).mode & 0o777, 0o600);
  await stage.startGateway();
  stage.relay.fateOf = losingSome();
  return known;
}

const slotOf = (ms: number) => Math.floor(ms / SLOT_MS);

/** The slots around each absence of the gateway of which not everything can have come in its time: from, to. */
const tornIn = ({ gatewayAway }: AgentProcesses) =>
  gatewayAway.map(({ fromMs, toMs }) => [slotOf(fromMs) - 2, slotOf(toMs)] as const);

/** What came out of a gateway's lives against the truth: slots around its absences together, every other one alone. */
function runOf(stage: AgentProcesses, firstSlot: number): GatewayRun {
  const { world } = stage;
  const torn = tornIn(stage);
  const amendments = stage.amendments();
  return {
    ...{ world, ...stage.truth(), slots: stage.slots(), slotMs: SLOT_MS, firstSlot },
    amendmentsOf: (slot) => amendments.get(slot) ?? 0,
    isBehind: (slot) => torn.some(([from, to]) => slot >= from && slot <= to + 1),
    toldIn: (slot) =>
      torn.find(([from, to]) => slot >= from && slot <= to && to < Number.POSITIVE_INFINITY)?.[1] ?? slot,
  };
}

for (const seed of SEEDS) {
  test.serial(
    `seed ${seed}: what six agents count comes out of the gateway once, slot by slot, through SIGTERM of all`,
    async (t) => {
      t.timeout(300_000);
      const stage = await AgentProcesses.create(t, seed);
      const { world } = stage;
      const pod = (workload: string) => world.podOf(workload);
      await stage.startGateway();
      const read = readWindows(stage);
      // Two at a time: with all at once a busy machine scrapes first when the next scrape is long due.
      for (const pair of [0, 2, 4]) await Promise.all([stage.startAgent(pair), stage.startAgent(pair + 1)]);
      stage.relay.fateOf = losingSome();
      const first = present() + 1;

      await at(first + 2, MIDST_MS);
      await stage.restartAgent(1);
      await at(first + 4, 0);
      world.restart(pod('delivery/courier'));
      world.failScrapes(pod('shop/catalog'), { kind: 'unavailable' });
      await at(first + 5, MIDST_MS);
      await Promise.all([stage.restartAgent(2), stage.restartAgent(5)]);
      let known = await restartGateway(t, stage, present() + 1);
      // The farewells of two agents are what the gateway has taken before it goes, and what is sent again to the next one.
      await at(present() + 3, MIDST_MS);
      await Promise.all([stage.restartAgent(0), stage.restartAgent(4)]);
      const again = restartGateway(t, stage, present() + 1);
      await at(present() + 3, MIDST_MS - 200);
      const farewell = stage.restartAgent(3);
      known += await again;
      await farewell;
      await at(present() + 5, MIDST_MS);
      await Promise.all(AGENTS.map((agent) => stage.stopAgent(agent)));
      known += await repeats(stage);
      await read.stop();
      await stage.stopGateway();

      const run = runOf(stage, first);
      const rows = checkSlots(t, run);
      const isSteady = ({ windowStart }: PublishedEdges) => slotOf(Date.parse(windowStart)) > first;
      const steady = read.windows.filter(isSteady);
      const windows = steady.map((published) => checkWindow(t, run, published));
      for (const [i, { exact, behind }] of windows.entries())
        t.is(exact + behind, steady[i]!.edges.length, 'every edge of every window is held against the truth');
      t.true(rows > 1000, `${rows} rows`);
      t.true(known > 500, `${known} items known as repeats`);
      const figures = JSON.stringify(windows);
      t.true(windows.filter(({ exact }) => exact >= 30).length >= 3, figures);
      t.true(windows.filter(({ behind }) => behind >= 30).length >= 3, figures);
      t.true(
        windows.some(({ exact, incomplete }) => exact >= 30 && incomplete > 0 && incomplete < 15),
        `restarts of agents show as gaps of their own workloads: ${figures}`,
      );
      t.true(
        windows.some(({ behind, incomplete }) => behind >= 30 && incomplete === behind),
        `the restart of a gateway shows as one of everybody: ${figures}`,
      );
      for (const agent of AGENTS) {
        const swallowed = stage.relay.swallowed.get(agent) ?? 0;
        t.true(swallowed >= 8, `agent ${agent} was not told ${swallowed} times`);
      }
      t.is(stage.gatewayAway.length, 3);
      t.true(stage.lives.length === 12, 'each agent was ended and started again');
    },
  );
}
