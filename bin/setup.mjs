/**
 * @module Installs the locked packages when they are missing or stale, and makes sure that the pinned Node is among them.
 *
 * Runs on Node >= 20 with nothing but its built-ins, because it runs before anything is installed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';
import { waitForNpm } from './other-npm.mjs';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** @typedef {'runtime' | 'all'} PackageSet `runtime`: what Weir and its demo run with; `all`: what its tests need, too. */

/** Where a checkout keeps what set-up writes. `bin/weir` compares `stampLock` with the lock file byte by byte. */
export function setupPaths(root) {
  const modules = join(root, 'node_modules');
  return {
    lockFile: join(root, 'package-lock.json'),
    modules,
    node: join(modules, '.bin', 'node'),
    /** npm's own list of what it installed. */
    installed: join(modules, '.package-lock.json'),
    stampLock: join(modules, '.weir-setup', 'package-lock.json'),
    stampSet: join(modules, '.weir-setup', 'set'),
    busy: join(root, '.setup', 'lock'),
    log: join(root, '.setup', 'npm.log'),
  };
}

/**
 * What has to be done so that `wanted` is installed. Pure.
 *
 * - `ready`: nothing. `adopt`: somebody ran npm by hand; only the stamp is missing.
 * - `complete`: the demo's packages are there, the others are not. `install`: from nothing, or from another lock.
 *
 * `set` is what will be there afterwards: a checkout that had all packages keeps all.
 *
 * @param {{ lockText: string, stampLockText: string | null, stampSet: string | null, installedText: string | null }} found
 * @param {PackageSet} wanted
 * @returns {{ action: 'ready' | 'adopt' | 'complete' | 'install', set: PackageSet }}
 */
export function planInstall(found, wanted) {
  const stamped = found.stampLockText === found.lockText ? found.stampSet : null;
  if (stamped === 'all' || (stamped === 'runtime' && wanted === 'runtime')) return { action: 'ready', set: stamped };
  const lacks = (set) => missingPackages(found.lockText, found.installedText, set).length > 0;
  if (!lacks('all')) return { action: 'adopt', set: 'all' };
  if (wanted === 'runtime' && !lacks('runtime')) return { action: 'adopt', set: 'runtime' };
  const set = found.stampSet === 'all' ? 'all' : wanted;
  return { action: set === 'all' && !lacks('runtime') ? 'complete' : 'install', set };
}

/**
 * Paths of the packages of `set` that are locked but not installed in that version. Optional ones may be missing, since
 * most of them are for other platforms.
 *
 * @param {string} lockText
 * @param {string | null} installedText
 * @param {PackageSet} set
 */
export function missingPackages(lockText, installedText, set) {
  const locked = packagesOf(lockText);
  const installed = installedText === null ? new Map() : packagesOf(installedText);
  return [...locked]
    .filter(([path, entry]) => path !== '' && !entry.optional && !entry.devOptional && (set === 'all' || !entry.dev))
    .filter(([path, entry]) => installed.get(path)?.version !== entry.version)
    .map(([path]) => path);
}

function packagesOf(text) {
  try {
    return new Map(Object.entries(JSON.parse(text).packages ?? {}));
  } catch {
    return new Map();
  }
}

/**
 * How far an installation is, in words. npm runs the script that fetches Node after all packages are in place, which is
 * the longer part.
 *
 * @param {{ installed: number, total: number, hasNode: boolean, nodeVersion: string, seconds: number }} state
 */
export function progressText({ installed, total, hasNode, nodeVersion, seconds }) {
  if (installed < total) return `Set-up: ${installed} of ${total} packages so far, ${seconds} s`;
  return `Set-up: packages done, ${hasNode ? 'npm is finishing,' : `fetching Node ${nodeVersion} …`} ${seconds} s`;
}

/**
 * What a failed npm means for a person: one line each of what failed and how to mend it.
 *
 * @param {string} output what npm printed
 * @returns {{ offline: boolean, lines: string[] }}
 */
