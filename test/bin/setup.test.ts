/** @module The set-up of a checkout: what is installed when, and what a person is told when it fails. */
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { tryAcquire, withLock } from '../../bin/lock.mjs';
import { findNpm } from '../../bin/other-npm.mjs';
import { explainNpmFailure, missingPackages, pathWith, planInstall, progressText } from '../../bin/setup.mjs';
import { until } from '../kit/otlp-backend.ts';

type Packages = Record<string, { version: string; dev?: boolean; optional?: boolean }>;
const asLock = (packages: Packages) => JSON.stringify({ packages });
const RUNTIME: Packages = {
  'node_modules/rxjs': { version: '7.8.2' },
  'node_modules/a/node_modules/b': { version: '1.0.0' },
};
const DEVELOPMENT: Packages = { 'node_modules/ava': { version: '8.1.2', dev: true } };
const OPTIONAL: Packages = { 'node_modules/other-platform': { version: '1.0.0', optional: true } };
const LOCK = asLock({ '': { version: '0.1.0' }, ...RUNTIME, ...DEVELOPMENT, ...OPTIONAL });
const OLD_LOCK = asLock({ ...RUNTIME, 'node_modules/rxjs': { version: '7.8.1' }, ...DEVELOPMENT });

const plans = test.macro({
  exec(t, found: Partial<Parameters<typeof planInstall>[0]>, wanted: 'runtime' | 'all', action: string, set: string) {
    const whole = { lockText: LOCK, stampLockText: null, stampSet: null, installedText: null, ...found };
    t.deepEqual(planInstall(whole, wanted), { action, set });
  },
  title: (what) => what ?? '',
});
test('nothing there, demo wanted: the runtime packages', plans, {}, 'runtime', 'install', 'runtime');
test('nothing there, tests wanted: all packages', plans, {}, 'all', 'install', 'all');
const stamp = (stampSet: string, stampLockText = LOCK) => ({ stampLockText, stampSet });
test('stamped for all: ready for the demo', plans, stamp('all'), 'runtime', 'ready', 'all');
test('stamped for all: ready for tests', plans, stamp('all'), 'all', 'ready', 'all');
test('stamped for the demo: ready for the demo', plans, stamp('runtime'), 'runtime', 'ready', 'runtime');
test(
  'a demo-only install is completed for tests',
  plans,
  { ...stamp('runtime'), installedText: asLock(RUNTIME) },
  'all',
  'complete',
  'all',
);
test(
  'another lock makes it stale, and what had all packages gets all',
  plans,
  { ...stamp('all', OLD_LOCK), installedText: OLD_LOCK },
  'runtime',
  'install',
  'all',
);
test(
  'another lock makes a demo-only install stale',
  plans,
  { ...stamp('runtime', OLD_LOCK), installedText: asLock({}) },
  'runtime',
  'install',
  'runtime',
);
test(
  'npm run by hand is taken as it is',
  plans,
  { installedText: asLock({ ...RUNTIME, ...DEVELOPMENT }) },
  'all',
  'adopt',
  'all',
);
test(
  'npm run by hand without the packages for tests is taken for the demo',
  plans,
  { installedText: asLock(RUNTIME) },
  'runtime',
  'adopt',
  'runtime',
);
test(
  'a list that cannot be read counts as nothing',
  plans,
  { installedText: '{"packag' },
  'runtime',
  'install',
  'runtime',
);

test('only what is locked, not optional and in another version is missing', (t) => {
  t.deepEqual(missingPackages(LOCK, OLD_LOCK, 'all'), ['node_modules/rxjs']);
  t.deepEqual(missingPackages(LOCK, null, 'runtime'), ['node_modules/rxjs', 'node_modules/a/node_modules/b']);
  t.is(missingPackages(LOCK, null, 'all').length, 3);
});

