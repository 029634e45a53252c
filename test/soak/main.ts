/**
 * @module `npm run soak`: the long forms of the tests that look for what happens rarely, one line of results a test.
 *
 * `npm run soak -- --scanner-runs 100000 --scrapes 60000 --seeds 20 --stalls 2000 --attacks 20
 * --mutations 100000` are the defaults, some hours of work; smaller numbers give a quick look, and 0 leaves that part out. Exit code 0 when all passed, 1 when not, 2 for wrong arguments.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BUDGET } from '../kit/budget.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const AVA = fileURLToPath(new URL('../../node_modules/.bin/ava', import.meta.url));

/** Longest silence of a part before it counts as stuck. */
const SILENCE = '12h';

interface Part {
  readonly option: 'scanner-runs' | 'scrapes' | 'seeds' | 'stalls' | 'attacks' | 'mutations';
  readonly budget: keyof typeof BUDGET;
  readonly usual: number;
  readonly what: string;
  readonly files: readonly string[];
}

const PARTS: readonly Part[] = [
  {
    option: 'scanner-runs',
    budget: 'scannerRuns',
    usual: 100_000,
    what: 'runs of each property of the scanner',
    files: ['test/pipeline/exposition-property.test.ts', 'test/pipeline/exposition-window.test.ts'],
  },
  {
    option: 'scrapes',
    budget: 'scrapes',
    usual: 60_000,
    what: 'scrapes of one process',
    files: ['test/end-to-end/no-growth.test.ts'],
  },
  {
    option: 'seeds',
    budget: 'seeds',
    usual: 20,
    what: 'worlds with every fault, scraped by one Weir and by six agents of a gateway',
    files: ['truth', 'agent-gateway', 'agent-gateway-processes'].map((what) => `test/end-to-end/${what}.test.ts`),
  },
  {
    option: 'stalls',
    budget: 'stalls',
    usual: 2000,
    what: 'runs with stalls, late pages and lost answers',
    files: ['test/exporters/kafka/stalls.test.ts'],
  },
  {
    option: 'attacks',
    budget: 'attacks',
    usual: 20,
    what: 'rounds of all attacks on one process',
    files: ['test/end-to-end/hostile-rounds.test.ts'],
  },
  {
    option: 'mutations',
    budget: 'mutations',
    usual: 100_000,
    what: 'mutations of requests of each signal in each encoding',
    files: ['spans', 'metrics', 'json'].map((what) => `test/pipeline/wire/otlp-${what}-mutation.test.ts`),
  },
];

const USAGE = `usage: npm run soak -- ${PARTS.map(({ option, usual }) => `[--${option} ${usual}]`).join(' ')}\n`;

/** How much of each part; null for arguments that make no sense. */
function amounts(argv: readonly string[]): Map<Part, number> | null {
  try {
    const options = Object.fromEntries(PARTS.map(({ option }) => [option, { type: 'string' as const }]));
    const { values } = parseArgs({ args: [...argv], options });
    const found = PARTS.map((part) => [part, Number(values[part.option] ?? part.usual)] as const);
    return found.every(([, amount]) => Number.isSafeInteger(amount) && amount >= 0) ? new Map(found) : null;
  } catch {
    return null;
  }
}

/** Resolves with whether all tests of the part passed. */
function run({ budget, files }: Part, amount: number): Promise<boolean> {
  const env = { ...process.env, [BUDGET[budget]]: String(amount) };
  const args = [AVA, '--serial', `--timeout=${SILENCE}`, ...files];
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'inherit', 'inherit'] });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code === 0));
  });
}

async function main(argv: readonly string[]): Promise<number> {
  const wanted = amounts(argv);
  if (wanted === null) {
    process.stderr.write(USAGE);
    return 2;
  }
  const results: string[] = [];
  let failed = 0;
  for (const [part, amount] of wanted) {
    if (amount === 0) continue;
    const startedMs = performance.now();
    const passed = await run(part, amount);
    if (!passed) failed += 1;
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    results.push(`${passed ? '✔' : '✘'} ${amount} ${part.what} (${seconds} s)`);
    process.stdout.write(`${results.at(-1)}\n`);
  }
  process.stdout.write(`\nsoak: ${results.length - failed} passed, ${failed} failed\n${results.join('\n')}\n`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
