/**
 * @module `npm run bench [-- SUITE…]`: runs the suites one after another, prints one line a case, writes
 * `bench-results.json`, and, when all suites ran, the generated block of `docs/performance.md`.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { COMPARE_CASE } from './machine.ts';
import { type BenchResult, formatResult } from './result.ts';

type Suite = () => Promise<BenchResult[]> | BenchResult[];

/** Suites by name, in order; each is loaded when its turn comes. */
const SUITES: ReadonlyMap<string, () => Promise<Suite>> = new Map<string, () => Promise<Suite>>([
  ['machine', async () => (await import('./machine.ts')).run],
  ['scanner', async () => (await import('./scanner.ts')).run],
  ['scrape-to-slot', async () => (await import('./scrape-to-slot.ts')).run],
  ['smi-deltas', async () => (await import('./smi-deltas.ts')).run],
  ['smi-api', async () => (await import('./smi-api.ts')).run],
  ['otlp-spans-decode', async () => (await import('./otlp-spans-decode.ts')).run],
  ['otlp-metrics', async () => (await import('./otlp-metrics.ts')).run],
  ['otlp-traffic', async () => (await import('./otlp-traffic.ts')).run],
  ['otlp-spans', async () => (await import('./otlp-spans.ts')).run],
  ['dead-sibling', async () => (await import('./dead-sibling.ts')).run],
  ['hostile', async () => (await import('./hostile.ts')).run],
  ['prometheus-text', async () => (await import('./prometheus-text.ts')).run],
  ['weir-process', async () => (await import('./weir-process.ts')).run],
]);
const RESULTS = new URL('../../bench-results.json', import.meta.url);
const PAGE = new URL('../../docs/performance.md', import.meta.url);
/** What `Buffer.compare` of 512 B took where the goals were set. */
const REFERENCE_COMPARE_NS = 68;
const BEGIN = '<!-- bench:begin, written by `npm run bench` -->';
const END = '<!-- bench:end -->';

async function main(wanted: readonly string[]): Promise<number> {
  const unknown = wanted.filter((name) => !SUITES.has(name));
  if (unknown.length > 0) {
    console.error(`no suite ${unknown.join(', ')}; there are ${[...SUITES.keys()].join(', ')}`);
    return 2;
  }
  const results: BenchResult[] = [];
  const failed: string[] = [];
  for (const [name, load] of SUITES) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const found = await runSuite(name, load);
    if (found === null) failed.push(name);
    else results.push(...found);
  }
  const file = { machine: machineText(), node: process.version, failed, results };
  await writeFile(RESULTS, `${JSON.stringify(file, null, 2)}\n`);
  if (wanted.length === 0) await writePage(results, failed);
  return failed.length > 0 ? 1 : 0;
}

/** Null if it failed, which is told: a run takes too long to lose what the other suites found. */
async function runSuite(name: string, load: () => Promise<Suite>): Promise<BenchResult[] | null> {
  const fromMs = performance.now();
  console.error(`running ${name} …`);
  try {
    const results = await (await load())();
    for (const result of results) console.log(formatResult(result));
    return results;
  } catch (error) {
    console.error(`${name} failed:`, error);
    return null;
  } finally {
    console.error(`${name} took ${Math.round((performance.now() - fromMs) / 1000)} s`);
  }
}

function machineText(): string {
  return `${availableParallelism()} x ${cpus()[0]?.model.trim() ?? 'unknown processor'}`;
}

async function writePage(results: readonly BenchResult[], failed: readonly string[]): Promise<void> {
  const text = await readFile(PAGE, 'utf8');
  const [head, rest] = text.split(BEGIN);
  const tail = rest?.split(END)[1];
  if (head === undefined || tail === undefined) throw new Error('docs/performance.md has no generated block');
  const day = new Date().toISOString().slice(0, 10);
  const block = [
    BEGIN,
    `Measured ${day} on ${machineText()}, Node ${process.version}.`,
    '',
    tableOf(results),
    '',
    machineNote(results),
    ...(failed.length > 0 ? [`Without rows, since they failed: ${failed.join(', ')}.`] : []),
    END,
  ].join('\n');
  await writeFile(PAGE, `${head}${block}${tail}`);
}

/** What the goals would be here if they grew with the time that comparing bytes takes. */
function machineNote(results: readonly BenchResult[]): string {
  const compareNs = results.find(({ name }) => name === COMPARE_CASE)?.value ?? Number.NaN;
  const slower = compareNs / REFERENCE_COMPARE_NS;
  const warm = results.find(({ name }) => name === 'scanner linkerd-20k warm')?.value ?? Number.NaN;
  return [
    `The goals were set on a machine that compares 512 B in ${REFERENCE_COMPARE_NS} ns; this one took ${compareNs.toFixed(0)} ns,`,
    `${slower.toFixed(2)} times as long. By that measure the scanner's ${warm.toFixed(0)} ns would be ${(warm / slower).toFixed(0)} ns there.`,
    'The verdicts above are those of the plain figures.',
  ].join('\n');
}

function tableOf(results: readonly BenchResult[]): string {
  const rows = results.map(({ name, value, unit, goal, more, met }) => {
    const figure = value >= 100 ? value.toFixed(0) : value.toFixed(1);
    const verdict = goal === undefined ? '' : met ? 'met' : '**missed**';
    return `| ${name} | ${figure} ${unit} | ${goal === undefined ? '' : `${more ? '≥' : '≤'} ${goal}`} | ${verdict} |`;
  });
  return ['| Case | Figure | Goal | |', '|---|---|---|---|', ...rows].join('\n');
}

process.exitCode = await main(process.argv.slice(2));
