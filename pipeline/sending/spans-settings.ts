/** @module What `SpansSending` is given by an exporter of spans. */
import type { Balance } from '../balance.ts';
import type { Clock } from '../clock/clock.ts';
import type { SpansQueue, SpansQueueConfig } from '../queue/spans-queue.ts';
import type { RetryConfig } from './retry.ts';
import type { SpansSender } from './spans-sender.ts';
import type { SpansSendingEvents } from './spans-telemetry.ts';

export interface SpansSendingSettings<Payload> {
  readonly queue: SpansQueueConfig;
  /** Requests under way at once, those that wait for another attempt included; above 0. */
  readonly consumers: number;
  readonly retry: RetryConfig;
  readonly clock: Clock;
  readonly balance: Balance;
  readonly sender: SpansSender<Payload>;
  readonly events: (queue: SpansQueue, underWay: () => number) => SpansSendingEvents;
}
