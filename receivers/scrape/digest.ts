/** @module Long texts as short ones that are equal when they are. */
import { createHash } from 'node:crypto';

/** Characters of a digest, one byte each: 128 bits. */
const LENGTH = 16;

/** The buckets of a histogram ask for the same text one after another. */
let lastText = '';
let lastDigest = '';

/**
 * The first 16 bytes of the SHA-256 of `text`, as characters. Nobody can find two texts with the same one, whatever
 * names a mesh's users choose, so it stands for a text of which only equality is asked. About 2 µs.
 */
export function digestOf(text: string): string {
  if (text === lastText && lastDigest !== '') return lastDigest;
  lastText = text;
  lastDigest = createHash('sha256').update(text).digest('latin1').slice(0, LENGTH);
  return lastDigest;
}
