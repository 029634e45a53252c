/** @module What of addresses is masked, and what stays readable. */
import test from 'ava';
import fc from 'fast-check';
import { maskUrls, urlSecrets } from '../../../pipeline/wire/url-secrets.ts';
import { cpuMs } from '../../kit/cpu.ts';

/** Text from outside → the same, safe to print. */
const TEXTS: readonly (readonly [text: string, masked: string])[] = [
  ['http://me:pw@host/path?key=s#f', 'http://***@host/path?***'],
  ['http://token@host', 'http://***@host'],
  ['http://me:p@w@host/x', 'http://***@host/x'],
  ['http://me:p/w@host/x', 'http://***@host/x'],
  ['http://me:p?w@host/x', 'http://***@host/x'],
  ['https://host/@scope/a@1', 'https://host/@scope/a@1'],
  ['https://[::1]:4318/x', 'https://[::1]:4318/x'],
  ['http://host#token', 'http://host#***'],
  ['http://host?', 'http://host?'],
  ['see http://host?a=b, and (http://host?c=d).', 'see http://host?***, and (http://host?***'],
  ['{ endpoint: http://host?a=b, b: c }', '{ endpoint: http://host?***, b: c }'],
  ['"http://host?a=b" is no URL', '"http://host?***" is no URL'],
  ["'http://host?a=b' failed", "'http://host?***' failed"],
  ["http://host?a='b'", 'http://host?***'],
  ['a@b?c=d', 'a@b?c=d'],
  ['x://', 'x://'],
  ['://?', '://?'],
];

for (const [text, masked] of TEXTS) {
  test(`${text} → ${masked}`, (t) => {
    t.is(maskUrls(text), masked);
  });
}

test('a text that is one address needs no scheme, and may hold blanks', (t) => {
  t.is(maskUrls('host:4318/x?key=a b', true), 'host:4318/x?***');
  t.is(maskUrls('me:pw@host:4318', true), '***@host:4318');
  t.is(maskUrls('host:4318', true), 'host:4318');
  t.is(maskUrls('/next?key=s', true), '/next?***');
});

test('ranges are in order, apart and inside the text', (t) => {
  const piece = fc.oneof(fc.constantFrom('://', '@', '?', '#', ':', '/', "'", '"', ' ', ',', 'http'), fc.string());
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.boolean(), (pieces, isAddress) => {
      const text = pieces.join('');
      let last = 0;
      for (const [start, end] of urlSecrets(text, isAddress)) {
        t.true(start >= last && end > start && end <= text.length, JSON.stringify(text));
        last = end;
      }
    }),
    { numRuns: 500 },
  );
});

for (const piece of ['://', 'a://b@', '://?,', "'://x", '://a:b@?', '@://', 'a.b-']) {
  test(`a megabyte of ${piece} is looked through at once`, (t) => {
    t.timeout(10_000);
    const text = piece.repeat(Math.ceil(1e6 / piece.length));
    const tookMs = cpuMs(() => {
      maskUrls(text);
      maskUrls(text, true);
    });
    t.true(tookMs < 2000, `${tookMs} ms of CPU`);
  });
}
