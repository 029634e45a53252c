/** @module `Retry-After` of an answer: how long the peer asks to be left alone (RFC 9110 §10.2.3, dates §5.6.7). */

/** Longer waits than this, some 285,000 years, are told as this. */
export const LONGEST_WAIT_MS = Number.MAX_SAFE_INTEGER;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const CLOCK = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)';
/** The form to be written, and the two old ones that are still to be read. */
const DATES = [
  new RegExp(`^[A-Z][a-z]{2}, (?<day>\\d\\d) (?<month>[A-Z][a-z]{2}) (?<year>\\d{4}) ${CLOCK} GMT$`),
  new RegExp(`^[A-Z][a-z]{5,8}, (?<day>\\d\\d)-(?<month>[A-Z][a-z]{2})-(?<year>\\d\\d) ${CLOCK} GMT$`),
  new RegExp(`^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \\d]\\d) ${CLOCK} (?<year>\\d{4})$`),
];

/**
 * Milliseconds to wait, from 0, however long the peer says; null when the value is neither seconds nor a date. A date is taken against
 * `nowWallMs` and gives 0 when it has passed.
 */
export function retryAfterMs(value: string, nowWallMs: number): number | null {
  const text = value.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_WAIT_MS);
  const atMs = httpDateMs(text, nowWallMs);
  return atMs === null ? null : Math.max(0, atMs - nowWallMs);
}

function httpDateMs(text: string, nowWallMs: number): number | null {
  for (const pattern of DATES) {
    const parts = pattern.exec(text)?.groups;
    if (parts === undefined) continue;
    const month = MONTHS.indexOf(parts.month ?? '');
    if (month === -1) return null;
    const day = Number(parts.day);
    const ms = Date.UTC(
      yearOf(parts.year ?? '', nowWallMs),
      month,
      day,
      Number(parts.hour),
      Number(parts.minute),
      Number(parts.second),
    );
    // 31 February is no date; 24:00 and the like are none either.
    return Number(parts.hour) < 24 && Number(parts.minute) < 60 && new Date(ms).getUTCDate() === day ? ms : null;
  }
  return null;
}

/** Two digits that seem more than 50 years ahead lie in the past. */
function yearOf(digits: string, nowWallMs: number): number {
  if (digits.length === 4) return Number(digits);
  const now = new Date(nowWallMs).getUTCFullYear();
  const year = Math.floor(now / 100) * 100 + Number(digits);
  return year > now + 50 ? year - 100 : year;
}
