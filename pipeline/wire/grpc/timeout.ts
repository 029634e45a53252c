/**
 * @module How long the client of a call waits for its answer, as the header `grpc-timeout` says it.
 *
 * Source: grpc/grpc `doc/PROTOCOL-HTTP2.md` (Timeout): at most eight digits and a unit.
 */

const UNIT_MS = new Map([
  ['H', 3_600_000],
  ['M', 60_000],
  ['S', 1000],
  ['m', 1],
  ['u', 1e-3],
  ['n', 1e-6],
]);
const TIMEOUT = /^(\d{1,8})([HMSmun])$/;

/** Milliseconds from the arrival of the call; infinite when nothing is said; null for what is no timeout. */
export function readTimeoutMs(text: string | undefined): number | null {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const [, digits, unit] = TIMEOUT.exec(text) ?? [];
  return digits === undefined || unit === undefined ? null : Number(digits) * UNIT_MS.get(unit)!;
}
