/**
 * @module `npm run bench [-- SUITE…]`: runs the suites one after another, prints one line a case, writes
 * `bench-results.json`, and, when all suites ran, the generated block of `docs/performance.md`.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { type BenchRun, withBlock } from './page.ts';
import { type BenchResult, formatResult } from './result.ts';
import { SUITES, type Suite } from './suites.ts';

const RESULTS = new URL('../../bench-results.json', import.meta.url);
const PAGE = new URL('../../docs/performance.md', import.meta.url);

async function main(wanted: readonly string[]): Promise<number> {
  const unknown = wanted.filter((name) => !SUITES.has(name));
  if (unknown.length > 0) {
    console.error(`no suite ${unknown.join(', ')}; there are ${[...SUITES.keys()].join(', ')}`);
    return 2;
  }
  const run = await runSuites(wanted);
  await writeFile(RESULTS, `${JSON.stringify(run, null, 2)}\n`);
  if (wanted.length === 0) await writeFile(PAGE, withBlock(await readFile(PAGE, 'utf8'), run));
  return run.failed.length > 0 ? 1 : 0;
}

/** All suites, if none is named. */
async function runSuites(wanted: readonly string[]): Promise<BenchRun> {
  const load = loadavg()[0] ?? 0;
  const day = new Date().toISOString().slice(0, 10);
  const results: BenchResult[] = [];
  const failed: string[] = [];
  for (const [name, open] of SUITES) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const found = await runSuite(name, open);
    if (found === null) failed.push(name);
    else results.push(...found);
  }
  return { day, machine: machineText(), node: process.version, load, failed, results };
}

/** Null if it failed, which is told: a run takes too long to lose what the other suites found. */
async function runSuite(name: string, open: () => Promise<Suite>): Promise<BenchResult[] | null> {
  const fromMs = performance.now();
  console.error(`running ${name} …`);
  try {
    const results = await (await open())();
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

process.exitCode = await main(process.argv.slice(2));