const failures = test.macro({
  exec(t, output: string, offline: boolean, says: RegExp) {
    const explained = explainNpmFailure(output);
    t.is(explained.offline, offline);
    t.regex(explained.lines.join('\n'), says);
  },
  title: (_, output: string) => `npm's "${output.split('\n')[0]}" is explained`,
});
test(failures, 'npm error code EAI_AGAIN\nnpm error request failed', true, /cannot reach its registry \(EAI_AGAIN\)/);
test(failures, 'npm error code ENOTCACHED', true, /proxy/);
test(failures, 'npm ERR! code ECONNREFUSED', true, /registry/);
test(failures, 'npm error code EUSAGE\nnpm error not in sync', false, /npm install/);
test(failures, 'npm error code ENOSPC', false, /disk is full/);
test(failures, 'npm error something else', false, /npm doctor/);

test('progress counts packages, and then tells what is waited for', (t) => {
  const state = { total: 40, hasNode: false, nodeVersion: '26.10.0', seconds: 20 };
  t.is(progressText({ ...state, installed: 33 }), 'Set-up: 33 of 40 packages so far, 20 s');
  t.is(progressText({ ...state, installed: 40 }), 'Set-up: packages done, fetching Node 26.10.0 … 20 s');
  t.is(progressText({ ...state, installed: 40, hasNode: true }), 'Set-up: packages done, npm is finishing, 20 s');
});

test('a folder comes first in PATH, once', (t) => {
  t.is(pathWith('/a:/b:/c', '/b'), '/b:/a:/c');
  t.is(pathWith('', '/b'), '/b');
});

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'weir-setup-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('work under one lock never overlaps', async (t) => {
  const path = join(await folder(t), 'lock');
  const said: string[] = [];
  let inside = 0;
  const work = async () => {
    inside += 1;
    t.is(inside, 1);
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
  };
  await Promise.all([1, 2, 3].map(() => withLock(path, (text) => said.push(text), work)));
  t.is(said.length, 2);
  t.true(tryAcquire(path));
});

test('a lock whose owner is dead is taken over by exactly one', async (t) => {
  const path = join(await folder(t), 'lock');
  const child = spawn('true');
  const pid = child.pid;
  await new Promise((resolve) => child.on('close', resolve));
  await mkdir(path);
  await writeFile(join(path, 'pid'), String(pid));
  t.deepEqual([tryAcquire(path), tryAcquire(path)], [true, false]);
  t.is(await readFile(join(path, 'pid'), 'utf8'), String(process.pid));
});

test('a lock that nobody touches is taken over, one that is touched is not', async (t) => {
  const path = join(await folder(t), 'lock');
  await mkdir(path);
  await writeFile(join(path, 'pid'), String(process.ppid));
  t.false(tryAcquire(path));
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(path, longAgo, longAgo);
  t.true(tryAcquire(path));
});

/** A checkout with a made-up npm: a script that does what `npm` has to do here. */
async function checkout(t: ExecutionContext, npmScript: string) {
  const root = await folder(t);
  await writeFile(join(root, 'package.json'), JSON.stringify({ dependencies: { node: '1.2.3' } }));
  await writeFile(join(root, 'package-lock.json'), LOCK);
  const tools = join(root, 'tools');
  await mkdir(tools);
  await writeFile(join(tools, 'npm'), `#!/bin/sh\necho "$@" >> "${root}/calls"\n${npmScript}\n`);
  await chmod(join(tools, 'npm'), 0o755);
  return { root, tools };
}

/** Runs the real set-up of `root` in a process of its own, so that PATH is its own. */
function runSetup(
  root: string,
  path: string,
  wanted = 'runtime',
  onText: (text: string) => void = () => {},
): Promise<{ code: number | null; text: string }> {
  const module = new URL('../../bin/setup.mjs', import.meta.url).href;
  const program = `import { setUp } from '${module}';
    try { await setUp('${wanted}', { root: '${root}' }); } catch (error) { console.error(error.message); process.exit(1); }`;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { env: { PATH: path } });
    let text = '';
    child.stderr.on('data', (piece) => {
      text += piece;
      onText(text);
    });
    child.on('close', (code) => resolve({ code, text }));
  });
}

