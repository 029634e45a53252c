/** @module When to try again: the Collector's exponential backoff, and waiting that can be cut short. */
import type { Clock } from '../clock/clock.ts';

/** `retry_on_failure` of the OpenTelemetry Collector (`config/configretry`), in milliseconds. */
export interface RetryConfig {
  readonly enabled: boolean;
  readonly initialIntervalMs: number;
  readonly randomizationFactor: number;
  readonly multiplier: number;
  readonly maxIntervalMs: number;
  /** 0: without limit. */
  readonly maxElapsedMs: number;
  /** Longest wait that the peer may ask for, milliseconds. Absent: any. */
  readonly maxRetryAfterMs?: number;
}

export interface Backoff {
  /** Milliseconds to wait before the next attempt; grows with each call. At least `atLeastMs`. */
  nextMs(atLeastMs?: number): number;
  /** Starts over, after a success. */
  reset(): void;
}

/** Delay n is initial × multiplier^n, capped at `maxIntervalMs`, then spread by ± `randomizationFactor`. */
export function createBackoff(config: RetryConfig, clock: Clock): Backoff {
  let intervalMs = config.initialIntervalMs;
  return {
    nextMs(atLeastMs = 0) {
      const spread = 1 + config.randomizationFactor * (2 * randomShare(clock) - 1);
      const delayMs = Math.min(intervalMs, config.maxIntervalMs) * spread;
      intervalMs = Math.min(intervalMs * config.multiplier, config.maxIntervalMs);
      return Math.max(delayMs, atLeastMs);
    },
    reset() {
      intervalMs = config.initialIntervalMs;
    },
  };
}

/** In [0, 1): the first 52 of the clock's 64 random bits. */
export function randomShare(clock: Clock): number {
  return Number.parseInt(clock.randomId().slice(0, 13), 16) / 2 ** 52;
}

/** Resolves after `delayMs`, or as soon as `signal` is aborted. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      timer.cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.after(delayMs, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
