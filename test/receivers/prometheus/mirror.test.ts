/**
 * @module The mapping judged by a mesh's own table: written to mean the same, it must give the same rows on recorded pages.
 *
 * The rows expected are those beside the pages, which were counted by other means.
 */
import test from 'ava';
import { SeriesTable } from '../../../pipeline/model/series.ts';
import { ExpositionScanner } from '../../../pipeline/wire/exposition/scanner.ts';
import { createLinkerdRules } from '../../../receivers/linkerd/rules.ts';
import { mappingSchema } from '../../../receivers/prometheus/mapping-config.ts';
import { MappedRules } from '../../../receivers/prometheus/rules.ts';
import { readRepositoryFile } from '../../kit/repository.ts';
import { WIDE_LIMITS } from '../../kit/scan.ts';
import { ownOf, rowsOf } from '../linkerd/rows.ts';

const MAPPING = mappingSchema.parse({
  mesh: 'linkerd',
  counts: 'attempts',
  side: { label: 'direction', client: 'outbound', server: 'inbound' },
  source: { service_account: 'client_account', namespace: 'client_namespace' },
  destination: {
    workload: 'dst_deployment',
    namespace: 'dst_namespace',
    service: 'dst_service',
    kind: { value: 'Deployment' },
  },
  start_time: 'process_start_time_seconds',
  ignore: { target_port: '4191' },
  requests: [
    { sample: 'response_total', success: { classification: 'success' }, failure: { classification: 'failure' } },
  ],
  latency: [{ family: 'response_latency_ms' }],
});

interface Sums {
  [side: string]: { successes: number; failures: number; buckets: Record<string, number> };
}

interface Row {
  readonly side: string;
  readonly protocol: string;
  readonly successes?: number;
  readonly failures?: number;
  readonly buckets?: Record<string, number>;
}

/** Rows added up per side, without their peers: a mapping names those in its own way. */
function sumsOf(rows: readonly Row[]): Sums {
  const sums: Sums = {};
  for (const { side, successes = 0, failures = 0, buckets = {} } of rows) {
    sums[side] ??= { successes: 0, failures: 0, buckets: {} };
    sums[side].successes += successes;
    sums[side].failures += failures;
    for (const [le, count] of Object.entries(buckets)) sums[side].buckets[le] = (sums[side].buckets[le] ?? 0) + count;
  }
  return sums;
}

const PAGES = ['web', 'api'].flatMap((pod) => Array.from({ length: 14 }, (_, i) => `real-29637b64f-${pod}-${i + 1}`));
for (const name of PAGES) {
  test(`a mapping that says what Linkerd's table says reads ${name} as it does`, (t) => {
    const rules = new MappedRules({ mapping: MAPPING, metricRelabel: [], honorLabels: false }).forTarget(new Map());
    const table = new SeriesTable();
    const scanner = new ExpositionScanner({
      wanted: new Map(rules.families.map((family) => [family.sample, family])),
      resolve: (sample, labels) => table.add(rules.resolve(sample, labels, ownOf())),
      limits: WIDE_LIMITS,
    });
    scanner.begin(table, 1);
    scanner.feed(Buffer.from(readRepositoryFile(`test/data/linkerd/${name}.prom`)));
    t.is(scanner.end().failure, null);
    const { start, rows } = rowsOf(table, 1);
    const expected: { start: number; rows: Row[] } = JSON.parse(
      readRepositoryFile(`test/data/linkerd/${name}.expected.json`),
    );
    t.is(start, expected.start);
    t.deepEqual(sumsOf(rows), sumsOf(expected.rows.filter(({ protocol }) => protocol !== 'tcp')));
  });
}

test('the families of both tables are the same but for TCP', (t) => {
  const own = createLinkerdRules({ adminPort: 4191, sentinel: true }).families.filter(({ demand }) => demand !== 'tcp');
  const mapped = new MappedRules({ mapping: MAPPING, metricRelabel: [], honorLabels: false }).forTarget(new Map());
  t.deepEqual(mapped.families.map(({ sample }) => sample).sort(), own.map(({ sample }) => sample).sort());
});
