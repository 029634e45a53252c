/** @module The scanner reads its page and nothing beside it: whatever else lies in the memory it looks into changes no result. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { OWN_BYTES, WINDOW } from '../../pipeline/wire/exposition/window.ts';
import { budget } from '../kit/budget.ts';
import { cut, rule, ScanBench } from '../kit/scan.ts';

const WANTED = new Map([rule('req_total'), rule('start', 'gauge')]);

/** What a scanner that reads on would take for more of the page: digits, line ends, labels, whole lines. */
const LITTER = ['9', '\n', ' ', '"', '}', 'e', '\r', '0 ', '77\n', '\nreq_total{a="1"} 77\n', '="1"} 5\nreq_total 6\n'];

/** Starts of lines at which a page may end, or a piece of it. */
const LINES = [
  'req_total{a="1"} 12',
  'req_total{a="1"} 1',
  'req_total{a="1"} ',
  'req_total{a="1"}',
  'req_total{a="1"',
  'req_total{a="1',
  'req_total{a=',
  'req_total{',
  'req_total',
  'req_tot',
  'req_total 3',
  'req_total 3 1700000000',
  'req_total 3 # {trace="x',
  'start 1.',
  'start 1.5e',
  '# TYPE req_total coun',
  '# EO',
  '#',
  '',
];

/** Bytes of litter on either side of a piece. */
const MARGIN = 37;

function litter(text: string): void {
  WINDOW.bytes.fill(text);
}

/** A copy of `piece` amid litter, at an odd place of its memory. */
function amid(piece: Uint8Array, text: string): Uint8Array {
  const memory = Buffer.from(new ArrayBuffer(piece.length + 2 * MARGIN + 1)).fill(text);
  memory.set(piece, MARGIN);
  return memory.subarray(MARGIN, MARGIN + piece.length);
}

/** The pieces amid litter, with the window overwritten before each and once more before the page's end. */
function* littered(pieces: readonly Uint8Array[], text: string): Generator<Uint8Array> {
  for (const piece of pieces) {
    litter(text);
    const shown = amid(piece, text);
    const before = Buffer.from(shown.buffer.slice(0));
    yield shown;
    if (!before.equals(Buffer.from(shown.buffer))) throw new Error('the scanner wrote into a piece or beside it');
  }
  litter(text);
}

for (const text of LITTER) {
  test(`a page that ends anywhere is the same beside a window full of ${JSON.stringify(text)}`, (t) => {
    const bench = new ScanBench({ wanted: WANTED });
    const whole = Buffer.from('# TYPE req_total counter\nreq_total{a="1"} 12\nreq_total 3\nstart 1.5\n');
    t.is(bench.difference(whole, littered([whole], text)), null);
    for (const line of LINES) {
      for (const end of ['', '\n']) {
        const page = Buffer.from(`req_total{a="1"} 12\n${line}${end}`);
        t.is(bench.difference(page, littered([page], text)), null, JSON.stringify(line + end));
        // As a known line at its expected place, which the hot loop reads.
        t.is(bench.difference(page, littered(cut(page, [20]), text)), null, JSON.stringify(line + end));
        t.is(bench.difference(whole, littered([whole], text)), null);
      }
    }
  });
}

test('a recorded page cut anywhere, in any pieces, is the same beside any litter', (t) => {
  const file = new URL('../data/linkerd/real-29637b64f-web-3.prom', import.meta.url);
  const page = readFileSync(file);
  const bench = new ScanBench({ wanted: new Map([rule('response_total'), rule('response_latency_ms_bucket')]) });
  const run = fc.tuple(fc.nat(page.length), fc.array(fc.nat(), { maxLength: 6 }), fc.constantFrom(...LITTER));
  fc.assert(
    fc.property(run, ([length, cuts, text]) => {
      const shown = page.subarray(0, length);
      const difference =
        bench.difference(shown, littered(cut(shown, cuts), text)) ?? bench.difference(page, littered([page], text));
      if (difference !== null) throw new Error(difference);
    }),
    { numRuns: budget('scannerRuns', 150) },
  );
  t.pass();
});

test('a line put together to fill the window to its last byte is read to there and no further', (t) => {
  const series = 'req_total{a="1"}';
  for (const size of [-2, -1, 0, 1, 2].map((more) => OWN_BYTES + more)) {
    const page = Buffer.from(`${series}${'3'.padStart(size - series.length)}`);
    const bench = new ScanBench({ wanted: WANTED });
    for (const text of LITTER) t.is(bench.difference(page, littered(cut(page, [20]), text)), null, `${size} ${text}`);
  }
});
