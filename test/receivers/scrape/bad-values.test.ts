/** @module Odd values on a readable page, through receiver and `smi`: what counts in the end, and what is told of it. */
import test, { type ExecutionContext } from 'ava';
import { createHarness, http, oneTarget, page, serve, smiBehind } from './harness.ts';

const LABELS =
  'direction="outbound",target_port="8080",dst_namespace="shop",dst_deployment="api",classification="success"';
const series = (extra: string, value: string) => `response_total{${LABELS}${extra}} ${value}`;

/** Counts and single buckets of web → api over a run. */
interface Total {
  successes: number;
  buckets: Map<number, number>;
}

/** Scrapes the pages one after the other through receiver and `smi`, and adds up what they counted. */
async function runThrough(t: ExecutionContext, pages: readonly string[]) {
  const server = await serve(t, http(pages[0]!));
  const h = await createHarness(t, oneTarget(server.address));
  const smi = await smiBehind(t, h);
  await h.receiver.start();
  await h.sink.come(1, 'scraped', 'failed');
  for (const [i, text] of pages.slice(1).entries()) {
    server.answer = http(text);
    h.toNextScrape();
    await h.sink.come(i + 2, 'scraped', 'failed');
  }
  t.is(h.sink.count('failed'), 0);
  await smi.close();
  const total: Total = { successes: 0, buckets: new Map() };
  for (const { successes, latency } of smi.sums.flatMap(({ records }) => records)) {
    total.successes += successes;
    for (const { boundsMs, counts } of latency ?? []) {
      for (const [at, count] of counts.entries()) {
        const boundMs = boundsMs[at] ?? Infinity;
        total.buckets.set(boundMs, (total.buckets.get(boundMs) ?? 0) + count);
      }
    }
  }
  const told = h.log.lines.filter(({ level }) => level === 'warn' || level === 'error');
  t.is(h.balance.unaccounted, 0);
  t.is(smi.balance.unaccounted, 0);
  return { total, told, smi: smi.balance, address: server.address };
}

/** What a bad value is told as. */
const IGNORED = 'values that are NaN, negative or above 2^53 were ignored: the last good ones stand';

for (const value of ['NaN', '-4', '9007199254740994', '+Inf', '-Inf']) {
  test(`a counter of ${value} is ignored, counted, and told at once and at the end; the last good value stands`, async (t) => {
    const pages = ['7', value, value, '12'].map((one, i) => `${series(',a="1"', one)}\n${page(5 + i)}`);
    const { total, told, smi, address } = await runThrough(t, pages);
    t.is(total.successes, 12 - 7 + (8 - 5));
    t.is(smi.filtered.get('bad_value'), 2);
    t.is(told.length, 2);
    for (const [i, line] of told.entries()) {
      const whose = { target: address, workload: 'shop/web', measure: 'success', peer: 'shop/api' };
      t.like(line, { level: 'warn', message: IGNORED, fields: { ...whose, values: 1, times: 1, total: i + 1 } });
    }
  });
}

/** A page with a histogram of these cumulative buckets, in the order given. */
function histogram(ok: number, buckets: readonly (readonly [le: string, value: string])[]): string {
  const lines = buckets.map(([le, value]) => `response_latency_ms_bucket{${LABELS},le="${le}"} ${value}`);
  return `# TYPE response_latency_ms histogram\n${lines.join('\n')}\n${page(ok)}`;
}

/** Three pages of a histogram; the one in the middle is odd. The single buckets that count in the end, bad values. */
const histograms: readonly [
  title: string,
  middle: Parameters<typeof histogram>[1],
  counts: readonly (readonly [boundMs: number, count: number])[],
  bad: number,
][] = [
  [
    'le out of order',
    [
      ['+Inf', '9'],
      ['1', '3'],
      ['5', '6'],
    ],
    [
      [1, 5],
      [5, 5],
      [Infinity, 10],
    ],
    0,
  ],
  [
    // Of its 9 it says 8 up to 1 ms and only 3 up to 5 ms: the bucket between adds none. Then 5 after 8 is a reset.
    'buckets that are not cumulative',
    [
      ['1', '8'],
      ['5', '3'],
      ['+Inf', '9'],
    ],
    [
      [1, 8 + 5],
      [5, 0 + 5],
      [Infinity, 1 + 10],
    ],
    0,
  ],
  [
    'a bucket of NaN',
    [
      ['1', '3'],
      ['5', 'NaN'],
      ['+Inf', '9'],
    ],
    [
      [1, 5],
      [5, 5],
      [Infinity, 10],
    ],
    3,
  ],
  [
    'a bucket of +Inf',
    [
      ['1', '+Inf'],
      ['5', '6'],
      ['+Inf', '9'],
    ],
    [
      [1, 5],
      [5, 5],
      [Infinity, 10],
    ],
    3,
  ],
];

for (const [title, middle, counts, bad] of histograms) {
  test(`${title}: the histogram counts what it may, nothing negative, and the next page works`, async (t) => {
    const [first, last] = [
      [
        ['1', '0'],
        ['5', '0'],
        ['+Inf', '0'],
      ],
      [
        ['1', '5'],
        ['5', '10'],
        ['+Inf', '20'],
      ],
    ] as const;
    const pages = [histogram(5, first), histogram(6, middle), histogram(7, last)];
    const { total, told, smi, address } = await runThrough(t, pages);
    t.is(total.successes, 2);
    t.deepEqual([...total.buckets], counts as [number, number][]);
    t.is(smi.filtered.get('bad_value') ?? 0, bad);
    t.is(told.length, bad === 0 ? 0 : 1);
    if (bad > 0) t.like(told[0], { message: IGNORED, fields: { target: address, values: bad } });
  });
}

test('a first page cut within a line is no baseline; a target that ends so again is believed', async (t) => {
  const whole = page(1234);
  // The number itself is cut: 12 of 1234.
  const cut = whole.slice(0, whole.indexOf('1234') + 2);
  const [sentinel] = whole.split('\n').filter((line) => line.startsWith('process_start'));
  const server = await serve(t, http(`${sentinel}\n${cut}`));
  const h = await createHarness(t, oneTarget(server.address));
  const smi = await smiBehind(t, h);
  await h.receiver.start();
  await h.sink.come(1, 'scraped', 'failed');
  t.is(h.sink.seen[1]?.reason, 'body_cut');
  t.regex(h.receiver.targets?.()[0]?.lastError ?? '', /in the middle of a line, a whole page ends with a line feed/);
  server.answer = http(whole);
  h.toNextScrape();
  await h.sink.come(2, 'scraped', 'failed');
  server.answer = http(page(1240));
  h.toNextScrape();
  await h.sink.come(3, 'scraped', 'failed');
  await smi.close();
  t.is(
    smi.sums.flatMap(({ records }) => records).reduce((total, { successes }) => total + successes, 0),
    6,
    'not the 1222 between a cut number and the next',
  );

  const without = await serve(t, http(page(5).replace('\n# EOF\n', '')));
  const other = await createHarness(t, oneTarget(without.address));
  await other.receiver.start();
  for (let pages = 1; pages <= 3; pages++) {
    await other.sink.come(pages, 'scraped', 'failed');
    other.toNextScrape();
  }
  t.deepEqual(
    other.sink.seen.slice(1, 4).map(({ kind, reason }) => kind + reason),
    ['failedbody_cut', 'scraped', 'scraped'],
  );
  t.is(other.sink.seen[2]?.rows[0]?.successes, 5);
});
