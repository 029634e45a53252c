/** @module The demo whole: a mesh, its proxies, a real pipeline and a real API, until a table of edges is seen. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runDemo } from '../../demo/demo.ts';
import type { Output } from '../../demo/screen.ts';

/**
 * Five times what the first table takes. Each run also holds the balance of its components: the demo logs from `warn` on,
 * so that items dropped or unaccounted for at the end are a line among the errors, of which there must be none.
 */
const WATCHDOG_MS = 60_000;
const ROW = /^(?:[\w()/:-]+) +[\w()/-]+ +\d+\.\d\d% +[\d.]+ +[\d.]+m?s +[\d.]+m?s +[\d.]+m?s *$/;

class Watched implements Output {
  readonly isTTY: boolean;
  readonly columns = 160;
  readonly rows = 60;
  text = '';
  readonly #until: (text: string) => boolean;
  readonly #seen: () => void;
  constructor(isTTY: boolean, until: (text: string) => boolean, seen: () => void) {
    this.isTTY = isTTY;
    this.#until = until;
    this.#seen = seen;
  }
  write(text: string): boolean {
    this.text += text;
    if (this.#until(this.text)) this.#seen();
    return true;
  }
  on(): void {}
  off(): void {}
}

function rowsOf(text: string): string[] {
  // biome-ignore lint/complexity/useRegexLiterals: the escape character reads better as one.
  const plain = text.replace(new RegExp('\\u001b\\[[0-9;?]*[a-zA-Z]', 'g'), '');
  return plain.split(/\r?\n/).filter((line) => ROW.test(line));
}

async function run(t: ExecutionContext, isTTY: boolean, argv: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'weir-demo-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  const output = new Watched(isTTY, (text) => rowsOf(text).length >= 8, stop);
  const errors: string[] = [];
  const targetsFile = join(folder, 'targets.json');
  const writeError = (text: string) => void errors.push(text);
  const code = await runDemo(argv, { output, writeError, env: {}, stopped, targetsFile });
  return { code, output, errors: errors.join(''), targets: await readFile(targetsFile, 'utf8') };
}

test.serial('shows at least eight edges with their units, the bad ones named, and ends cleanly', async (t) => {
  t.timeout(WATCHDOG_MS);
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  t.teardown(() => holder.close());
  const address = holder.address();
  if (typeof address !== 'object' || address === null) return t.fail('not listening');
  const { code, output, errors, targets } = await run(t, false, ['--port', String(address.port)]);
  t.is(errors, '');
  t.is(code, 0);
  t.true(rowsOf(output.text).length >= 8, output.text);
  t.regex(output.text, new RegExp(`Port ${address.port} is taken: the SMI API is on \\d+`));
  t.regex(output.text, /^first numbers in \d+s$/m);
  t.true(output.text.indexOf('first numbers') < output.text.indexOf('SOURCE'));
  t.regex(output.text, /Look at payments\/checkout -> payments\/fraud/);
  t.regex(output.text, /weir demo: ran \S+, \d+ scrapes, \d+ edges in the last window\n$/);
  t.is(targets, '[]\n');
});

test.serial('on a terminal the table stands in place and stays to be read at the end', async (t) => {
  t.timeout(WATCHDOG_MS);
  const { code, output, errors } = await run(t, true, []);
  t.is(code, 0);
  t.is(errors, '');
  const [, after = ''] = output.text.split('\u001b[?25h\u001b[?1049l');
  t.true(rowsOf(after).length >= 8);
  t.true(output.text.startsWith('\u001b[?1049h'));
});

test.serial('--for ends it with 0', async (t) => {
  const { code, output, errors } = await run(t, false, ['--for', '50ms']);
  t.is(code, 0);
  t.is(errors, '');
  t.regex(output.text, /weir demo: ran /);
});

test.serial('wrong arguments end it with 2 before anything starts', async (t) => {
  const errors: string[] = [];
  const output = new Watched(
    false,
    () => false,
    () => {},
  );
  const writeError = (text: string) => void errors.push(text);
  const code = await runDemo(['--for', '20'], { output, writeError, env: {}, stopped: Promise.resolve() });
  t.is(code, 2);
  t.regex(errors.join(''), /Usage: weir demo/);
  t.is(output.text, '');
});

test.serial('one SIGINT ends the process well, with 0 and a summary', async (t) => {
  t.timeout(WATCHDOG_MS);
  const main = new URL('../../demo/main.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main], { stdio: 'pipe' });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    if (!text.includes('first numbers') && (text + piece).includes('first numbers')) child.kill('SIGINT');
    text += piece;
  });
  const errors: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (piece: string) => void errors.push(piece));
  const code = await new Promise((resolve) => child.on('close', resolve));
  t.is(errors.join(''), '');
  t.is(code, 0);
  t.regex(text, /weir demo: ran .*\n$/);
});
