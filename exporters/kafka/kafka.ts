/**
 * @module The `kafka` exporter: readings of windows as messages, sent in order by one idempotent producer at a time.
 *
 * Messages get their numbers when their window is tried first and never change again. A window that failed half-way
 * goes on with the first message that was not acknowledged, through a new producer: what arrived although it was not
 * acknowledged arrives twice, with the same number.
 */
import { Buffer } from 'node:buffer';
import type { Exporter, ExporterSettings } from '../../pipeline/component.ts';
import { readTraffic, type TrafficReading } from '../../pipeline/model/reading.ts';
import { SideMemory } from '../../pipeline/model/side-memory.ts';
import type { Interval, TrafficSum } from '../../pipeline/model/traffic.ts';
import { type CreateKafkaProducer, createKafkaProducer, type KafkaProducer } from '../../pipeline/net/kafka.ts';
import { KafkaFault, kafkaFault } from '../../pipeline/net/kafka-fault.ts';
import { createSendingEvents } from '../../pipeline/sending/telemetry.ts';
import { type SendOutcome, type TrafficSender, TrafficSending } from '../../pipeline/sending/traffic-sending.ts';
import { partitionOf } from '../../pipeline/wire/murmur2.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';
import type { KafkaConfig } from './config.ts';
import { type EncodedMessage, encodeReading } from './encode.ts';
import { createKafkaEvents, type KafkaEvents } from './telemetry.ts';

/** Messages and bytes of one request: big enough to be cheap, small enough to be repeated. */
const MAX_REQUEST_MESSAGES = 1000;
const MAX_REQUEST_BYTES = 512 * 1024;
/** Partitions may be added while Weir runs. */
const PARTITIONS_MAX_AGE_MS = 5 * 60_000;

/** Messages of one window and how far they got. */
interface Outbox {
  readonly messages: readonly EncodedMessage[];
  /** Index of the first message that was not acknowledged. */
  next: number;
  /** Most messages of a request; lowered until requests pass, or the one message that is refused is found. */
  most: number;
  /** Messages of the last request. */
  tried: number;
  /** Reason → messages given up. */
  readonly refused: Map<string, number>;
  /** By reason, of the last one given up, for people. */
  readonly errors: Map<string, string>;
}

interface Connection {
  readonly producer: KafkaProducer;
  readonly partitions: number;
  readonly sinceMonoMs: number;
}

/** An exporter that sends through producers of `createProducer`. */
export function createKafkaExporter(
  settings: ExporterSettings<KafkaConfig>,
  createProducer: CreateKafkaProducer = createKafkaProducer,
): Exporter {
  const { config, clock, balance, log, meters } = settings;
  return new TrafficSending({
    windowMs: config.interval === 'slot' ? settings.slotMs : settings.windowMs,
    queue: config.sending_queue,
    retry: config.retry_on_failure,
    clock,
    balance,
    sender: new KafkaSender(settings, createProducer, createKafkaEvents(settings.id, { log, meters, clock })),
    events: (queue) => createSendingEvents(settings.id, queue, { log, meters, clock }),
  });
}

class KafkaSender implements TrafficSender<Outbox> {
  readonly #settings: ExporterSettings<KafkaConfig>;
  readonly #createProducer: CreateKafkaProducer;
  readonly #events: KafkaEvents;
  readonly #epoch: string;
  readonly #sides = new SideMemory();
  #seq = 0;
  #closed = false;
  #connection: Promise<Connection> | null = null;
  /** Messages of `finish`. */
  #last: Outbox | null = null;

