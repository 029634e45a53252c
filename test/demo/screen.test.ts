/** @module The demo's display: cut to any terminal, given back as it was, readable lines elsewhere. */
import test from 'ava';
import { createFrame, summary, waiting } from '../../demo/frame.ts';
import { clip, createScreen, fitFrame, type Output } from '../../demo/screen.ts';

const RED = '\u001b[31m';
const RESET = '\u001b[0m';

class Recorder implements Output {
  readonly isTTY: boolean;
  columns = 40;
  rows = 6;
  text = '';
  readonly listeners = new Set<() => void>();
  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }
  write(text: string): boolean {
    this.text += text;
    return true;
  }
  on(_event: 'resize', listener: () => void): void {
    this.listeners.add(listener);
  }
  off(_event: 'resize', listener: () => void): void {
    this.listeners.delete(listener);
  }
}

const LINES = Array.from({ length: 9 }, (_, i) => `row ${i}`);

test('a frame that is too high loses empty lines, then rows of its table, and says how many', (t) => {
  const frame = { top: ['title', ''], table: LINES, bottom: ['', 'hint', 'hint'], whole: 'weir edges' };
  t.deepEqual(fitFrame(frame, 80, 40), ['title', '', ...LINES, '', 'hint', 'hint']);
  t.deepEqual(fitFrame(frame, 80, 12), ['title', ...LINES, 'hint', 'hint']);
  t.deepEqual(fitFrame(frame, 80, 7), ['title', 'row 0', 'row 1', 'row 2', '… 6 more: weir edges', 'hint', 'hint']);
  t.deepEqual(fitFrame({ ...frame, pinned: [7] }, 80, 6), [
    'title',
    'row 0',
    'row 7',
    '… 7 more: weir edges',
    'hint',
    'hint',
  ]);
  t.deepEqual(fitFrame(frame, 80, 4), ['title', 'row 0', 'row 1', '… 7 more: weir edges']);
  t.is(fitFrame(frame, 80, 1).length, 1);
});

test('lines around the table wrap and are counted as the rows they take', (t) => {
  const long = `${RED}${'x'.repeat(25)}${RESET}`;
  const frame = { top: ['title'], table: LINES, bottom: [long], whole: 'w' };
  t.deepEqual(fitFrame(frame, 10, 7), ['title', 'row 0', 'row 1', '… 7 more: ', long]);
});

test('every command stands whole on a terminal of 80 columns and 24 rows, with the rows to look at', (t) => {
  const end = (namespace: string, name: string) => ({ namespace, name, kind: 'Deployment' });
  const names = [...'abcdefghijklmnop'].map((name) => [end('aa', name), end('aa', 'x')] as const);
  const rows = [
    ...names,
    [end('payments', 'checkout'), end('payments', 'fraud')] as const,
    [end('shop', 'web'), end('shop', 'recommend')] as const,
  ].map(([source, destination]) => ({ source, destination, successRate: 1, ratePerSecond: 1, latencyMs: null }));
  const frame = createFrame({ ...BASE, moved: [], rows });
  const lines = fitFrame(frame, 80, 24);
  t.true(lines.reduce((sum, line) => sum + Math.ceil(line.length / 80), 0) <= 24);
  for (const line of frame.bottom) if (line !== '') t.true(lines.includes(line), line);
  t.true(lines.some((line) => line.startsWith('shop/web ')));
  t.true(
    lines.includes(
      'Look at payments/checkout -> payments/fraud (fails often) and shop/web -> shop/recommend (is slow).',
    ),
  );
  t.regex(lines.join('\n'), /^… \d+ more: bin\/weir edges --url http:\/\/127\.0\.0\.1:8081$/m);
});

test('lines are cut at the width of the terminal, colours ended, wide letters whole', (t) => {
  t.is(clip('abcdef', 6), 'abcdef');
  t.is(clip('abcdef', 3), 'abc');
  t.is(clip(`ab${RED}cd${RESET}ef`, 3), `ab${RED}c${RESET}`);
  t.is(clip(`ab${RED}cd${RESET}ef`, 6), `ab${RED}cd${RESET}ef`);
  t.is(clip('漢字', 3), '漢');
});

