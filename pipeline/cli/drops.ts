/** @module `weir drops`: the drop journal of a running Weir. */
import { type CliContext, UsageError } from './context.ts';
import { durationMs } from './flags.ts';
import { formatMs, NONE } from './format.ts';
import { isRecord, type Listener, type QueryOptions, query, type Rendered, rowsOf } from './query.ts';
import { type Cell, type Column, renderTable } from './table.ts';
import { terminalText, wantsColor } from './text.ts';

export interface DropsOptions extends QueryOptions {
  readonly reason?: string;
  readonly since?: string;
  readonly json?: boolean;
}

/** The journal stands beside Weir's own metrics: those are there in every configuration. */
const LISTENER: Listener = {
  url: 'http://127.0.0.1:8888',
  variable: 'WEIR_TELEMETRY_URL',
  unknown:
    'is this the address of the own metrics of a Weir (service.telemetry.metrics.address, as "own metrics" in its log), and is that Weir new enough to have a drop journal?',
  closed: 'a Weir with service.telemetry.metrics.level: none shows no journal: set another level',
};

const KINDS = ['receiver', 'processor', 'exporter'];

const COLUMNS: readonly Column[] = [
  { header: 'LAST', align: 'right' },
  { header: 'COMPONENT', align: 'left' },
  { header: 'SIGNAL', align: 'left' },
  { header: 'REASON', align: 'left' },
  { header: 'ITEMS', align: 'right' },
  { header: 'TIMES', align: 'right' },
  { header: 'SAMPLE', align: 'left' },
  { header: 'ERROR', align: 'left' },
];

/** What the arguments leave of the journal. */
interface Filter {
  readonly kind: string | undefined;
  readonly component: string | undefined;
  readonly reason: string | undefined;
  /** Milliseconds; null for all. */
  readonly sinceMs: number | null;
}

/** The exit code, 0 whether something was dropped or not, 1 for a component that is not there. `component` alone is an id or a kind, with `id` behind it a kind. */
export function drops(
  component: string | undefined,
  id: string | undefined,
  options: DropsOptions,
  context: CliContext,
): Promise<number> {
  const filter = filterOf(component, id, options);
  const asked = options.json === true ? { ...options, output: 'json' as const } : options;
  let all: readonly unknown[] = [];
  const render = (answer: unknown) =>
    rowsOf(answer, 'drops').length === 0 ? renderNothing(answer, all, filter) : renderTableOf(answer, options, context);
  return query('/v1/drops', asked, context, render, {
    listener: LISTENER,
    select: (answer) => {
      all = rowsOf(answer, 'drops');
      return onlyWanted(answer, filter, context.clock.wallMs());
    },
  });
}

function filterOf(component: string | undefined, id: string | undefined, { reason, since }: DropsOptions): Filter {
  const sinceMs = since === undefined ? null : durationMs('--since', since);
  if (id === undefined) {
    // No component has the name of a kind.
    const isKind = component !== undefined && KINDS.includes(component);
    return {
      ...(isKind ? { kind: component, component: undefined } : { kind: undefined, component }),
      reason,
      sinceMs,
    };
  }
  if (component !== undefined && KINDS.includes(component)) return { kind: component, component: id, reason, sinceMs };
  throw new UsageError(`${component} ${id}: expected an id, or one of ${KINDS.join(', ')} and an id`);
}

/** The answer with the drops that are asked for, and how many others there are. */
function onlyWanted(answer: unknown, filter: Filter, nowMs: number): unknown {
  if (!isRecord(answer)) return answer;
  const all = rowsOf(answer, 'drops');
  const wanted = all.filter((row) => isWanted(row, filter, nowMs));
  return { ...answer, drops: wanted, left: all.length - wanted.length };
}

function isWanted(row: unknown, { kind, component, reason, sinceMs }: Filter, nowMs: number): boolean {
  if (!isRecord(row)) return false;
  if (kind !== undefined && row.kind !== kind) return false;
  if (component !== undefined && row.component !== component) return false;
  if (reason !== undefined && row.reason !== reason) return false;
  return sinceMs === null || nowMs - Date.parse(String(row.lastAt)) <= sinceMs;
}

