/** @module The page on performance: its generated block is that of one run, and all suites are told of. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { type BenchRun, withBlock } from '../bench/page.ts';
import { atLeast, formatResult, measured } from '../bench/result.ts';
import { SUITES } from '../bench/suites.ts';

const PAGE = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8');

const RUN: BenchRun = {
  day: '2026-11-26',
  machine: '2 x a processor',
  node: 'v26.10.0',
  load: 0.25,
  results: [
    measured('machine: Buffer.compare of 512 B', 136, 'ns'),
    measured('scanner linkerd-20k warm', 151.2, 'ns/sample', 150),
    { ...atLeast('spans: HTTP in', 400_000, 'spans/CPU s', 400_000), collector: 147_000 },
    measured('hostile: good clients refused', 0, 'requests', 0),
    measured('smi: one', 2.25, 'ms'),
  ],
  failed: ['smi-api'],
};

const BLOCK = `<!-- bench:begin, written by \`npm run bench\` -->
Measured 2026-11-26 on 2 x a processor, Node v26.10.0, in one run that began at a load of 0.3. Goals: 2 met, 1 missed.

| Case | Figure | Goal | | Collector |
|---|---|---|---|---|
| machine: Buffer.compare of 512 B | 136 ns |  |  |  |
| scanner linkerd-20k warm | 151 ns/sample | ≤ 150 | **missed** |  |
| spans: HTTP in | 400000 spans/CPU s | ≥ 400000 | met | 147000 spans/CPU s |
| hostile: good clients refused | 0 requests | ≤ 0 | met |  |
| smi: one | 2.3 ms |  |  |  |

The goals were set on a machine that compares 512 B in 68 ns; this one took 136 ns,
2.00 times as long. By that measure the scanner's 151 ns would be 76 ns there.
The verdicts above are those of the plain figures.
Without rows, since they failed: smi-api.
<!-- bench:end -->`;

test('the block of a run stands instead of the one before, and nothing else changes', (t) => {
  const page = 'Before.\n\n<!-- bench:begin, written by `npm run bench` -->\nold\n<!-- bench:end -->\n\nAfter.\n';
  t.is(withBlock(page, RUN), `Before.\n\n${BLOCK}\n\nAfter.\n`);
  t.is(withBlock(withBlock(page, RUN), RUN), withBlock(page, RUN));
});

test('without the machine and the scanner there is no word of them, and a page without a block is refused', (t) => {
  const page = withBlock(PAGE, { ...RUN, results: [], failed: [] });
  t.false(page.includes('NaN'));
  t.false(page.includes('The goals were set on a machine'));
  t.throws(() => withBlock('no block', RUN), { message: /no generated block/ });
});

test('a line for people names a goal and whether it is missed', (t) => {
  t.regex(formatResult(RUN.results[1]!), /^scanner linkerd-20k warm +151 ns\/sample +goal ≤ 150 +MISSED$/);
  t.regex(formatResult(RUN.results[2]!), /400000 spans\/CPU s +goal ≥ 400000$/);
});

test('the page lists every suite, and says of each but the machine what is timed', (t) => {
  const listed = /Suites: ([^.]*)\./s.exec(PAGE)?.[1]?.match(/[a-z][a-z-]+/g);
  t.deepEqual(listed, [...SUITES.keys()]);
  const told = (PAGE.split('| Suite | What is timed |')[1] ?? '').split('\n\n', 1)[0]!;
  const suites = [...told.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
  t.deepEqual(
    suites,
    [...SUITES.keys()].filter((name) => name !== 'machine'),
  );
});

test('every suite can be loaded', async (t) => {
  for (const [name, open] of SUITES) t.is(typeof (await open()), 'function', name);
});
