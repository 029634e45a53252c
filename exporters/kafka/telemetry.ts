/** @module What happens to the `kafka` exporter beyond sending, each as a function that logs and counts. */
import type { Clock } from '../../pipeline/clock/clock.ts';
import type { SideMemory } from '../../pipeline/model/side-memory.ts';
import type { KafkaFault } from '../../pipeline/net/kafka-fault.ts';
import { createOccurrenceLimit } from '../../pipeline/telemetry/limit.ts';
import type { Logger } from '../../pipeline/telemetry/logger.ts';
import type { Meters } from '../../pipeline/telemetry/meters.ts';

export interface KafkaEvents {
  connected(topic: string, partitions: number): void;
  topicMissing(topic: string, command: string): void;
  /** The brokers could not be reached at start; the queue holds. */
  notReached(brokers: readonly string[], fault: KafkaFault): void;
  /** Somebody must mend the configuration here or at the brokers; meanwhile the queue holds. */
  misconfigured(fault: KafkaFault): void;
  /** `messages` were acknowledged. */
  sent(messages: number, bytes: number): void;
  /** One message that will never be accepted; it is told as dropped. */
  refused(reason: string): void;
  /** The deadline of the shutdown came before what was withheld could be sent. */
  withheldLost(requests: number, messages: number): void;
  /** Shows how often an edge or workload was told from another side than before, and what is withheld meanwhile. */
  watchSides(sides: SideMemory): void;
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
  const trouble = new Map<string, number>();
  const count = (map: Map<string, number>, reason: string) => map.set(reason, (map.get(reason) ?? 0) + 1);
  const byReason = (map: ReadonlyMap<string, number>) => () =>
    [...map].map(([reason, value]) => ({ value, attributes: { component, reason } }));
  const registered = [
    meters.counter('weir_kafka_messages_total', 'Messages the brokers acknowledged.', () => [
      { value: messagesSent, attributes },
    ]),
    meters.counter('weir_kafka_bytes_total', 'Bytes of messages the brokers acknowledged, uncompressed.', () => [
      { value: bytesSent, attributes },
    ]),
    meters.counter('weir_kafka_messages_refused_total', 'Messages no broker will accept; dropped.', byReason(refused)),
    meters.counter(
      'weir_kafka_trouble_total',
      'Looks at brokers and topic that found something to mend.',
      byReason(trouble),
    ),
  ];
  return {
    connected(topic, partitions) {
      limit.ended('topic');
      limit.ended('configuration');
      log.debug({ topic, partitions }, 'Connected to Kafka');
    },
    notReached(brokers, fault) {
      count(trouble, fault.reason);
      log.warn(
        { brokers, reason: fault.reason, error: fault.message },
        'Kafka cannot be reached yet. Traffic waits in the queue',
      );
    },
    topicMissing(topic, command) {
      count(trouble, 'topic_missing');
      const times = limit.occurred('topic');
      if (times > 0)
        log.error(
          { topic, create: command, times },
          'The Kafka topic does not exist. Traffic waits in the queue until somebody creates it',
        );
    },
    misconfigured(fault) {
      count(trouble, fault.reason);
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
    refused(reason) {
      count(refused, reason);
    },
    withheldLost(requests, messages) {
      count(trouble, 'withheld_lost');
      log.error(
        { requests, messages },
        'The shutdown ended before the counts of sides that had fallen silent were sent; they are lost',
      );
    },
    watchSides(sides) {
      registered.push(
        meters.counter(
          'weir_kafka_side_changes_total',
          'Times an edge or workload was told from another side than in the windows before.',
          () => [{ value: sides.changes, attributes }],
        ),
        meters.gauge(
          'weir_kafka_withheld_requests',
          'Requests, of edges and of totals, that only the other side counted; told when the told one is judged gone.',
          () => [{ value: sides.withheldRequests, attributes }],
        ),
        meters.counter(
          'weir_kafka_late_requests_total',
          'Requests told in a later window than the one they were counted in, after a side was judged gone.',
          () => [{ value: sides.lateRequests, attributes }],
        ),
        meters.gauge('weir_kafka_side_keys', 'Edges and workloads whose side is remembered.', () => [
          { value: sides.size, attributes },
        ]),
      );
    },
    end() {
      for (const remove of registered) remove();
    },
  };
}
