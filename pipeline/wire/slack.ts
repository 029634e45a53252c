/** @module Bytes that are kept for long must not hold a much larger buffer alive. */

/** Bytes that any buffer may have to spare. */
const SPARE_BYTES = 1024;

/** `bytes`, or a copy of them where the buffer behind them is more than twice as long. */
export function withoutSlack(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length + SPARE_BYTES ? new Uint8Array(bytes) : bytes;
}
