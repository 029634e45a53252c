/** @module What errors of the Kafka client mean. */
import test from 'ava';
import kafkajs from 'kafkajs';
import { KafkaFault, type KafkaVerdict, kafkaFault } from '../../../pipeline/net/kafka-fault.ts';

const { KafkaJSConnectionError, KafkaJSNonRetriableError, KafkaJSNumberOfRetriesExceeded, KafkaJSProtocolError } =
  kafkajs;

function protocol(code: number, type: string): Error {
  const error = new KafkaJSProtocolError(type);
  return Object.assign(error, { code, type });
}

function exceeded(cause: Error): Error {
  return new KafkaJSNumberOfRetriesExceeded(cause, { retryCount: 4, retryTime: 1600 });
}

const refusedConnection = new KafkaJSConnectionError('connect ECONNREFUSED', { broker: 'a:1', code: 'ECONNREFUSED' });

const cases: [title: string, error: unknown, verdict: KafkaVerdict, reason: string][] = [
  ['a refused connection', refusedConnection, 'transient', 'not_connected'],
  ['the same behind used-up retries', exceeded(refusedConnection), 'transient', 'not_connected'],
  [
    'the same behind an error that calls itself not retriable',
    Object.assign(new KafkaJSNonRetriableError('gave up'), { cause: refusedConnection }),
    'transient',
    'not_connected',
  ],
  ['a missing topic', exceeded(protocol(3, 'UNKNOWN_TOPIC_OR_PARTITION')), 'topic_missing', 'topic_missing'],
  ['a leader that moved', exceeded(protocol(6, 'NOT_LEADER_FOR_PARTITION')), 'transient', 'unknown_error'],
  ['too few replicas', exceeded(protocol(19, 'NOT_ENOUGH_REPLICAS')), 'transient', 'unknown_error'],
  ['a message too large', protocol(10, 'MESSAGE_TOO_LARGE'), 'too_large', 'too_large'],
  ['a lost sequence', protocol(45, 'OUT_OF_ORDER_SEQUENCE_NUMBER'), 'transient', 'producer_state'],
  ['a forbidden topic', protocol(29, 'TOPIC_AUTHORIZATION_FAILED'), 'configuration', 'topic_authorization'],
  ['an invalid record', protocol(87, 'INVALID_RECORD'), 'refused', 'invalid_record'],
  ['a code kafkajs does not know', protocol(-99, 'KAFKAJS_UNKNOWN_ERROR_CODE'), 'transient', 'unknown_error'],
  ['a value of the wrong type', new TypeError('value must be a string'), 'refused', 'invalid_message'],
  ['something thrown that is no error', 'oops', 'transient', 'unknown_error'],
];

for (const [title, error, verdict, reason] of cases) {
  test(`${title} is ${verdict}`, (t) => {
    const fault = kafkaFault(error);
    t.is(fault.verdict, verdict);
    t.is(fault.reason, reason);
    t.not(fault.message, '');
  });
}

test('a fault stays itself, and causes in a circle end', (t) => {
  const fault = new KafkaFault('transient', 'timeout', 'late');
  t.is(kafkaFault(fault), fault);
  const circle = new Error('round');
  circle.cause = circle;
  t.is(kafkaFault(circle).verdict, 'transient');
});
