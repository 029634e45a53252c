/** @module Little random worlds of several meshes: who called whom, and the records their proxies would give. */
import fc from 'fast-check';
import type { Counts } from '../../pipeline/model/rules.ts';
import { addRecord } from '../../pipeline/model/sum.ts';
import type { CoverageRecord, TrafficRecord } from '../../pipeline/model/traffic.ts';
import { buckets, covered, own, peer, record } from './traffic.ts';

type Mesh = 'linkerd' | 'istio' | 'envoy' | 'none';

/** What a client's proxy counts; Linkerd's classic families do not tell what never reached a server. */
const CLIENT_COUNTS: Readonly<Record<Mesh, Counts>> = {
  linkerd: 'attempts',
  istio: 'requests',
  envoy: 'requests',
  none: 'requests',
};

export interface Member {
  readonly mesh: Mesh;
  /** Whether its own label tells its account. */
  readonly labelled: boolean;
}
export interface Call {
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
export interface World {
  readonly members: readonly Member[];
  readonly calls: readonly Call[];
}

const me = (world: World, i: number, pod = 1) =>
  own(`x/w${i}`, { pod: `w${i}-${pod}`, account: world.members[i]!.labelled ? `sa${i}` : '' });

/** What the client of a call shows: nothing, or counts by its own notion. */
export function clientOutcome({ members }: World, call: Call) {
  const { mesh } = members[call.from]!;
  if (mesh === 'none') return null;
  const seen = mesh === 'linkerd';
  return {
    successes: call.successes,
    failures: call.failures + (seen ? call.retries : 0),
    unreached: seen ? 0 : call.unreached,
  };
}

export const reached = ({ successes, failures, retries }: Call) => successes + failures + retries;

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
    const [first, second] = [s + f, successes + failures - s - f].map((count) => [buckets([[10, count]])]);
    records.push(record('client', me(world, call.from, 1), known, s, f, { ...parts, latency: first! }));
    records.push(
      record('client', me(world, call.from, 2), known, successes - s, failures - f, { ...parts, latency: second! }),
    );
  }
  if (unreached > 0) records.push(record('client', me(world, call.from), lost, 0, unreached, { ...parts, unreached }));
  return records;
}

export function isKnownByAccount({ members }: World, { from, to, byAccount }: Call): boolean {
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
  return [
    record('server', me(world, call.to), who, call.successes, failures, {
      mesh,
      counts: 'attempts',
      latency: [
        buckets([
          [5, call.successes],
          [100, failures],
        ]),
      ],
    }),
  ];
}

/** Calls of several callers may be one record of the server. */
function merged(records: readonly TrafficRecord[]): TrafficRecord[] {
  const byId = new Map<string, TrafficRecord>();
  for (const each of records) {
    const held = byId.get(each.key.id);
    if (held === undefined) byId.set(each.key.id, each);
    else addRecord(held, each);
  }
  return [...byId.values()];
}

/** One record for each key, of all calls. */
export function worldRecords(world: World): TrafficRecord[] {
  return merged(world.calls.flatMap((call) => [...clientRecords(world, call), ...serverRecords(world, call)]));
}

/** Two pods of each watched member. */
export function worldCoverage(world: World, parts: Partial<CoverageRecord> = {}): CoverageRecord[] {
  return world.members.flatMap(({ mesh }, i) =>
    mesh === 'none' ? [] : [1, 2].map((pod) => covered(me(world, i, pod), { mesh, ...parts })),
  );
}

const member: fc.Arbitrary<Member> = fc.record({
  mesh: fc.constantFrom<Mesh>('linkerd', 'istio', 'envoy', 'none'),
  labelled: fc.boolean(),
});
export const worlds: fc.Arbitrary<World> = fc.array(member, { minLength: 2, maxLength: 5 }).chain((members) =>
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
