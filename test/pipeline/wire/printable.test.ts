/** @module Text from outside shows all that is in it, and nothing in it is obeyed. */
import test from 'ava';
import fc from 'fast-check';
import { printable, printableShort } from '../../../pipeline/wire/printable.ts';

for (const [hidden, shown] of [
  ['\u{e0001}', '\\u{e0001}'],
  ['\u00ad', '\\xad'],
  ['\u180e', '\\u180e'],
  ['\u2800', '\\u2800'],
  ['\u3164', '\\u3164'],
  ['\ufe00', '\\ufe00'],
  ['\ufe0f', '\\ufe0f'],
  ['\u{e0100}', '\\u{e0100}'],
  ['\u200b', '\\u200b'],
  ['\u202e', '\\u202e'],
  ['\u2028', '\\u2028'],
  ['\ufeff', '\\ufeff'],
  ['\u001b', '\\x1b'],
  ['\u009b', '\\x9b'],
  ['\n', '\\x0a'],
  ['\ud800', '\\ud800'],
  ['\udc00', '\\udc00'],
] as const) {
  test(`${shown} is shown`, (t) => t.is(printable(`a${hidden}b`), `a${shown}b`));
}

test('letters, signs and pictures of all scripts stay as they are', (t) => {
  const text = 'web-1 größe 東京 שלום \u{1f600} ~"\'\\';
  t.is(printable(text), text);
});

test('whatever comes in, what goes out is well formed and has nothing left to escape', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 20 }), (text, length) => {
      const shown = printable(text);
      t.true(shown.isWellFormed());
      t.is(printable(shown), shown);
      t.is(printable(printableShort(text, length)), printableShort(text, length));
    }),
  );
});
