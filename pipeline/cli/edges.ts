/** @module `weir edges`: the edge table of a running Weir. */
import type { CliContext } from './context.ts';
import { type EdgeEnd, type EdgeRow, inNamespace, renderEdges } from './edge-table.ts';
import type { Quantile } from './format.ts';
import { isRecord, notReadyText, type QueryOptions, query, rowsOf } from './query.ts';
import { wantsColor } from './text.ts';

/** The exit code. */
export function edges(options: QueryOptions, context: CliContext): Promise<number> {
  return query('/v1/edges', options, context, (answer) => renderAnswer(answer, options, context));
}

const NOTHING = 'no edges: no proxy that is watched saw traffic in the last window (see: weir targets)\n';

function renderAnswer(answer: unknown, options: QueryOptions, context: CliContext): string {
  const waiting = notReadyText(answer);
  if (waiting !== null) return waiting;
  const { namespace } = options;
  const rows = rowsOf(answer, 'edges')
    .map(edgeRow)
    .filter((row) => row !== null);
  if (rows.length === 0) return NOTHING;
  const shown = rows.filter((row) => inNamespace(row, namespace));
  if (shown.length === 0) return `no edges begin or end in the namespace ${namespace}; others have ${rows.length}\n`;
  return renderEdges(shown, {
    allNamespaces: options.allNamespaces === true,
    headers: options.headers,
    color: wantsColor(options.color, context.isTty, context.env),
  });
}

/** One edge of the answer; null for what is none. */
export function edgeRow(value: unknown): EdgeRow | null {
  if (!isRecord(value)) return null;
  const latency = isRecord(value.latencyMs) ? value.latencyMs : null;
  return {
    source: edgeEnd(value.source),
    destination: edgeEnd(value.destination),
    successRate: numberOrNull(value.successRate),
    ratePerSecond: numberOrNull(value.ratePerSecond),
    latencyMs: latency && { p50: quantile(latency.p50), p90: quantile(latency.p90), p99: quantile(latency.p99) },
  };
}

function edgeEnd(value: unknown): EdgeEnd | null {
  if (!isRecord(value)) return null;
  return { namespace: text(value.namespace), name: text(value.name), kind: text(value.kind) };
}

function quantile(value: unknown): Quantile | null {
  if (!isRecord(value) || typeof value.value !== 'number') return null;
  return { value: value.value, lo: numberOrNull(value.lo) ?? value.value, hi: numberOrNull(value.hi) };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
