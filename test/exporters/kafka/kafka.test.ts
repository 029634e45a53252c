/** @module The `kafka` exporter against a Kafka in memory. */
import test from 'ava';
import fc from 'fast-check';
import { kafkaConfig } from '../../../exporters/kafka/config.ts';
import { factory } from '../../../exporters/kafka/factory.ts';
import { createKafkaExporter } from '../../../exporters/kafka/kafka.ts';
import type { KafkaMessage } from '../../../pipeline/net/kafka.ts';
import { KafkaFault } from '../../../pipeline/net/kafka-fault.ts';
import { partitionOf } from '../../../pipeline/wire/murmur2.ts';
import { testExporter } from '../../conformance/exporter.ts';
import { exporterBench, runUntil, settle } from '../../kit/exporter.ts';
import { FakeKafka, NOT_CONNECTED } from '../../kit/fake-kafka.ts';
import { identityOf, metricOf, parseMessage, type TrafficMessage } from '../../kit/schema.ts';
import { type EdgeCounts, edgeCounts, slot, trafficBatch } from '../../kit/slots.ts';

const START_MS = 1_700_000_010_000;
const NEVER = new AbortController().signal;
const REFUSED = new KafkaFault('refused', 'invalid_record', 'this record has failed validation');

function create(yaml: object = {}) {
  const kafka = new FakeKafka();
  const bench = exporterBench('kafka', kafkaConfig, yaml, { startWallMs: START_MS });
  const exporter = createKafkaExporter(bench.settings, kafka.createProducer);
  return { ...bench, kafka, exporter };
}

testExporter('kafka', () => {
  const { exporter, clock, balance, kafka } = create();
  return {
    exporter,
    clock,
    balance,
    setAway: (away) => {
      kafka.outage = away ? NOT_CONNECTED : null;
    },
    refuseAll: () => {
      kafka.refuses = () => REFUSED;
    },
    refusedReason: 'invalid_record',
  };
});

function numbered(n: number, edges: readonly EdgeCounts[]) {
  return trafficBatch(slot(START_MS + n * 10_000, START_MS + (n + 1) * 10_000, edges));
}

const WEB: EdgeCounts = { source: 'web', destination: 'emoji', successes: 9, failures: 1 };

function received(messages: readonly KafkaMessage[]): TrafficMessage[] {
  return messages.map(({ value }) => parseMessage(value));
}

/** Edges without repeats: name → [start, end, successes, failures] in order. */
function edgesOf(messages: readonly KafkaMessage[]): Map<string, [string, string, number, number][]> {
  const seen = new Set<string>();
  const edges = new Map<string, [string, string, number, number][]>();
  for (const message of received(messages)) {
    if (message['x-weir'].record !== 'edge' || seen.has(identityOf(message))) continue;
    seen.add(identityOf(message));
    const name = `${message.resource.name}>${message.edge.resource.name}`;
    const { windowStart, windowEnd } = message['x-weir'];
    const held = edges.get(name) ?? [];
    held.push([windowStart, windowEnd, metricOf(message, 'success_count'), metricOf(message, 'failure_count')]);
    edges.set(name, held);
  }
  return edges;
}

function countsOf(windows: readonly [string, string, number, number][]): [number, number] {
  let [successes, failures] = [0, 0];
  for (const [, , ok, bad] of windows) {
    successes += ok;
    failures += bad;
  }
  return [successes, failures];
}

test('each message goes to the partition Java would choose for its key', async (t) => {
  const { exporter, kafka } = create();
  await exporter.start();
  exporter.consume(numbered(0, [WEB, { ...WEB, source: 'voting' }]));
  await exporter.stop(NEVER);
  t.is(kafka.log.length, 3);
  for (const { key, partition } of kafka.log) t.is(partition, partitionOf(Buffer.from(key), 3));
});

test('windows are those of the smi processor, or slots by key', async (t) => {
  for (const [interval, lengths] of [
    ['window', ['30s', '10s']],
    ['slot', ['10s', '10s', '10s', '10s']],
  ] as const) {
    const { exporter, kafka } = create({ interval });
    await exporter.start();
    // 1,700,000,010 s is a multiple of 30 s.
    for (let n = 0; n < 4; n++) exporter.consume(numbered(n, [WEB]));
    await exporter.stop(NEVER);
    const windows = received(kafka.log).filter((message) => message['x-weir'].record === 'edge');
    t.deepEqual(
      windows.map(({ window }) => window),
      lengths,
    );
  }
});

