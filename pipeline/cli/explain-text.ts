/** @module The answer of `/v1/explain` for people: the number, the side, and the arithmetic line by line. */
import { formatMs, formatRate, formatSuccess, NONE } from './format.ts';
import { isRecord, rowsOf } from './query.ts';
import { type Cell, type Column, renderTable, type TableOptions } from './table.ts';
import { terminalText } from './text.ts';

type Row = Readonly<Record<string, unknown>>;

/** Several parts with a blank line between them. Text from outside is escaped. Never throws. */
export function explanationText(answer: unknown, options: TableOptions): string {
  if (!isRecord(answer)) return 'the answer cannot be read\n';
  const parts = [
    headText(answer),
    slotsText(answer, options),
    podsText(answer, options),
    quantilesText(answer),
    targetsText(answer, options),
    seriesText(answer, options),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function headText(answer: Row): string {
  const lines = [
    `${subjectText(answer)}${valueText(answer)}   ${windowText(answer)}`,
    figuresText(recordOf(answer.figures)),
    `side: ${text(answer.side)}: ${text(answer.why)}`,
    ...rowsOf(answer.meshes, '').filter(isRecord).map(meshText),
  ];
  return lines.map((line) => `${terminalText(line)}\n`).join('');
}

function subjectText({ subject }: Row): string {
  const record = recordOf(subject);
  if (isRecord(record.resource)) return endText(record.resource);
  return `${endText(record.source)} -> ${endText(record.destination)}`;
}

function endText(end: unknown): string {
  if (!isRecord(end)) return '(unknown)';
  const namespace = text(end.namespace);
  return `${namespace === '' ? '' : `${namespace}/`}${text(end.kind).toLowerCase()}/${text(end.name)}`;
}

function valueText({ metric, value, unit }: Row): string {
  if (typeof metric !== 'string') return '';
  if (typeof value !== 'number') return `, ${metric} is unknown: none was measured`;
  return `, ${metric} = ${plain(value)}${text(unit) === '' || unit === 'ratio' ? '' : ` ${text(unit)}`}`;
}

function windowText({ windowStart, windowEnd, windowSeconds, partial }: Row): string {
  const length = formatMs((number(windowSeconds) ?? 0) * 1000);
  return `(${length}, ${clock(windowStart)} to ${clock(windowEnd)} UTC${partial === true ? ', cut short' : ''})`;
}

function figuresText(figures: Row): string {
  const successes = number(figures.successes);
  if (successes === null) return 'no traffic';
  const unreached = number(figures.unreached) ?? 0;
  const counts = [
    `${plain(successes)} successes`,
    `${plain(number(figures.failures))} failures${unreached === 0 ? '' : ` (${plain(unreached)} no server saw)`}`,
    `success ${formatSuccess(number(figures.successRate))}`,
    `${formatRate(number(figures.ratePerSecond))} per second`,
    `counts ${text(figures.counts)}`,
  ];
  return counts.join(', ') + (figures.complete === true ? '' : ', incomplete');
}

function meshText(row: Row): string {
  return `mesh ${text(row.mesh)}: ${text(row.rule)} (${text(row.docs)})`;
}

const COUNTS: readonly Column[] = ['SUCCESSES', 'FAILURES', 'UNREACHED', 'LATENCIES'].map((header) => {
  return { header, align: 'right' };
});

/** Each slot's own counts and their sum, which are the figures. */
function slotsText(answer: Row, options: TableOptions): string {
  const slots = rowsOf(answer.slots, '').filter(isRecord);
  const taken = answer.takenOff;
  const rows = slots.map((slot): Cell[] => [`${clock(slot.start)} to ${clock(slot.end)}`, ...countCells(slot)]);
  if (isRecord(taken))
    rows.push([
      'told by the clients themselves',
      `-${plain(number(taken.successes))}`,
      `-${plain(number(taken.failures))}`,
    ]);
  const latencies = slots.reduce((sum, slot) => sum + (number(slot.observations) ?? 0), 0);
  const figures = recordOf(answer.figures);
  rows.push(['sum', ...countCells({ ...figures, observations: latencies })]);
  return renderTable([{ header: 'SLOT', align: 'left' }, ...COUNTS], rows, options);
}

function countCells(row: Row): string[] {
  return [row.successes, row.failures, row.unreached, row.observations].map((value) => plain(number(value) ?? 0));
}

const POD_COLUMNS: readonly Column[] = [
  { header: 'POD', align: 'left' },
  { header: 'SIDE', align: 'left' },
  { header: 'REQUESTS', align: 'right' },
  { header: 'EXPECTED', align: 'right' },
  { header: 'COVERED', align: 'right' },
  { header: 'FACTOR', align: 'right' },
  { header: 'RPS', align: 'right' },
];

/** Requests × expected ÷ covered ÷ window of each pod, and their sum, which is the rate. */
function podsText(answer: Row, options: TableOptions): string {
  const pods = rowsOf(answer.pods, '').filter(isRecord);
  if (pods.length === 0) return '';
  const rows = pods.map((pod): Cell[] => [
    podName(pod),
    sideText(pod),
    plain(number(pod.requests)),
    seconds(pod.expectedSeconds),
    seconds(pod.coveredSeconds),
    plain(number(pod.factor)),
    plain(number(pod.ratePerSecond)),
  ]);
  const requests = pods.reduce((sum, pod) => sum + (number(pod.requests) ?? 0), 0);
  const rate = number(recordOf(answer.figures).ratePerSecond);
  rows.push(['sum', '', plain(requests), '', '', '', plain(rate)]);
  const rule = `RPS = REQUESTS x FACTOR / ${plain(number(answer.windowSeconds))}s, FACTOR = EXPECTED / COVERED\n`;
  return renderTable(POD_COLUMNS, rows, options) + rule;
}

function podName(pod: Row): string {
  const name = text(pod.pod) === '' ? text(pod.workload) : text(pod.pod);
  return text(pod.namespace) === '' ? name : `${text(pod.namespace)}/${name}`;
}

/** A client among servers told failures that no server saw. */
function sideText({ side, unreached, requests }: Row): string {
  const onlyLost = side === 'client' && requests === unreached && (number(unreached) ?? 0) > 0;
  return onlyLost ? 'client: unreached only' : text(side);
}

function quantilesText(answer: Row): string {
  const quantiles = recordOf(answer.quantiles);
  const asked = text(answer.metric);
  const names = ['p50', 'p90', 'p99'].filter((name) => asked === '' || asked === name);
  return names
    .flatMap((name) => (isRecord(quantiles[name]) ? [`${name}: ${stepsText(quantiles[name])}\n`] : []))
    .join('');
}

function stepsText(steps: Row): string {
  const { bucket, loMs, hiMs } = steps;
  const [q, observations, rank] = [
    plain(number(steps.q)),
    plain(number(steps.observations)),
    plain(number(steps.rank)),
  ];
  const sets = number(steps.boundSets) ?? 1;
  const merged = sets > 1 ? ` (${sets} sets of bounds, merged by interpolation)` : '';
  const head = `the ${rank}th of ${observations} latencies (${q} x ${observations})${merged}`;
  if (!isRecord(bucket)) return `${head} lies above the highest bound, ${ms(loMs)}: nothing more is known`;
  const { startMs, endMs, before, inside } = bucket;
  const [start, end, below, within] = [startMs, endMs, before, inside].map((value) => plain(number(value)));
  const sum = `${start} + (${end} - ${start}) x (${rank} - ${below}) / ${within} = ${plain(number(steps.valueMs))} ms`;
  const upper = number(hiMs) === null ? 'no known bound' : ms(hiMs);
  return `${head} lies in the bucket above ${start} ms up to ${end} ms, ${below} before it, ${within} in it: ${sum}; surely between ${ms(loMs)} and ${upper}`;
}

const TARGET_COLUMNS: readonly Column[] = ['TARGET', 'RECEIVER', 'POD', 'HEALTH', 'LAST SCRAPE', 'ERROR'].map(
  (header) => {
    return { header, align: 'left' };
  },
);

function targetsText(answer: Row, options: TableOptions): string {
  const rows = rowsOf(answer.targets, '')
    .filter(isRecord)
    .map((target): Cell[] => [
      text(target.address),
      text(target.receiver),
      text(target.pod) === '' ? text(target.workload) : text(target.pod),
      { text: text(target.health), color: target.health === 'down' ? 'red' : null },
      target.lastScrape === null ? NONE : clock(target.lastScrape),
      text(target.lastError) === '' ? NONE : text(target.lastError),
    ]);
  return rows.length === 0 ? '' : renderTable(TARGET_COLUMNS, rows, options);
}

const SERIES_COLUMNS: readonly Column[] = [
  { header: 'VALUE', align: 'right' },
  { header: 'MEANS', align: 'left' },
  { header: 'TARGET', align: 'left' },
  { header: 'SERIES', align: 'left' },
];

/** Series as they stand on the pages now: the numbers above are their differences from slot to slot. */
function seriesText(answer: Row, options: TableOptions): string {
  const rows = rowsOf(answer.series, '')
    .filter(isRecord)
    .map((row): Cell[] => [plain(number(row.value)), meansText(row), text(row.target), text(row.series)]);
  const table = rows.length === 0 ? '' : renderTable(SERIES_COLUMNS, rows, options);
  return table + moreText(answer.moreSeries) + leftOutText(answer.filteredReasons);
}

/** What else stands on the pages of these targets. */
function leftOutText(reasons: unknown): string {
  const parts = rowsOf(reasons, '')
    .filter(isRecord)
    .map(({ reason, series }) => `${plain(number(series))} ${text(reason)}`);
  return parts.length === 0
    ? ''
    : `${terminalText(`left out on these pages, series by reason: ${parts.join(', ')}`)}\n`;
}

function meansText(row: Row): string {
  const bound = number(row.boundMs);
  const upTo = row.measure !== 'latency_bucket' ? '' : bound === null ? ' all' : ` up to ${bound} ms`;
  return `${text(row.side)} ${text(row.measure)}${upTo}`;
}

function moreText(value: unknown): string {
  const more = number(value) ?? 0;
  return more === 0 ? '' : `and ${more} more series (--limit lists more)\n`;
}

function recordOf(value: unknown): Row {
  return isRecord(value) ? value : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

/** At most six significant digits behind the whole part, so that sums can be followed by hand. */
function plain(value: number | null): string {
  if (value === null) return NONE;
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(7)));
}

function seconds(value: unknown): string {
  const known = number(value);
  return known === null ? NONE : `${plain(known)}s`;
}

function ms(value: unknown): string {
  return `${plain(number(value))} ms`;
}

/** `19:43:20` of a time; '' for what is none. */
function clock(value: unknown): string {
  const at = Date.parse(text(value));
  return Number.isNaN(at) ? '' : new Date(at).toISOString().slice(11, 19);
}
