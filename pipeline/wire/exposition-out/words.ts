/** @module Short texts of a page's own words, copied eight bytes at a time: a call of `set` costs more than they do. */

/** ASCII text as numbers of eight bytes each, blanks behind its end. */
export interface Words {
  /** Bytes of the text. */
  readonly length: number;
  readonly values: Float64Array;
}

/** Bytes that `putWords` may write beyond the text. */
export const WORD_SLACK = 7;

/**
 * `text` for `putWords`. Throws a RangeError for what is not ASCII: only there is every eight bytes a number that keeps its
 * bits on its way. Allocates; O(length).
 */
export function wordsOf(text: string): Words {
  const bytes = Buffer.from(text);
  if (bytes.some((byte) => byte > 0x7f)) throw new RangeError(`not ASCII: ${JSON.stringify(text)}`);
  const padded = new DataView(new ArrayBuffer(Math.ceil(bytes.length / 8) * 8));
  for (let i = 0; i < padded.byteLength; i++) padded.setUint8(i, bytes[i] ?? 0x20);
  const values = Float64Array.from({ length: padded.byteLength / 8 }, (_, i) => padded.getFloat64(8 * i, true));
  return { length: bytes.length, values };
}

/** Writes `words` at `at` and returns where they end. Up to `WORD_SLACK` bytes behind that are overwritten with blanks. */
export function putWords(view: DataView, at: number, { values, length }: Words): number {
  for (let i = 0; i < values.length; i++) view.setFloat64(at + 8 * i, values[i]!, true);
  return at + length;
}