test('a missing topic is named with the command that creates it, the queue holds, and sending begins when it is there', async (t) => {
  const { exporter, kafka, log, clock, balance } = create({ brokers: ['kafka-1:9092', 'kafka-2:9092'] });
  kafka.topics.clear();
  await exporter.start();
  await settle();
  const line = log.find(({ level }) => level === 'error');
  t.is(line?.fields.topic, 'smi_traffic');
  t.is(
    line?.fields.create,
    'kafka-topics.sh --bootstrap-server kafka-1:9092,kafka-2:9092 --create --topic smi_traffic --partitions 12',
  );
  for (let n = 0; n < 3; n++) exporter.consume(numbered(n, [WEB]));
  for (let i = 0; i < 10; i++) {
    clock.advance(30_000);
    await settle();
  }
  t.is(kafka.log.length, 0);
  t.true(balance.queued > 0);
  kafka.topics.set('smi_traffic', 1);
  await runUntil(clock, () => balance.queued === 0);
  t.is(kafka.log.length, 2);
  await exporter.stop(NEVER);
});

test('a failed send ends its producer, goes on with what was not acknowledged, and repeats are recognisable', async (t) => {
  const { exporter, kafka, clock, balance } = create();
  kafka.lostAnswers = ['half', 'all'];
  await exporter.start();
  await settle();
  for (let n = 0; n < 6; n++) exporter.consume(numbered(n, [WEB, { ...WEB, source: 'voting' }]));
  await runUntil(clock, () => balance.queued === 0);
  await exporter.stop(NEVER);
  t.is(kafka.producers, 3);
  t.is(kafka.disconnects, 3);
  t.is(kafka.mostInFlight, 1);
  const messages = received(kafka.log);
  t.is(messages.length, 2 + 3 + 3 + 3);
  t.is(new Set(messages.map(identityOf)).size, 6);
  t.is(new Set(messages.map((message) => message['x-weir'].seq)).size, 6);
  const byIdentity = new Map<string, string>();
  for (const { value } of kafka.log) {
    const id = identityOf(parseMessage(value));
    t.is(byIdentity.get(id) ?? value, value, 'a repeat is the same, byte by byte');
    byIdentity.set(id, value);
  }
  for (const windows of edgesOf(kafka.log).values())
    t.is(
      windows.reduce((total, [, , ok]) => total + ok, 0),
      54,
    );
});

test('one message that is refused is dropped alone, named and counted; the others arrive', async (t) => {
  const { exporter, kafka, balance, log } = create();
  kafka.refuses = (batch) => (batch.some(({ key }) => key === 'shop/voting') ? REFUSED : null);
  await exporter.start();
  exporter.consume(numbered(0, [WEB, { ...WEB, source: 'voting' }, { ...WEB, source: 'bot' }]));
  await exporter.stop(NEVER);
  t.deepEqual(kafka.log.map(({ key }) => key).toSorted(), ['shop/bot', 'shop/emoji', 'shop/web']);
  t.deepEqual([...balance.dropped], [['invalid_record', 1]]);
  t.is(balance.unaccounted, 0);
  const lines = log.filter(({ level }) => level === 'error');
  t.is(lines.length, 1, 'one line for one drop');
  const error = 'Kafka does not accept the message of shop/voting';
  t.like(lines[0], { message: 'Traffic was dropped', fields: { reason: 'invalid_record', items: 1, total: 1, error } });
});

test('batches keep within max_message_bytes, and smaller ones are tried when the topic takes less', async (t) => {
  const edges = Array.from({ length: 60 }, (_, i) => ({ ...WEB, source: `web-${i}` }));
  const own = create({ max_message_bytes: '5KB' });
  await own.exporter.start();
  let largest = 0;
  own.kafka.refuses = (batch) => {
    const bytes = new Map<number, number>();
    for (const { partition, value } of batch) bytes.set(partition, (bytes.get(partition) ?? 0) + value.length);
    largest = Math.max(largest, ...bytes.values());
    return null;
  };
  own.exporter.consume(numbered(0, edges));
  await own.exporter.stop(NEVER);
  t.is(own.kafka.log.length, 61);
  t.true(largest > 2000 && largest <= 5000);

  const theirs = create();
  theirs.kafka.refuses = (batch) => (batch.length > 9 ? new KafkaFault('too_large', 'too_large', 'too large') : null);
  await theirs.exporter.start();
  theirs.exporter.consume(numbered(0, edges));
  await theirs.exporter.stop(NEVER);
  t.is(theirs.kafka.log.length, 61);
  t.is(theirs.balance.dropped.size, 0);
});

