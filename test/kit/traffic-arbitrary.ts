/** @module Arbitrary traffic for properties: any names, any counts, any mixture of what records may hold. */
import fc from 'fast-check';
import {
  type Identity,
  type Peer,
  RESOURCE_KINDS,
  type ResourceKind,
  type Workload,
} from '../../pipeline/model/resource.ts';
import type { Counts, Protocol, Side } from '../../pipeline/model/rules.ts';
import type {
  CoverageRecord,
  LatencyHistogram,
  TrafficKey,
  TrafficRecord,
  TrafficSum,
} from '../../pipeline/model/traffic.ts';
import { createTrafficKey } from '../../pipeline/model/traffic-key.ts';
import type { TrafficEnvelope } from '../../pipeline/wire/otlp-traffic.ts';

/** Whole code points only: halves of surrogate pairs have a test of their own. */
export const anyName: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('web', 'shop', '', 'a"b\\c\n', 'ünïcødé-名前', '\u{1f980}', '\ufffd', '\0', '__proto__'),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
);

const KINDS: readonly ResourceKind[] = ['', ...RESOURCE_KINDS];

const anyWorkload: fc.Arbitrary<Workload> = fc.record({
  cluster: anyName,
  namespace: anyName,
  name: anyName,
  kind: fc.constantFrom(...KINDS),
});

export const anyIdentity: fc.Arbitrary<Identity> = fc.record({
  workload: anyWorkload,
  pod: anyName,
  podUid: anyName,
  node: anyName,
  serviceAccount: anyName,
});

const anyPeer: fc.Arbitrary<Peer> = fc.record({
  workload: fc.option(anyWorkload, { freq: 3 }),
  pod: anyName,
  service: anyName,
  serviceNamespace: anyName,
  serviceAccount: anyName,
});

export const anyKey: fc.Arbitrary<TrafficKey> = fc
  .record({
    mesh: fc.oneof(fc.constantFrom('linkerd', 'istio'), anyName),
    side: fc.constantFrom<Side>('client', 'server'),
    own: anyIdentity,
    peer: anyPeer,
    protocol: fc.constantFrom<Protocol>('http', 'grpc', 'tcp', ''),
    counts: fc.constantFrom<Counts>('requests', 'attempts'),
  })
  .map(createTrafficKey);

/** Whole numbers mostly; any other quantity now and then. */
export const anyQuantity: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.nat(5000) },
  { weight: 1, arbitrary: fc.constantFrom(0, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER, 2 ** 53) },
  { weight: 1, arbitrary: fc.maxSafeNat() },
  { weight: 1, arbitrary: fc.double({ min: 0, max: 1e15, noNaN: true }) },
);

const BOUNDS: readonly (readonly number[])[] = [[], [1], [5, 10, 25.5, 1e4], [0.5, 1, 5, 10, 25, 50, 100, 250]];

const anyBounds: fc.Arbitrary<readonly number[]> = fc.oneof(
  fc.constantFrom(...BOUNDS),
  fc
    .uniqueArray(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { maxLength: 12, comparator: 'SameValueZero' })
    .map((bounds) => bounds.map((bound) => bound + 0).sort((a, b) => a - b)),
);

const anyHistogram: fc.Arbitrary<LatencyHistogram> = anyBounds.chain((boundsMs) =>
  fc
    .oneof(
      {
        weight: 6,
        arbitrary: fc.array(fc.nat(1000), { minLength: boundsMs.length + 1, maxLength: boundsMs.length + 1 }),
      },
      {
        weight: 1,
        arbitrary: fc.array(anyQuantity, { minLength: boundsMs.length + 1, maxLength: boundsMs.length + 1 }),
      },
    )
    .map((counts) => ({ boundsMs, counts: Float64Array.from(counts) })),
);

