/**
 * @module The steps of `package.json`: sets up what is missing, then runs the step under the pinned Node.
 *
 * `node bin/run.mjs demo|test|bench|soak|docs|example-consumer [args…]`, and `setup [--runtime]` for `bin/weir` and for people.
 */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { exitCodeOf, runChild } from './relay.mjs';
import { pathWith, ROOT, SetupError, setUp, setupPaths } from './setup.mjs';
import { runTests } from './test-step.mjs';

/** Program of each step and the packages it needs. */
const PROGRAMS = new Map([
  ['demo', { file: 'demo/main.ts', set: 'runtime' }],
  ['bench', { file: 'test/bench/main.ts', set: 'all' }],
  ['soak', { file: 'test/soak/main.ts', set: 'all' }],
  ['docs', { file: 'bin/docs/main.ts', set: 'all' }],
  ['example-consumer', { file: 'examples/kafka-consumer/consumer.ts', set: 'all' }],
]);
const USAGE = `usage: node bin/run.mjs ${[...PROGRAMS.keys(), 'test', 'setup'].join('|')} [args…]\n`;

/** Resolves with the exit code. */
async function main([step = '', ...args]) {
  const program = PROGRAMS.get(step);
  if (program === undefined && step !== 'test' && step !== 'setup') {
    process.stderr.write(USAGE);
    return 2;
  }
  await setUp(program?.set ?? (args.includes('--runtime') ? 'runtime' : 'all'));
  if (step === 'setup') return 0;
  const env = { ...process.env, PATH: pathWith(process.env.PATH ?? '', join(ROOT, 'node_modules', '.bin')) };
  return program === undefined ? runTests({ root: ROOT, env, args }) : runProgram(program.file, args, env);
}

async function runProgram(file, args, env) {
  if (!existsSync(join(ROOT, file))) {
    process.stderr.write(`${file} is not part of this checkout\n`);
    return 1;
  }
  const flags = ['--disable-warning=ExperimentalWarning', '--import', join(ROOT, 'bin', 'lifeline.mjs')];
  const nodeArgs = [...flags, join(ROOT, file), ...args];
  return exitCodeOf(await runChild(setupPaths(ROOT).node, nodeArgs, { cwd: ROOT, env, lifeline: true }));
}

/** Between children a signal ends this process at once, but never without taking back what it showed. */
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    if (process.listenerCount(signal) > 1) return;
    process.exit(128 + constants.signals[signal]);
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(error instanceof SetupError ? `\n${error.message}\n` : `${error.stack}\n`);
  process.exitCode = 1;
}
