/** @module References to the environment, against the Collector's table of escapes, and for any text. */
import test from 'ava';
import fc from 'fast-check';
import { expandText } from '../../../pipeline/config/expand.ts';
import { editDistance, nearest } from '../../../pipeline/config/nearest.ts';

const ENV = { X: 'val', EMPTY: '', MONEY: 'a$$b${env:X}' };

const cases: [text: string, expanded: string][] = [
  ['$$X', '$X'],
  ['$$$$X', '$$X'],
  ['$$${X}', '$val'],
  ['$$${env:X}', '$val'],
  ['a${X}b', 'avalb'],
  ['a$${X}b', 'a${X}b'],
  ['t$$', 't$'],
  ['$$', '$'],
  ['$${1}$${env:2}', '${1}${env:2}'],
  ['$X', '$X'],
  ['${env:NOPE:-dflt}', 'dflt'],
  ['${env:NOPE:-}', ''],
  ['${env:NOPE:-${env:X}}', 'val'],
  ['${env:NOPE:-$${env:NOPE}}', '${env:NOPE}'],
  ['${env:EMPTY:-dflt}', ''],
  ['${env:NOPE:-http://h:1/}', 'http://h:1/'],
  // What a variable holds is not scanned again.
  ['${env:MONEY}', 'a$$b${env:X}'],
];

test('references expand as the table says', (t) => {
  for (const [text, expanded] of cases) t.is(expandText(text, ENV).text, expanded, text);
});

const faults: [text: string, kind: string, what: string, offset: number][] = [
  ['ab${env:NOPE}', 'unset', 'NOPE', 2],
  ['${env:no-name}', 'malformed', '"no-name" is no name of a variable', 0],
  ['${1}', 'malformed', '"1" is no name of a variable; a group of an expression is written $1 or $${1}', 0],
  ['x${env:X', 'malformed', 'it is not closed by }', 1],
  ['${file:/etc/passwd}', 'malformed', 'the scheme "file" is not known, only env', 0],
  ['${env:toString}', 'unset', 'toString', 0],
  ['${env:NOPE:-ab${env:NOPE2}}', 'unset', 'NOPE2', 14],
];

test('a reference that cannot be followed says why and where', (t) => {
  for (const [text, kind, what, offset] of faults) {
    t.like(expandText(text, ENV).faults, { 0: { kind, what, offset }, length: 1 }, text);
  }
});

test('text without a dollar stays, any text ends, and faults lie inside it', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'e', 'env:', 'X', ':-', 'a') }), (text) => {
      const { text: out, faults } = expandText(text, ENV);
      if (!text.includes('$')) t.is(out, text);
      for (const fault of faults) {
        t.true(fault.offset >= 0 && fault.offset + fault.length <= text.length);
        t.is(text[fault.offset], '$');
      }
    }),
  );
});

test('escaping dollars gives any text back', (t) => {
  fc.assert(fc.property(fc.string(), (text) => t.is(expandText(text.replaceAll('$', '$$$$'), {}).text, text)));
});

test('the nearest name is at most two edits away, or a beginning', (t) => {
  t.is(nearest('endpont', ['endpoint', 'interval']), 'endpoint');
  t.is(nearest('edn', ['end']), 'end');
  t.is(nearest('scrape', ['scheme', 'scrape_interval']), 'scrape_interval');
  t.is(nearest('xyz', ['endpoint', 'timeout']), null);
  t.is(nearest('a', ['b']), null);
  t.is(editDistance('kitten', 'sitting', 9), 3);
});
