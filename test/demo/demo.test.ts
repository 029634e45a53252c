/** @module The demo whole: a mesh, its proxies, a real pipeline and a real API, until a table of edges is seen; and `config.yaml` beside it. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runDemo } from '../../demo/demo.ts';
import type { Output } from '../../demo/screen.ts';
import { assertStoppedWhole, startCli } from '../kit/cli.ts';
import { assertOwnBalance } from '../kit/own-metrics.ts';
import { ROOT } from '../kit/repository.ts';

/**
 * Five times what the first table takes. Each run also holds the balance of its components: the demo logs from `warn` on,
 * so that items dropped or unaccounted for at the end are a line among the errors, of which there must be none.
 */
const WATCHDOG_MS = 60_000;
const ROW =
  /^(?:[\w()/:-]+) +[\w()/-]+ +\d+\.\d\d% +[\d.]+ +[\d.]+m?s +[\d.]+m?s +[\d.]+m?s +(?:linkerd|istio|envoy) *$/;

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

function meshesOf(text: string): Set<string> {
  return new Set(rowsOf(text).map((row) => row.trim().split(/ +/).at(-1) ?? ''));
}

async function run(t: ExecutionContext, isTTY: boolean, argv: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'weir-demo-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  // The first window is short and may lack some edges; the two that are pointed out come with the next.
  const isWhole = (text: string) => rowsOf(text).length >= 8 && text.includes('Look at') && meshesOf(text).size === 3;
  const output = new Watched(isTTY, isWhole, stop);
  const errors: string[] = [];
  const writeError = (text: string) => void errors.push(text);
  const code = await runDemo(argv, { output, writeError, env: {}, stopped, targetsFolder: folder });
  return { code, output, errors: errors.join(''), targets: await readFile(join(folder, 'targets-istio.json'), 'utf8') };
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
  const told = /weir demo: ran \S+, \d+ scrapes, \d+ edges in the last window, (\d+) spans in, (\d+) out\n$/.exec(
    output.text,
  );
  t.true(Number(told?.[1]) > 20, output.text);
  t.is(told?.[2], told?.[1], 'every span that went in came out, once');
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

/** What `config.yaml` listens on. */
const PORTS = { smi: 18_080, metrics: 18_888, health: 13_134, otlpGrpc: 14_317, otlpHttp: 14_318 };

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

test.serial('config.yaml runs as it is beside the demo, shows its edges, and its balance holds', async (t) => {
  // Two slots of 10 s, and three processes that start.
  t.timeout(150_000);
  for (const port of Object.values(PORTS)) {
    if (await isFree(port)) continue;
    // The file is tested as it is, with its ports: somebody runs it here already.
    t.log(`SKIPPED: port ${port} of config.yaml is taken; end what listens there and run this again`);
    t.not(process.env.CI, 'true', `port ${port} of config.yaml is taken`);
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'weir-beside-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'demo'));
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  const errors: string[] = [];
  const demo = runDemo(['--port', '28080'], {
    output: { write: () => true, on() {}, off() {} },
    writeError: (text) => void errors.push(text),
    env: {},
    stopped,
    targetsFolder: join(folder, 'demo'),
  });
  t.teardown(() => stop());

  const weir = startCli(['run', '-c', join(ROOT, 'config.yaml')], { cwd: folder });
  t.teardown(() => weir.child.kill('SIGKILL'));
  await weir.printed('first window at');
  const edges = startCli(['edges', '--url', `http://127.0.0.1:${PORTS.smi}`, '--watch=500ms', '--no-headers']);
  t.teardown(() => edges.child.kill('SIGKILL'));
  // The first slot is short and has some of the proxies only; the next one has all.
  await edges.printed(/^payments\/checkout +payments\/fraud +\d/m);
  await edges.printed(/^shop\/web +shop\/cart +\d/m);
  await edges.printed(/^delivery\/dispatch +delivery\/courier +\d/m);
  await edges.printed(/^media\/images +media\/thumbs +\d/m);
  edges.child.kill('SIGTERM');
  const shown = await edges.finished;
  t.is(shown.code, 0);
  t.regex(shown.out, /^payments\/checkout +payments\/fraud +\d+\.\d\d% /m);
  t.true(new Set(shown.out.match(/^[\w()/-]+ +[\w()/-]+(?= +\d)/gm)).size >= 8, shown.out);

  t.is((await fetch(`http://127.0.0.1:${PORTS.health}/readyz`)).status, 200);
  const page = await (await fetch(`http://127.0.0.1:${PORTS.metrics}/metrics`)).text();
  const accepted = assertOwnBalance(t, page);
  for (const component of [
    'receiver linkerd samples',
    'receiver istio samples',
    'receiver envoy samples',
    'processor smi samples',
    'exporter smi traffic',
  ]) {
    t.true((accepted.get(component) ?? 0) > 0, `${component}: ${JSON.stringify([...accepted])}`);
  }

  weir.child.kill('SIGTERM');
  assertStoppedWhole(t, await weir.finished);
  stop();
  t.is(await demo, 0);
  t.deepEqual(errors, []);
});
