/** @module Repeatable randomness for the demo world: every stream of draws follows from a seed and a name. */

/** A stream of draws that repeats for the same seed. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform whole number in [0, limit); `limit` is at least 1. */
  below(limit: number): number;
  /** Standard normal. */
  normal(): number;
}

/** 32-bit hash of `text` mixed with `seed`; FNV-1a with a final avalanche. Pure, O(length). */
export function hashText(text: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return avalanche(hash);
}

/** The stream that belongs to `name` in a world of `seed`; other streams never disturb it. */
export function createRandom(seed: number, name: string): Random {
  let state = hashText(name, seed);
  function next(): number {
    state = (state + 0x9e3779b9) | 0;
    return avalanche(state) / 0x1_0000_0000;
  }
  return {
    next,
    below: (limit) => Math.floor(next() * limit),
    // Box and Muller; 1 - next() keeps the logarithm away from 0.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}

function avalanche(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
