/** @module Waiting for a promise, but no longer than until a signal. */

/** The value of `promise`, or null when `signal` was aborted first or it rejected. */
export function settledOr<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value | null> {
  return new Promise((resolve) => {
    const end = (value: Value | null) => {
      signal.removeEventListener('abort', aborted);
      resolve(value);
    };
    const aborted = () => end(null);
    if (signal.aborted) resolve(null);
    signal.addEventListener('abort', aborted, { once: true });
    promise.then(end, () => end(null));
  });
}