test('a single message above max_message_bytes is dropped without being sent', async (t) => {
  const { exporter, kafka, balance } = create({ max_message_bytes: '2KB' });
  await exporter.start();
  exporter.consume(numbered(0, [WEB, { ...WEB, source: 'w'.repeat(3000) }]));
  await exporter.stop(NEVER);
  t.is(kafka.log.length, 2);
  t.deepEqual([...balance.dropped], [['too_large', 1]]);
  t.is(balance.unaccounted, 0);
});

test('brokers that are away at start are said at once, and start does not wait for them', async (t) => {
  const { exporter, kafka, log } = create({ brokers: ['kafka-1:9092'] });
  kafka.outage = NOT_CONNECTED;
  await exporter.start();
  await settle();
  t.like(log[0], { level: 'warn', fields: { brokers: ['kafka-1:9092'], reason: 'not_connected' } });
  await exporter.stop(NEVER);
});

test('refused credentials are said as an error and retried, not dropped', async (t) => {
  const { exporter, kafka, clock, balance, log } = create();
  kafka.outage = new KafkaFault('configuration', 'authentication', 'SASL PLAIN authentication failed');
  await exporter.start();
  for (let n = 0; n < 3; n++) exporter.consume(numbered(n, [WEB]));
  await settle();
  t.true(log.some(({ level, fields }) => level === 'error' && fields.reason === 'authentication'));
  kafka.outage = null;
  await runUntil(clock, () => balance.queued === 0);
  t.is(kafka.log.length, 2);
  await exporter.stop(NEVER);
});

test('with retry_on_failure off the first failure drops', async (t) => {
  const { exporter, kafka, balance } = create({ retry_on_failure: { enabled: false } });
  kafka.outage = NOT_CONNECTED;
  await exporter.start();
  exporter.consume(numbered(0, [WEB]));
  await exporter.stop(NEVER);
  t.deepEqual([...balance.dropped.keys()], ['retry_disabled']);
  t.is(balance.unaccounted, 0);
});

test('a hanging send does not hold up the shutdown beyond its deadline', async (t) => {
  const { exporter, kafka, balance } = create();
  kafka.hangs = true;
  await exporter.start();
  exporter.consume(numbered(0, [WEB]));
  const deadline = new AbortController();
  const stopped = exporter.stop(deadline.signal);
  await settle();
  deadline.abort();
  await stopped;
  t.deepEqual([...balance.dropped.keys()], ['shutdown']);
  t.is(balance.unaccounted, 0);
});

test('an outage longer than the queue coarsens the windows and loses no request', async (t) => {
  const { exporter, kafka, clock, balance } = create({ interval: 'slot', sending_queue: { queue_size: 3 } });
  await exporter.start();
  await settle();
  for (let n = 0; n < 40; n++) {
    kafka.outage = n >= 5 && n < 30 ? NOT_CONNECTED : null;
    exporter.consume(numbered(n, [WEB]));
    clock.advance(10_000);
    await settle();
  }
  await runUntil(clock, () => balance.queued === 0);
  await exporter.stop(NEVER);
  const windows = edgesOf(kafka.log).get('web>emoji') ?? [];
  let end = new Date(START_MS).toISOString();
  for (const [from, to] of windows) {
    t.is(from, end);
    end = to;
  }
  t.is(end, new Date(START_MS + 400_000).toISOString());
  t.true(windows.length < 30);
  t.deepEqual(countsOf(windows), [360, 40]);
  t.true(balance.merged > 0);
});

type Event =
  | { kind: 'slot'; edges: EdgeCounts[] }
  | { kind: 'away' }
  | { kind: 'back' }
  | { kind: 'lose'; what: 'all' | 'half' }
  | { kind: 'wait'; ms: number };

const events: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: edgeCounts.map((edges): Event => ({ kind: 'slot', edges })) },
    fc.constant<Event>({ kind: 'away' }),
    fc.constant<Event>({ kind: 'back' }),
    fc.constantFrom<Event>({ kind: 'lose', what: 'all' }, { kind: 'lose', what: 'half' }),
    fc.nat(40_000).map((ms): Event => ({ kind: 'wait', ms })),
  ),
  { maxLength: 40 },
);

