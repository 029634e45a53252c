/** @module Configuration shared by exporters that send: `sending_queue`, `retry_on_failure`, `timeout`. */
import { z } from 'zod';
import type { SpansQueueConfig } from '../queue/spans-queue.ts';
import type { TrafficQueueConfig } from '../queue/traffic-queue.ts';
import type { RetryConfig } from '../sending/retry.ts';
import { byteSize, duration } from './types.ts';

const maxItems = z
  .int()
  .positive()
  .default(200_000)
  .describe(
    'Records of one window beyond which windows added to it lose their pods: counts per workload stay. Default 200000.',
  );

const sizer = z.enum(['requests', 'items', 'bytes']).default('requests');

/** `sending_queue` of traffic: keys of the Collector's `exporterhelper`, and what happens when it is full. */
export function trafficSendingQueue() {
  return z
    .strictObject({
      queue_size: z
        .int()
        .positive()
        .default(1000)
        .describe('Most that may wait, in units of `sizer`. Default 1000. Beyond it windows are added together.'),
      sizer: sizer.describe(
        'What `queue_size` counts: windows, their records, or their rough bytes. Default requests.',
      ),
      on_full: z
        .literal('coalesce')
        .default('coalesce')
        .describe('A new window is added to the newest one that waits untried: coarser, but nothing is lost.'),
      max_items: maxItems,
    })
    .prefault({})
    .transform(
      (value): TrafficQueueConfig => ({
        queueSize: value.queue_size,
        sizer: value.sizer,
        onFull: value.on_full,
        maxItems: value.max_items,
      }),
    );
}

/** `sending_queue` as each of the two signals of an exporter has it. */
export interface SharedQueueConfig {
  readonly traffic: TrafficQueueConfig;
  readonly spans: SpansQueueConfig;
  /** Requests of spans under way at once; traffic goes one after the other, for its numbers tell the order. */
  readonly consumers: number;
}

/**
 * `sending_queue` of an exporter of traffic and spans: each signal has a queue of its own, and a key that only one of them
 * knows leaves the other as it is.
 */
export function sharedSendingQueue() {
  return z
    .strictObject({
      enabled: z.literal(true).default(true).describe('As the Collector has it; what is sent is always queued.'),
      queue_size: z
        .int()
        .positive()
        .default(1000)
        .describe('Most that may wait or be under way, in units of `sizer`, for each signal. Default 1000.'),
      sizer: sizer.describe(
        'What `queue_size` counts: windows of traffic and requests of spans, their records and spans, or their rough bytes. Default requests.',
      ),
      on_full: z
        .enum(['refuse', 'refuse_always', 'drop_oldest', 'drop_newest', 'coalesce'])
        .default('refuse')
        .describe(
          'What a full queue does with spans: ask senders to come again unless another exporter takes them (then its own share is dropped and counted), ask in any case so that all exporters get the same, or drop and count. Traffic always coalesces: a new window is added to the newest one that waits untried. Default refuse.',
        ),
      max_bytes: byteSize()
        .refine((bytes) => bytes > 0, 'more than 0B')
        .prefault('64MiB')
        .describe('Memory of the spans that wait or are under way; a single larger request passes. Default 64MiB.'),
      max_items: maxItems,
      num_consumers: z
        .int()
        .positive()
        .max(1000)
        .default(10)
        .describe('Requests of spans under way at once, waits between attempts included; traffic has one. Default 10.'),
    })
    .prefault({})
    .transform((value): SharedQueueConfig => {
      const size = { queueSize: value.queue_size, sizer: value.sizer };
      const onFull = value.on_full === 'coalesce' ? 'refuse' : value.on_full;
      return {
        traffic: { ...size, onFull: 'coalesce', maxItems: value.max_items },
        spans: { ...size, onFull, maxBytes: value.max_bytes },
        consumers: value.num_consumers,
      };
    });
}

const retryKeys = {
  enabled: z.boolean().default(true).describe('Try again after a transient failure. Default true.'),
  initial_interval: duration({ minMs: 0 }).prefault('5s').describe('Wait before the second attempt. Default 5s.'),
  randomization_factor: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Each wait is spread by this share to both sides, 0 to 1. Default 0.5.'),
  multiplier: z.number().min(1).default(1.5).describe('Each wait is this many times the one before. Default 1.5.'),
  max_interval: duration({ minMs: 0 }).prefault('30s').describe('Longest wait. Default 30s.'),
};

type RetryKeys = { readonly [Name in keyof typeof retryKeys]: z.output<(typeof retryKeys)[Name]> };

function retryOf(value: RetryKeys & { readonly max_retry_after?: number }, maxElapsedMs: number): RetryConfig {
  return {
    ...(value.max_retry_after === undefined ? {} : { maxRetryAfterMs: value.max_retry_after }),
    enabled: value.enabled,
    initialIntervalMs: value.initial_interval,
    randomizationFactor: value.randomization_factor,
    multiplier: value.multiplier,
    maxIntervalMs: value.max_interval,
    maxElapsedMs,
  };
}

/** `retry_on_failure` of the Collector (`config/configretry`), but for traffic without a limit of time. */
export function trafficRetry() {
  return z
    .strictObject({
      ...retryKeys,
      max_elapsed_time: duration({ minMs: 0 })
        .prefault('0s')
        .describe('Give up after this long; 0s never does. Default 0s: traffic has no deadline, it coalesces.'),
    })
    .prefault({})
    .transform((value): RetryConfig => retryOf(value, value.max_elapsed_time));
}

/** `retry_on_failure` as each of the two signals of an exporter has it. */
export interface SharedRetryConfig {
  readonly traffic: RetryConfig;
  readonly spans: RetryConfig;
}

/** As long as the Collector tries, milliseconds. */
const SPANS_ELAPSED_MS = 300_000;

/** `retry_on_failure` of an exporter of traffic and spans: the limit of time is that of the signal unless it is written. */
export function sharedRetry() {
  return z
    .strictObject({
      ...retryKeys,
      max_elapsed_time: duration({ minMs: 0 })
        .optional()
        .describe('Give up after this long; 0s never does. Default 5m for spans, 0s for traffic, which coalesces.'),
      max_retry_after: duration({ minMs: 1000 })
        .prefault('2m')
        .describe('Longest wait that the backend may ask for; it is asked again after that. Default 2m.'),
    })
    .prefault({})
    .transform(
      (value): SharedRetryConfig => ({
        traffic: retryOf(value, value.max_elapsed_time ?? 0),
        spans: retryOf(value, value.max_elapsed_time ?? SPANS_ELAPSED_MS),
      }),
    );
}
