/** @module Integers of 64 bits that doubles hold exactly, so that a count is the one that was sent or none. */
import { MAX_COUNT } from '../../model/sum.ts';

/**
 * `value`, the double nearest to an integer whose lower half is `low`; NaN where it is ±2^53 for an integer next to it. What
 * is further from 0 counts nowhere, whatever it was rounded to.
 */
export function exactOf(value: number, low: number): number {
  return (value === MAX_COUNT || value === -MAX_COUNT) && low !== 0 ? Number.NaN : value;
}

/** An integer as a double; NaN where no double is equal to it. */
export function exactNumber(integer: bigint): number {
  const value = Number(integer);
  return BigInt(value) === integer ? value : Number.NaN;
}

const PLAIN_NUMBER = /^\d+(?:\.\d+)?(?:e[+-]?\d+)?$/;

/** The count that a word of a list tells; NaN when it is none, or says 2^53 and means another integer. */
export function countOfWord(word: string): number {
  if (!PLAIN_NUMBER.test(word)) return Number.NaN;
  const value = Number(word);
  return value === MAX_COUNT && word !== String(MAX_COUNT) ? Number.NaN : value;
}