const INSTALLS = `mkdir -p node_modules/.bin
printf '#!/bin/sh\\necho v1.2.3\\n' > node_modules/.bin/node; chmod +x node_modules/.bin/node`;
const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin';
const calls = async (root: string) =>
  (await readFile(join(root, 'calls'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.replace(/ --no-audit.*/, ''));

test('a fresh checkout is installed once, and completed for tests without taking anything away', async (t) => {
  const { root, tools } = await checkout(
    t,
    `${INSTALLS}\ncp "${'$'}{0%/*}/../hidden.json" node_modules/.package-lock.json`,
  );
  await writeFile(join(root, 'hidden.json'), asLock(RUNTIME));
  const path = `${tools}:${SYSTEM_PATH}`;
  const first = await runSetup(root, path);
  t.is(first.code, 0, first.text);
  t.regex(first.text, /installing the packages Weir runs with \(2 locked packages and Node 1\.2\.3\)/);
  t.is((await runSetup(root, path)).text, '');
  t.is((await runSetup(root, path, 'all')).code, 0);
  t.is((await runSetup(root, path, 'all')).text, '');
  t.deepEqual(await calls(root), ['ci --omit=dev', 'install --no-save']);
});

test('two at once install once', async (t) => {
  const { root, tools } = await checkout(t, `sleep 0.5\n${INSTALLS}`);
  const path = `${tools}:${SYSTEM_PATH}`;
  const both = await Promise.all([runSetup(root, path), runSetup(root, path)]);
  t.deepEqual(
    both.map((result) => result.code),
    [0, 0],
  );
  t.deepEqual(await calls(root), ['ci --omit=dev']);
});

/** A process that calls itself as npm does, with its work in `root`; ends when the file is gone. */
function runsAs(title: string, root: string, file: string) {
  const program = `process.title = '${title}'; console.log('up');
    setInterval(() => { if (!require('node:fs').existsSync('${file}')) process.exit(); }, 20);`;
  const child = spawn(process.execPath, ['-e', program], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise<number>((resolve) => child.stdout.once('data', () => resolve(child.pid ?? 0)));
}

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('an npm that a person runs is waited for, and what it did is taken', async (t) => {
  const { root, tools } = await checkout(t, 'exit 1');
  const [busy, other] = [join(root, 'busy'), join(root, 'other')];
  for (const file of [busy, other]) await writeFile(file, '');
  t.teardown(() => rm(other, { force: true }));
  await runsAs('npm run demo', root, other);
  t.is(findNpm(root), null, 'a step of package.json changes nothing');
  const pid = await runsAs('npm ci', root, busy);
  t.deepEqual(findNpm(root), { pid, command: 'npm ci' });
  t.is(findNpm(tools), null);
  const endsOther = (text: string) => /is under way/.test(text) && rmSync(busy, { force: true });
  const running = runSetup(root, `${tools}:${SYSTEM_PATH}`, 'runtime', endsOther);
  await mkdir(join(root, 'node_modules', '.bin'), { recursive: true });
  await writeFile(join(root, 'node_modules', '.package-lock.json'), asLock(RUNTIME));
  await writeFile(join(root, 'node_modules', '.bin', 'node'), '#!/bin/sh\necho v1.2.3\n', { mode: 0o755 });
  const { code, text } = await running;
  t.is(text, `Set-up: \`npm ci\` (process ${pid}) is under way here; waiting for it\n`);
  t.is(code, 0);
  t.false(existsSync(join(root, 'calls')), 'no npm of its own');
});

onLinux('an npm that begins during the set-up breaks it, which then takes what that one did', async (t) => {
  const done = `cp "${'$'}{0%/*}/../hidden.json" node_modules/.package-lock.json`;
  const { root, tools } = await checkout(t, `while ! [ -e begun ]; do sleep 0.05; done\n${INSTALLS}\n${done}\nexit 1`);
  await writeFile(join(root, 'hidden.json'), asLock(RUNTIME));
  const busy = join(root, 'busy');
  await writeFile(busy, '');
  const endsOther = (text: string) => /is under way/.test(text) && rmSync(busy, { force: true });
  const running = runSetup(root, `${tools}:${SYSTEM_PATH}`, 'runtime', endsOther);
  await until(() => existsSync(join(root, 'calls')));
  const pid = await runsAs('npm install', root, busy);
  await writeFile(join(root, 'begun'), '');
  const { code, text } = await running;
  t.is(code, 0, text);
  t.true(text.endsWith(`Set-up: \`npm install\` (process ${pid}) is under way here; waiting for it\n`), text);
});

test('a machine without npm is told what to do', async (t) => {
  const { root } = await checkout(t, '');
  const { code, text } = await runSetup(root, join(root, 'nowhere'));
  t.is(code, 1);
  t.regex(text, /npm was not found in PATH[\s\S]*Install Node\.js 20 or newer together with npm/);
});

test('without network npm’s cache is tried, then the reason and the mend are told', async (t) => {
  const { root, tools } = await checkout(t, 'echo "npm error code EAI_AGAIN" >&2; exit 1');
  const { code, text } = await runSetup(root, `${tools}:${SYSTEM_PATH}`);
  t.is(code, 1);
  t.regex(text, /trying with the packages in its cache/);
  t.regex(text, /npm ci --omit=dev` ended with 1[\s\S]*cannot reach its registry \(EAI_AGAIN\)[\s\S]*proxy/);
  t.deepEqual(await calls(root), ['ci --omit=dev', 'ci --omit=dev --offline']);
});

test('a Node that blocked install scripts left out is fetched by its own script alone', async (t) => {
  const { root, tools } = await checkout(
    t,
    `case "$1" in rebuild) ${INSTALLS} ;; *) mkdir -p node_modules/.bin ;; esac`,
  );
  const { code, text } = await runSetup(root, `${tools}:${SYSTEM_PATH}`);
  t.is(code, 0, text);
  t.regex(text, /pinned Node v1\.2\.3 is missing/);
  t.deepEqual(await calls(root), ['ci --omit=dev', 'rebuild node --ignore-scripts=false']);
});

test('a Node that cannot be had ends the set-up with what to run', async (t) => {
  const { root, tools } = await checkout(t, 'mkdir -p node_modules/.bin');
  const { code, text } = await runSetup(root, `${tools}:${SYSTEM_PATH}`);
  t.is(code, 1);
  t.regex(text, /node_modules\/\.bin\/node is missing, expected v1\.2\.3[\s\S]*npm ci --ignore-scripts=false/);
});

test('bin/weir runs the pinned Node with its arguments from any folder, through links, also without node in PATH', async (t) => {
  const { root } = await checkout(t, '');
  await mkdir(join(root, 'bin'));
  await mkdir(join(root, 'node_modules/.bin'), { recursive: true });
  await mkdir(join(root, 'node_modules/.weir-setup'), { recursive: true });
  await writeFile(join(root, 'node_modules/.weir-setup/package-lock.json'), LOCK);
  await writeFile(join(root, 'node_modules/.bin/node'), '#!/bin/sh\nprintf "[%s]" "$@"\n');
  await chmod(join(root, 'node_modules/.bin/node'), 0o755);
  const launcher = await readFile(fileURLToPath(new URL('../../bin/weir', import.meta.url)), 'utf8');
  await writeFile(join(root, 'bin/weir'), launcher);
  await chmod(join(root, 'bin/weir'), 0o755);
  const elsewhere = await folder(t);
  await symlink(join(root, 'bin/weir'), join(elsewhere, 'one'));
  await symlink('one', join(elsewhere, 'two'));
  await mkdir(join(elsewhere, 'tools'));
  for (const tool of ['dirname', 'readlink', 'cmp']) await symlink(`/usr/bin/${tool}`, join(elsewhere, 'tools', tool));
  const output = await new Promise((resolve) => {
    const child = spawn(join(elsewhere, 'two'), ['run', '-c', 'my file.yaml'], {
      cwd: '/',
      env: { PATH: join(elsewhere, 'tools') },
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (piece) => {
        text += piece;
      });
    }
    child.on('close', () => resolve(text));
  });
  const { realpath } = await import('node:fs/promises');
  t.is(
    output,
    `[--disable-warning=ExperimentalWarning][${await realpath(root)}/pipeline/main.ts][run][-c][my file.yaml]`,
  );
});
