/** @module What happens to the `kafka` exporter beyond sending, each as a function that logs and counts. */
import type { Clock } from '../../pipeline/clock/clock.ts';
import type { KafkaFault } from '../../pipeline/net/kafka-fault.ts';
import { createOccurrenceLimit } from '../../pipeline/telemetry/limit.ts';
import type { Logger } from '../../pipeline/telemetry/logger.ts';
import type { Meters } from '../../pipeline/telemetry/meters.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';

export interface KafkaEvents {
  connected(topic: string, partitions: number): void;
  topicMissing(topic: string, command: string): void;
  /** Somebody must mend the configuration here or at the brokers; meanwhile the queue holds. */
  misconfigured(fault: KafkaFault): void;
  /** `messages` were acknowledged. */
  sent(messages: number, bytes: number): void;
  /** One message that will never be accepted. */
  refused(reason: string, key: string, bytes: number): void;
  end(): void;
}

export function createKafkaEvents(
  component: string,
  { log, meters, clock }: { readonly log: Logger; readonly meters: Meters; readonly clock: Clock },
): KafkaEvents {
  const attributes = { component };
  const limit = createOccurrenceLimit(clock);
  let messagesSent = 0;
  let bytesSent = 0;
  const refused = new Map<string, number>();
  const registered = [
    meters.counter('weir_kafka_messages_total', 'Messages the brokers acknowledged.', () => [
      { value: messagesSent, attributes },
    ]),
    meters.counter('weir_kafka_bytes_total', 'Bytes of messages the brokers acknowledged, uncompressed.', () => [
      { value: bytesSent, attributes },
    ]),
    meters.counter('weir_kafka_messages_refused_total', 'Messages no broker will accept; dropped.', () =>
      [...refused].map(([reason, value]) => ({ value, attributes: { component, reason } })),
    ),
  ];
  return {
    connected(topic, partitions) {
      limit.ended('topic');
      limit.ended('configuration');
      log.debug({ topic, partitions }, 'Connected to Kafka');
    },
    topicMissing(topic, command) {
      const times = limit.occurred('topic');
      if (times > 0)
        log.error(
          { topic, create: command, times },
          'The Kafka topic does not exist. Traffic waits in the queue until somebody creates it',
        );
    },
    misconfigured(fault) {
      const times = limit.occurred('configuration');
      if (times > 0)
        log.error(
          { reason: fault.reason, error: fault.message, times },
          'Kafka refuses this client. Traffic waits in the queue until that is mended',
        );
    },
    sent(messages, bytes) {
      messagesSent += messages;
      bytesSent += bytes;
    },
    refused(reason, key, bytes) {
      refused.set(reason, (refused.get(reason) ?? 0) + 1);
      const times = limit.occurred(`refused ${reason}`);
      if (times > 0)
        log.error(
          { reason, key: printableShort(key), bytes, times },
          'A message was dropped: Kafka does not accept it',
        );
    },
    end() {
      for (const remove of registered) remove();
    },
  };
}
