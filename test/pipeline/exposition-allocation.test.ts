/** @module A steady scrape allocates next to nothing, and remembering a series costs little. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const CHILD = fileURLToPath(new URL('../kit/scan-allocation.ts', import.meta.url));
const FLAGS = [
  '--expose-gc',
  '--max-semi-space-size=64',
  '--min-semi-space-size=64',
  '--disable-warning=ExperimentalWarning',
];

interface Figures {
  /** Heap bytes allocated per sample, one figure per round. */
  rounds: number[];
  /** Heap and buffer bytes that 300 further pages left behind. */
  grown: number;
  externalGrown: number;
  memoryPerSeries: number;
  lines: number;
}

async function measure(shape: string, pages: number): Promise<Figures> {
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, CHILD, shape, String(pages)], {
    timeout: 120_000,
  });
  return JSON.parse(stdout) as Figures;
}

for (const [shape, pages, lines] of [
  ['linkerd-20k', 40, 17_112],
  ['linkerd-2k', 200, 1534],
] as const) {
  test.serial(
    `${shape}: at most 2 heap bytes a sample, no growth, at most 200 bytes a remembered series`,
    async (t) => {
      const figures = await measure(shape, pages);
      t.is(figures.lines, lines);
      const median = [...figures.rounds].sort((a, b) => a - b)[2]!;
      t.true(median <= 2, `${figures.rounds}`);
      t.true(figures.grown < 100_000, `${figures.grown}`);
      t.is(figures.externalGrown, 0);
      t.true(figures.memoryPerSeries <= 200, `${figures.memoryPerSeries}`);
    },
  );
}