const anyLatency: fc.Arbitrary<LatencyHistogram[] | null> = fc.oneof(
  fc.constant(null),
  fc.array(anyHistogram, { minLength: 1, maxLength: 1 }),
  fc.uniqueArray(anyHistogram, { minLength: 1, maxLength: 3, selector: ({ boundsMs }) => boundsMs.join() }),
);

const anyTcp = fc.option(
  fc.record({ opened: anyQuantity, closed: anyQuantity, readBytes: anyQuantity, writtenBytes: anyQuantity }),
  { freq: 2 },
);

/** A record of `key`, idle ones among them. */
export function anyRecordOf(key: TrafficKey): fc.Arbitrary<TrafficRecord> {
  const busy = fc.record({
    key: fc.constant(key),
    successes: anyQuantity,
    failures: anyQuantity,
    unreached: fc.oneof(fc.constant(0), anyQuantity),
    latency: anyLatency,
    tcp: anyTcp,
  });
  const idle = { key, successes: 0, failures: 0, unreached: 0, latency: null, tcp: null };
  return fc.oneof(
    { weight: 5, arbitrary: busy },
    { weight: 1, arbitrary: fc.constant({ ...idle }) },
    { weight: 1, arbitrary: anyTcp.map((tcp) => ({ ...idle, tcp })) },
  );
}

/** Coverage may take back what was told before. */
const anyBalance: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: anyQuantity },
  { weight: 1, arbitrary: anyQuantity.map((quantity) => 0 - quantity) },
);

export const anyCoverage: fc.Arbitrary<CoverageRecord> = fc.record({
  target: anyName,
  mesh: anyName,
  own: anyIdentity,
  scrapesDue: anyBalance,
  scrapesMissed: anyBalance,
  coveredSeconds: anyBalance,
  expectedSeconds: anyBalance,
  resets: anyBalance,
  firstSight: fc.boolean(),
});

const anyTime: fc.Arbitrary<number> = fc.oneof(
  fc.nat(2 ** 31 - 1),
  fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }),
  fc.double({ min: 1_700_000_000_000, max: 1_900_000_000_000, noNaN: true }),
  fc.constantFrom(0, 18_446_744_073_708),
);

export const anyInterval = fc
  .tuple(anyTime, anyTime)
  .map(([a, b]) => ({ startMs: Math.min(a, b), endMs: Math.max(a, b) }));

/** A sum of records with keys from `keys`, each once. */
export function anySumOf(keys: fc.Arbitrary<TrafficKey>, maxRecords = 8): fc.Arbitrary<TrafficSum> {
  return fc
    .record({
      interval: anyInterval,
      records: fc
        .uniqueArray(keys, { maxLength: maxRecords, selector: ({ id }) => id })
        .chain((used) => fc.tuple(...used.map(anyRecordOf))),
      coverage: fc.uniqueArray(anyCoverage, { maxLength: 3, selector: ({ target }) => target }),
      partial: fc.boolean(),
      clockAhead: fc.boolean(),
      isLate: fc.boolean(),
    })
    .map(({ isLate, ...sum }) => (isLate ? { ...sum, late: true } : sum));
}

export const anySum: fc.Arbitrary<TrafficSum> = anySumOf(anyKey);

export const anyEnvelope: fc.Arbitrary<TrafficEnvelope> = fc.record({
  source: anyName,
  epoch: anyName,
  seq: fc.maxSafeNat(),
  resource: fc
    .uniqueArray(fc.tuple(anyName, anyName), { maxLength: 3, selector: ([name]) => name })
    .map((pairs) => new Map(pairs)),
});

/** `sum` with its items in an order of their own, so that two equal sums are deeply equal. */
export function ordered(sum: TrafficSum): TrafficSum {
  return {
    ...sum,
    records: sortedBy(sum.records, ({ key }) => key.id),
    coverage: sortedBy(sum.coverage, (record) => JSON.stringify(record)),
  };
}

function sortedBy<Item>(items: readonly Item[], textOf: (item: Item) => string): Item[] {
  return [...items].sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
}
