/** @module The edge table reads as written in docs: figures with units, names escaped, worst news never rounded away. */
import test from 'ava';
import { type EdgeRow, renderEdges } from '../../../pipeline/cli/edge-table.ts';
import { formatMs, formatQuantile, formatRate, formatSuccess } from '../../../pipeline/cli/format.ts';
import { cellWidth, wantsColor } from '../../../pipeline/cli/text.ts';
import { printable } from '../../../pipeline/wire/printable.ts';

const end = (name: string, namespace = 'emojivoto', kind = 'Deployment') => ({ namespace, name, kind });
const at = (value: number) => ({ value, lo: value, hi: value });

function edge(from: string | null, to: string, over: Partial<EdgeRow> = {}): EdgeRow {
  return {
    source: from === null ? null : end(from),
    destination: end(to),
    successRate: 1,
    ratePerSecond: 2,
    latencyMs: { p50: at(1), p90: at(5), p99: at(12) },
    ...over,
  };
}

test('edges of one namespace are named without it, sorted, with numbers on the right', (t) => {
  const rows = [
    edge('web', 'voting', {
      successRate: 0.8123,
      ratePerSecond: 12.34,
      latencyMs: { p50: at(4.5), p90: at(90), p99: at(1234) },
    }),
    edge('web', 'emoji'),
    edge(null, 'web', { successRate: null, ratePerSecond: null, latencyMs: null }),
  ];
  t.is(
    renderEdges(rows),
    [
      'SOURCE      DESTINATION   SUCCESS    RPS     P50    P90    P99',
      '(unknown)   web                 -      -       -      -      -',
      'web         emoji         100.00%   2.00     1ms    5ms   12ms',
      'web         voting         81.23%   12.3   4.5ms   90ms   1.2s',
      '',
    ].join('\n'),
  );
});

test('more than one mesh is told, one is not', (t) => {
  const rows = [edge('web', 'emoji', { mesh: 'istio' }), edge('web', 'voting', { mesh: 'envoy', counts: 'requests' })];
  t.is(
    renderEdges(rows),
    [
      'SOURCE   DESTINATION   SUCCESS    RPS   P50   P90    P99   COUNTS     MESH',
      'web      emoji         100.00%   2.00   1ms   5ms   12ms              istio',
      'web      voting        100.00%   2.00   1ms   5ms   12ms   requests   envoy',
      '',
    ].join('\n'),
  );
  t.notRegex(renderEdges(rows.slice(0, 1)), /MESH|istio/);
});

test('more than one namespace, or being asked, writes namespace/name', (t) => {
  const rows = [edge('web', 'emoji', { destination: end('emoji', 'other') })];
  t.regex(renderEdges(rows), /^emojivoto\/web {3}other\/emoji /m);
  t.regex(renderEdges([edge('web', 'emoji')], { allNamespaces: true }), /^emojivoto\/web {3}emojivoto\/emoji /m);
});

test('a namespace keeps the edges that begin or end in it', (t) => {
  const rows = [
    edge('a', 'b', { source: end('a', 'one'), destination: end('b', 'two') }),
    edge('c', 'd', { source: end('c', 'three'), destination: end('d', 'three') }),
  ];
  t.is(renderEdges(rows, { namespace: 'two', headers: false }), 'one/a   two/b   100.00%   2.00   1ms   5ms   12ms\n');
});

test('names that try to steer the terminal are shown, not obeyed', (t) => {
  const text = renderEdges([edge('we\u001b[31mb', 'v\u202eoting')], { headers: false });
  t.is(text, 'we\\x1b[31mb   v\\u202eoting   100.00%   2.00   1ms   5ms   12ms\n');
});

