/** @module The Kafka client against a real Apache Kafka. */
import test from 'ava';
import { systemClock } from '../../../pipeline/clock/clock.ts';
import { createKafkaProducer, type KafkaMessage, type KafkaOptions } from '../../../pipeline/net/kafka.ts';
import { kafkaFor } from '../../kit/kafka.ts';
import { createTestLog } from '../../kit/log.ts';

function message(value: string, partition: number): KafkaMessage {
  return { key: 'shop/web', value, headers: { 'weir-seq': '1' }, partition, timestampMs: Date.now() };
}

test('a real broker: partitions as told, faults named, and a new producer after each of them', async (t) => {
  t.timeout(290_000);
  const broker = await kafkaFor(t);
  if (broker === null) return;
  const log = createTestLog();
  const options: KafkaOptions = {
    brokers: [broker.address],
    clientId: 'weir',
    timeoutMs: 5000,
    tls: null,
    sasl: null,
    clock: systemClock,
    log,
  };
  const producer = await createKafkaProducer(options);
  await producer.connect();
  await t.throwsAsync(producer.partitions('absent'), { message: /topic/ });
  await t.throwsAsync(
    producer.partitions('absent').catch(({ verdict }) => Promise.reject(new Error(verdict))),
    {
      message: 'topic_missing',
    },
  );

  await broker.createTopic('t', 4);
  t.is(await producer.partitions('t'), 4);
  await producer.send('t', [message('a', 2), message('b', 2), message('c', 0)]);
  await t.throwsAsync(producer.send('t', [message('x'.repeat(2_000_000), 1)]), { message: /larger than the max/ });
  await producer.disconnect();

  const next = await createKafkaProducer(options);
  await next.connect();
  await next.send('t', [message('d', 2)]);
  await next.disconnect();

  const admin = broker.client().admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets('t');
  await admin.disconnect();
  t.deepEqual(
    offsets.toSorted((a, b) => a.partition - b.partition).map(({ high }) => high),
    ['1', '0', '3', '0'],
  );

  const refused = await createKafkaProducer({ ...options, brokers: ['127.0.0.1:1'], timeoutMs: 500 });
  const fault = await t.throwsAsync(refused.connect());
  t.like(fault, { verdict: 'transient', reason: 'not_connected' });
  await refused.disconnect();

  // What kafkajs says is kept below the level people read by default.
  t.true(log.lines.length > 0);
  t.deepEqual([...new Set(log.lines.map(({ level }) => level))], ['debug']);
});

test('a real broker behind TLS and a login: the right name gets in, a wrong password or no trust is a fault of configuration', async (t) => {
  t.timeout(290_000);
  const broker = await kafkaFor(t, { secure: true });
  if (broker === null) return;
  await broker.createTopic('t', 1);
  const { caFile, username, password } = broker.security ?? { caFile: '', username: '', password: '' };
  const tls = { caFile, certFile: '', keyFile: '', serverName: '', insecureSkipVerify: false };
  const options = (more: Partial<KafkaOptions>): KafkaOptions => ({
    brokers: [broker.address],
    clientId: 'weir',
    timeoutMs: 5000,
    tls,
    sasl: { mechanism: 'scram-sha-512', username, password },
    clock: systemClock,
    log: createTestLog(),
    ...more,
  });
  for (const mechanism of ['plain', 'scram-sha-512'] as const) {
    const producer = await createKafkaProducer(options({ sasl: { mechanism, username, password } }));
    await producer.connect();
    t.is(await producer.partitions('t'), 1);
    await producer.send('t', [message(mechanism, 0)]);
    await producer.disconnect();
  }
  const wrong = await createKafkaProducer(options({ sasl: { mechanism: 'plain', username, password: 'wrong' } }));
  t.like(await t.throwsAsync(wrong.connect()), { verdict: 'configuration', reason: 'authentication' });
  await wrong.disconnect();

  const distrustful = await createKafkaProducer(options({ tls: { ...tls, caFile: '' } }));
  const fault = await t.throwsAsync(distrustful.connect());
  t.regex(fault?.message ?? '', /self-signed certificate/);
  await distrustful.disconnect();

  await t.throwsAsync(createKafkaProducer(options({ tls: { ...tls, caFile: '/absent.pem' } })), {
    message: /cannot read the TLS file \/absent\.pem/,
  });
});
