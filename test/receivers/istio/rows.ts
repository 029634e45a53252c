/** @module The values of one Istio page as rows per owner, side, protocol and peer, in the form of the `.expected.json` files. */
import type { Identity } from '../../../pipeline/model/resource.ts';
import type { FamilyRule, MeshRules, TrafficSeries } from '../../../pipeline/model/rules.ts';
import { SeriesTable } from '../../../pipeline/model/series.ts';
import { ExpositionScanner } from '../../../pipeline/wire/exposition/scanner.ts';
import type { IstioRulesOptions } from '../../../receivers/istio/rules.ts';
import { SeriesBudget, SeriesIndex } from '../../../receivers/scrape/series-index.ts';

export const OPTIONS: IstioRulesOptions = {
  noResponse: 'failure',
  deniedIsFailure: false,
  nodeProxies: new Set(['ztunnel']),
  flushSeconds: 5,
  sentinel: true,
};
const LIMITS = { sampleLimit: 500_000, labelLimit: 64, labelNameLengthBytes: 256, labelValueLengthBytes: 2048 };

/** A target with a named workload; `name` '' stands for one that only its address names. */
export function targetOf(
  name: string,
  namespace = 'default',
  kind: Identity['workload']['kind'] = 'Deployment',
): Identity {
  const workload = name === '' ? { name: '10.0.0.7:15090', kind: '' as const } : { name, kind };
  return {
    workload: { cluster: '', namespace, ...workload },
    pod: name === '' ? '' : `${name}-1`,
    podUid: '',
    node: 'n1',
    serviceAccount: '',
  };
}

interface Row {
  /** `namespace/name` where the series tells whose it is; '' for the target's own. */
  own: string;
  side: string;
  protocol: string;
  peer: { kind: string; namespace: string; name: string; service: string; serviceAccount: string };
  successes?: number;
  failures?: number;
  unreached?: number;
  buckets?: Record<string, number>;
  tcp?: { opened: number; closed: number; readBytes: number; writtenBytes: number };
}

/** Uptime and rows of the page of `scrape`, sorted by their key. */
export function rowsOf(table: SeriesTable, scrape: number): { uptime: number | null; rows: Row[] } {
  const rows = new Map<string, Row>();
  let uptime: number | null = null;
  for (let id = 0; id < table.size; id++) {
    const meaning = table.meaningOf(id);
    if (table.seen[id] !== scrape) continue;
    if (meaning.role === 'uptime') uptime = table.values[id]!;
    if (meaning.role === 'traffic') add(rowOf(rows, meaning), meaning, table.values[id]!);
  }
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  return { uptime, rows: sorted };
}

/** A page in pieces of `pieceBytes` through scanner and table. */
export function readPage(page: Uint8Array, pieceBytes: number, rules: MeshRules, target: Identity) {
  const table = new SeriesTable();
  const index = new SeriesIndex(rules, target, table, new SeriesBudget(100_000));
  const wanted = new Map<string, FamilyRule>(rules.families.map((family) => [family.sample, family]));
  const scanner = new ExpositionScanner({ wanted, resolve: (s, l) => index.resolve(s, l), limits: LIMITS });
  scanner.begin(table, 1);
  for (let at = 0; at < page.length; at += pieceBytes) scanner.feed(page.subarray(at, at + pieceBytes));
  const scan = scanner.end();
  if (scan.failure !== null) throw new Error(`${scan.failure.reason} in line ${scan.failure.line}`);
  const filtered = new Map<string, number>();
  index.countFiltered(1, (reason, samples) => filtered.set(reason, samples));
  return {
    whole: index.hasSentinel(1),
    samples: scan.samples,
    filtered: Object.fromEntries([...filtered].sort()),
    ...rowsOf(table, 1),
  };
}

function rowOf(rows: Map<string, Row>, { own, side, protocol, peer }: TrafficSeries): Row {
  const { kind = '', namespace = '', name = '' } = peer.workload ?? {};
  const { service, serviceAccount } = peer;
  const owner = own === null ? '' : `${own.workload.namespace}/${own.workload.name}`;
  const key = [owner, side, protocol, kind, namespace, name, service, serviceAccount].join('\0');
  let row = rows.get(key);
  if (row === undefined) {
    row = { own: owner, side, protocol, peer: { kind, namespace, name, service, serviceAccount } };
    rows.set(key, row);
  }
  return row;
}

const COUNTS = { success: 'successes', failure: 'failures', unreached: 'unreached' } as const;
const TCP = {
  tcp_opened: 'opened',
  tcp_closed: 'closed',
  tcp_read_bytes: 'readBytes',
  tcp_written_bytes: 'writtenBytes',
} as const;

function add(row: Row, { measure, boundMs }: TrafficSeries, value: number): void {
  if (measure === 'success' || measure === 'failure' || measure === 'unreached') {
    row[COUNTS[measure]] = (row[COUNTS[measure]] ?? 0) + value;
  } else if (measure === 'latency_bucket') {
    row.buckets ??= {};
    const le = boundMs === Number.POSITIVE_INFINITY ? '+Inf' : String(boundMs);
    row.buckets[le] = (row.buckets[le] ?? 0) + value;
  } else if (measure !== 'latency_sum_ms') {
    row.tcp ??= { opened: 0, closed: 0, readBytes: 0, writtenBytes: 0 };
    row.tcp[TCP[measure]] += value;
  }
}
