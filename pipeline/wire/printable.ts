/** @module Text from outside made safe for a terminal: nothing in it can move the cursor, colour, reorder or hide. */

/**
 * Controls and lone surrogates, what formats without being seen (bidirectional overrides and isolates, tags, soft hyphen),
 * what may be drawn as nothing (Default_Ignorable_Code_Point: fillers, variation selectors), line separators, and the
 * blank Braille pattern, which looks like a space (Unicode 15 `DerivedCoreProperties.txt`, UAX #9 §2).
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** The text with unsafe characters as `\xNN`, `\uNNNN` or `\u{NNNNN}`. O(length); allocates only when there is one. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/** As `printable`, cut to `maxLength` characters with `…` for the rest. */
export function printableShort(text: string, maxLength = 200): string {
  return text.length <= maxLength ? printable(text) : `${printable(text.slice(0, maxLength - 1))}…`;
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
}