function renderTableOf(answer: unknown, options: DropsOptions, context: CliContext): Rendered {
  const nowMs = context.clock.wallMs();
  const rows = rowsOf(answer, 'drops').filter(isRecord);
  const color = wantsColor(options.color, context.isTty, context.env);
  const cells = rows.map((row) => cellsOf(row, nowMs));
  return {
    text: renderTable(COLUMNS, cells, { headers: options.headers, color }) + forgottenText(answer),
    found: true,
  };
}

/** Why nothing is there: no such component, no such reason among `all`, or nothing that was dropped. */
function renderNothing(answer: unknown, all: readonly unknown[], filter: Filter): Rendered {
  const stranger = strangerText(answer, filter);
  if (stranger !== '') return { text: stranger, found: false };
  return { text: otherReasonsText(all, filter) || nothingText(answer), found: true };
}

/** That no component has the id that was asked for, and which there are; '' where one has, or the Weir does not say. */
function strangerText(answer: unknown, { kind, component }: Filter): string {
  const known = isRecord(answer) ? rowsOf(answer, 'components').filter(isRecord) : [];
  if (component === undefined || known.length === 0) return '';
  const ofKind = known.filter((one) => kind === undefined || one.kind === kind);
  if (ofKind.some((one) => one.component === component)) return '';
  const names = known.map((one) => terminalText(`${String(one.kind)} ${String(one.component)}`));
  return `there is no ${kind ?? 'component'} ${terminalText(component)}; there are: ${names.join(', ')}\n`;
}

/** That nothing was dropped for the reason that was asked for, and for which else; '' where something was, or nothing at all. */
function otherReasonsText(all: readonly unknown[], { reason, ...where }: Filter): string {
  if (reason === undefined) return '';
  const rows = all.filter(isRecord).filter((row) => isWanted(row, { ...where, reason: undefined, sinceMs: null }, 0));
  const reasons = [...new Set(rows.map((row) => String(row.reason)))];
  if (reasons.length === 0 || reasons.includes(reason)) return '';
  const whose = where.component ?? where.kind;
  const by = whose === undefined ? '' : ` by ${terminalText(whose)}`;
  return `nothing was dropped${by} for the reason ${terminalText(reason)}; reasons so far: ${terminalText(reasons.join(', '))}\n`;
}

function nothingText(answer: unknown): string {
  const { left, since } = isRecord(answer) ? answer : {};
  if (typeof left === 'number' && left > 0) return `no drops of this kind, but others (${left}; see: weir drops)\n`;
  return `nothing was dropped${typeof since === 'string' ? ` since ${terminalText(since)}` : ''}\n`;
}

/** A line for what is not in the table; '' when that is nothing. */
function forgottenText(answer: unknown): string {
  const forgotten = isRecord(answer) && isRecord(answer.forgotten) ? answer.forgotten : {};
  const { entries, items } = forgotten;
  if (typeof entries !== 'number' || entries === 0) return '';
  return `   ${entries} older entries of ${String(items)} items fell out (service.telemetry.drops.max_entries)\n`;
}

function cellsOf(row: Readonly<Record<string, unknown>>, nowMs: number): Cell[] {
  const text = (key: string) => (typeof row[key] === 'string' && row[key] !== '' ? row[key] : NONE);
  const number = (key: string) => (typeof row[key] === 'number' ? String(row[key]) : NONE);
  const lastMs = Date.parse(String(row.lastAt));
  return [
    Number.isNaN(lastMs) ? NONE : `${formatMs(Math.max(0, nowMs - lastMs))} ago`,
    `${text('kind')} ${text('component')}`,
    text('signal'),
    text('reason'),
    number('items'),
    number('times'),
    sampleText(row.sample),
    (row.severalErrors === true ? '(several) ' : '') + text('error'),
  ];
}

/** `trace=… span=… service=…` in the order of the answer. */
function sampleText(sample: unknown): string {
  if (!isRecord(sample)) return NONE;
  const words = Object.entries(sample).map(([name, value]) => `${name}=${quoted(String(value))}`);
  return words.length === 0 ? NONE : words.join(' ');
}

function quoted(text: string): string {
  return /[\s"]/.test(text) ? JSON.stringify(text) : text;
}
