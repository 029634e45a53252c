/** @module The page of traffic's names says exactly what the code tells. */
import test from 'ava';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { createTrafficKey } from '../../pipeline/model/traffic-key.ts';
import { OtlpTrafficEncoder } from '../../pipeline/wire/otlp-traffic.ts';
import { TRAFFIC_METRICS } from '../../pipeline/wire/traffic-metrics.ts';
import { type SchemaMetric, schemaDecode } from '../kit/otlp-schema.ts';
import { readRepositoryFile } from '../kit/repository.ts';

const PAGE = readRepositoryFile('docs/reference/traffic-metrics.md');

/** Cells of the rows under a heading, code marks kept. */
function rowsUnder(heading: string): string[][] {
  const section = PAGE.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const lines = section.split('\n').filter((line) => line.startsWith('| `'));
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}

const WORKLOAD = { cluster: 'c', namespace: 'n', name: 'w', kind: 'Deployment' } as const;
const OWN = { workload: WORKLOAD, pod: 'p', podUid: 'u', node: 'o', serviceAccount: 'a' };
const PEER = { workload: WORKLOAD, pod: 'p', service: 's', serviceNamespace: 'x', serviceAccount: 'a' };

/** A sum with everything that a sum can have. */
const EVERYTHING: TrafficSum = {
  interval: { startMs: 0, endMs: 1000 },
  records: (['client', 'server'] as const).map((side) => ({
    key: createTrafficKey({ mesh: 'm', side, own: OWN, peer: PEER, protocol: 'http', counts: 'requests' }),
    successes: 1,
    failures: 1,
    unreached: 1,
    latency: [
      { boundsMs: [1], counts: Float64Array.of(1, 0.5) },
      { boundsMs: [2], counts: Float64Array.of(1, 1) },
    ],
    tcp: { opened: 1, closed: 1, readBytes: 1, writtenBytes: 1 },
  })),
  coverage: [
    {
      target: 't',
      mesh: 'm',
      own: OWN,
      scrapesDue: 1,
      scrapesMissed: 1,
      coveredSeconds: 1,
      expectedSeconds: 1,
      resets: 1,
      firstSight: true,
    },
  ],
  partial: true,
  clockAhead: true,
  late: true,
};
const ENVELOPE = { source: 's', epoch: 'e', seq: 1, replaces: [0], resource: new Map<string, string>() };
const BYTES = new OtlpTrafficEncoder().encode(EVERYTHING, ENVELOPE);
const [RESOURCE] = schemaDecode(BYTES).resourceMetrics!;
const METRICS: readonly SchemaMetric[] = RESOURCE!.scopeMetrics![0]!.metrics!;

test('its table of metrics has the names, units and types that are sent, in their order', (t) => {
  t.deepEqual(
    rowsUnder('Metrics').map(([name, unit, type]) => [codesIn(name!)[0], codesIn(unit!)[0], type]),
    METRICS.map(({ name, unit, sum }) => [name, unit, sum === undefined ? 'histogram' : 'sum']),
  );
});

test('its twins of Prometheus are those the exporter takes its names from', (t) => {
  t.deepEqual(
    rowsUnder('Metrics').map(([name, , , twin]) => [codesIn(name!)[0], codesIn(twin!)[0]]),
    TRAFFIC_METRICS.map(({ name, prometheus }) => [name, prometheus]),
  );
});

test('its table of attributes has every name that is sent, and no other', (t) => {
  const sent = METRICS.flatMap(({ sum, histogram }) => (sum ?? histogram)!.dataPoints!).flatMap(
    ({ attributes }) => attributes ?? [],
  );
  t.deepEqual(
    rowsUnder('Attributes')
      .flatMap(([names]) => codesIn(names!))
      .sort(),
    [...new Set(sent.map(({ key }) => key!))].sort(),
  );
});

test('its table of resource attributes has those of a request', (t) => {
  t.deepEqual(
    rowsUnder('One request').map(([name]) => codesIn(name!)[0]),
    RESOURCE!.resource!.attributes!.map(({ key }) => key),
  );
});
