/**
 * @module Whatever meshes meet in a little world, all pages read tell its truth: totals are what was received and what
 * never arrived, edges what was sent. The truth is reckoned from the calls alone.
 */
import test from 'ava';
import fc from 'fast-check';
import { readTraffic, type TrafficReading } from '../../../pipeline/model/reading.ts';
import {
  type Call,
  clientOutcome,
  isKnownByAccount,
  reached,
  type World,
  worldCoverage,
  worldRecords,
  worlds,
} from '../../kit/mesh-worlds.ts';
import { sumOf } from '../../kit/traffic.ts';

function readWorld(world: World): TrafficReading {
  const sum = sumOf(worldRecords(world), worldCoverage(world));
  return readTraffic(sum, { defaultKind: 'Deployment', windowMs: 30_000 });
}

/** By name: what is shown of each edge and each total, `successes+failures (unreached)`. */
interface Shown {
  readonly edges: Map<string, string>;
  readonly totals: Map<string, string>;
}

interface Counted {
  successes: number;
  failures: number;
  unreached: number;
}
const textOf = ({ successes, failures, unreached }: Counted) => `${successes}+${failures} (${unreached})`;

function tally(into: Map<string, Counted>, key: string, more: Partial<Counted>): void {
  const held = into.get(key) ?? { successes: 0, failures: 0, unreached: 0 };
  into.set(key, held);
  for (const each of ['successes', 'failures', 'unreached'] as const) held[each] += more[each] ?? 0;
}

/** Who a service's failures belong to: the workload, if any client told that it is behind the service, else the service. */
function lostTo(world: World, call: Call): string {
  const { mesh } = world.members[call.from]!;
  const told = (other: Call) =>
    other.to === call.to && reached(other) > 0 && ['linkerd', 'istio'].includes(world.members[other.from]!.mesh);
  return mesh === 'envoy' || world.calls.some(told) ? `w${call.to}` : `svc${call.to}`;
}

/** Whether anything but Envoy's clusters tells that there is a workload of this name. */
const isWorkload = (world: World, i: number) =>
  world.members[i]!.mesh !== 'none' ||
  world.calls.some(
    (call) =>
      lostTo(world, call) === `w${i}` &&
      call.to === i &&
      world.members[call.from]!.mesh !== 'none' &&
      world.members[call.from]!.mesh !== 'envoy' &&
      reached(call) > 0,
  );

function truth(world: World): Shown {
  const edges = new Map<string, Counted>();
  const totals = new Map<string, Counted>();
  for (const call of world.calls) {
    const outcome = clientOutcome(world, call);
    const lost = lostTo(world, call);
    const served = world.members[call.to]!.mesh !== 'none';
    if (outcome !== null) {
      const { successes, failures, unreached } = outcome;
      tally(edges, `w${call.from} w${call.to}`, { successes, failures });
      tally(edges, `w${call.from} ${lost}`, { failures: unreached, unreached });
      if (!served) tally(totals, `w${call.to}`, { successes, failures });
      tally(totals, lost, { failures: unreached, unreached });
    }
    if (served) tally(totals, `w${call.to}`, { successes: call.successes, failures: call.failures + call.retries });
  }
  const texts = (all: Map<string, Counted>) =>
    new Map(
      [...all].flatMap(([key, sum]) => (sum.successes + sum.failures === 0 ? [] : [[key, textOf(sum)] as const])),
    );
  for (const key of totals.keys()) {
    if (key.startsWith('svc') || !isWorkload(world, Number(key.slice(1)))) totals.delete(key);
  }
  return { edges: texts(edges), totals: texts(totals) };
}

function shown(reading: TrafficReading): Shown {
  const edges = new Map<string, string>();
  for (const { source, destination, figures } of reading.edges) {
    if (source === null) continue;
    const key = `${source.name} ${destination?.name}`;
    if (edges.has(key)) throw new Error(`${key} is shown twice`);
    edges.set(key, textOf(figures));
  }
  const told = reading.workloads.flatMap(({ resource, figures }) =>
    figures === null ? [] : [[resource.name, textOf(figures)] as const],
  );
  return { edges, totals: new Map(told) };
}

const sorted = (texts: ReadonlyMap<string, string>) => [...texts].map(([key, text]) => `${key}: ${text}`).sort();

/** Callers that nobody watches, and, where some callers tell themselves, retries that they do not tell. */
function checkStrangers(world: World, reading: TrafficReading): void {
  world.members.forEach(({ mesh }, i) => {
    if (mesh === 'none') return;
    const callers = world.calls.filter(({ to }) => to === i);
    const strangers = callers.filter(({ from }) => world.members[from]!.mesh === 'none');
    const unnamed = callers.filter((call) => {
      const { mesh: caller } = world.members[call.from]!;
      if (isKnownByAccount(world, call)) return false;
      return caller !== 'none' && (caller !== mesh || mesh === 'envoy');
    });
    const sum = (calls: readonly Call[], of: (call: Call) => number) => calls.reduce((all, call) => all + of(call), 0);
    const edge = reading.edges.find(({ source, destination }) => source === null && destination?.name === `w${i}`);
    const { successes = 0, failures = 0 } = edge?.figures ?? {};
    const [trueSuccesses, trueFailures] = [sum(strangers, (c) => c.successes), sum(strangers, (c) => c.failures)];
    const retries = sum(unnamed, (c) => c.retries);
    const place = `strangers of w${i}: ${successes}+${failures} for ${trueSuccesses}+${trueFailures}, retries ${retries}`;
    if (edge === undefined) {
      // Hidden only while successes alone are within 5 % of what others told.
      const told = sum(unnamed, (c) => c.successes + c.failures + c.retries);
      if (sum(unnamed, (c) => c.successes) + trueSuccesses > told * 1.05) throw new Error(`hidden ${place}`);
      return;
    }
    if (successes !== trueSuccesses || failures < trueFailures || failures > trueFailures + retries)
      throw new Error(place);
  });
}

test('totals are what was received and what never arrived, edges what was sent, whatever meshes meet', (t) => {
  fc.assert(
    fc.property(worlds, (world) => {
      const reading = readWorld(world);
      const [expected, told] = [truth(world), shown(reading)];
      t.deepEqual(sorted(told.totals), sorted(expected.totals));
      t.deepEqual(sorted(told.edges), sorted(expected.edges));
      checkStrangers(world, reading);
    }),
    { numRuns: 1000 },
  );
});
