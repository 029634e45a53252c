/**
 * @module Whatever meshes meet in a little world, all pages read tell its truth: totals are what was received and what
 * never arrived, edges what was sent. The truth is reckoned from the calls alone.
 */
import test from 'ava';
import fc from 'fast-check';
import { readTraffic, type TrafficReading } from '../../../pipeline/model/reading.ts';
import type { Counts } from '../../../pipeline/model/rules.ts';
import type { TrafficRecord } from '../../../pipeline/model/traffic.ts';
import { covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

type Mesh = 'linkerd' | 'istio' | 'envoy' | 'none';

/** What a client's proxy counts; Linkerd's classic families do not tell what never reached a server. */
const CLIENT_COUNTS: Readonly<Record<Mesh, Counts>> = {
  linkerd: 'attempts',
  istio: 'requests',
  envoy: 'requests',
  none: 'requests',
};

interface Member {
  readonly mesh: Mesh;
  /** Whether its own label tells its account. */
  readonly labelled: boolean;
}
interface Call {
  readonly from: number;
  readonly to: number;
  readonly successes: number;
  readonly failures: number;
  /** Attempts beyond the last one, all failed. */
  readonly retries: number;
  readonly unreached: number;
  /** An Istio server knows a client of another mesh at least by its account. */
  readonly byAccount: boolean;
}
interface World {
  readonly members: readonly Member[];
  readonly calls: readonly Call[];
}

const me = (world: World, i: number, pod = 1) =>
  own(`x/w${i}`, { pod: `w${i}-${pod}`, account: world.members[i]!.labelled ? `sa${i}` : '' });

/** What the client of a call shows: nothing, or counts by its own notion. */
function clientOutcome({ members }: World, call: Call) {
  const { mesh } = members[call.from]!;
  if (mesh === 'none') return null;
  const seen = mesh === 'linkerd';
  return {
    successes: call.successes,
    failures: call.failures + (seen ? call.retries : 0),
    unreached: seen ? 0 : call.unreached,
  };
}

const reached = ({ successes, failures, retries }: Call) => successes + failures + retries;

function clientRecords(world: World, call: Call): TrafficRecord[] {
  const outcome = clientOutcome(world, call);
  if (outcome === null) return [];
  const { mesh } = world.members[call.from]!;
  const parts = { mesh, counts: CLIENT_COUNTS[mesh] };
  const { successes, failures, unreached } = outcome;
  const records: TrafficRecord[] = [];
  // Envoys know a cluster by name; the others know the workload and the service, but not without an endpoint.
  const byName = peer(`x/w${call.to}`, { kind: 'Service', service: `w${call.to}` });
  const known = mesh === 'envoy' ? byName : peer(`x/w${call.to}`, { service: `svc${call.to}` });
  const lost = mesh === 'envoy' ? byName : peer(`x/svc${call.to}`, { kind: 'Service', service: `svc${call.to}` });
  if (reached(call) > 0) {
    const [s, f] = [Math.floor(successes / 2), Math.floor(failures / 2)];
    records.push(record('client', me(world, call.from, 1), known, s, f, parts));
    records.push(record('client', me(world, call.from, 2), known, successes - s, failures - f, parts));
  }
  if (unreached > 0) records.push(record('client', me(world, call.from), lost, 0, unreached, { ...parts, unreached }));
  return records;
}

function isKnownByAccount({ members }: World, { from, to, byAccount }: Call): boolean {
  return byAccount && members[to]!.mesh === 'istio' && !['istio', 'none'].includes(members[from]!.mesh);
}

function serverRecords(world: World, call: Call): TrafficRecord[] {
  const { mesh } = world.members[call.to]!;
  if (mesh === 'none' || reached(call) === 0) return [];
  const caller = world.members[call.from]!.mesh;
  const account = peer(`x/sa${call.from}`, { kind: 'ServiceAccount', account: `sa${call.from}` });
  const named = {
    linkerd: account,
    istio: peer(`x/w${call.from}`),
    envoy: peer(null),
  }[mesh];
  const who = caller === mesh ? named : isKnownByAccount(world, call) ? account : peer(null);
  const failures = call.failures + call.retries;
  return [record('server', me(world, call.to), who, call.successes, failures, { mesh, counts: 'attempts' })];
}

function readWorld(world: World): TrafficReading {
  const records = world.calls.flatMap((call) => [...clientRecords(world, call), ...serverRecords(world, call)]);
  const coverage = world.members.flatMap(({ mesh }, i) =>
    mesh === 'none' ? [] : [1, 2].map((pod) => covered(me(world, i, pod), { mesh })),
  );
  return readTraffic(sumOf(merged(records), coverage), { defaultKind: 'Deployment', windowMs: 30_000 });
}

/** Calls of several callers may be one record of the server. */
function merged(records: readonly TrafficRecord[]): TrafficRecord[] {
  const byId = new Map<string, TrafficRecord>();
  for (const each of records) {
    const held = byId.get(each.key.id);
    if (held === undefined) byId.set(each.key.id, each);
    else {
      held.successes += each.successes;
      held.failures += each.failures;
      held.unreached += each.unreached;
    }
  }
  return [...byId.values()];
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

const member: fc.Arbitrary<Member> = fc.record({
  mesh: fc.constantFrom<Mesh>('linkerd', 'istio', 'envoy', 'none'),
  labelled: fc.boolean(),
});
const worlds: fc.Arbitrary<World> = fc.array(member, { minLength: 2, maxLength: 5 }).chain((members) =>
  fc
    .uniqueArray(
      fc.record({
        from: fc.nat(members.length - 1),
        to: fc.nat(members.length - 1),
        successes: fc.nat(100),
        failures: fc.nat(20),
        retries: fc.nat(30),
        unreached: fc.nat(15),
        byAccount: fc.boolean(),
      }),
      { selector: ({ from, to }) => `${from} ${to}`, maxLength: 12 },
    )
    .map((calls) => ({
      members,
      calls: calls
        .filter(({ from, to }) => from !== to)
        // Who has no proxy neither retries nor tells of what did not arrive. Retries told by an account alone cannot be
        // told from calls of somebody else who has it.
        .map((call) => (members[call.from]!.mesh === 'none' ? { ...call, retries: 0, unreached: 0 } : call))
        .map((call) => (isKnownByAccount({ members, calls: [] }, call) ? { ...call, retries: 0 } : call)),
    })),
);

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
