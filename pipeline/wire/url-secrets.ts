/** @module What of an address may be secret, in any text: user name and password, query, fragment (RFC 3986 §3). */

/** Offsets [start, end) in UTF-16 units. */
export type TextRange = [start: number, end: number];

const MASK = '***';
const SCHEME_END = '://';
/** None of these stands in an address as it is sent; a text that quotes one ends it so. */
const ENDS = /[\s"`<>]/g;
const ENDS_IN_APOSTROPHES = /[\s"`<>']/g;
const SCHEME_LENGTH = 32;
const CLOSING = ',;)]}';

/**
 * Ranges of `text` that may be secret, in order, without the `@`, `?` or `#` beside them. Addresses are known by `://` and
 * end at white space or a quote; with `isAddress` all of `text` is one, with a scheme or without. O(length).
 */
export function urlSecrets(text: string, isAddress = false): TextRange[] {
  if (isAddress) {
    const scheme = text.indexOf(SCHEME_END);
    return secretsOf(text, scheme === -1 ? 0 : scheme + SCHEME_END.length, text.length);
  }
  const ranges: TextRange[] = [];
  for (let at = text.indexOf(SCHEME_END); at !== -1; ) {
    const start = at + SCHEME_END.length;
    const end = endOf(text, at);
    ranges.push(...secretsOf(text, start, end));
    at = text.indexOf(SCHEME_END, end);
  }
  return ranges;
}

/** `text` with those ranges as `***`. O(length). */
export function maskUrls(text: string, isAddress = false): string {
  let masked = '';
  let from = 0;
  for (const [start, end] of urlSecrets(text, isAddress)) {
    masked += text.slice(from, start) + MASK;
    from = end;
  }
  return from === 0 ? text : masked + text.slice(from);
}

/** End of the address whose `://` stands at `at`. Apostrophes may be part of it, unless it stands between two. */
function endOf(text: string, at: number): number {
  const before = /['a-z0-9+.-]*$/i.exec(text.slice(Math.max(0, at - SCHEME_LENGTH), at))![0];
  const ends = before.includes("'") ? ENDS_IN_APOSTROPHES : ENDS;
  ends.lastIndex = at;
  return ends.exec(text)?.index ?? text.length;
}

/** Secrets of the address whose authority begins at `start`. */
function secretsOf(text: string, start: number, end: number): TextRange[] {
  const rest = text.slice(start, end);
  const authority = /^[^/?#]*/.exec(rest)![0];
  // A port that is none is the beginning of a password with such a character in it.
  const scope = /:(?!\d*$)/.test(authority) ? rest : authority;
  const info = scope.lastIndexOf('@');
  const ranges: TextRange[] = info > 0 ? [[start, start + info]] : [];
  const query = rest.slice(info + 1).search(/[?#]/);
  if (query === -1) return ranges;
  const from = info + 1 + query + 1;
  let to = rest.length;
  while (to > from && CLOSING.includes(rest[to - 1]!)) to -= 1;
  if (to > from) ranges.push([start + from, start + to]);
  return ranges;
}
