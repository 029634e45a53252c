/** @module A real Apache Kafka broker for tests: one node on free ports of loopback, with outages on demand. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import kafkajs from 'kafkajs';
import { ensureKafka, type KafkaInstallation } from '../../bin/services.mjs';
import { freePorts } from './ports.ts';
import { serviceFor } from './service.ts';

/** Limit for becoming ready; on a busy machine a start takes 5 to 8 s. */
const READY_LIMIT_MS = 60_000;
const POLL_MS = 200;

/** How clients get in at a secured broker. */
export interface KafkaSecurity {
  /** PEM file that signs the broker's certificate. */
  readonly caFile: string;
  readonly username: string;
  readonly password: string;
}

export interface KafkaBroker {
  /** `127.0.0.1:port`, the same after a restart. */
  readonly address: string;
  /** Null: plain text for everybody. Otherwise TLS, and SCRAM-SHA-512 or PLAIN. */
  readonly security: KafkaSecurity | null;
  readonly pid: number;
  /** A client of the test's own, by a plain-text listener of its own. */
  client(): kafkajs.Kafka;
  createTopic(topic: string, partitions: number): Promise<void>;
  /** Ends the process at once, as a crash does; its data stays. */
  kill(): Promise<void>;
  /** Starts it again on the same data and ports; resolves when it is ready. */
  restart(): Promise<void>;
  /** Stops answering while connections stay open, until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** Ends the process and removes its data. */
  close(): Promise<void>;
}

/**
 * A broker, closed when the test ends. Null when none can be had here: the test then counts as skipped and should
 * return, having logged nothing before. With `CI=true` that is a failure instead.
 */
export async function kafkaFor(t: ExecutionContext, options: { secure?: boolean } = {}): Promise<KafkaBroker | null> {
  const installation = await serviceFor(t, 'Apache Kafka', ensureKafka);
  if (installation === null) return null;
  const broker = await startKafka(installation, options.secure === true);
  t.teardown(() => broker.close());
  return broker;
}

