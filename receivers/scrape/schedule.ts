/**
 * @module When a target is scraped: a grid on engine time with a stable offset per target, so that scrapes spread over
 * the interval, stay where they are across restarts, and keep away from the edges of slots.
 */

/** Share of the interval within which offsets lie; what follows is room for the scrape inside its slot. */
const FIRST_SHARE = 0.05;
const LAST_SHARE = 0.6;

/** Offset in milliseconds of the target `key` from the starts of its intervals. Same key, same offset. */
export function offsetOf(key: string, intervalMs: number): number {
  const share = FIRST_SHARE + (LAST_SHARE - FIRST_SHARE) * (hash32(key) / 2 ** 32);
  return Math.floor(share * intervalMs);
}

/** Earliest time of the grid (multiples of `intervalMs` plus `offsetMs`) strictly after `afterMs`. */
export function nextOnGrid(afterMs: number, intervalMs: number, offsetMs: number): number {
  return Math.floor((afterMs - offsetMs) / intervalMs + 1) * intervalMs + offsetMs;
}

/** FNV-1a over UTF-16 units with a final mix, so that addresses that differ in one digit spread widely. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
