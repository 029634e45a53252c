/** @module The `kafka` exporter against a real Apache Kafka that crashes and freezes, read by the example consumer. */
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { kafkaConfig } from '../../exporters/kafka/config.ts';
import { createKafkaExporter } from '../../exporters/kafka/kafka.ts';
import type { Balance } from '../../pipeline/balance.ts';
import { systemClock } from '../../pipeline/clock/clock.ts';
import type { Exporter } from '../../pipeline/component.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { type ExampleConsumer, startExampleConsumer } from '../kit/example-consumer.ts';
import { exporterBench } from '../kit/exporter.ts';
import { type KafkaBroker, kafkaFor } from '../kit/kafka.ts';
import { identityOf, metricOf, parseMessage, type TrafficMessage } from '../kit/schema.ts';
import { slot, trafficBatch } from '../kit/slots.ts';

const TOPIC = 'smi_traffic';
const SLOT_MS = 1000;
const WINDOW_MS = 3000;
const QUEUE_SIZE = 5;
const EDGES = [
  ['web', 'emoji'],
  ['web', 'voting'],
  ['bot', 'web'],
  ['emoji', 'store'],
] as const;

/** Slots come this fast, milliseconds; their labels run on by whole seconds all the same. */
const PACE_MS = 20;
const WATCHDOG_MS = 60_000;

/** Slots with counts that differ by edge and slot, and the truth of all that were fed. */
class Feed {
  readonly exporter: Exporter;
  readonly startMs = Math.floor(Date.now() / 60_000) * 60_000;
  readonly truth = new Map<string, [successes: number, failures: number]>();
  slots = 0;

  constructor(exporter: Exporter) {
    this.exporter = exporter;
  }

  get endMs(): number {
    return this.startMs + this.slots * SLOT_MS;
  }

  async run(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.exporter.consume(trafficBatch(this.#next()));
      await wait(PACE_MS);
    }
  }

  #next(): TrafficSum {
    const startMs = this.endMs;
    const n = this.slots++;
    const edges = EDGES.map(([source, destination], i) => {
      const [successes, failures] = [1 + ((n * 7 + i * 13) % 50), (n * 3 + i) % 4];
      const [ok, bad] = this.truth.get(`${source}>${destination}`) ?? [0, 0];
      this.truth.set(`${source}>${destination}`, [ok + successes, bad + failures]);
      return { source, destination, successes, failures };
    });
    return slot(startMs, startMs + SLOT_MS, edges);
  }
}

async function until(what: string, done: () => boolean, limitMs = WATCHDOG_MS): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!done()) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await wait(20);
  }
}

function create(broker: KafkaBroker, yaml: object = {}) {
  const bench = exporterBench(
    'kafka',
    kafkaConfig,
    {
      brokers: [broker.address],
      timeout: '500ms',
      sending_queue: { queue_size: QUEUE_SIZE },
      retry_on_failure: { initial_interval: '100ms', max_interval: '500ms' },
      ...yaml,
    },
    { windowMs: WINDOW_MS, slotMs: SLOT_MS },
  );
  const exporter = createKafkaExporter({ ...bench.settings, clock: systemClock });
  return { ...bench, exporter, feed: new Feed(exporter) };
}

async function drained(balance: Balance): Promise<void> {
  await until('the queue is empty', () => balance.queued === 0);
}

/** All records of the topic, partition by partition. */
async function readAll(broker: KafkaBroker): Promise<TrafficMessage[]> {
  const consumer = broker.client().consumer({ groupId: 'raw', maxWaitTimeInMs: 100 });
  const admin = broker.client().admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(TOPIC);
  await admin.disconnect();
  const total = offsets.reduce((sum, { high }) => sum + Number(high), 0);
  const found: TrafficMessage[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [TOPIC], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => void found.push(parseMessage(message.value?.toString() ?? '')),
  });
  await until(`all ${total} records are read`, () => found.length >= total);
  await consumer.disconnect();
  return found;
}