export function explainNpmFailure(output) {
  const code = /^npm (?:error|ERR!) code (\S+)/m.exec(output)?.[1] ?? '';
  const network =
    /^(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|FETCH_ERROR|ENOTCACHED)$/;
  if (network.test(code) || /network (?:request|connectivity)|getaddrinfo/.test(output)) {
    return {
      offline: true,
      lines: [
        `npm cannot reach its registry (${code || 'network error'}), and its cache does not hold all packages.`,
        'Connect this machine to the network, or tell npm the way: `npm config set proxy URL` or `npm config set registry URL`.',
        'Then run the same command again; what was fetched already is not fetched again.',
      ],
    };
  }
  const mends = new Map([
    ['EUSAGE', 'package.json and package-lock.json do not agree: run `npm install` and commit both.'],
    [
      'EACCES',
      "This user may not write here or into npm's cache: check the owner of this folder and of `npm config get cache`.",
    ],
    ['EPERM', 'This user may not write here: check the owner of this folder.'],
    ['ENOSPC', 'The disk is full: free about 500 MB.'],
    ['EINTEGRITY', 'A package is not the one that was locked: run `npm cache clean --force`, then try again.'],
    ['ETARGET', 'The registry does not have a locked version: check `npm config get registry`.'],
    ['E404', 'The registry does not have a locked package: check `npm config get registry`.'],
  ]);
  return { offline: false, lines: [mends.get(code) ?? 'npm says why above; `npm doctor` checks this machine.'] };
}

/** A set-up that could not be done, told in lines for a person. */
export class SetupError extends Error {
  /** @param {string[]} lines */
  constructor(lines) {
    super(lines.join('\n'));
    this.name = 'SetupError';
    this.lines = lines;
  }
}

/**
 * Makes sure that the packages of `wanted` and the pinned Node are there. Cheap (two files read and compared) when they
 * are. Two at once: the second waits for the first, and for an npm that a person runs here. Throws `SetupError`.
 *
 * @param {PackageSet} wanted
 * @param {{ root?: string, say?: (text: string) => void }} options
 */
export async function setUp(wanted, { root = ROOT, say = defaultSay } = {}) {
  const paths = setupPaths(root);
  if (isReady(paths, wanted)) return;
  mkdirSync(dirname(paths.busy), { recursive: true });
  await withLock(paths.busy, say, async () => {
    await waitForNpm(realpathSync(root), say);
    // Whoever held the lock before may have done it all.
    if (isReady(paths, wanted)) return;
    const plan = planInstall(findInstalled(paths), wanted);
    if (plan.action === 'complete' || plan.action === 'install') await install(root, paths, plan, say);
    await ensurePinnedNode(root, paths, say);
    writeStamp(paths, plan.set);
  });
}

function isReady(paths, wanted) {
  return existsSync(paths.node) && planInstall(findInstalled(paths), wanted).action === 'ready';
}

function findInstalled(paths) {
  return {
    lockText: readFileSync(paths.lockFile, 'utf8'),
    stampLockText: readOrNull(paths.stampLock),
    stampSet: readOrNull(paths.stampSet)?.trim() ?? null,
    installedText: readOrNull(paths.installed),
  };
}

