/**
 * @module A Kafka whose answers are late or lost: what it stores it stores in the order in which requests reach it, some
 * long after the producer has given them up, and a consumer that drops repeats by number reads it.
 */
import type { Random } from '../../../demo/world/random.ts';
import type { CreateKafkaProducer, KafkaMessage } from '../../../pipeline/net/kafka.ts';
import { KafkaFault } from '../../../pipeline/net/kafka-fault.ts';
import { parseMessage, type TrafficMessage } from '../schema.ts';
import type { StallLoop } from './stall-loop.ts';

export interface KafkaWeather {
  /** Share of requests that are not acknowledged in time. */
  readonly lostShare: number;
  readonly timeoutMs: number;
}

const PARTITIONS = 3;

export class SlowKafka {
  /** What was stored, in order, repeats and all. */
  readonly log: KafkaMessage[] = [];
  readonly createProducer: CreateKafkaProducer;
  readonly #loop: StallLoop;
  readonly #random: Random;
  readonly #weather: KafkaWeather;

  constructor(loop: StallLoop, random: Random, weather: KafkaWeather) {
    this.#loop = loop;
    this.#random = random;
    this.#weather = weather;
    this.createProducer = async () => ({
      connect: () => this.#after(3, () => {}),
      partitions: () => this.#after(3, () => PARTITIONS),
      send: (_topic, messages) => this.#send(messages),
      disconnect: async () => {},
    });
  }

  /** Messages as a consumer counts them: a number that is not above the last one of its partition is a repeat. */
  get read(): TrafficMessage[] {
    const last = new Map<number, number>();
    const messages: TrafficMessage[] = [];
    for (const { partition, value } of this.log) {
      const message = parseMessage(value);
      const { seq } = message['x-weir'];
      if (seq <= (last.get(partition) ?? -1)) continue;
      last.set(partition, seq);
      messages.push(message);
    }
    return messages;
  }

  #send(messages: readonly KafkaMessage[]): Promise<void> {
    const { lostShare, timeoutMs } = this.#weather;
    if (this.#random.next() >= lostShare) {
      const afterMs = this.#random.next() * 30;
      this.#loop.outside(afterMs, () => this.log.push(...messages));
      return this.#after(afterMs + 1, () => {});
    }
    const stored = messages.slice(0, this.#random.below(messages.length + 1));
    // Up to three timeouts later, when newer requests have long been acknowledged.
    this.#loop.outside(this.#random.next() * 3 * timeoutMs, () => this.log.push(...stored));
    return this.#after(timeoutMs, () => {
      throw new KafkaFault('transient', 'timeout', 'no answer in time');
    });
  }

  #after<Value>(delayMs: number, value: () => Value): Promise<Value> {
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    this.#loop.arrive(delayMs, () => {
      try {
        resolve(value());
      } catch (error) {
        reject(error);
      }
    });
    return promise;
  }
}
