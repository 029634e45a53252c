/**
 * @module The Kafka client behind a small interface; the only file that imports kafkajs, and only when it is needed.
 *
 * Producers are idempotent, wait for all in-sync replicas and have one request in flight. kafkajs rolls its sequence
 * numbers back when a send fails; whatever was sent next on the same object could then be acknowledged as a duplicate
 * without being stored. So after any failure the object is of no more use: disconnect it and make a new one.
 */
import { createRequire } from 'node:module';
import type { KafkaConfig, LogEntry, logLevel, SASLOptions } from 'kafkajs';
import type { Clock } from '../clock/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import { readTextFile } from './files.ts';
import { KafkaFault, kafkaFault } from './kafka-fault.ts';

/** Keys of a client's TLS as the Collector has them (`config/configtls`); '' is absent. */
export interface ClientTls {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly serverName: string;
  readonly insecureSkipVerify: boolean;
}

export interface KafkaSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

export interface KafkaOptions {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Limit of one request and of one connection attempt, milliseconds. */
  readonly timeoutMs: number;
  readonly tls: ClientTls | null;
  readonly sasl: KafkaSasl | null;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface KafkaMessage {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Chosen by the caller, because kafkajs chooses again at each of its own retries. */
  readonly partition: number;
  /** Milliseconds since the epoch. */
  readonly timestampMs: number;
}

/** Every rejection is a `KafkaFault`. */
export interface KafkaProducer {
  /** Connects and is given a producer id. After a rejection the object is of no more use. */
  connect(): Promise<void>;
  /** Number of partitions of a topic; rejects with `topic_missing`. Never creates it. */
  partitions(topic: string): Promise<number>;
  /** Stores all messages, acknowledged by all in-sync replicas. One call at a time. After a rejection: see above. */
  send(topic: string, messages: readonly KafkaMessage[]): Promise<void>;
  /** Never rejects; does not wait longer than the timeout. */
  disconnect(): Promise<void>;
}

export type CreateKafkaProducer = (options: KafkaOptions) => Promise<KafkaProducer>;

/** kafkajs' own retries are short: the queue in front retries for ever. Waits: 0.2, 0.4, 0.8, 1.6 s. */
const RETRY = { retries: 4, initialRetryTime: 200, maxRetryTime: 5000 };
/** All waits of `RETRY`, with their spread. */
const RETRY_WAITS_MS = 5000;
const MAX_PEM_BYTES = 1 << 20;

/** A producer that is not connected yet. Reads the TLS files, so that a renewed certificate is taken up. */
export const createKafkaProducer: CreateKafkaProducer = async (options) => {
  const { Kafka, logLevel } = await loadKafkaJs();
  const kafka = new Kafka(await clientConfig(options, logLevel.WARN));
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition ?? 0,
  });
  // A request that waits inside kafkajs has no timeout of its own.
  const limitMs = (options.timeoutMs * 2 + 1000) * (RETRY.retries + 1) + RETRY_WAITS_MS;
  const guarded = <Value>(what: string, work: Promise<Value>) => withLimit(options.clock, limitMs, what, work);

  return {
    connect: () => guarded('connecting', producer.connect()),
    partitions: (topic) => guarded('asking for the topic', countPartitions(kafka.admin(), topic)),
    async send(topic, messages) {
      const batch = messages.map(({ key, value, headers, partition, timestampMs }) => ({
        key,
        value,
        headers: { ...headers },
        partition,
        timestamp: String(Math.trunc(timestampMs)),
      }));
      const sending = producer.sendBatch({
        acks: -1,
        timeout: options.timeoutMs,
        topicMessages: [{ topic, messages: batch }],
      });
      await guarded('sending', sending);
    },
    async disconnect() {
      await withLimit(options.clock, options.timeoutMs, 'disconnecting', producer.disconnect()).catch(() => {});
    },
  };
};

async function countPartitions(admin: import('kafkajs').Admin, topic: string): Promise<number> {
  try {
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const found = topics.find((candidate) => candidate.name === topic)?.partitions.length ?? 0;
    if (found === 0) throw new KafkaFault('topic_missing', 'topic_missing', `there is no topic ${topic}`);
    return found;
  } finally {
    void admin.disconnect().catch(() => {});
  }
}

async function clientConfig(options: KafkaOptions, level: logLevel): Promise<KafkaConfig> {
  const config: KafkaConfig = {
    brokers: [...options.brokers],
    clientId: options.clientId,
    connectionTimeout: options.timeoutMs,
    requestTimeout: options.timeoutMs,
    retry: RETRY,
    logLevel: level,
    logCreator: () => logInto(options.log),
  };
  if (options.tls !== null) config.ssl = await tlsOptions(options.tls);
  if (options.sasl !== null) config.sasl = saslOptions(options.sasl);
  return config;
}

function saslOptions({ mechanism, username, password }: KafkaSasl): SASLOptions {
  return { mechanism, username, password };
}

async function tlsOptions(tls: ClientTls): Promise<import('node:tls').ConnectionOptions> {
  const [ca, cert, key] = await Promise.all([tls.caFile, tls.certFile, tls.keyFile].map(readPem));
  return {
    rejectUnauthorized: !tls.insecureSkipVerify,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(tls.serverName !== '' && { servername: tls.serverName }),
  };
}

async function readPem(path: string): Promise<string | undefined> {
  if (path === '') return undefined;
  const file = await readTextFile(path, MAX_PEM_BYTES);
  if (file.text !== null) return file.text;
  throw new KafkaFault('configuration', 'tls_file', `cannot read the TLS file ${path}: ${file.error}`);
}

/** kafkajs says at error level what it is about to repeat; what matters reaches the caller as a fault. */
function logInto(log: Logger): (entry: LogEntry) => void {
  return ({ namespace, log: { message, error, broker } }) => {
    log.debug({ client: 'kafkajs', namespace, broker, error, said: message }, 'The Kafka client says');
  };
}

/** Settles as `work` does, as a `KafkaFault` when it rejects, or with a timeout after `limitMs`. */
function withLimit<Value>(clock: Clock, limitMs: number, what: string, work: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(limitMs, () =>
      reject(new KafkaFault('transient', 'timeout', `${what} has not ended after ${Math.round(limitMs)} ms`)),
    );
    work.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(kafkaFault(error));
      },
    );
  });
}

let loaded: Promise<typeof import('kafkajs')> | null = null;

function loadKafkaJs(): Promise<typeof import('kafkajs')> {
  loaded ??= import('kafkajs').then((module) => {
    quietRequestQueue();
    return module.default === undefined ? module : (module.default as typeof import('kafkajs'));
  });
  return loaded;
}

interface RequestQueue {
  pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

/**
 * kafkajs 2.2.4 polls each connection's empty request queue about every millisecond (tulios/kafkajs#1704), 3 % of a core
 * for ever, with a negative delay that Node 26 warns of. An empty queue needs no look: `push` schedules one itself.
 */
function quietRequestQueue(): void {
  const require = createRequire(import.meta.url);
  try {
    if (require('kafkajs/package.json').version !== '2.2.4') return;
    const { prototype }: { prototype: RequestQueue } = require('kafkajs/src/network/requestQueue');
    const schedule = prototype.scheduleCheckPendingRequests;
    prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
      if (this.pending.length > 0) schedule.call(this);
    };
  } catch {
    // Bundled: the inner module is not there by itself. It costs some idle processor time, nothing else.
  }
}
