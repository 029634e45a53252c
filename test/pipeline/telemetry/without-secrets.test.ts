/** @module What others quote of secrets, whole or in parts, does not come into logs and the drop journal. */
import test from 'ava';
import fc from 'fast-check';
import { Balance } from '../../../pipeline/balance.ts';
import { secretsIn } from '../../../pipeline/config/secrets.ts';
import { Secret } from '../../../pipeline/config/types.ts';
import { DropJournal } from '../../../pipeline/telemetry/drop-journal.ts';
import { createLogger } from '../../../pipeline/telemetry/pino-logger.ts';
import { withoutSecrets } from '../../../pipeline/telemetry/without-secrets.ts';
import { createTestClock } from '../../kit/clock.ts';

const TOKEN = 'eyJhbGciOi-9f86d081884c7d65';

for (const [text, shown] of [
  ['', ''],
  ['no such tenant', 'no such tenant'],
  [`bad token ${TOKEN}!`, 'bad token ***!'],
  [`bad token ${TOKEN.slice(0, 8)}…`, 'bad token ***…'],
  [`bad token ${TOKEN.slice(0, 7)}…`, `bad token ${TOKEN.slice(0, 7)}…`],
  [`ends ${TOKEN.slice(-8)}`, 'ends ***'],
  [`${TOKEN.slice(3, 14)}${TOKEN.slice(9, 20)} twice`, '*** twice'],
  [`Bearer ${TOKEN}`, '***'],
  ['Bearer token is missing', 'Bearer token is missing'],
  ['Bearer e', 'Bearer e'],
  ['pin 4711, or 471', 'pin ***, or 471'],
] as const) {
  test(`${JSON.stringify(text)} is shown as ${JSON.stringify(shown)}`, (t) => {
    t.is(withoutSecrets(text, secretsIn([new Secret(`Bearer ${TOKEN}`), new Secret('4711')])), shown);
  });
}

test('without secrets a text is left alone', (t) => {
  t.is(withoutSecrets(TOKEN, []), TOKEN);
  t.is(withoutSecrets('any text', ['']), 'any text');
});

// Neither side has an asterisk, which the marks are made of.
const letters = (minLength: number, maxLength: number, alphabet = 'abA1.-_+/= ') =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength });
const secret = fc.oneof(
  letters(8, 60),
  letters(8, 60).map((text) => `Bearer ${text}`),
  letters(4, 12, 'ab'),
);
/** Noise with parts of secrets in it, as one that quotes might cut. */
const quoting = fc
  .tuple(
    fc.array(secret, { minLength: 1, maxLength: 3 }),
    fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), letters(0, 9))),
  )
  .map(([secrets, quotes]) => ({
    secrets,
    text: quotes
      .map(([which, from, length, noise]) => {
        const quoted = secrets[which % secrets.length]!;
        const start = from % quoted.length;
        return noise + quoted.slice(start, start + (length % (quoted.length + 1)));
      })
      .join(''),
  }));

/** The first part of 8 characters of a credential, or a whole secret, that `shown` holds; null for none. */
function leaked(shown: string, secrets: readonly string[]): string | null {
  for (const one of secrets) {
    const credential = one.replace(/^Bearer +/, '');
    for (let at = 0; at + 8 <= credential.length; at++) {
      const part = credential.slice(at, at + 8);
      if (shown.includes(part)) return part;
    }
    if (one.length >= 4 && shown.includes(one)) return one;
  }
  return null;
}

test('no 8 characters in a row of any secret are left, whatever is quoted, and nothing else is taken', (t) => {
  fc.assert(
    fc.property(quoting, ({ secrets, text }) => {
      const shown = withoutSecrets(text, secrets);
      t.is(leaked(shown, secrets), null);
      // What is left stands in the text, in that order.
      let at = 0;
      for (const piece of shown.split('***')) {
        const found = text.indexOf(piece, at);
        t.true(found >= at, `${JSON.stringify(piece)} of ${JSON.stringify(text)}`);
        at = found + piece.length;
      }
      if (leaked(text, secrets) === null) t.is(shown, text);
    }),
    { numRuns: 2000 },
  );
});

test('neither a line of the log nor an entry of the journal holds 8 characters in a row of one, wherever the text is cut', (t) => {
  fc.assert(
    fc.property(quoting, fc.nat({ max: 9000 }), ({ secrets, text }, before) => {
      const hidden = secretsIn(secrets.map((one) => new Secret(one)));
      const said = `${'x'.repeat(before)}${text}`;
      const lines: string[] = [];
      const log = createLogger({ level: 'info', encoding: 'json', write: (line) => lines.push(line) });
      const failure = new Error(said, { cause: { [said]: new Map([[said, said]]) } });
      log.child({ said }, hidden).warn({ error: failure, list: [said] }, 'dropped');
      t.is(leaked(lines.join(''), secrets), null);
      const journal = new DropJournal(createTestClock(), { maxEntries: 1, maxErrors: 1 });
      const books = new Balance(journal.observer('exporter', 'otlp', 'spans', hidden));
      books.drop('rejected', 1, { error: said, sample: () => ({ span: said, metric: text }) });
      const { error, sample } = journal.list()[0]!;
      t.is(leaked(JSON.stringify([error, sample]), secrets), null);
    }),
    { numRuns: 500 },
  );
});

test('a text of 16 kB is looked through in no time that anybody waits for', (t) => {
  const secrets = secretsIn([new Secret(`Bearer ${TOKEN.repeat(50)}`)]);
  const text = `${TOKEN.slice(0, 7)} `.repeat(2000).slice(0, 16_384);
  withoutSecrets(text, secrets);
  const began = process.cpuUsage();
  for (let i = 0; i < 20; i++) t.is(withoutSecrets(text, secrets), text);
  const { user } = process.cpuUsage(began);
  // About 1 ms each.
  t.true(user / 20 < 20_000, `${user / 20} µs`);
});