test('colour only marks poor success, and only when asked', (t) => {
  const rows = [edge('a', 'b', { successRate: 0.5 }), edge('a', 'c', { successRate: 0.97 }), edge('a', 'd')];
  const text = renderEdges(rows, { color: true, headers: false });
  t.true(text.includes('\u001b[31m50.00%\u001b[0m'));
  t.true(text.includes('\u001b[33m97.00%\u001b[0m'));
  t.false(text.split('\n')[2]!.includes('\u001b'));
  t.false(renderEdges(rows).includes('\u001b'));
});

test('a peer known by its account only says so', (t) => {
  const rows = [edge('web', 'x', { source: end('web', 'emojivoto', 'ServiceAccount') })];
  t.regex(renderEdges(rows, { headers: false }), /^sa:web {3}x /);
});

const success: [number | null, string][] = [
  [null, '-'],
  [0, '0.00%'],
  [0.000001, '0.01%'],
  [0.9973, '99.73%'],
  [0.999999, '99.99%'],
  [1, '100.00%'],
];
const rates: [number | null, string][] = [
  [null, '-'],
  [0, '0.00'],
  [0.001, '<0.01'],
  [1.256, '1.26'],
  [9.999, '10.0'],
  [99.96, '100'],
  [12345.6, '12346'],
];
const lengths: [number, string][] = [
  [0, '0ms'],
  [0.4, '<1ms'],
  [1, '1ms'],
  [4.56, '4.6ms'],
  [9.96, '10ms'],
  [12.4, '12ms'],
  [999.6, '1s'],
  [1234, '1.2s'],
  [45_000, '45s'],
  [320_000, '5m20s'],
  [10_920_000, '3h2m'],
];

test('figures read as documented', (t) => {
  for (const [value, text] of success) t.is(formatSuccess(value), text);
  for (const [value, text] of rates) t.is(formatRate(value), text);
  for (const [value, text] of lengths) t.is(formatMs(value), text);
  t.is(formatQuantile({ value: 10_000, lo: 10_000, hi: null }), '>10s');
  t.is(formatQuantile(null), '-');
});

test('printable leaves ordinary text alone and escapes the rest', (t) => {
  t.is(printable('Zürich 東京 🚀'), 'Zürich 東京 🚀');
  t.is(printable('a\nb\u009bc\ufeffd\ud800'), 'a\\x0ab\\x9bc\\ufeffd\\ud800');
  t.is(cellWidth('東京'), 4);
  t.is(cellWidth('e\u0301'), 1);
});

test('colour follows the terminal, NO_COLOR and the flag', (t) => {
  t.true(wantsColor('auto', true, {}));
  t.false(wantsColor('auto', false, {}));
  t.false(wantsColor('auto', true, { NO_COLOR: '1' }));
  t.false(wantsColor('auto', true, { TERM: 'dumb' }));
  t.true(wantsColor('always', false, { NO_COLOR: '1' }));
  t.false(wantsColor('never', true, {}));
});

test('a long name is cut in the middle, so that it does not widen every row', (t) => {
  const exact = 'n'.repeat(60);
  const generated = `${'a'.repeat(29)}-${'b'.repeat(5_000)}-${'c'.repeat(28)}`;
  for (const [name, shown] of [
    [exact, exact],
    [`${exact}n`, `${'n'.repeat(30)}…${'n'.repeat(29)}`],
    [generated, `${'a'.repeat(29)}-…-${'c'.repeat(28)}`],
    ['\u001b'.repeat(5_000), `${'\\x1b'.repeat(7)}\\x…`],
  ] as const) {
    const text = renderEdges([edge(name, 'b')], { headers: false });
    t.true(text.startsWith(shown), text);
    t.true(text.indexOf('   b   ') <= 60, text);
  }
});

test('what was counted is a column where the answer tells it', (t) => {
  const rows = [edge('web', 'emoji', { counts: 'requests' }), edge('web', 'voting', { counts: 'attempts' })];
  t.deepEqual(
    renderEdges(rows)
      .split('\n')
      .map((line) => line.split(/ {2,}/).at(-1)),
    ['COUNTS', 'requests', 'attempts', ''],
  );
});
