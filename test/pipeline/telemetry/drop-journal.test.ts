/** @module The drop journal: every drop of every component has an entry, however many there are and whatever they say. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import fc from 'fast-check';
import { Balance, type DropSample } from '../../../pipeline/balance.ts';
import type { Kind } from '../../../pipeline/component.ts';
import { secretsIn } from '../../../pipeline/config/secrets.ts';
import { Secret } from '../../../pipeline/config/types.ts';
import { DropJournal, registerDropJournal } from '../../../pipeline/telemetry/drop-journal.ts';
import { createMeters } from '../../../pipeline/telemetry/otel-meters.ts';
import { createTestClock } from '../../kit/clock.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const START_MS = 1_700_000_000_000;

function stage({ maxEntries = 100, maxErrors = 4 } = {}) {
  const clock = createTestClock(START_MS);
  const journal = new DropJournal(clock, { maxEntries, maxErrors });
  const books = (kind: Kind, component: string, signal = 'spans') =>
    new Balance(journal.observer(kind, component, signal));
  return { clock, journal, books, otlp: books('exporter', 'otlphttp') };
}

test('an entry says when, where, why and how much, what the other side said, and what it was', (t) => {
  const { clock, journal, otlp } = stage();
  clock.advance(5000);
  const sample = () => ({ traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), span: 'GET /', service: 'web' });
  otlp.drop('rejected', 7, { error: 'status 400: no such field', sample });
  t.is(journal.startedMs, START_MS);
  t.like(journal.list(), {
    length: 1,
    0: {
      kind: 'exporter',
      component: 'otlphttp',
      signal: 'spans',
      reason: 'rejected',
      error: 'status 400: no such field',
      severalErrors: false,
      items: 7,
      times: 1,
      firstMs: START_MS + 5000,
      lastMs: START_MS + 5000,
      sample: { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), span: 'GET /', service: 'web' },
    },
  });
});

test('a drop without a cause has an entry too, and one of no items has none', (t) => {
  const { journal, otlp } = stage();
  otlp.drop('shutdown', 3);
  otlp.drop('expired', 0, { error: 'none', sample: () => t.fail() as never });
  t.like(journal.list(), { length: 1, 0: { reason: 'shutdown', items: 3, error: '', sample: null } });
});

test('repeats are one entry, and a sample is asked for once a minute', (t) => {
  const { clock, journal, otlp } = stage();
  let asked = 0;
  for (let second = 0; second < 130; second++) {
    otlp.drop('rejected', 2, { error: 'status 400', sample: () => ({ span: `number ${asked++}` }) });
    clock.advance(1000);
  }
  const [entry, ...others] = journal.list();
  t.deepEqual(others, []);
  t.like(entry, {
    items: 260,
    times: 130,
    firstMs: START_MS,
    lastMs: START_MS + 129_000,
    sample: { span: 'number 2' },
  });
  t.is(asked, 3);
});

test('components, signals, reasons and errors stay apart, equal books are told together, the latest drop comes first', (t) => {
  const { journal, books, otlp } = stage();
  otlp.drop('rejected', 1, { error: 'a' });
  otlp.drop('rejected', 2, { error: 'b' });
  otlp.drop('expired', 4, { error: 'a' });
  books('receiver', 'otlphttp').drop('rejected', 8, { error: 'a' });
  books('exporter', 'otlphttp', 'traffic').drop('rejected', 16, { error: 'a' });
  books('exporter', 'otlphttp').drop('rejected', 32, { error: 'a' });
  t.deepEqual(
    journal.list().map(({ kind, signal, reason, error, items }) => [kind, signal, reason, error, items]),
    [
      ['exporter', 'spans', 'rejected', 'a', 33],
      ['exporter', 'traffic', 'rejected', 'a', 16],
      ['receiver', 'spans', 'rejected', 'a', 8],
      ['exporter', 'spans', 'expired', 'a', 4],
      ['exporter', 'spans', 'rejected', 'b', 2],
    ],
  );
});

test('errors that are ever new share one entry, which shows a late one, and push out nothing', (t) => {
  const { clock, journal, books, otlp } = stage({ maxEntries: 6, maxErrors: 4 });
  books('processor', 'smi', 'samples').drop('record_limit', 5);
  for (let i = 0; i < 10_000; i++) {
    otlp.drop('rejected', 1, { error: `request ${i} is bad`, sample: () => ({ span: `span ${i}` }) });
    clock.advance(100);
  }
  t.deepEqual(journal.forgotten, { entries: 0, items: 0 });
  const list = journal.list();
  t.is(list.length, 6);
  t.like(list[0], { severalErrors: true, items: 9996, error: 'request 9604 is bad', sample: { span: 'span 9604' } });
  t.like(list.at(-1), { component: 'smi', items: 5 });
  otlp.drop('rejected', 1, { error: 'request 2 is bad' });
  t.like(journal.list()[0], { error: 'request 2 is bad', items: 2, severalErrors: false });
});

test('when the journal is full, the reason with most entries gives up the one longest silent; what falls out is counted', async (t) => {
  const { journal, books } = stage({ maxEntries: 4, maxErrors: 10 });
  const rare = books('exporter', 'kafka', 'traffic');
  rare.drop('too_large', 1, { error: 'rare' });
  const loud = books('exporter', 'otlphttp');
  for (const [n, error] of ['a', 'b', 'c', 'a', 'd', 'e'].entries()) loud.drop('rejected', 10 ** n, { error });
  t.deepEqual(
    journal.list().map(({ error }) => error),
    ['e', 'd', 'a', 'rare'],
  );
  t.deepEqual(journal.forgotten, { entries: 2, items: 110 });
  const meters = createMeters();
  registerDropJournal(meters, journal);
  const page = await meters.render();
  t.regex(page, /^weir_drop_journal_entries 4$/m);
  t.regex(page, /^weir_drop_journal_forgotten_total 2$/m);
  t.regex(page, /^weir_drop_journal_forgotten_items_total 110$/m);
});

const drop = fc.record({
  component: fc.constantFrom('a', 'b', '__proto__'),
  reason: fc.constantFrom('rejected', 'expired', 'constructor'),
  error: fc.constantFrom(undefined, '', 'x', 'y', 'z', '__proto__', 'toString', 'w'),
  items: fc.integer({ min: 0, max: 1000 }),
});

test('entries and what fell out add up to the counters, for any drops and any bound', (t) => {
  fc.assert(
    fc.property(
      fc.array(drop),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 4 }),
      (drops, maxEntries, maxErrors) => {
        const { journal, books } = stage({ maxEntries, maxErrors });
        const balances = new Map(['a', 'b', '__proto__'].map((name) => [name, books('exporter', name)]));
        for (const { component, reason, error, items } of drops)
          balances.get(component)!.drop(reason, items, error === undefined ? {} : { error });
        const list = journal.list();
        t.true(list.length <= maxEntries);
        let counted = 0;
        for (const [component, { dropped }] of balances)
          for (const [reason, items] of dropped) {
            counted += items;
            const told = list.filter((entry) => entry.component === component && entry.reason === reason);
            const sum = told.reduce((total, entry) => total + entry.items, 0);
            t.true(told.length <= maxErrors + 1);
            if (journal.forgotten.entries === 0) t.is(sum, items);
            else t.true(sum <= items);
          }
        t.is(
          list.reduce((total, { items }) => total + items, journal.forgotten.items),
          counted,
        );
      },
    ),
  );
});

test('texts from outside are cut, escaped, and lose what looks like a credential', (t) => {
  const { journal, otlp } = stage();
  const texts: [error: string, shown: string][] = [
    ['bell \u0007 and \u001b[31m\nnext \u202e line', 'bell \\x07 and \\x1b[31m\\x0anext \\u202e line'],
    ['lone \ud800', 'lone \\ud800'],
    ['Authorization: Bearer abc.def-123, refused', 'Authorization: *** ***, refused'],
    ['bad header "x-api-key": "s3cr3t"', 'bad header "x-api-key": "***"'],
    ['POST https://me:pw@backend/v1?key=1', 'POST https://***@backend/v1?***'],
    ['__proto__', '__proto__'],
  ];
  for (const [error] of texts) {
    otlp.drop('rejected', 1, { error });
    otlp.drop(`rejected ${error}`, 1, { error });
  }
  for (const [error, shown] of texts) t.is(journal.list().find(({ reason }) => reason.endsWith(error))?.error, shown);
});

function usedBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('an error of 1 MB is shown by its beginning, and the rest of it is not kept', (t) => {
  const { journal, books } = stage({ maxEntries: 1000, maxErrors: 1000 });
  const otlp = books('exporter', 'otlphttp');
  collect();
  const before = usedBytes();
  for (let i = 0; i < 300; i++) {
    // In one piece, as what comes from a socket is, so that a part of it keeps all.
    const error = Buffer.from(`${i} `.padEnd(2 ** 20, 'x')).toString('latin1');
    otlp.drop('rejected', 1, { error, sample: () => ({ span: error, service: error.slice(0, 300) }) });
  }
  const [entry] = journal.list();
  t.is(entry?.error, `299 ${'x'.repeat(496)}… (1048576 characters)`);
  t.is(entry?.sample?.span, `299 ${'x'.repeat(195)}…`);
  t.is(journal.list().length, 300);
  collect();
  const keptBytes = usedBytes() - before;
  // Of 300 MB that were told; some buffers are given back later.
  t.true(keptBytes < 64 * 2 ** 20, `${keptBytes} bytes kept`);
});

test('names of samples are bounded and escaped, empty and unknown ones left out, and one that cannot be read is none', (t) => {
  const { journal, otlp } = stage();
  const hostile = JSON.parse(
    '{"__proto__":{"x":1},"span":"a\\u001b[2J","other":"y","service":"","startMs":1e300}',
  ) as DropSample;
  otlp.drop('one', 1, { sample: () => hostile });
  otlp.drop('two', 1, {
    sample: () => {
      throw new Error('unreadable');
    },
  });
  otlp.drop('three', 1, { sample: () => ({}) });
  const samples = new Map(journal.list().map(({ reason, sample }) => [reason, sample]));
  t.deepEqual(samples.get('one'), { span: 'a\\x1b[2J', start: '1e+300' });
  t.is(samples.get('two'), null);
  t.is(samples.get('three'), null);
});

test('what the configuration of a component calls a secret is hidden wherever it stands', (t) => {
  const { journal } = stage();
  const config = {
    headers: [
      { name: 'authorization', value: new Secret('Bearer abc.def') },
      { name: 'x-key', value: new Secret('$& (k3y') },
    ],
    map: new Map([['sasl', { password: new Secret('hunter2') }]]),
    short: new Secret('to'),
    open: 'tenant',
  };
  t.deepEqual(secretsIn(config), ['Bearer abc.def', 'abc.def', '$& (k3y', 'hunter2', '(k3y']);
  const books = new Balance(journal.observer('exporter', 'otlphttp/own', 'spans', secretsIn(config)));
  const error = `no tenant: abc.def, $& (k3y! ${'.'.repeat(455)} hunter2`;
  books.drop('rejected', 1, { error, sample: () => ({ span: 'login hunter2' }) });
  const [entry] = journal.list();
  t.is(entry?.error, `no tenant: ***, ***! ${'.'.repeat(455)} ***`);
  t.deepEqual(entry?.sample, { span: 'login ***' });
});
