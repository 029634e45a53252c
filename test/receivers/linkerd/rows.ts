/** @module The values of one page as rows per side, protocol and peer, in the form of the `.expected.json` files. */
import type { Identity } from '../../../pipeline/model/resource.ts';
import type { TrafficSeries } from '../../../pipeline/model/rules.ts';
import type { SeriesTable } from '../../../pipeline/model/series.ts';

interface Row {
  side: string;
  protocol: string;
  peer: { kind: string; namespace: string; name: string; service: string; serviceAccount: string };
  successes?: number;
  failures?: number;
  buckets?: Record<string, number>;
  tcp?: { opened: number; closed: number; readBytes: number; writtenBytes: number };
}

export function ownOf(): Identity {
  return {
    workload: { cluster: '', namespace: 'shop', name: 'web', kind: 'Deployment' },
    pod: 'web-1',
    podUid: '',
    node: '',
    serviceAccount: 'web',
  };
}

/** Process start and rows of the page of `scrape`, sorted by their key. */
export function rowsOf(table: SeriesTable, scrape: number): { start: number | null; rows: Row[] } {
  const rows = new Map<string, Row>();
  let start: number | null = null;
  for (let id = 0; id < table.size; id++) {
    const meaning = table.meaningOf(id);
    if (table.seen[id] !== scrape) continue;
    if (meaning.role === 'start') start = table.values[id]!;
    if (meaning.role === 'traffic') add(rowOf(rows, meaning), meaning, table.values[id]!);
  }
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  return { start, rows: sorted };
}

function rowOf(rows: Map<string, Row>, { side, protocol, peer }: TrafficSeries): Row {
  const { kind = '', namespace = '', name = '' } = peer.workload ?? {};
  const { service, serviceAccount } = peer;
  const key = [side, protocol, kind, namespace, name, service, serviceAccount].join('\0');
  let row = rows.get(key);
  if (row === undefined) {
    row = { side, protocol, peer: { kind, namespace, name, service, serviceAccount } };
    rows.set(key, row);
  }
  return row;
}

const TCP = {
  tcp_opened: 'opened',
  tcp_closed: 'closed',
  tcp_read_bytes: 'readBytes',
  tcp_written_bytes: 'writtenBytes',
} as const;

function add(row: Row, { measure, boundMs }: TrafficSeries, value: number): void {
  if (measure === 'success' || measure === 'failure') {
    row.successes ??= 0;
    row.failures ??= 0;
    row[measure === 'success' ? 'successes' : 'failures'] += value;
  } else if (measure === 'latency_bucket') {
    row.buckets ??= {};
    const le = boundMs === Number.POSITIVE_INFINITY ? '+Inf' : String(boundMs);
    row.buckets[le] = (row.buckets[le] ?? 0) + value;
  } else if (measure !== 'latency_sum_ms' && measure !== 'unreached') {
    row.tcp ??= { opened: 0, closed: 0, readBytes: 0, writtenBytes: 0 };
    row.tcp[TCP[measure]] += value;
  }
}
