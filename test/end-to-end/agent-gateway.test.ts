/**
 * @module Six agents scrape three meshes and send to one gateway over OTLP; agents and gateway are restarted, the network
 * between is cut and loses answers: each slot of the gateway is the world's truth, gaps show, nothing is doubled.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ENVOY_PART } from '../../demo/world/istio/beside.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { type ComparedWindow, checkSlots, checkWindow, type GatewayRun } from '../kit/agent-checks.ts';
import { AgentFleet, SLOT_MS, START_MS } from '../kit/agent-fleet.ts';
import { budget } from '../kit/budget.ts';
import type { Fate, Member } from '../kit/fleet.ts';
import { edgeName, type PublishedEdges } from '../kit/published-edges.ts';

const AGENTS = 6;
const SLOTS = 60;
const FIRST_SLOT = START_MS / SLOT_MS;
const SEEDS = Array.from({ length: budget('seeds', 3) }, (_, i) => 31 + i);
/** The gateway is down in these slots, and closes them in parts. */
const GATEWAY_DOWN = [
  [18, 21],
  [44, 46],
] as const;
/** Agent 5 cannot reach the gateway in these slots. */
const CUT = [30, 32] as const;

type Step = () => Promise<void> | void;

/** What happens in the midst of which slot. */
function script(stage: AgentFleet): Map<number, Step> {
  const { world } = stage;
  const pod = (workload: string) => world.podOf(workload);
  const lose = (agent: number, ...fates: Fate[]) => void stage.fates.set(agent, fates);
  /** What the gateway takes of these is not known to have come until it is another process. */
  const loseAtStop = (whole: number, inHalves: number) => {
    lose(whole, ...new Array<Fate>(20).fill('answer lost'));
    lose(inHalves, ...new Array<Fate>(20).fill('half arrives'));
  };
  const stopGateway = async (...agents: number[]) => {
    await stage.stopGateway();
    for (const agent of agents) lose(agent);
  };
  const back = async (agent: number) => {
    await stage.stopAgent(agent);
    await stage.advance(3_100);
    await stage.startAgent(agent);
  };
  return new Map<number, Step>([
    [3, () => lose(0, 'answer lost')],
    [4, () => lose(1, 'answer lost', 'answer lost', 'never arrives', 'answer lost')],
    [6, () => world.restart(pod('delivery/courier'))],
    [8, () => world.failScrapes(pod('delivery/tracking'), { kind: 'unavailable' }, 2)],
    [10, () => back(2)],
    [12, () => lose(3, 'never arrives', 'answer lost')],
    [14, () => world.resetCounters(pod('delivery/dispatch'))],
    [15, () => world.failScrapes(pod('media/images'), { kind: 'hang' })],
    [17, () => loseAtStop(1, 2)],
    [18, () => stopGateway(1, 2)],
    [19, () => world.restart(pod('payments/wallet'))],
    [21, () => stage.startGateway()],
    [23, () => lose(4, 'answer lost', 'answer lost')],
    [24, () => world.hotRestart(pod('media/thumbs'))],
    [26, () => back(4)],
    [27, () => back(4)],
    [CUT[0], () => lose(5, ...new Array<Fate>(8).fill('never arrives'))],
    [35, () => world.failScrapes(pod('delivery/dispatch'), { kind: 'partial', without: ENVOY_PART })],
    [36, () => world.failScrapes(pod('shop/catalog'), { kind: 'refused' }, 2)],
    [38, () => lose(0, 'answer lost', 'answer lost', 'answer lost')],
    [40, () => back(0)],
    [43, () => loseAtStop(4, 0)],
    [44, () => stopGateway(4, 0)],
    [46, () => stage.startGateway()],
    [48, () => back(1)],
    [50, () => world.restart(pod('media/store'))],
    [52, () => lose(2, 'answer lost', 'never arrives', 'answer lost')],
    [54, () => back(3)],
  ]);
}