  constructor(settings: ExporterSettings<KafkaConfig>, createProducer: CreateKafkaProducer, events: KafkaEvents) {
    this.#settings = settings;
    this.#createProducer = createProducer;
    this.#events = events;
    this.#epoch = settings.clock.randomId();
    events.watchSides(this.#sides);
  }

  /** Looks for the brokers and the topic at once, so that what is missing is said before there is traffic. */
  open(): void {
    this.#connected().catch((error: unknown) => {
      const fault = kafkaFault(error);
      this.#failed(fault);
      if (fault.verdict === 'transient') this.#events.notReached(this.#settings.config.brokers, fault);
    });
  }

  prepare(sum: TrafficSum): Outbox {
    this.#sides.beginWindow();
    return this.#encode(this.#read(sum));
  }

  #encode(reading: TrafficReading): Outbox {
    const { config, clock } = this.#settings;
    const messages = encodeReading(reading, {
      source: config.client_id,
      epoch: this.#epoch,
      firstSeq: this.#seq,
      cluster: config.cluster,
      defaultKind: config.default_kind,
      nowMs: clock.wallMs(),
    });
    this.#seq += messages.length;
    return { messages, next: 0, most: MAX_REQUEST_MESSAGES, tried: 0, refused: new Map(), errors: new Map() };
  }

  /** What was still withheld for sides that never came back, in a window of its own after the last one. */
  finish(interval: Interval): Outbox | null {
    if (this.#sides.withheldRequests === 0) return null;
    this.#sides.beginLast();
    this.#last = this.#encode(this.#read({ interval, records: [], coverage: [], partial: true, clockAhead: false }));
    return this.#last;
  }

  /** Each edge from one side for as long as that can be: consumers add windows up. */
  #read(sum: TrafficSum): TrafficReading {
    const { startMs, endMs } = sum.interval;
    const options = { defaultKind: this.#settings.config.default_kind, windowMs: endMs - startMs };
    return readTraffic(sum, { ...options, sides: this.#sides });
  }

  async send(outbox: Outbox): Promise<SendOutcome> {
    while (outbox.next < outbox.messages.length) {
      const fault = await this.#sendSome(outbox);
      if (fault === null) continue;
      if (fault.verdict === 'refused' || fault.verdict === 'too_large') this.#narrow(outbox, fault.reason);
      else return { kind: 'transient', reason: fault.reason, error: fault.message };
    }
    return { kind: 'sent', dropped: outbox.refused, errors: outbox.errors };
  }

  /** One request with the next messages. Null: they were acknowledged, or the first one was given up. */
  async #sendSome(outbox: Outbox): Promise<KafkaFault | null> {
    const first = outbox.messages[outbox.next];
    const { max_message_bytes: maxBytes, traffic } = this.#settings.config;
    if (first !== undefined && first.bytes > maxBytes) {
      this.#giveUpFirst(outbox, 'too_large');
      return null;
    }
    const connection = await this.#connected().catch(kafkaFault);
    if (connection instanceof KafkaFault) {
      this.#failed(connection);
      // Whatever it is, it says nothing about the messages.
      return new KafkaFault('transient', connection.reason, connection.message, connection);
    }
    const batch = takeBatch(outbox, connection.partitions, maxBytes);
    outbox.tried = batch.messages.length;
    try {
      await connection.producer.send(traffic.topic, batch.messages);
      outbox.next += batch.messages.length;
      this.#events.sent(batch.messages.length, batch.bytes);
      return null;
    } catch (error) {
      const fault = kafkaFault(error);
      this.#failed(fault);
      return fault;
    }
  }

  /** A refused batch is halved until the message that is refused stands alone and can be given up. */
  #narrow(outbox: Outbox, reason: string): void {
    if (outbox.tried <= 1) this.#giveUpFirst(outbox, reason);
    else outbox.most = Math.ceil(outbox.tried / 2);
  }

  #giveUpFirst(outbox: Outbox, reason: string): void {
    const message = outbox.messages[outbox.next];
    if (message === undefined) return;
    outbox.next += 1;
    outbox.most = MAX_REQUEST_MESSAGES;
    outbox.refused.set(reason, (outbox.refused.get(reason) ?? 0) + 1);
    outbox.errors.set(reason, `Kafka does not accept the message of ${printableShort(message.key)}`);
    this.#events.refused(reason);
  }

  #connected(): Promise<Connection> {
    this.#connection ??= this.#connect();
    return this.#connection.then((connection) => this.#refreshed(connection));
  }

  async #connect(): Promise<Connection> {
    if (this.#closed) throw new KafkaFault('transient', 'stopped', 'the exporter was stopped');
    const { config, clock, log } = this.#settings;
    const producer = await this.#createProducer({
      brokers: config.brokers,
      clientId: config.client_id,
      timeoutMs: config.timeout,
      tls: config.tls ?? null,
      sasl: saslOf(config),
      clock,
      log,
    });
    try {
      await producer.connect();
      return await this.#withPartitions(producer);
    } catch (error) {
      void producer.disconnect();
      throw error;
    }
  }

  async #withPartitions(producer: KafkaProducer): Promise<Connection> {
    const { topic } = this.#settings.config.traffic;
    const partitions = await producer.partitions(topic);
    this.#events.connected(topic, partitions);
    return { producer, partitions, sinceMonoMs: this.#settings.clock.monoMs() };
  }

  #refreshed(connection: Connection): Connection | Promise<Connection> {
    if (this.#settings.clock.monoMs() - connection.sinceMonoMs < PARTITIONS_MAX_AGE_MS) return connection;
    const sinceMonoMs = this.#settings.clock.monoMs();
    // The old number still serves; a topic that went away shows when sending.
    this.#connection = this.#withPartitions(connection.producer).catch(() => ({ ...connection, sinceMonoMs }));
    return this.#connection;
  }

  /** A producer that failed is of no more use (see `pipeline/net/kafka.ts`); the next attempt makes a new one. */
  #failed(fault: KafkaFault): void {
    this.#disconnect();
    const { topic } = this.#settings.config.traffic;
    if (fault.verdict === 'topic_missing') this.#events.topicMissing(topic, this.#createCommand());
    if (fault.verdict === 'configuration') this.#events.misconfigured(fault);
  }

  #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    if (connection === null) return Promise.resolve();
    return connection.then(({ producer }) => producer.disconnect()).catch(() => {});
  }

  #createCommand(): string {
    const { brokers, traffic } = this.#settings.config;
    return `kafka-topics.sh --bootstrap-server ${brokers.join(',')} --create --topic ${traffic.topic} --partitions 12`;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const unsent = this.#last === null ? 0 : this.#last.messages.length - this.#last.next;
    const withheld = this.#sides.withheldRequests;
    if (withheld > 0 || unsent > 0) this.#events.withheldLost(withheld, unsent);
    await this.#disconnect();
    this.#events.end();
  }
}

