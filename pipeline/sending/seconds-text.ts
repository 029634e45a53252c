/** @module Milliseconds as seconds for people. */

/** `42 s`, `7.4 s`, `0.013 s`: two digits that count, never fewer than all before the point. */
export function secondsText(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  return `${seconds >= 10 ? Math.round(seconds) : Number(seconds.toPrecision(2))} s`;
}
