/**
 * @module How fast this machine is now: the two elementary operations the scanner lives on, measured in the same run as
 * everything else, so that figures of different machines can be compared. Blocks are short: the best of many is one that
 * nobody interrupted.
 */
import { type BenchResult, measured } from './result.ts';

export const COMPARE_CASE = 'machine: Buffer.compare of 512 B';
const BYTES = 64 * 1024;
const SHIFT = 2048;
const LINE_BYTES = 512;
const REPEATS = 5_000;
const BLOCKS = 400;

export function run(): BenchResult[] {
  const a = Buffer.alloc(BYTES, 0x61);
  // Not at the same place of a page as the first: some processors copy ten times slower then.
  const b = Buffer.alloc(BYTES + SHIFT, 0x61);
  let equal = 0;
  const compareNs = best(REPEATS, (i) => {
    const at = (i * 537) % (BYTES - LINE_BYTES);
    equal += a.compare(b, at, at + LINE_BYTES, at, at + LINE_BYTES);
  });
  const copyNs = best(20, () => {
    equal += a.copy(b, SHIFT, 0, BYTES) - BYTES;
  });
  if (equal !== 0) throw new Error('the machine cannot compare');
  return [measured(COMPARE_CASE, compareNs, 'ns'), measured('machine: copy of 64 KiB', copyNs / 1000, 'µs')];
}

function best(repeats: number, work: (i: number) => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let block = 0; block < BLOCKS; block++) {
    const begin = process.hrtime.bigint();
    for (let i = 0; i < repeats; i++) work(i);
    least = Math.min(least, Number(process.hrtime.bigint() - begin) / repeats);
  }
  return least;
}
