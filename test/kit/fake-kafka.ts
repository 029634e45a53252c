/** @module A Kafka in memory for tests of the exporter: topics, outages, refusals and lost answers on demand. */
import type { CreateKafkaProducer, KafkaMessage, KafkaOptions } from '../../pipeline/net/kafka.ts';
import { KafkaFault } from '../../pipeline/net/kafka-fault.ts';

export class FakeKafka {
  /** Topic → number of partitions. */
  readonly topics = new Map([['smi_traffic', 3]]);
  /** What was stored, in order. */
  readonly log: KafkaMessage[] = [];
  readonly options: KafkaOptions[] = [];
  producers = 0;
  disconnects = 0;
  sends = 0;
  mostInFlight = 0;
  /** Null: it is there. Otherwise every connection and send fails so. */
  outage: KafkaFault | null = null;
  /** Sends that store their messages, or the first half, but fail all the same. */
  lostAnswers: ('all' | 'half')[] = [];
  /** A fault for a batch that is not accepted. */
  refuses: (batch: readonly KafkaMessage[]) => KafkaFault | null = () => null;
  /** While set, sends do not end. */
  hangs = false;
  #inFlight = 0;

  readonly createProducer: CreateKafkaProducer = async (options) => {
    this.options.push(options);
    this.producers += 1;
    let broken = false;
    return {
      connect: async () => this.#orOutage(),
      partitions: async (topic) => {
        this.#orOutage();
        const partitions = this.topics.get(topic);
        if (partitions === undefined) throw new KafkaFault('topic_missing', 'topic_missing', `no topic ${topic}`);
        return partitions;
      },
      send: async (topic, messages) => {
        if (broken) throw new Error('a producer that failed was used again');
        broken = true;
        await this.#store(topic, messages);
        broken = false;
      },
      disconnect: async () => {
        this.disconnects += 1;
      },
    };
  };

  #orOutage(): void {
    if (this.outage !== null) throw this.outage;
  }

  async #store(topic: string, messages: readonly KafkaMessage[]): Promise<void> {
    this.sends += 1;
    this.#inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.#inFlight);
    try {
      if (this.hangs) await new Promise(() => {});
      await Promise.resolve();
      this.#orOutage();
      if (!this.topics.has(topic)) throw new KafkaFault('topic_missing', 'topic_missing', `no topic ${topic}`);
      const refusal = this.refuses(messages);
      if (refusal !== null) throw refusal;
      const lost = this.lostAnswers.shift();
      this.log.push(...messages.slice(0, lost === 'half' ? Math.ceil(messages.length / 2) : messages.length));
      if (lost !== undefined) throw new KafkaFault('transient', 'timeout', 'the answer was lost');
    } finally {
      this.#inFlight -= 1;
    }
  }
}

export const NOT_CONNECTED = new KafkaFault('transient', 'not_connected', 'connect ECONNREFUSED');
