/** @module What the demo says of a Kafka topic that is not there. */
import test from 'ava';
import { messagesSent, noticeOf } from '../../demo/topic.ts';

const LOGGED = 'ERROR The Kafka topic does not exist. Traffic waits topic=smi_traffic create="kafka-topics.sh …"';

test('a missing topic is two lines, the command that creates it alone on the second', (t) => {
  t.deepEqual(noticeOf(LOGGED, 'broker:9092'), [
    'Kafka at broker:9092 has no topic smi_traffic: traffic waits until you create it.',
    'kafka-topics.sh --bootstrap-server broker:9092 --create --topic smi_traffic --partitions 12',
  ]);
});

test('other lines stay as they are', (t) => {
  t.deepEqual(noticeOf('WARN something else', 'broker:9092'), ['WARN something else']);
  t.deepEqual(noticeOf(LOGGED, null), [LOGGED]);
});

test('messages sent are read from own metrics', (t) => {
  t.is(messagesSent('# TYPE weir_kafka_messages_total counter\nweir_kafka_messages_total{component="kafka"} 42\n'), 42);
  t.is(messagesSent('up 1\n'), 0);
});
