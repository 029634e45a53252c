/** @module A steady scrape, from its bytes to its slot, allocates next to nothing, and remembering a series costs little. */
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
  /** Bytes that scanner and `smi` allocated per sample, one figure per round. */
  rounds: number[];
  /** Bytes allocated per record of a slot that closes. */
  recordRounds: number[];
  /** Records of a slot, what they counted from one page to the next, and samples that reached none of them. */
  records: number;
  requests: number;
  lost: number;
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

function median(rounds: readonly number[]): number {
  return [...rounds].sort((a, b) => a - b)[rounds.length >> 1]!;
}

/** A page itself costs a few objects per piece, which weigh more where it is small: 3 KiB of 1406 samples. */
const SHAPES = [
  { shape: 'linkerd-20k', pages: 40, lines: 15_681, records: 388, bytesPerSample: 2, bytesPerRecord: 1800 },
  { shape: 'linkerd-2k', pages: 200, lines: 1406, records: 68, bytesPerSample: 3.2, bytesPerRecord: 2600 },
] as const;

for (const { shape, pages, lines, records, bytesPerSample, bytesPerRecord } of SHAPES) {
  test.serial(
    `${shape}: scanner and smi allocate at most ${bytesPerSample} bytes a sample and ${bytesPerRecord} a record, and grow by nothing`,
    async (t) => {
      const figures = await measure(shape, pages);
      t.like(figures, { lines, records, lost: 0 });
      t.true(figures.requests > records);
      t.true(median(figures.rounds) <= bytesPerSample, `${figures.rounds}`);
      t.true(median(figures.recordRounds) <= bytesPerRecord, `${figures.recordRounds}`);
      // A record holds at least its own object: less would mean that nothing was measured.
      t.true(median(figures.recordRounds) >= 50, `${figures.recordRounds}`);
      t.true(figures.grown < 100_000, `${figures.grown}`);
      t.true(figures.externalGrown < 100_000, `${figures.externalGrown}`);
      t.true(figures.memoryPerSeries <= 200, `${figures.memoryPerSeries}`);
    },
  );
}