/** At the end of these nobody answers. */
const isDown = (slot: number) => GATEWAY_DOWN.some(([from, to]) => slot >= from && slot < to);

/** Slots that a gateway was down in, or was stopped or started in. */
const isTorn = (slot: number) => GATEWAY_DOWN.some(([from, to]) => slot >= from - 2 && slot <= to + 1);

/** Scrapes due and missed, resets and first sights of every pod in every slot that no gateway was torn in. */
function checkCoverage(
  t: ExecutionContext,
  stage: AgentFleet,
  slots: ReadonlyMap<number, TrafficSum>,
): CountedCoverage {
  const found = { scrapesDue: 0, scrapesMissed: 0, resets: 0, firstSight: 0 };
  const pods = new Set(stage.lives.flatMap(({ expected }) => [...expected.coverage.pods]));
  for (const [slot, { coverage }] of slots) {
    if (isTorn(slot - FIRST_SLOT)) continue;
    for (const pod of pods) {
      const want = stage.truth.coverageOf(pod, slot);
      if (want === null) continue;
      const seen = coverage.filter(({ own }) => own.pod === pod).reduce(covered, nothingCovered());
      t.deepEqual({ ...seen, firstSight: seen.firstSight > 0 }, want, `slot ${slot - FIRST_SLOT}: ${pod}`);
      covered(found, want);
    }
  }
  return found;
}

interface CountedCoverage {
  scrapesDue: number;
  scrapesMissed: number;
  resets: number;
  firstSight: number;
}

const nothingCovered = (): CountedCoverage => ({ scrapesDue: 0, scrapesMissed: 0, resets: 0, firstSight: 0 });

function covered(
  into: CountedCoverage,
  from: Omit<CountedCoverage, 'firstSight'> & { readonly firstSight: number | boolean },
): CountedCoverage {
  into.scrapesDue += from.scrapesDue;
  into.scrapesMissed += from.scrapesMissed;
  into.resets += from.resets;
  into.firstSight += Number(from.firstSight);
  return into;
}

/** While agent 5 is cut off, the slots are told at their time, with its targets missed; they are whole in the end. */
function checkCut(t: ExecutionContext, stage: AgentFleet): void {
  const pods = new Set(stage.podsOf(5));
  const slot = FIRST_SLOT + CUT[0];
  const told = stage.gateways.flatMap(({ sums }) => sums).find(({ interval }) => interval.startMs === slot * SLOT_MS);
  const own = told?.parts?.[0] ?? told;
  const missed = own?.coverage.filter(({ own: { pod } }) => pods.has(pod)) ?? [];
  t.is(missed.length, pods.size, 'each of its targets is told as missed');
  t.true(missed.every(({ scrapesDue, scrapesMissed }) => scrapesDue === 1 && scrapesMissed === 1));
}

/**
 * While one agent is restarted: edges told by whom it watches are incomplete as long as the window holds the restart, those told
 * by anybody else are complete all the time.
 */
async function checkRestart(t: ExecutionContext, stage: AgentFleet, { agent, besides }: Restart): Promise<Told> {
  const published = (await stage.get('/v1/edges')) as PublishedEdges;
  const restarted = new Set(agent === null ? [] : stage.workloadsOf(agent));
  const told = { complete: 0, incomplete: 0 };
  for (const edge of published.edges) {
    const [source, destination] = edgeName(edge).split(' -> ') as [string, string];
    const teller = edge.side === 'client' ? source : destination;
    if (besides.includes(teller)) continue;
    // What is left of unnamed callers is as complete as the clients that may be among them: `checkWindow` holds it to that.
    if (edge.source === null && !restarted.has(teller)) continue;
    t.is(edge.complete, !restarted.has(teller), `${edgeName(edge)} by its ${edge.side} until ${published.windowEnd}`);
    if (edge.complete) told.complete += 1;
    else told.incomplete += 1;
  }
  return told;
}

