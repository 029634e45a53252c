/** @module Configuration shared by exporters that send: `sending_queue`, `retry_on_failure`, `timeout`. */
import { z } from 'zod';
import type { TrafficQueueConfig } from '../queue/traffic-queue.ts';
import type { RetryConfig } from '../sending/retry.ts';
import { duration } from './types.ts';

/** `sending_queue` of traffic: keys of the Collector's `exporterhelper`, and what happens when it is full. */
export function trafficSendingQueue() {
  return z
    .strictObject({
      queue_size: z
        .int()
        .positive()
        .default(1000)
        .describe('Most that may wait, in units of `sizer`. Default 1000. Beyond it windows are added together.'),
      sizer: z
        .enum(['requests', 'items', 'bytes'])
        .default('requests')
        .describe('What `queue_size` counts: windows, their records, or their rough bytes. Default requests.'),
      on_full: z
        .literal('coalesce')
        .default('coalesce')
        .describe('A new window is added to the newest one that waits untried: coarser, but nothing is lost.'),
      max_items: z
        .int()
        .positive()
        .default(200_000)
        .describe(
          'Records of one window beyond which windows added to it lose their pods: counts per workload stay. Default 200000.',
        ),
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

/** `retry_on_failure` of the Collector (`config/configretry`), but for traffic without a limit of time. */
export function trafficRetry() {
  return z
    .strictObject({
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
      max_elapsed_time: duration({ minMs: 0 })
        .prefault('0s')
        .describe('Give up after this long; 0s never does. Default 0s: traffic has no deadline, it coalesces.'),
    })
    .prefault({})
    .transform(
      (value): RetryConfig => ({
        enabled: value.enabled,
        initialIntervalMs: value.initial_interval,
        randomizationFactor: value.randomization_factor,
        multiplier: value.multiplier,
        maxIntervalMs: value.max_interval,
        maxElapsedMs: value.max_elapsed_time,
      }),
    );
}
