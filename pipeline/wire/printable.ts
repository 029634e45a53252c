/** @module Text from outside made safe for a terminal: nothing in it can move the cursor, colour, reorder or hide. */

/**
 * C0 and C1 controls, DEL, the bidirectional overrides and isolates, zero-width characters, line separators, the byte
 * order mark and lone surrogates (Unicode 15, UAX #9 §2 for the bidirectional ones).
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** The text with unsafe characters as `\xNN` or `\uNNNN`. O(length); allocates only when there is one. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escapeUnit);
}

/** As `printable`, cut to `maxLength` characters with `…` for the rest. */
export function printableShort(text: string, maxLength = 200): string {
  return text.length <= maxLength ? printable(text) : `${printable(text.slice(0, maxLength - 1))}…`;
}

function escapeUnit(unit: string): string {
  const code = unit.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