test('whatever happens to Kafka, windows of an edge never overlap and its counts are the truth', async (t) => {
  await fc.assert(
    fc.asyncProperty(events, fc.integer({ min: 1, max: 3 }), async (script, queueSize) => {
      const { exporter, kafka, clock, balance } = create({ sending_queue: { queue_size: queueSize } });
      const truth = new Map<string, [number, number]>();
      let n = 0;
      await exporter.start();
      for (const event of script) {
        if (event.kind === 'away') kafka.outage = NOT_CONNECTED;
        if (event.kind === 'back') kafka.outage = null;
        if (event.kind === 'lose') kafka.lostAnswers.push(event.what);
        if (event.kind === 'wait') clock.advance(event.ms);
        if (event.kind === 'slot') {
          exporter.consume(numbered(n++, event.edges));
          for (const { source, destination, successes, failures } of event.edges) {
            const [ok, bad] = truth.get(`${source}>${destination}`) ?? [0, 0];
            truth.set(`${source}>${destination}`, [ok + successes, bad + failures]);
          }
        }
        await settle();
        t.is(balance.unaccounted, 0);
      }
      kafka.outage = null;
      const stopped = exporter.stop(NEVER);
      await runUntil(clock, () => balance.queued === 0 && balance.held === 0);
      await stopped;
      const edges = edgesOf(kafka.log);
      for (const [name, [ok, bad]] of truth) {
        const windows = edges.get(name) ?? [];
        let end = '';
        for (const [from, to] of windows) {
          t.true(from >= end && to > from);
          end = to;
        }
        t.deepEqual(countsOf(windows), [ok, bad], name);
      }
      t.is(balance.unaccounted, 0);
      t.is(balance.dropped.size, 0);
    }),
    { numRuns: 100 },
  );
});

/** Slot `n` of `WEB` without what its client's proxy counted: its scrape was missed. */
function withoutClient(n: number) {
  const whole = numbered(n, [WEB]).sum;
  return trafficBatch({
    ...whole,
    records: whole.records.filter(({ key }) => key.side === 'server'),
    coverage: whole.coverage.map((record) => ({
      ...record,
      scrapesMissed: record.own.workload.name === 'web' ? 1 : 0,
    })),
  });
}

test('a client that falls silent for good loses nothing: the server tells what was withheld', async (t) => {
  const { exporter, kafka, log } = create({ interval: 'slot' });
  await exporter.start();
  for (let n = 0; n < 20; n++) exporter.consume(n < 6 ? numbered(n, [WEB]) : withoutClient(n));
  await exporter.stop(NEVER);
  const windows = edgesOf(kafka.log).get('web>emoji') ?? [];
  t.deepEqual(countsOf(windows), [180, 20]);
  t.is(windows.length, 6 + 5);
  t.deepEqual(windows[6]?.slice(2), [90, 10], 'the tenth silent window tells all ten');
  const late = received(kafka.log).find(
    ({ edge, 'x-weir': { record, windowStart } }) =>
      record === 'edge' && edge.side === 'server' && windowStart === windows[6]?.[0],
  );
  t.like(late?.['x-weir'], { complete: false, ratePerSecond: 1, side: 'server' });
  t.is(log.filter(({ level }) => level === 'error').length, 0);
});

test('what is withheld at the end comes in a window of its own after the last one', async (t) => {
  const { exporter, kafka, clock, balance } = create({ interval: 'slot' });
  await exporter.start();
  for (let n = 0; n < 9; n++) exporter.consume(n < 6 ? numbered(n, [WEB]) : withoutClient(n));
  clock.advance(95_000);
  await exporter.stop(NEVER);
  const windows = edgesOf(kafka.log).get('web>emoji') ?? [];
  const at = (ms: number) => new Date(START_MS + ms).toISOString();
  t.deepEqual(windows.at(-1), [at(90_000), at(95_000), 27, 3]);
  t.deepEqual(countsOf(windows), [81, 9]);
  t.is(received(kafka.log).at(-1)?.['x-weir'].partial, true);
  t.is(balance.unaccounted, 0);
  t.is(balance.dropped.size, 0);
});

