/** @module `weir explain`: the arithmetic behind a number, for people, and what is said when nothing can be explained. */
import test from 'ava';
import { explanationText } from '../../../pipeline/cli/explain-text.ts';
import { END_MS, startServer } from '../../exporters/smi/server.ts';
import { callWeir } from '../../kit/cli.ts';
import { buckets, covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

const [web, api] = [own('x/web'), own('x/api')];

const SLOTS = [0, 1].map((i) => {
  const count = (i + 1) * 30;
  const latency = [
    buckets([
      [10, count - 3],
      [100, 3],
    ]),
  ];
  const more = { mesh: 'istio', counts: 'requests', unreached: 1, latency } as const;
  return sumOf(
    [
      record('client', web, peer('x/api', { service: 'api' }), count - 2, 2, more),
      record('server', api, peer('x/web'), count - 2, 1, { mesh: 'istio', counts: 'attempts' }),
    ],
    [covered(web, { scrapesDue: 1, coveredSeconds: i === 0 ? 10 : 5, expectedSeconds: 10 }), covered(api)],
    { startMs: END_MS - 20_000 + i * 10_000, lengthMs: 10_000 },
  );
});

const TEXT = `x/deployment/web -> x/deployment/api, p99 = 92.5 ms   (20s, 22:13:40 to 22:14:00 UTC)
86 successes, 4 failures (2 no server saw), success 95.56%, 6.00 per second, counts requests
side: client: an edge is asked of the client's side first; the server's side told 88 attempts
mesh istio: its rule is not at hand here: series are listed only for pages that this Weir scrapes itself (docs/semantics.md#istio)

SLOT                   SUCCESSES   FAILURES   UNREACHED   LATENCIES
22:13:40 to 22:13:50          28          2           1          30
22:13:50 to 22:14:00          58          2           1          60
sum                           86          4           2          90

POD       SIDE     REQUESTS   EXPECTED   COVERED     FACTOR   RPS
x/web-1   client         90        20s       15s   1.333333     6
sum                      90                                     6
RPS = REQUESTS x FACTOR / 20s, FACTOR = EXPECTED / COVERED

p99: the 89.1th of 90 latencies (0.99 x 90) lies in the bucket above 50 ms up to 100 ms, 84 before it, 6 in it: \
50 + (100 - 50) x (89.1 - 84) / 6 = 92.5 ms; surely between 50 ms and 100 ms
`;

test('an edge and a quantile of it', async (t) => {
  const { port } = await startServer(t, { sums: SLOTS });
  const args = ['explain', 'deploy/web', 'deploy/api', 'p99', '-n', 'x', '--url', `http://127.0.0.1:${port}`];
  const { code, out, err } = await callWeir(args);
  t.is(err, '');
  t.is(code, 0);
  t.is(out, TEXT);
});

test('an edge in one word, other windows, and JSON as the API gives it', async (t) => {
  const { port, get } = await startServer(t, { sums: SLOTS });
  const args = ['explain', 'x/deploy/web->x/deploy/api', 'rate', '--window', '10s', '-o', 'json', '--limit', '3'];
  const { code, out } = await callWeir([...args, '--url', `http://127.0.0.1:${port}/`]);
  t.is(code, 0);
  t.deepEqual(JSON.parse(out), await get('/v1/explain?resource=x/web&peer=x/api&metric=rate&t=10s'));
  t.is(JSON.parse(out).windowSeconds, 10);
});

test('what nobody knows, or cannot be asked, says so', async (t) => {
  const { port } = await startServer(t, { sums: SLOTS });
  const url = `http://127.0.0.1:${port}`;
  const ask = (...args: string[]) => callWeir(['explain', ...args, '--url', url]);
  t.like(await ask('deploy/wbe'), {
    code: 1,
    out: '',
    err: 'weir: deploy/wbe is not known (did you mean x/deployment/web?); known: x/deployment/api, x/deployment/web\n',
  });
  t.regex((await ask('deploy/web', 'p95')).err, /no metric "p95" \(did you mean p90\?\)/);
  t.like(await ask('deploy/web', 'p50', 'p90'), {
    code: 2,
    err: 'weir: explain: one metric at a time, not p50 and p90\n',
  });
  t.is((await ask('a/b', 'c/d', 'e/f')).code, 2);
  t.is((await ask('deploy/web', '--limit', 'many')).code, 2);
  t.is((await ask('deploy/web', '--window', 'long')).code, 2);
  t.is((await callWeir(['explain'])).code, 2);
});

test('before the first closed slot it says when numbers come', async (t) => {
  const { port } = await startServer(t, { sums: [] });
  const { code, err } = await callWeir(['explain', 'deploy/web', '--url', `http://127.0.0.1:${port}`]);
  t.is(code, 1);
  t.regex(err, /status 503: no slot has closed yet: first numbers in \d+s/);
});

test('help has examples and names the metrics', async (t) => {
  const { code, out } = await callWeir(['explain', '--help']);
  t.is(code, 0);
  t.regex(out, /Examples \(run it as bin\/weir from the checkout\):\n {2}weir explain deploy\/web -n emojivoto\n/);
  t.regex(out, /Metrics: success_count, failure_count/);
});

test('names that try to steer the terminal are shown, not obeyed', async (t) => {
  const hostile = own('x/we\u001b[2Jb');
  const sum = sumOf([record('client', hostile, peer('x/api'), 1)], [covered(hostile)], { startMs: END_MS - 30_000 });
  const { port } = await startServer(t, { sums: [sum] });
  const { out } = await callWeir(['explain', 'deploy/api', '--url', `http://127.0.0.1:${port}`]);
  t.regex(out, /^x\/we\\x1b\[2Jb-1 {3}client/m);
  t.false(out.includes('\u001b'));
});

test('series and targets are listed, with how many more there are and what is left out', async (t) => {
  const target = '10.0.0.1:4191';
  const answer = {
    kind: 'Explanation',
    figures: null,
    subject: { resource: { namespace: 'x', name: 'web', kind: 'Deployment' } },
    targets: [
      { address: target, receiver: 'linkerd', pod: 'web-1', health: 'down', lastScrape: null, lastError: 'connect' },
    ],
    series: [
      { target, series: 'a_total{b="c"}', value: 12, measure: 'success', side: 'server' },
      { target, series: 'a_bucket', value: null, measure: 'latency_bucket', side: 'server', boundMs: null },
    ],
    moreSeries: 7,
    filteredReasons: [{ reason: 'probe', series: 3 }],
  };
  t.is(
    explanationText(answer, {}).split('\n\n').slice(2).join('\n\n'),
    `TARGET          RECEIVER   POD     HEALTH   LAST SCRAPE   ERROR
10.0.0.1:4191   linkerd    web-1   down     -             connect

VALUE   MEANS                       TARGET          SERIES
   12   server success              10.0.0.1:4191   a_total{b="c"}
    -   server latency_bucket all   10.0.0.1:4191   a_bucket
and 7 more series (--limit lists more)
left out on these pages, series by reason: 3 probe
`,
  );
});
