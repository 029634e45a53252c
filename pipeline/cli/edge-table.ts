/** @module The edge table: who talks to whom, how well and how fast. Used by `weir edges` and the demo. */
import { printable } from '../wire/printable.ts';
import { formatQuantile, formatRate, formatSuccess, type Quantile } from './format.ts';
import { type Cell, type Column, renderTable } from './table.ts';

export interface EdgeEnd {
  readonly namespace: string;
  readonly name: string;
  readonly kind: string;
}

/** One edge as `/v1/edges` gives it; fields that the table does not show are left out here. */
export interface EdgeRow {
  /** null: nobody knows who it was. */
  readonly source: EdgeEnd | null;
  readonly destination: EdgeEnd | null;
  /** 0..1; null without traffic. */
  readonly successRate: number | null;
  readonly ratePerSecond: number | null;
  /** `requests`, or `attempts` with retries; absent or '' when the answer does not tell. */
  readonly counts?: string;
  /** Mesh whose proxies tell it; absent or '' when the answer does not tell. */
  readonly mesh?: string;
  readonly latencyMs: {
    readonly p50: Quantile | null;
    readonly p90: Quantile | null;
    readonly p99: Quantile | null;
  } | null;
}

export interface EdgeTableOptions {
  /** Only edges that begin or end in this namespace. */
  readonly namespace?: string;
  /** Names always with their namespace; else only when rows span more than one. */
  readonly allNamespaces?: boolean;
  /** Default true. */
  readonly headers?: boolean;
  /** Default false. */
  readonly color?: boolean;
}

/** Shares of success below which a cell is yellow and red. */
const FINE = 0.99;
const POOR = 0.95;
/** Characters of one end; one long name must not widen every row. */
const LONGEST_NAME = 60;
/** Code units of a name beyond which its middle is not even escaped. */
const MOST_LOOKED_AT = 4 * LONGEST_NAME;
/** Shown for an end that nobody knows. */
const UNKNOWN = '(unknown)';

const COLUMNS: readonly Column[] = [
  { header: 'SOURCE', align: 'left' },
  { header: 'DESTINATION', align: 'left' },
  { header: 'SUCCESS', align: 'right' },
  { header: 'RPS', align: 'right' },
  { header: 'P50', align: 'right' },
  { header: 'P90', align: 'right' },
  { header: 'P99', align: 'right' },
];
/** Only where an answer tells what was counted. */
const COUNTS: Column = { header: 'COUNTS', align: 'left' };
/** Only where rows are of more than one. */
const MESH: Column = { header: 'MESH', align: 'left' };

/**
 * The table as text, rows by source and destination so that a refreshed table stands still. Names are escaped.
 * Never throws; O(n log n).
 */
export function renderEdges(rows: readonly EdgeRow[], options: EdgeTableOptions = {}): string {
  const shown = rows.filter((row) => inNamespace(row, options.namespace));
  const qualified = options.allNamespaces === true || spansNamespaces(shown);
  const named = shown.map((row) => ({
    row,
    from: endName(row.source, qualified),
    to: endName(row.destination, qualified),
  }));
  named.sort((a, b) => compare(a.from, b.from) || compare(a.to, b.to));
  const extra = [
    ...(shown.some(({ counts = '' }) => counts !== '') ? [COUNTS] : []),
    ...(new Set(shown.map(({ mesh = '' }) => mesh)).size > 1 ? [MESH] : []),
  ];
  return renderTable(
    [...COLUMNS, ...extra],
    named.map(({ row, from, to }) => [...cells(row, from, to), ...extra.map((column) => extraCell(row, column))]),
    options,
  );
}

/** True when the edge begins or ends in the namespace; '' or undefined is every namespace. */
export function inNamespace(row: Pick<EdgeRow, 'source' | 'destination'>, namespace: string | undefined): boolean {
  if (namespace === undefined || namespace === '') return true;
  return row.source?.namespace === namespace || row.destination?.namespace === namespace;
}

function cells(row: EdgeRow, from: string, to: string): Cell[] {
  const latency = row.latencyMs;
  return [
    from,
    to,
    { text: formatSuccess(row.successRate), color: successColor(row.successRate) },
    formatRate(row.ratePerSecond),
    formatQuantile(latency?.p50),
    formatQuantile(latency?.p90),
    formatQuantile(latency?.p99),
  ];
}

function extraCell({ counts = '', mesh = '' }: EdgeRow, column: Column): Cell {
  return column === COUNTS ? counts : mesh;
}

function successColor(ratio: number | null) {
  if (ratio === null || ratio >= FINE) return null;
  return ratio < POOR ? 'red' : 'yellow';
}

function endName(end: EdgeEnd | null, qualified: boolean): string {
  if (end === null) return UNKNOWN;
  const name = end.kind === 'ServiceAccount' ? `sa:${end.name}` : end.name;
  return cutMiddle(qualified && end.namespace !== '' ? `${end.namespace}/${name}` : name);
}

/** At most `LONGEST_NAME` characters once escaped, `…` for the middle: both ends tell generated names apart. */
function cutMiddle(name: string): string {
  const text = printable(
    name.length > MOST_LOOKED_AT ? `${name.slice(0, LONGEST_NAME)}${name.slice(-LONGEST_NAME)}` : name,
  );
  const characters = [...text];
  if (characters.length <= LONGEST_NAME) return text;
  const kept = LONGEST_NAME - 1;
  const head = Math.ceil(kept / 2);
  return `${characters.slice(0, head).join('')}…${characters.slice(head - kept).join('')}`;
}

function spansNamespaces(rows: readonly EdgeRow[]): boolean {
  const seen = new Set<string>();
  for (const row of rows) {
    if (row.source !== null) seen.add(row.source.namespace);
    if (row.destination !== null) seen.add(row.destination.namespace);
  }
  return seen.size > 1;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
