/** @module Words of an exposition: escaping that loses nothing a reader can take, bounds without noise, names of sets. */
import test from 'ava';
import fc from 'fast-check';
import {
  boundsName,
  escapeHelp,
  escapeLabelValue,
  labelsText,
  secondsText,
  timestampText,
} from '../../../../pipeline/wire/exposition-out/text.ts';
import { LINKERD_BOUNDS_MS } from '../../../kit/traffic.ts';

for (const [value, escaped] of [
  ['', ''],
  ['web', 'web'],
  ['a"b', 'a\\"b'],
  ['a\\b', 'a\\\\b'],
  ['a\nb', 'a\\nb'],
  ['\\n', '\\\\n'],
  ['a\rb\tc', 'a\rb\tc'],
  ['{}=,# ', '{}=,# '],
  ['grün 漢字 🚀', 'grün 漢字 🚀'],
  ['half \ud83d pair', 'half \ufffd pair'],
  ['nul \0 byte', 'nul \ufffd byte'],
  ['\ud83d"\0', '\ufffd\\"\ufffd'],
] as const) {
  test(`label value ${JSON.stringify(value)}`, (t) => t.is(escapeLabelValue(value), escaped));
}

test('property: reading an escaped value gives the value back, in one line', (t) => {
  const read = (text: string) => text.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const escaped = escapeLabelValue(value);
      t.false(/[\n\0]|(?<!\\)(?:\\\\)*"/.test(escaped));
      t.is(read(escaped), value.toWellFormed().replaceAll('\0', '\ufffd'));
      t.is(Buffer.from(escaped).toString(), escaped);
    }),
  );
});

test('labels stand in their order without braces', (t) => {
  t.is(
    labelsText([
      ['a', 'x'],
      ['b', '"'],
    ]),
    'a="x",b="\\""',
  );
  t.is(labelsText([]), '');
});

for (const [ms, text] of [
  [1, '0.001'],
  [0.5, '0.0005'],
  [0.1, '0.0001'],
  [5, '0.005'],
  [30, '0.03'],
  [100, '0.1'],
  [250, '0.25'],
  [1000, '1.0'],
  [2500, '2.5'],
  [50_000, '50.0'],
  [3_600_000, '3600.0'],
  [1e9, '1000000.0'],
  [1e24, '1000000000000000000000.0'],
  [1e-7, '0.0000000001'],
  [1.1, '0.0011'],
  [4.35, '0.00435'],
  [0, '0.0'],
  [-2.5, '-0.0025'],
  [Number.POSITIVE_INFINITY, '+Inf'],
] as const) {
  test(`${ms} ms are ${text} s`, (t) => t.is(secondsText(ms), text));
}

test('property: a bound in seconds is the exact decimal of the one in milliseconds', (t) => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), (ms) => {
      const [whole = '', fraction = ''] = secondsText(ms).split('.');
      const moved = `${whole}${fraction.padEnd(3, '0').slice(0, 3)}.${fraction.slice(3)}`;
      t.is(Number(moved), ms);
    }),
  );
});

test('start times carry milliseconds', (t) => {
  t.is(timestampText(1_700_000_010_000), '1700000010.000');
  t.is(timestampText(1_700_000_010_007.9), '1700000010.007');
  t.is(timestampText(0), '0.000');
});

test('sets of bounds have short names that differ where they do', (t) => {
  t.regex(boundsName(LINKERD_BOUNDS_MS), /^25-[0-9a-f]{8}$/);
  t.is(boundsName([...LINKERD_BOUNDS_MS]), boundsName(LINKERD_BOUNDS_MS));
  t.not(boundsName([1, 2]), boundsName([1, 3]));
  t.not(boundsName([1, 2]), boundsName([12]));
});

test('help is one line', (t) => t.is(escapeHelp('a\n"b\\c'), 'a\\n\\"b\\\\c'));
