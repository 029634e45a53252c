/** @module `weir targets`: what is scraped, how it goes, and so why a workload is missing. */
import type { CliContext } from './context.ts';
import { formatMs, NONE } from './format.ts';
import { isRecord, notReadyText, type QueryOptions, query, type Rendered, rowsOf } from './query.ts';
import { type Cell, type Column, renderTable } from './table.ts';
import { terminalText, wantsColor } from './text.ts';

/**
 * The exit code. `workload` keeps only targets whose workload or pod has that name,
 * with or without its namespace, or that address. 1 when none has.
 */
export function targets(workload: string | undefined, options: QueryOptions, context: CliContext): Promise<number> {
  return query('/v1/targets', options, context, (answer) => renderAnswer(answer, workload, options, context));
}

const COLUMNS: readonly Column[] = [
  { header: 'TARGET', align: 'left' },
  { header: 'WORKLOAD', align: 'left' },
  { header: 'RECEIVER', align: 'left' },
  { header: 'HEALTH', align: 'left' },
  { header: 'LAST', align: 'right' },
  { header: 'DURATION', align: 'right' },
  { header: 'SAMPLES', align: 'right' },
  { header: 'FAILURES', align: 'right' },
  { header: 'EXPLANATION', align: 'left' },
];

const NOTHING =
  'no targets: static_configs and file_sd_configs name none, or the file they read is empty (see: weir validate)\n';
const NOTHING_SCRAPED =
  'no targets: this Weir scrapes none, it takes what others send, and no Collector tells of a proxy now (see: weir edges; why a workload is missing, ask each agent that has a smi exporter: weir targets)\n';
const NOTHING_READABLE = 'no targets: the files of file_sd_configs cannot be used\n';

interface TargetRow {
  readonly target: string;
  readonly namespace: string;
  readonly workload: string;
  readonly pod: string;
  /** `namespace/name` of those that its series tell, where no label does. */
  readonly told: readonly string[];
  /** Workload, pod and receiver, for people; '' for what is not known. */
  readonly names: readonly string[];
  readonly cells: readonly Cell[];
  /** What to do about it; '' for nothing. */
  readonly mend: string;
}

function renderAnswer(
  answer: unknown,
  workload: string | undefined,
  options: QueryOptions,
  context: CliContext,
): Rendered {
  const waiting = notReadyText(answer) ?? '';
  const problems = problemsText(answer);
  const rows = rowsOf(answer, 'targets').flatMap((value) => targetRow(value, context.clock.wallMs()) ?? []);
  if (rows.length === 0 && waiting !== '' && !hasList(answer)) return { text: waiting, found: true };
  const asked = workload !== undefined || options.namespace !== undefined;
  if (rows.length === 0) {
    return { text: waiting + nothingText(answer, problems), found: !asked };
  }
  const shown = rows.filter((row) => matches(row, workload, options.namespace));
  if (shown.length === 0) {
    return { text: waiting + missing(workload, options.namespace, rows.length) + problems, found: false };
  }
  shown.sort((a, b) => (a.target < b.target ? -1 : a.target > b.target ? 1 : 0));
  const color = wantsColor(options.color, context.isTty, context.env);
  const cells = shown.map((row) => row.cells);
  const table = renderTable(COLUMNS, cells, { headers: options.headers, color });
  return { text: waiting + table + mends(shown) + problems, found: true };
}

/** Why there are no targets at all. */
function nothingText(answer: unknown, problems: string): string {
  if (problems !== '') return NOTHING_READABLE + problems;
  return isRecord(answer) && answer.scrapes === false ? NOTHING_SCRAPED : NOTHING;
}

/** False for an answer that has nothing but the time of the first numbers. */
function hasList(answer: unknown): boolean {
  return isRecord(answer) && Array.isArray(answer.targets);
}

/** Most mends, and most problems, below the table. */
const MOST_LINES = 10;

function mends(rows: readonly TargetRow[]): string {
  const mended = rows.filter(({ mend }) => mend !== '');
  return below(mended, (row) => `   mend ${nameIn(rows, row)}: ${row.mend}`);
}