function readOrNull(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function writeStamp(paths, set) {
  mkdirSync(dirname(paths.stampLock), { recursive: true });
  writeFileSync(paths.stampSet, `${set}\n`);
  // Last, because it is what makes the stamp valid.
  writeFileSync(paths.stampLock, readFileSync(paths.lockFile));
}

async function install(root, paths, plan, say) {
  const packages = missingPackages(readFileSync(paths.lockFile, 'utf8'), null, plan.set);
  const what = plan.set === 'all' ? 'all packages, also those for tests' : 'the packages Weir runs with';
  say(
    `Set-up: installing ${what} (${packages.length} locked packages and Node ${pinnedVersion(root)}) into node_modules`,
  );
  rmSync(paths.stampLock, { force: true });
  // Completing must not take away what a demo that runs right now still loads, as `npm ci` would.
  if (plan.action === 'complete' && (await npm(root, paths, ['install', '--no-save'], say, packages)).code === 0)
    return;
  const args = plan.set === 'all' ? ['ci'] : ['ci', '--omit=dev'];
  let result = await npm(root, paths, args, say, packages);
  if (result.code !== 0 && explainNpmFailure(result.output).offline) {
    say('Set-up: npm cannot reach its registry; trying with the packages in its cache');
    const cached = await npm(root, paths, [...args, '--offline'], say, packages);
    if (cached.code === 0) result = cached;
  }
  if (result.code === 0) return;
  // One that began meanwhile has broken this one, and may have done the same work.
  if ((await waitForNpm(realpathSync(root), say)) && planInstall(findInstalled(paths), plan.set).action === 'adopt')
    return;
  throw npmFailed(args, result, paths);
}

function npmFailed(args, result, paths) {
  const said = result.output.trimEnd().split('\n');
  const tail = said.filter((line) => !/^npm (?:error|ERR!)\s+at /.test(line)).slice(-15);
  return new SetupError([
    ...tail,
    '',
    `Set-up failed: \`npm ${args.join(' ')}\` ended with ${result.code}.`,
    ...explainNpmFailure(result.output).lines,
    `The whole output is in ${paths.log}.`,
  ]);
}

/** npm in `root`, quiet, its output kept in a file. Runs under the machine's Node, never under the one it replaces. */
function npm(root, paths, args, say, packages = []) {
  const settings = [
    '--no-audit',
    '--no-fund',
    '--fetch-retries=3',
    '--fetch-retry-mintimeout=1000',
    '--fetch-retry-maxtimeout=5000',
  ];
  const env = { ...process.env, PATH: pathWithout(process.env.PATH ?? '', join(root, 'node_modules', '.bin')) };
  return new Promise((resolve, reject) => {
    const child = spawn('npm', [...args, ...settings], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (piece) => {
      output += piece;
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const progress = showProgress(root, paths, packages, say);
    child.on('error', (error) => {
      progress.end();
      reject(npmMissing(error));
    });
    child.on('close', (code, signal) => {
      progress.end();
      writeFileSync(paths.log, output);
      resolve({ code: code ?? signal, output });
    });
  });
}

function npmMissing(error) {
  if (error.code !== 'ENOENT') return error;
  return new SetupError([
    'Set-up failed: npm was not found in PATH.',
    'Weir needs npm once, to install its locked packages. Install Node.js 20 or newer together with npm',
    '(on Debian: `apt install nodejs npm`), then run the same command again.',
  ]);
}

/** `path` without `folder`. */
export function pathWithout(path, folder) {
  return path
    .split(delimiter)
    .filter((entry) => entry !== folder)
    .join(delimiter);
}

/** `path` with `folder` first. */
export function pathWith(path, folder) {
  return [folder, pathWithout(path, folder)].filter((entry) => entry !== '').join(delimiter);
}

/** Tells how far the installation of `packages` is: one line that changes on a terminal, otherwise a line every 10 s. */
function showProgress(root, paths, packages, say) {
  const live = process.stderr.isTTY === true;
  const startMs = performance.now();
  const nodeVersion = pinnedVersion(root);
  const timer = setInterval(
    () => {
      const text = progressText({
        installed: packages.filter((path) => existsSync(join(root, path, 'package.json'))).length,
        total: packages.length,
        hasNode: existsSync(join(paths.modules, 'node', 'bin', 'node')),
        nodeVersion,
        seconds: Math.round((performance.now() - startMs) / 1000),
      });
      if (live) process.stderr.write(`\r\u001b[2K${text}`);
      else say(text);
    },
    live ? 500 : 10_000,
  );
  return {
    end() {
      clearInterval(timer);
      if (live) process.stderr.write('\r\u001b[2K');
    },
  };
}

function pinnedVersion(root) {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies.node;
}

/**
 * The package `node` fetches its binary in an install script. Where scripts are blocked it is absent without an error,
 * and everything would run under the machine's own Node.
 */
async function ensurePinnedNode(root, paths, say) {
  const wanted = `v${pinnedVersion(root)}`;
  if ((await versionOf(paths.node)) === wanted) return;
  say(
    `Set-up: the pinned Node ${wanted} is missing, because npm did not run the install script of the package \`node\``,
  );
  say(
    '        (ignore-scripts is set, or package.json lacks "allowScripts": {"node": true}); running that one script now',
  );
  await npm(root, paths, ['rebuild', 'node', '--ignore-scripts=false'], say);
  const found = await versionOf(paths.node);
  if (found === wanted) return;
  throw new SetupError([
    `Set-up failed: node_modules/.bin/node is ${found === '' ? 'missing' : found}, expected ${wanted}.`,
    'The package `node` fetches it in its install script. Allow that script and install again:',
    '  rm -rf node_modules && npm ci --ignore-scripts=false',
    `The whole output of npm is in ${paths.log}.`,
  ]);
}

/** What `node --version` of this file prints; '' when it cannot be run. */
function versionOf(file) {
  return new Promise((resolve) => {
    const child = spawn(file, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    child.stdout.on('data', (piece) => {
      output += piece;
    });
    child.on('error', () => resolve(''));
    child.on('close', () => resolve(output.trim()));
  });
}

function defaultSay(text) {
  process.stderr.write(`${text}\n`);
}
