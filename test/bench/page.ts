/** @module The generated block of `docs/performance.md`: all figures of one run, and the machine they were taken on. */
import { COMPARE_CASE } from './machine.ts';
import { type BenchResult, figureText, goalText } from './result.ts';

const BEGIN = '<!-- bench:begin, written by `npm run bench` -->';
const END = '<!-- bench:end -->';
/** What `Buffer.compare` of 512 B took where the goals were set. */
const REFERENCE_COMPARE_NS = 68;
const WARM_CASE = 'scanner linkerd-20k warm';

/** One run of all suites. */
export interface BenchRun {
  readonly day: string;
  readonly machine: string;
  readonly node: string;
  /** Load average over a minute when the run began: others' work, not its own. */
  readonly load: number;
  readonly results: readonly BenchResult[];
  /** Suites that have no rows. */
  readonly failed: readonly string[];
}

/** The page with the block of this run instead of the one it has, whatever that says. Throws when there is none. */
export function withBlock(page: string, run: BenchRun): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error('docs/performance.md has no generated block');
  return `${page.slice(0, begin)}${blockOf(run)}${page.slice(end + END.length)}`;
}

function blockOf({ day, machine, node, load, results, failed }: BenchRun): string {
  const met = results.filter((result) => result.met === true).length;
  const missed = results.filter((result) => result.met === false).length;
  return [
    BEGIN,
    `Measured ${day} on ${machine}, Node ${node}, in one run that began at a load of ${load.toFixed(1)}. Goals: ${met} met, ${missed} missed.`,
    '',
    tableOf(results),
    '',
    ...machineNote(results),
    ...(failed.length > 0 ? [`Without rows, since they failed: ${failed.join(', ')}.`] : []),
    END,
  ].join('\n');
}

function tableOf(results: readonly BenchResult[]): string {
  const rows = results.map((result) => {
    const { name, value, unit, met, collector } = result;
    const verdict = met === undefined ? '' : met ? 'met' : '**missed**';
    const theirs = collector === undefined ? '' : figureText(collector, unit);
    return `| ${[name, figureText(value, unit), goalText(result), verdict, theirs].join(' | ')} |`;
  });
  return ['| Case | Figure | Goal | | Collector |', '|---|---|---|---|---|', ...rows].join('\n');
}

/** What the goals would be here if they grew with the time that comparing bytes takes. */
function machineNote(results: readonly BenchResult[]): string[] {
  const compareNs = results.find(({ name }) => name === COMPARE_CASE)?.value;
  if (compareNs === undefined) return [];
  const slower = compareNs / REFERENCE_COMPARE_NS;
  const warm = results.find(({ name }) => name === WARM_CASE)?.value;
  const there =
    warm === undefined
      ? ''
      : ` By that measure the scanner's ${warm.toFixed(0)} ns would be ${(warm / slower).toFixed(0)} ns there.`;
  return [
    `The goals were set on a machine that compares 512 B in ${REFERENCE_COMPARE_NS} ns; this one took ${compareNs.toFixed(0)} ns,`,
    `${slower.toFixed(2)} times as long.${there}`,
    'The verdicts above are those of the plain figures.',
  ];
}
