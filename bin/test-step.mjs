/** @module `npm test`: type check, lint, all ava tests; the last line says how many passed and failed. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { runChild } from './relay.mjs';
import { createTapReader, summaryLine } from './tap.mjs';

/** A continuous integration run must end within 25 minutes with its last line said. */
const CI_LIMIT_MS = 22 * 60_000;
const COUNT_EVERY_MS = 15_000;
/** Test files at once. More than the cores makes tests with real servers slow without making the whole faster. */
const MOST_AT_ONCE = 4;

/**
 * Runs all steps, also after one failed. Resolves with the exit code. `args` go to ava.
 *
 * @param {{ root: string, env: NodeJS.ProcessEnv, args: string[] }} options
 */
export async function runTests({ root, env, args }) {
  const ci = env.CI === 'true' || env.CI === '1';
  const bin = (name) => join(root, 'node_modules', '.bin', name);
  const tap = createTapReader((name, details) => print(`\n✘ ${name}\n${details}\n`));
  const run = (name, options) => runChild(bin(name), options.args, { cwd: root, env, ...options });

  const broken = async (title, work) => {
    const startMs = performance.now();
    const problem = await work();
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    print(`${problem === '' ? '✔' : '✘'} ${title}: ${problem || 'ok'} (${seconds} s)`);
    return problem === '' ? 0 : 1;
  };
  let failedSteps = await broken('type check', async () => ended(await run('tsc', { args: ['-p', '.'] })));
  failedSteps += await broken('lint', async () => {
    let output = '';
    const keep = (piece) => {
      output += piece;
    };
    const problem = ended(await run('biome', { args: ['check', '--colors=off', '.'], onOutput: keep }));
    if (problem !== '') print(output.trimEnd());
    return problem;
  });
  failedSteps += await broken('servers for tests', () => prepareServers(root, ci));
  failedSteps += await broken('tests', async () => {
    const atOnce = Math.max(1, Math.min(MOST_AT_ONCE, availableParallelism()));
    const counter = showCounts(tap.counts);
    const result = await run('ava', {
      args: ['--tap', `--concurrency=${atOnce}`, ...args],
      onOutput: (piece) => tap.feed(piece),
      ...(ci ? { limitMs: CI_LIMIT_MS } : {}),
    });
    counter.end();
    tap.end();
    return avaProblem(result, tap.counts);
  });

  if (tap.counts.failures.length > 0)
    print(`\nfailed:\n${tap.counts.failures.map((name) => `  ✘ ${name}`).join('\n')}`);
  // Failed tests are counted one by one; the step itself fails once more only when it broke without saying where.
  const failed = failedSteps - (tap.counts.failed > 0 ? 1 : 0) + tap.counts.failed;
  print(`\n${summaryLine({ ...tap.counts, failed })}`);
  return failed === 0 ? 0 : 1;
}

function print(text) {
  process.stdout.write(`${text}\n`);
}

/** '' when a child ended well, otherwise how it ended. */
function ended({ code, signal, timedOut }) {
  if (timedOut) return 'took too long';
  if (signal !== null) return `ended by ${signal}`;
  return code === 0 ? '' : `failed with ${code}`;
}

/**
 * What is wrong with ava's run as a whole; '' when nothing. Pure.
 *
 * @param {{ code: number | null, signal: string | null, timedOut: boolean }} result
 * @param {{ passed: number, failed: number }} counts
 */
export function avaProblem(result, counts) {
  if (counts.failed > 0) return `${counts.failed} failed`;
  const problem = ended(result);
  if (problem !== '') return problem;
  return counts.passed === 0 ? 'no test ran' : '';
}

/** Kafka and whatever else tests run against, set up once before they start. */
async function prepareServers(root, ci) {
  const script = join(root, 'bin', 'services.mjs');
  if (!existsSync(script)) return '';
  try {
    const { ensureKafka } = await import(script);
    await ensureKafka((text) => print(`  ${text}`));
    return '';
  } catch (error) {
    print(
      `\n!!! Kafka cannot be had here, so the tests that need it ${ci ? 'fail' : 'are skipped'}: ${error.message}\n`,
    );
    return ci ? 'Kafka cannot be had' : '';
  }
}

function showCounts(counts) {
  const live = process.stdout.isTTY === true;
  const timer = setInterval(
    () => {
      const text = `  ${summaryLine(counts)} so far`;
      process.stdout.write(live ? `\r\u001b[2K${text}` : `${text}\n`);
    },
    live ? 500 : COUNT_EVERY_MS,
  );
  return {
    end() {
      clearInterval(timer);
      if (live) process.stdout.write('\r\u001b[2K');
    },
  };
}