interface Restart {
  /** Null when the window holds no restart. */
  readonly agent: number | null;
  /** Workloads with other troubles in the window. */
  readonly besides: readonly string[];
}

interface Told {
  readonly complete: number;
  readonly incomplete: number;
}

/** By the slot at whose end the window is read; the newest slot in it is the one before. Agent 2 is restarted in slot 10. */
const RESTARTS = new Map<number, Restart>([
  [11, { agent: 2, besides: ['delivery/tracking'] }],
  [12, { agent: 2, besides: ['delivery/tracking'] }],
  [13, { agent: 2, besides: ['delivery/tracking'] }],
  [14, { agent: null, besides: [] }],
]);

/** Slots that the gateway cannot have told of in their time: it was away, or an agent could not reach it. */
const isBehind = (slot: number) => isTorn(slot) || (slot >= CUT[0] - 1 && slot <= CUT[1] + 1);

const runOf = (stage: AgentFleet): GatewayRun => ({
  ...{ world: stage.world, lives: stage.lives, truth: stage.truth, slots: stage.slots() },
  ...{ slotMs: SLOT_MS, firstSlot: FIRST_SLOT },
  isBehind: (slot) => isBehind(slot - FIRST_SLOT),
});

function checkBooks(t: ExecutionContext, stage: AgentFleet): void {
  const members = [...stage.gateways, ...stage.lives.map(({ member }) => member!)];
  for (const { name, service } of members) {
    for (const { kind, component, balance } of service.graph.balances()) {
      const books = `${name} ${kind} ${component}: ${JSON.stringify(balance)}`;
      t.is(balance.unaccounted, 0, books);
      t.is(balance.held, 0, books);
      t.is(balance.queued, 0, books);
      t.deepEqual([...balance.dropped], [], books);
    }
  }
}

function filtered(gateways: readonly Member[], reason: string): number {
  const books = gateways.flatMap(({ service }) => service.graph.balances());
  return books.reduce((total, { balance }) => total + (balance.filtered.get(reason) ?? 0), 0);
}

