/** @module `weir edges`: the edge table of a running Weir. */
import type { CliContext } from './context.ts';
import { type EdgeEnd, type EdgeRow, inNamespace, renderEdges } from './edge-table.ts';
import { formatMs, type Quantile } from './format.ts';
import { isRecord, notReadyText, type QueryOptions, query, type Rendered, rowsOf } from './query.ts';
import { wantsColor } from './text.ts';

/** The exit code. */
export function edges(options: QueryOptions, context: CliContext): Promise<number> {
  return query('/v1/edges', options, context, (answer, askAlso) => renderAnswer(answer, askAlso, options, context));
}

const LAST = 'saw requests in the last window';
/** What is no request has an edge only on demand. */
const TCP = 'plain TCP, such as that of opaque ports, shows only with tcp: true of the smi exporter';
const NOBODY_SENT =
  'no edges: nobody has sent traffic yet, or not lately: this Weir scrapes nobody and takes what others send (other Weirs by their exporter otlphttp or otlp, Collectors by theirs; weir drops says what came and was no use)\n';
const OF_AGENTS = `no edges: no proxy that the agents watch ${LAST} (see: weir targets, at each agent); ${TCP}\n`;
const OF_COLLECTORS = `no edges: no proxy that a Collector tells of ${LAST} (see: weir targets); ${TCP}\n`;
const NOTHING = `no edges: no proxy that is watched ${LAST} (see: weir targets); ${TCP}\n`;

async function renderAnswer(
  answer: unknown,
  askAlso: (path: string) => Promise<unknown>,
  options: QueryOptions,
  context: CliContext,
): Promise<Rendered> {
  const waiting = notReadyText(answer);
  if (waiting !== null) return { text: waiting, found: true };
  const rows = rowsOf(answer, 'edges')
    .map(edgeRow)
    .filter((row) => row !== null);
  if (rows.length > 0 && !options.headers) return { text: table(rows, options, context), found: true };
  const targets = await askAlso('/v1/targets');
  const down = downText(targets);
  const footer = [windowText(answer), down].filter((part) => part !== '').map((line) => `${line}\n`);
  if (rows.length === 0)
    return { text: down === '' ? nothingText(answer, targets) : `no edges: ${down}\n`, found: true };
  return { text: [table(rows, options, context), ...(options.headers ? footer : [])].join(''), found: true };
}

/** Why there are no edges at all. A Weir that scrapes nobody knows only the proxies that Collectors tell of. */
function nothingText(answer: unknown, targets: unknown): string {
  if (!isRecord(targets) || targets.scrapes !== false) return NOTHING;
  if (rowsOf(targets, 'targets').length > 0) return OF_COLLECTORS;
  return isRecord(answer) && answer.watched === false ? NOBODY_SENT : OF_AGENTS;
}

function table(rows: readonly EdgeRow[], options: QueryOptions, context: CliContext): string {
  const { namespace } = options;
  const shown = rows.filter((row) => inNamespace(row, namespace));
  if (shown.length === 0) return `no edges begin or end in the namespace ${namespace}; others have ${rows.length}\n`;
  return renderEdges(shown, {
    allNamespaces: options.allNamespaces === true,
    headers: options.headers,
    color: wantsColor(options.color, context.isTty, context.env),
  });
}

/** `last 30s to 19:43:20 UTC`; '' when the answer does not tell. */
function windowText(answer: unknown): string {
  if (!isRecord(answer)) return '';
  const endMs = Date.parse(text(answer.windowEnd));
  const seconds = numberOrNull(answer.windowSeconds);
  if (Number.isNaN(endMs) || seconds === null) return '';
  return `last ${formatMs(seconds * 1000)} to ${new Date(endMs).toISOString().slice(11, 19)} UTC`;
}

/** `2 of 2 targets down: see weir targets`; '' when none is. */
function downText(answer: unknown): string {
  const all = rowsOf(answer, 'targets').filter(isRecord);
  const down = all.filter(({ health }) => health === 'down').length;
  return down === 0 ? '' : `${down} of ${all.length} targets down: see weir targets`;
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
    counts: text(value.counts),
    mesh: text(value.mesh),
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
