/** @module Asks the demo's own SMI API for its edges, over HTTP as any user would. */
import { get, type IncomingMessage } from 'node:http';
import type { EdgeEnd, EdgeRow } from '../pipeline/cli/edge-table.ts';
import type { Quantile } from '../pipeline/cli/format.ts';

export type EdgesAnswer =
  | { readonly kind: 'edges'; readonly rows: readonly EdgeRow[] }
  /** No slot has closed yet; `waitMs` is how long that may still take, null when the answer does not tell. */
  | { readonly kind: 'too soon'; readonly waitMs: number | null }
  | { readonly kind: 'failed'; readonly reason: string };

const MAX_BODY_BYTES = 4 * 2 ** 20;

/** Never rejects. */
export async function fetchEdges(host: string, port: number, timeoutMs: number): Promise<EdgesAnswer> {
  try {
    const { response, body } = await fetchText(host, port, '/v1/edges', timeoutMs);
    if (response.statusCode === 503) return { kind: 'too soon', waitMs: retryAfterMs(response) };
    if (response.statusCode !== 200) return { kind: 'failed', reason: `/v1/edges answers ${response.statusCode}` };
    return { kind: 'edges', rows: readRows(JSON.parse(body)) };
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}

function retryAfterMs(response: IncomingMessage): number | null {
  const seconds = Number(response.headers['retry-after'] ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : null;
}

function fetchText(
  host: string,
  port: number,
  path: string,
  timeoutMs: number,
): Promise<{ response: IncomingMessage; body: string }> {
  return new Promise((resolve, reject) => {
    const request = get({ host, port, path, agent: false, timeout: timeoutMs }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        body += piece;
        if (body.length > MAX_BODY_BYTES) request.destroy(new Error(`${path} is larger than ${MAX_BODY_BYTES} bytes`));
      });
      response.on('end', () => resolve({ response, body }));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error(`${path} has not answered in ${timeoutMs}ms`)));
    request.on('error', reject);
  });
}

/** Rows of the answer; what does not look like one is left out. */
export function readRows(answer: unknown): EdgeRow[] {
  const rows = isRecord(answer) ? answer.edges : answer;
  return Array.isArray(rows) ? rows.filter(isRecord).map(readRow) : [];
}

function readRow(row: Record<string, unknown>): EdgeRow {
  const latency = isRecord(row.latencyMs) ? row.latencyMs : null;
  return {
    source: readEnd(row.source),
    destination: readEnd(row.destination),
    successRate: readNumber(row.successRate),
    ratePerSecond: readNumber(row.ratePerSecond),
    mesh: readText(row.mesh),
    latencyMs:
      latency === null
        ? null
        : { p50: readQuantile(latency.p50), p90: readQuantile(latency.p90), p99: readQuantile(latency.p99) },
  };
}

function readEnd(end: unknown): EdgeEnd | null {
  if (!isRecord(end)) return null;
  return { namespace: readText(end.namespace), name: readText(end.name), kind: readText(end.kind) };
}

function readQuantile(quantile: unknown): Quantile | null {
  if (!isRecord(quantile) || typeof quantile.value !== 'number') return null;
  return { value: quantile.value, lo: readNumber(quantile.lo) ?? 0, hi: readNumber(quantile.hi) };
}

function readNumber(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function readText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