/** Starts a broker of its own; resolves when `describeCluster` lists it. */
export async function startKafka(installation: KafkaInstallation, secure = false): Promise<KafkaBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-kafka-'));
  const ports = await freePorts(3);
  const own = `127.0.0.1:${ports[1]}`;
  const security = secure ? await secureFolder(installation, folder) : null;
  await writeFile(join(folder, 'server.properties'), serverProperties(folder, ports, security));
  await writeFile(join(folder, 'log4j2.properties'), LOG_PROPERTIES);
  await format(installation, folder, security);
  let child = launch(installation, folder);
  await ready(child, own, folder);

  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  return {
    address: `127.0.0.1:${ports[0]}`,
    security,
    get pid() {
      return child.pid ?? -1;
    },
    client: () => clientOf(own),
    createTopic: (topic, partitions) => createTopic(own, topic, partitions),
    kill,
    async restart() {
      await kill();
      child = launch(installation, folder);
      await ready(child, own, folder);
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async close() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const JVM_FLAGS = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

function launch({ java, libs }: KafkaInstallation, folder: string): ChildProcess {
  const log = openSync(join(folder, 'broker.log'), 'a');
  const flags = [
    '-Xms128m',
    '-Xmx384m',
    ...JVM_FLAGS,
    `-Dlog4j2.configurationFile=${join(folder, 'log4j2.properties')}`,
  ];
  const child = spawn(java, [...flags, '-cp', join(libs, '*'), 'kafka.Kafka', 'server.properties'], {
    cwd: folder,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  // A test process that is ended from outside must leave no broker behind.
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  return child;
}

async function format(
  { java, libs }: KafkaInstallation,
  folder: string,
  security: KafkaSecurity | null,
): Promise<void> {
  const cluster = randomBytes(15).toString('base64url').padStart(22, 'W').replace(/^-/, 'W');
  const scram =
    security === null ? [] : ['--add-scram', `SCRAM-SHA-512=[name=${security.username},password=${security.password}]`];
  const args = ['format', '-t', cluster, '-c', 'server.properties', ...scram];
  await run(java, [...JVM_FLAGS, '-cp', join(libs, '*'), 'kafka.tools.StorageTool', ...args], folder);
}

/** A key for the broker, the certificate that clients trust, and a name and password for them. */
async function secureFolder({ java }: KafkaInstallation, folder: string): Promise<KafkaSecurity> {
  const keytool = join(dirname(java), 'keytool');
  const store = ['-keystore', 'broker.p12', '-storepass', STORE_PASSWORD, '-alias', 'broker'];
  const names = ['-dname', 'CN=broker', '-ext', 'SAN=ip:127.0.0.1', '-validity', '2'];
  await run(keytool, ['-genkeypair', '-keyalg', 'EC', '-storetype', 'PKCS12', ...store, ...names], folder);
  await run(keytool, ['-exportcert', '-rfc', '-file', 'ca.pem', ...store], folder);
  return { caFile: join(folder, 'ca.pem'), username: 'weir', password: randomBytes(9).toString('hex') };
}

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => {
      words += piece.toString();
    });
  }
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${words.slice(-2000)}`);
}

async function ready(child: ChildProcess, address: string, folder: string): Promise<void> {
  const deadline = performance.now() + READY_LIMIT_MS;
  let last: unknown = null;
  while (performance.now() < deadline && child.exitCode === null) {
    const admin = clientOf(address).admin({ retry: { retries: 0 } });
    try {
      await admin.connect();
      if ((await admin.describeCluster()).brokers.length === 1) return;
    } catch (error) {
      last = error;
    } finally {
      await admin.disconnect().catch(() => {});
    }
    await wait(POLL_MS);
  }
  const log = await readFile(join(folder, 'broker.log'), 'utf8').catch(() => '');
  throw new Error(`Kafka at ${address} is not ready: ${String(last)}\n${log.slice(-3000)}`);
}

async function createTopic(address: string, topic: string, partitions: number): Promise<void> {
  const admin = clientOf(address).admin();
  await admin.connect();
  try {
    await admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }],
    });
    for (const deadline = performance.now() + READY_LIMIT_MS; ; ) {
      const metadata = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => null);
      const found = metadata?.topics[0]?.partitions ?? [];
      if (found.length === partitions && found.every((partition) => partition.leader >= 0)) return;
      if (performance.now() > deadline) throw new Error(`topic ${topic} has no leaders`);
      await wait(POLL_MS);
    }
  } finally {
    await admin.disconnect();
  }
}

function clientOf(address: string): kafkajs.Kafka {
  return new kafkajs.Kafka({
    clientId: 'weir-test',
    brokers: [address],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 20 },
  });
}

const STORE_PASSWORD = 'changeit';

function serverProperties(folder: string, ports: readonly number[], security: KafkaSecurity | null): string {
  const [client, internal, controller] = ports.map((port) => `127.0.0.1:${port}`);
  const entries = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@${controller}`,
    listeners: `CLIENT://${client},INTERNAL://${internal},CONTROLLER://${controller}`,
    'advertised.listeners': `CLIENT://${client},INTERNAL://${internal}`,
    'inter.broker.listener.name': 'INTERNAL',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': `CLIENT:${security === null ? 'PLAINTEXT' : 'SASL_SSL'},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    ...(security === null ? {} : securityProperties(security)),
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    // After a crash the broker is let in again only when its old session has ended.
    'broker.session.timeout.ms': 2000,
    'broker.heartbeat.interval.ms': 500,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    'num.network.threads': 2,
    'num.io.threads': 2,
  };
  return Object.entries(entries)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

function securityProperties({ username, password }: KafkaSecurity): Readonly<Record<string, string>> {
  const modules = 'org.apache.kafka.common.security';
  return {
    'listener.name.client.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-512',
    'listener.name.client.plain.sasl.jaas.config': `${modules}.plain.PlainLoginModule required user_${username}="${password}";`,
    'listener.name.client.scram-sha-512.sasl.jaas.config': `${modules}.scram.ScramLoginModule required;`,
    'ssl.keystore.location': 'broker.p12',
    'ssl.keystore.password': STORE_PASSWORD,
    'ssl.keystore.type': 'PKCS12',
  };
}

const LOG_PROPERTIES = `rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c %m%n
`;