for (const seed of SEEDS) {
  test.serial(
    `seed ${seed}: ${SLOTS} slots of six agents and a gateway, all restarted, with answers lost: each slot is the truth`,
    async (t) => {
      t.timeout(600_000);
      const folder = await mkdtemp(join(tmpdir(), 'weir-gateway-'));
      t.teardown(() => rm(folder, { recursive: true, force: true }));
      const stage = await AgentFleet.create(seed, AGENTS, join(folder, 'taken'));
      t.teardown(() => stage.close());
      await stage.startGateway();
      const early = (await stage.get('/v1/edges')) as { readonly firstNumbersInSeconds: number };
      t.is(early.firstNumbersInSeconds, (2 * SLOT_MS) / 1000, 'the slot, and the one it waits for agents');
      for (let agent = 0; agent < AGENTS; agent++) {
        await stage.startAgent(agent);
        await stage.advance(700);
      }
      const steps = script(stage);
      const windows: ComparedWindow[] = [];
      const restarts: Told[] = [];
      for (let slot = 0; slot < SLOTS; slot++) {
        const nowMs = () => stage.fleet.clock.wallMs() - START_MS;
        await stage.advance(slot * SLOT_MS + 6_300 - nowMs());
        await steps.get(slot)?.();
        await stage.advance((slot + 1) * SLOT_MS - nowMs());
        const restart = RESTARTS.get(slot);
        if (restart !== undefined) restarts.push(await checkRestart(t, stage, restart));
        if (!isDown(slot)) windows.push(checkWindow(t, runOf(stage), (await stage.get('/v1/edges')) as PublishedEdges));
      }
      // Half a slot more, so that the drain meets targets scraped and not yet scraped in their slot.
      await stage.advance(SLOT_MS / 2 + 0.5);
      await stage.stopAll();
      const slots = stage.slots();
      const rows = checkSlots(t, runOf(stage));
      const coverage = checkCoverage(t, stage, slots);
      checkCut(t, stage);
      checkBooks(t, stage);

      t.deepEqual(
        restarts.map(({ complete, incomplete }) => [complete >= 10, incomplete >= 1]),
        [...RESTARTS.values()].map(({ agent }) => [true, agent !== null]),
        JSON.stringify(restarts),
      );
      const alarms = stage.gateways.flatMap(({ log }) => log.filter(({ msg }) => msg.startsWith('Several Weirs')));
      t.deepEqual(alarms, [], 'restarts are not taken for several Weirs of one name');
      t.true(rows > SLOTS * 55, `${rows} rows`);
      t.true(coverage.scrapesDue > 45 * 17 && coverage.scrapesMissed >= 4, JSON.stringify(coverage));
      t.true(coverage.resets >= 3 && coverage.firstSight >= 20, JSON.stringify(coverage));
      t.true((stage.fleet.fates.get('answer lost') ?? 0) >= 12);
      t.true((stage.fleet.fates.get('never arrives') ?? 0) >= 10);
      t.true(filtered(stage.gateways, 'repeat') > 100, 'what was sent again was known');
      t.true(windows.filter(({ exact }) => exact >= 35).length >= 28, JSON.stringify(windows));
      t.true(windows.filter(({ behind }) => behind >= 20).length >= 8, JSON.stringify(windows));
      t.true((stage.fleet.fates.get('half arrives') ?? 0) >= 4);
      t.true(
        windows.some(({ incomplete }) => incomplete >= 20),
        'the restart of a gateway is one of everybody',
      );
      t.true(
        windows.filter(({ exact, incomplete }) => exact >= 12 && incomplete > 0).length >= 2,
        'the restart of an agent is one of its own workloads',
      );
    },
  );
}

for (const agent of [1, 3, 5]) {
  test.serial(`while agent ${agent} is cut off, whoever it would have named is no complete stranger`, async (t) => {
    t.timeout(120_000);
    const folder = await mkdtemp(join(tmpdir(), 'weir-gateway-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const stage = await AgentFleet.create(31, AGENTS, join(folder, 'taken'));
    t.teardown(() => stage.close());
    await stage.startGateway();
    for (let each = 0; each < AGENTS; each++) {
      await stage.startAgent(each);
      await stage.advance(700);
    }
    const steps = new Map<number, Step>([
      [8, () => void stage.fates.set(agent, new Array<Fate>(400).fill('never arrives'))],
      [13, () => void stage.fates.delete(agent)],
    ]);
    const read: PublishedEdges[] = [];
    for (let slot = 0; slot < 20; slot++) {
      const nowMs = () => stage.fleet.clock.wallMs() - START_MS;
      await stage.advance(slot * SLOT_MS + 6_300 - nowMs());
      await steps.get(slot)?.();
      await stage.advance((slot + 1) * SLOT_MS - nowMs());
      if (slot >= 6) read.push((await stage.get('/v1/edges')) as PublishedEdges);
    }
    await stage.stopAll();
    const run = { ...runOf(stage), isBehind: (slot: number) => slot >= FIRST_SLOT + 7 && slot <= FIRST_SLOT + 13 };
    const windows = read.map((published) => checkWindow(t, run, published));
    t.deepEqual(
      read.map(({ complete }) => complete),
      read.map((_, i) => i < 3 || i > 6),
      'from the slot that it does not tell until what it tells late has come',
    );
    const standIns = read.flatMap(({ edges }) => edges.filter(({ source, complete }) => !complete && isNobody(source)));
    t.true(standIns.length > 0, JSON.stringify(windows));
  });
}

/** Nobody known, or an account. */
const isNobody = (source: PublishedEdges['edges'][number]['source']) =>
  source === null || source.kind === 'ServiceAccount';