/** Its address, and where others have the same, what tells it apart from these. O(rows). */
function nameIn(rows: readonly TargetRow[], row: TargetRow): string {
  const others = rows.filter(({ target }) => target === row.target);
  const more = row.names.filter((name, i) => name !== '' && others.some(({ names }) => names[i] !== name));
  return more.length === 0 ? row.target : `${row.target} (${more.join(', ')})`;
}

/** Files that should name targets and cannot be used: a workload may be missing for that. */
function problemsText(answer: unknown): string {
  const problems = isRecord(answer) ? rowsOf(answer.problems, '') : [];
  return below(problems.filter(isRecord), ({ receiver, file, error }) => `   problem ${receiver}: ${file}: ${error}`);
}

function below<Item>(items: readonly Item[], lineOf: (item: Item) => string): string {
  const shown = items.slice(0, MOST_LINES).map((item) => terminalText(lineOf(item)));
  if (items.length > MOST_LINES) shown.push(`   … and ${items.length - MOST_LINES} more`);
  return shown.map((line) => `${line}\n`).join('');
}

function matches(row: TargetRow, workload: string | undefined, namespace: string | undefined): boolean {
  if (row.told.some((name) => isTold(name, workload, namespace))) return true;
  if (namespace !== undefined && row.namespace !== namespace) return false;
  if (workload === undefined) return true;
  const names = [row.workload, row.pod].filter((name) => name !== '');
  return row.target === workload || names.some((name) => workload === name || workload === `${row.namespace}/${name}`);
}

function isTold(name: string, workload: string | undefined, namespace: string | undefined): boolean {
  const [inside = '', own = ''] = name.split('/');
  if (namespace !== undefined && inside !== namespace) return false;
  return workload === undefined || workload === name || workload === own;
}

function missing(workload: string | undefined, namespace: string | undefined, count: number): string {
  const what = [
    ...(workload === undefined ? [] : [`workload, pod or address ${workload}`]),
    ...(namespace === undefined ? [] : [`namespace ${namespace}`]),
  ].join(' in ');
  return `none of the ${count} targets has ${what}: add its proxy, or correct its labels (namespace, deployment, pod …)\n`;
}

/** One line of the table; null for what is no target. `nowMs` is this machine's wall clock. */
function targetRow(value: unknown, nowMs: number): TargetRow | null {
  if (!isRecord(value)) return null;
  const text = (key: string) => (typeof value[key] === 'string' ? value[key] : '');
  const number = (key: string) => (typeof value[key] === 'number' ? value[key] : null);
  const [target, namespace, workload, pod, health] = [
    text('address'),
    text('namespace'),
    text('workload'),
    text('pod'),
    text('health'),
  ];
  const told = rowsOf(value.workloads, '').filter((name) => typeof name === 'string');
  const bySeries = text('identity') === 'series';
  const last = Date.parse(text('lastScrape'));
  const duration = number('lastDurationMs');
  const owner = bySeries ? toldText(told) : workload === '' ? NONE : within(namespace, workload);
  const cells: Cell[] = [
    target,
    owner,
    text('receiver'),
    { text: health, color: health === 'down' ? 'red' : null },
    Number.isNaN(last) ? NONE : `${formatMs(Math.max(0, nowMs - last))} ago`,
    duration === null ? NONE : formatMs(duration),
    String(number('samples') ?? NONE),
    String(number('consecutiveFailures') ?? NONE),
    once(text('explanation') || text('lastError')),
  ];
  const names = [owner === NONE ? '' : owner, pod, text('receiver')];
  return { target, namespace, workload, pod, told, names, cells, mend: text('mend') };
}

function within(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

/** The workload that series tell, or how many. */
function toldText(told: readonly string[]): string {
  if (told.length === 0) return NONE;
  return told.length === 1 ? told[0]! : `(${told.length} by series)`;
}

/** `connect: connect ECONNREFUSED`, a reason and a text that begins with it, without the repetition. */
function once(text: string): string {
  return text.replace(/\b(\w+): (?=\1 )/, '');
}