/** Windows of each edge in order: start, end, successes, failures. */
function windowsOf(messages: readonly TrafficMessage[]): Map<string, [number, number, number, number][]> {
  const edges = new Map<string, [number, number, number, number][]>();
  for (const message of messages) {
    const name = `${message.resource.name}>${message.edge.resource.name}`;
    const { windowStart, windowEnd } = message['x-weir'];
    const held = edges.get(name) ?? [];
    held.push([
      Date.parse(windowStart),
      Date.parse(windowEnd),
      metricOf(message, 'success_count'),
      metricOf(message, 'failure_count'),
    ]);
    edges.set(name, held);
  }
  return edges;
}

function requestsOf(messages: readonly TrafficMessage[]): number {
  return messages.reduce(
    (sum, message) => sum + metricOf(message, 'success_count') + metricOf(message, 'failure_count'),
    0,
  );
}

async function caughtUp(consumer: ExampleConsumer, feed: Feed): Promise<void> {
  const wanted = [...feed.truth.values()].reduce((sum, [ok, bad]) => sum + ok + bad, 0);
  await until(`the consumer has ${wanted} requests`, () => requestsOf(consumer.edges) >= wanted);
}

test('a consumer that knows only the schema reads the truth through a crash, a freeze, and an outage longer than the queue', async (t) => {
  t.timeout(290_000);
  const broker = await kafkaFor(t);
  if (broker === null) return;
  const { exporter, feed, balance, log } = create(broker);

  // The topic does not exist yet: said, waited for, and used once it does.
  await exporter.start();
  await feed.run(6);
  await until('the missing topic is said', () => log.some(({ fields }) => 'create' in fields));
  t.is(
    log.find(({ fields }) => 'create' in fields)?.fields.create,
    `kafka-topics.sh --bootstrap-server ${broker.address} --create --topic ${TOPIC} --partitions 12`,
  );
  await broker.createTopic(TOPIC, 3);
  const consumer = startExampleConsumer(broker.address, 'example');
  t.teardown(() => consumer.stop());
  await drained(balance);
  await until('the consumer reads', () => consumer.edges.length > 0);

  // A crash, for less than the queue holds.
  await broker.kill();
  await feed.run(9);
  t.true(balance.queued > 0);
  await broker.restart();
  await drained(balance);

  // Frozen: what was sent may be stored later, after it was sent again.
  broker.freeze();
  await feed.run(6);
  await until('a send has failed', () => log.some(({ fields }) => fields.reason === 'timeout'));
  broker.thaw();
  await drained(balance);

  // Away for longer than the queue holds.
  await broker.kill();
  await feed.run(90);
  t.true(balance.merged > 0);
  await broker.restart();
  await feed.run(4);
  await exporter.stop(AbortSignal.timeout(WATCHDOG_MS));

  t.is(balance.unaccounted, 0);
  t.is(balance.dropped.size, 0);
  t.is(balance.queued + balance.held, 0);
  await caughtUp(consumer, feed);
  t.is(await consumer.stop(), 0);
  t.is(consumer.complaints, '');

  const windows = windowsOf(consumer.edges);
  t.deepEqual([...windows.keys()].toSorted(), EDGES.map(([a, b]) => `${a}>${b}`).toSorted());
  for (const [name, spans] of windows) {
    let end = feed.startMs;
    let [ok, bad] = [0, 0];
    for (const [from, to, successes, failures] of spans) {
      t.is(from, end, `${name}: a window begins where the one before ended`);
      end = to;
      ok += successes;
      bad += failures;
    }
    t.is(end, feed.endMs);
    t.deepEqual([ok, bad], feed.truth.get(name));
    t.true(
      spans.some(([from, to]) => to - from > WINDOW_MS),
      'some window is longer than usual',
    );
  }

  // Every record keeps to the schema (parseMessage), and repeats by number are repeats by identity and the same.
  const records = await readAll(broker);
  const bySeq = new Map<number, string>();
  const identities = new Set<string>();
  for (const record of records) {
    const { seq } = record['x-weir'];
    const text = JSON.stringify(record);
    t.is(bySeq.get(seq) ?? text, text);
    bySeq.set(seq, text);
    identities.add(identityOf(record));
  }
  t.is(identities.size, bySeq.size);
  t.log(`${records.length} records, ${records.length - bySeq.size} repeats, ${feed.slots} slots`);
});
