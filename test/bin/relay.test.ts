/** @module A signal reaches the program once, however many processes pass it on. */
import { type ChildProcess, spawn } from 'node:child_process';
import test from 'ava';
import { createOnce, exitCodeOf } from '../../bin/relay.mjs';

const RELAY = new URL('../../bin/relay.mjs', import.meta.url).href;
const LIFELINE = new URL('../../bin/lifeline.mjs', import.meta.url).pathname;

/** A program that says each signal it gets and ends in good order 700 ms after the first one. */
const PROGRAM = `
  const keep = setInterval(() => {}, 1000);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {
    console.log(signal);
    setTimeout(() => { console.log('end'); clearInterval(keep); process.exit(3); }, 700);
  });
  console.log('ready');`;

interface Running {
  readonly child: ChildProcess;
  readonly text: () => string;
  readonly ended: Promise<number | null>;
}

/** Runs PROGRAM below a relay and resolves when it is ready. */
function start(): Promise<Running> {
  const outer = `import { runChild, exitCodeOf } from '${RELAY}';
    const args = ['--import', '${LIFELINE}', '-e', ${JSON.stringify(PROGRAM)}];
    process.exitCode = exitCodeOf(await runChild(process.execPath, args, { cwd: '/', env: process.env, lifeline: true }));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', outer], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  return new Promise((resolve) => {
    child.stdout?.on('data', (piece) => {
      text += piece;
      if (text === 'ready\n') resolve({ child, text: () => text, ended });
    });
  });
}

const passedOn = test.macro({
  async exec(t, signals: NodeJS.Signals[], expected: string) {
    const { child, text, ended } = await start();
    for (const signal of signals) {
      child.kill(signal);
      // Long enough that the kernel does not fold two of one kind into one.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    t.is(await ended, 3);
    t.is(text(), expected);
  },
  title: (_, signals: NodeJS.Signals[]) => `${signals.join(' and ')} arrives once, the exit code comes back`,
});
test(passedOn, ['SIGTERM'], 'ready\nSIGTERM\nend\n');
test(passedOn, ['SIGINT'], 'ready\nSIGINT\nend\n');
test(passedOn, ['SIGINT', 'SIGINT'], 'ready\nSIGINT\nend\n');
test(passedOn, ['SIGHUP'], 'ready\nSIGTERM\nend\n');

test('the program ends in good order when the relay is killed', async (t) => {
  const { child, text } = await start();
  const closed = new Promise((resolve) => child.on('close', resolve));
  child.kill('SIGKILL');
  await closed;
  t.is(text(), 'ready\nSIGTERM\nend\n');
});

test('of equal signals close together only the first counts, later and other ones count again', (t) => {
  const isFirst = createOnce(500);
  t.true(isFirst('SIGINT', 0));
  t.false(isFirst('SIGINT', 20));
  t.true(isFirst('SIGTERM', 21));
  t.true(isFirst('SIGINT', 1000));
});

test('exit codes are a shell’s', (t) => {
  t.is(exitCodeOf({ code: 7, signal: null }), 7);
  t.is(exitCodeOf({ code: null, signal: 'SIGTERM' }), 143);
  t.is(exitCodeOf({ code: null, signal: 'SIGKILL' }), 137);
});
