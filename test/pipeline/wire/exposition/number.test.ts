/** @module Numbers on a page's line: their grammar, their longest text, and that none takes long to refuse. */
import test from 'ava';
import { parseNumber, readRest } from '../../../../pipeline/wire/exposition/number.ts';
import { ScanWindow } from '../../../../pipeline/wire/exposition/window.ts';
import { cpuMs } from '../../../kit/cpu.ts';

/** The value behind a series, or what is wrong with the rest of its line. */
function rest(text: string): number | string {
  const window = new ScanWindow();
  const start = window.lookInto(Buffer.from(text, 'latin1'));
  const out = new Float64Array(1);
  return readRest(window, start, start + text.length, out) ?? out[0]!;
}

const DIGITS = '1'.repeat(1_000_000);
for (const [what, text, expected] of [
  ['a million digits and a letter', ` ${DIGITS}x`, 'bad_value'],
  ['a million digits', ` ${DIGITS}`, 'bad_value'],
  ['a million digits and an exponent', ` ${DIGITS}.${DIGITS}e+x`, 'bad_value'],
  ['a timestamp of a million digits and a letter', ` 1 ${DIGITS}x`, 'bad_timestamp'],
  ['a timestamp of a million digits', ` 1 ${DIGITS}`, 'bad_timestamp'],
  ['401 bytes', ` 0.${'1'.repeat(399)}`, 'bad_value'],
  ['400 bytes', ` 0.${'1'.repeat(398)}`, 1 / 9],
  ['the greatest double without an exponent', ` ${BigInt(Number.MAX_VALUE)}.0`, Number.MAX_VALUE],
  ['a point at the end', ' 1234567890123456.', 1234567890123456],
  ['a point at the start', ' .5e1', 5],
  ['a point alone', ' .', 'bad_value'],
] as const) {
  test(`the rest of a line: ${what}`, (t) => {
    const tookMs = cpuMs(() => t.is(rest(text), expected));
    t.true(tookMs < 1000, `${tookMs} ms of CPU`);
  });
}

for (const [text, expected] of [
  ['+Inf', Number.POSITIVE_INFINITY],
  ['Inf', Number.POSITIVE_INFINITY],
  ['inf', Number.POSITIVE_INFINITY],
  ['1e3', 1000],
  ['+5.', 5],
  ['0x10', null],
  ['1_0', null],
  [' 5', null],
  ['5 ', null],
  ['', null],
  ['1e999', null],
] as const) {
  test(`as a number "${text}" is ${expected}`, (t) => t.is(parseNumber(text), expected));
}