test('what is withheld and cannot be sent before the deadline is said', async (t) => {
  const { exporter, kafka, log, balance } = create({ interval: 'slot' });
  await exporter.start();
  for (let n = 0; n < 9; n++) exporter.consume(n < 6 ? numbered(n, [WEB]) : withoutClient(n));
  while (balance.queued > 0) await settle();
  kafka.hangs = true;
  const deadline = new AbortController();
  const stopped = exporter.stop(deadline.signal);
  await settle();
  deadline.abort();
  await stopped;
  t.deepEqual(log.find(({ level }) => level === 'error')?.fields, { requests: 0, messages: 1 });
  t.is(balance.unaccounted, 0);
});

test('the factory states what it is, and its configuration has the documented defaults', async (t) => {
  t.is(factory.type, 'kafka');
  t.deepEqual([...factory.takes], ['traffic']);
  const config = kafkaConfig.parse({});
  t.deepEqual(config.brokers, ['localhost:9092']);
  t.like(config, {
    client_id: 'weir',
    traffic: { topic: 'smi_traffic', encoding: 'smi_json' },
    interval: 'window',
    max_message_bytes: 1_000_000,
    timeout: 5000,
    sending_queue: { queueSize: 1000, sizer: 'requests', onFull: 'coalesce', maxItems: 200_000 },
    retry_on_failure: {
      enabled: true,
      initialIntervalMs: 5000,
      randomizationFactor: 0.5,
      multiplier: 1.5,
      maxIntervalMs: 30_000,
      maxElapsedMs: 0,
    },
  });
});

const PLAIN = { mechanism: 'PLAIN', username: 'weir', password: 'hush' };

test('PLAIN goes with TLS, to this machine, or where insecure_allow says so', (t) => {
  const brokers = ['kafka:9092'];
  const right = [
    { brokers, auth: { sasl: PLAIN }, tls: {} },
    { brokers: ['127.0.0.1:9092', '[::1]:9092', 'localhost:9092'], auth: { sasl: PLAIN } },
    { brokers, auth: { sasl: { ...PLAIN, insecure_allow: true } } },
    { brokers, auth: { sasl: { ...PLAIN, mechanism: 'SCRAM-SHA-256' } } },
  ];
  for (const yaml of right) t.is(kafkaConfig.safeParse(yaml).error, undefined);
  const issue = kafkaConfig.safeParse({ brokers, auth: { sasl: PLAIN } }).error?.issues[0];
  t.regex(issue?.message ?? '', /kafka:9092/);
  t.notRegex(issue?.message ?? '', /hush/);
});

const wrong: [title: string, yaml: object, path: string][] = [
  ['an unknown key', { broker: 'a:1' }, ''],
  ['no broker', { brokers: [] }, 'brokers'],
  ['a broker without a port', { brokers: ['kafka'] }, 'brokers.0'],
  ['a topic with a space', { traffic: { topic: 'a b' } }, 'traffic.topic'],
  ['an unknown encoding', { traffic: { encoding: 'avro' } }, 'traffic.encoding'],
  ['a certificate without its key', { tls: { cert_file: '/a' } }, 'tls'],
  ['a queue of nothing', { sending_queue: { queue_size: 0 } }, 'sending_queue.queue_size'],
  ['a timeout without a unit', { timeout: 5 }, 'timeout'],
  ['PLAIN without TLS', { brokers: ['127.0.0.1:1', 'kafka:9092'], auth: { sasl: PLAIN } }, 'auth.sasl.mechanism'],
  ['a login without a name', { auth: { sasl: { mechanism: 'PLAIN', password: 'x' } } }, 'auth.sasl.username'],
];
for (const [title, yaml, path] of wrong) {
  test(`${title} is an error of the configuration`, (t) => {
    const parsed = kafkaConfig.safeParse(yaml);
    t.is(parsed.error?.issues[0]?.path.join('.'), path);
  });
}

test('a password reaches the client and nothing that prints', async (t) => {
  const yaml = { auth: { sasl: { mechanism: 'SCRAM-SHA-512', username: 'weir', password: 'hush' } }, tls: {} };
  const { exporter, kafka, log, settings } = create(yaml);
  await exporter.start();
  await settle();
  t.deepEqual(kafka.options[0]?.sasl, { mechanism: 'scram-sha-512', username: 'weir', password: 'hush' });
  t.not(kafka.options[0]?.tls, null);
  t.false(JSON.stringify([log, settings.config]).includes('hush'));
  await exporter.stop(NEVER);
});
