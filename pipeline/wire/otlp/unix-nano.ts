/**
 * @module Times of OTLP, 64-bit nanoseconds since the epoch, from and to milliseconds, without losing one.
 *
 * Milliseconds are doubles. From April 1970 on their steps are wider than a nanosecond and a half, so that every one of them,
 * whole or not, comes back exactly.
 */

const WORD = 0x1_0000_0000;
const NANOS_PER_MS = 1_000_000;
/** First millisecond whose nanoseconds do not fit into 64 bits: in the year 2554. */
const END_MS = 2 ** 64 / NANOS_PER_MS;

/** The two halves of a time in nanoseconds, reused from time to time. */
export class UnixNano {
  low = 0;
  high = 0;
  #ms = 0;

  /** Takes `ms` since the epoch. Throws a `RangeError` for what 64 bits cannot hold. No garbage. */
  set(ms: number): void {
    if (ms === this.#ms) return;
    if (!(ms >= 0 && ms < END_MS))
      throw new RangeError(`a time of ${ms} ms since the epoch is none that OTLP can tell`);
    const whole = Math.floor(ms);
    const nanos = Math.round((ms - whole) * NANOS_PER_MS);
    const upper = Math.floor(whole / 0x10000) * NANOS_PER_MS;
    const lower = (whole % 0x10000) * NANOS_PER_MS + nanos + (upper % 0x10000) * 0x10000;
    this.low = lower % WORD;
    this.high = Math.floor(upper / 0x10000) + Math.floor(lower / WORD);
    this.#ms = ms;
  }
}

function checkTime(ms: number): void {
  if (!(ms >= 0 && ms < END_MS)) throw new RangeError(`a time of ${ms} ms since the epoch is none that OTLP can tell`);
}

/** `ms` since the epoch in nanoseconds as decimal text, as OTLP/JSON has it. Throws as `set` does. */
export function unixNanoText(ms: number): string {
  checkTime(ms);
  const whole = Math.floor(ms);
  const nanos = Math.round((ms - whole) * NANOS_PER_MS);
  return (BigInt(whole) * 1_000_000n + BigInt(nanos)).toString();
}

/** Milliseconds since the epoch, the double nearest to `high`·2³² + `low` nanoseconds. */
export function unixNanoMs(low: number, high: number): number {
  // Long division by 10⁶ in two steps, each exact: high < 2³², so that rest·2³² + low < 2⁵².
  const upper = Math.floor(high / NANOS_PER_MS);
  const rest = (high % NANOS_PER_MS) * WORD + low;
  const lower = Math.floor(rest / NANOS_PER_MS);
  return upper * WORD + lower + (rest % NANOS_PER_MS) / NANOS_PER_MS;
}
