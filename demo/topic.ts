/** @module The Kafka topic the demo streams to: how it is created, what is said while it is not there, and when that ends. */
import { TOPIC } from './config-text.ts';

/** A line of the exporter's log that says so. */
const MISSING = /The Kafka topic does not exist/;
const SENT = /^weir_kafka_messages_total(?:\{[^}]*\})? (\d+)/m;

/** `broker` is `host:port`. */
export function createTopicCommand(broker: string): string {
  return `kafka-topics.sh --bootstrap-server ${broker} --create --topic ${TOPIC} --partitions 12`;
}

/** What is said of a log line: the line, or for a topic that is not there two lines, the second a command alone. */
export function noticeOf(line: string, broker: string | null): string[] {
  if (broker === null || !MISSING.test(line)) return [line];
  return missingTopic(broker);
}

/** The two lines for a topic that is not there. */
export function missingTopic(broker: string): string[] {
  return [`Kafka at ${broker} has no topic ${TOPIC}: traffic waits until you create it.`, createTopicCommand(broker)];
}

/** Messages that brokers have acknowledged, from the text of own metrics; 0 when they do not tell. */
export function messagesSent(metrics: string): number {
  return Number(SENT.exec(metrics)?.[1] ?? 0);
}