interface AddressedMessage {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestampMs: number;
  readonly partition: number;
}

/** The next messages, within the limits of a request and, per partition, of a record batch. At least one. */
function takeBatch(
  { messages, next, most }: Outbox,
  partitions: number,
  maxPartitionBytes: number,
): { readonly messages: AddressedMessage[]; readonly bytes: number } {
  const batch: AddressedMessage[] = [];
  const perPartition = new Map<number, number>();
  let bytes = 0;
  for (const { key, value, headers, timestampMs, bytes: own } of messages.slice(next, next + most)) {
    const partition = partitionOf(Buffer.from(key), partitions);
    const partitionBytes = (perPartition.get(partition) ?? 0) + own;
    const fits = partitionBytes <= maxPartitionBytes && bytes + own <= MAX_REQUEST_BYTES;
    if (batch.length > 0 && !fits) break;
    batch.push({ key, value, headers, timestampMs, partition });
    perPartition.set(partition, partitionBytes);
    bytes += own;
  }
  return { messages: batch, bytes };
}

const MECHANISMS = { PLAIN: 'plain', 'SCRAM-SHA-256': 'scram-sha-256', 'SCRAM-SHA-512': 'scram-sha-512' } as const;

function saslOf({ auth: { sasl } }: KafkaConfig) {
  if (sasl === undefined) return null;
  const { mechanism, username, password } = sasl;
  return { mechanism: MECHANISMS[mechanism], username, password: password.reveal() };
}