test('a terminal is drawn in place, drawn again when its size changes, and given back once', (t) => {
  const output = new Recorder(true);
  const screen = createScreen(output, {});
  t.true(screen.inPlace);
  screen.show({ top: ['a'], table: LINES, bottom: [] });
  t.is(output.listeners.size, 1);
  t.true(output.text.startsWith('\u001b[?1049h\u001b[?25l\u001b[H'));
  t.false(output.text.includes('row 8'));
  output.rows = 30;
  for (const listener of output.listeners) listener();
  t.true(output.text.includes('row 8'));
  screen.close();
  screen.close();
  t.is(output.listeners.size, 0);
  t.is(output.text.split('\u001b[?25h\u001b[?1049l').length, 2);
});

test('a terminal that was never drawn on is left alone', (t) => {
  const output = new Recorder(true);
  createScreen(output, {}).close();
  t.is(output.text, '');
});

test('elsewhere, and on a dumb terminal, frames are plain lines', (t) => {
  for (const [isTty, env] of [
    [false, {}],
    [true, { TERM: 'dumb' }],
  ] as const) {
    const output = new Recorder(isTty);
    const screen = createScreen(output, env);
    t.false(screen.inPlace);
    screen.show({ top: ['a'], table: LINES, bottom: ['z'] });
    t.is(output.text, `a\n${LINES.join('\n')}\nz\n`);
  }
});

const ADDRESSES = {
  ...{ host: '127.0.0.1', smiPort: 8081, metricsPort: 8888, healthPort: 13133, kafka: null },
  ...{ otlpGrpcPort: 4317, otlpHttpPort: 4318, tracesPort: 4320 },
};
const SPANS = { sent: 120, received: 121 };
const BASE = { addresses: ADDRESSES, waitMs: 3200, notices: [], spans: SPANS, color: false, withHints: true };

test('before the first numbers the frame says when they come and which ports were taken', (t) => {
  const frame = createFrame({ ...BASE, moved: ['Port 8080 is taken: the SMI API is on 8081.'], rows: null });
  t.true(frame.top.includes('Port 8080 is taken: the SMI API is on 8081.'));
  t.deepEqual(frame.table, ['first numbers in 4s']);
});

test('the wait is in whole seconds, at least one', (t) => {
  t.is(waiting(0), 'first numbers in 1s');
  t.is(waiting(3001), 'first numbers in 4s');
});

test('with numbers the frame is the table and what to try next', (t) => {
  const quantile = (value: number) => ({ value, lo: 10, hi: 20 });
  const rows = [
    {
      source: { namespace: 'shop', name: 'web', kind: 'Deployment' },
      destination: { namespace: 'payments', name: 'checkout', kind: 'Deployment' },
      successRate: 0.801,
      ratePerSecond: 12.34,
      latencyMs: { p50: quantile(12), p90: quantile(80), p99: quantile(1200) },
    },
  ];
  const frame = createFrame({ ...BASE, moved: [], rows });
  t.regex(frame.table[1] ?? '', /^shop\/web +payments\/checkout +80\.10% +12\.3 +12ms +80ms +1\.2s *$/);
  const text = frame.bottom.join('\n');
  t.regex(text, /curl http:\/\/127\.0\.0\.1:8081\/apis\/metrics\.smi-spec\.io/);
  t.regex(text, /bin\/weir run -c config\.yaml/);
  t.regex(text, /^Figures cover the last 10s\. Spans: 120 from these proxies, 121 came out\.$/m);
  t.regex(text, /^ {2}newest traces +curl http:\/\/127\.0\.0\.1:4320$/m);
  t.regex(
    text,
    /OTEL_EXPORTER_OTLP_ENDPOINT=http:\/\/127\.0\.0\.1:4318 OTEL_EXPORTER_OTLP_PROTOCOL=http\/protobuf .*gRPC: 4317\)/,
  );
  t.notRegex(text, /Look at/);
  t.notRegex(text, /kafka/);
  t.deepEqual(createFrame({ ...BASE, moved: [], rows, withHints: false }).bottom, []);
});

test('the summary tells how long, how many scrapes, edges and spans', (t) => {
  t.is(
    summary(20_400, 130, 18, SPANS),
    'weir demo: ran 20s, 130 scrapes, 18 edges in the last window, 120 spans in, 121 out',
  );
});
