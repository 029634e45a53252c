/** @module Series by sample name and labels: the same id for the same series, whatever else comes and goes. */
import test from 'ava';
import fc from 'fast-check';
import { digestOf } from '../../../receivers/scrape/digest.ts';
import { SeriesIds } from '../../../receivers/scrape/series-ids.ts';
import { TextNumbers } from '../../../receivers/scrape/text-numbers.ts';

const text = fc.constantFrom('', 'a', 'b', '1:a', '=1', 'le', 'a=1', '1', '+Inf');
const series = fc.tuple(
  fc.constantFrom('m', 'm_bucket', 'm=1', '1:m'),
  fc.uniqueArray(fc.tuple(fc.constantFrom('le', 'a', 'b', '1:a'), text), { maxLength: 4, selector: ([name]) => name }),
);

/** What a series is, in a form of its own. */
function identityOf([sample, labels]: readonly [string, readonly (readonly [string, string])[]]): string {
  return JSON.stringify([sample, labels.map(([name, value]) => JSON.stringify([name, value])).sort()]);
}

test('ids are those of a dictionary, whatever is added, looked up and forgotten', (t) => {
  const move = fc.tuple(series, fc.constantFrom('see', 'see', 'forget'));
  fc.assert(
    fc.property(fc.array(move, { maxLength: 80 }), (moves) => {
      const ids = new SeriesIds();
      const model = new Map<string, number>();
      const free: number[] = [];
      let next = 0;
      for (const [one, what] of moves) {
        const [sample, labels] = one;
        const key = identityOf(one);
        const found = ids.find(sample, new Map(labels));
        t.is(found, model.get(key) ?? -1);
        if (what === 'forget') {
          ids.delete(found);
          if (model.delete(key)) free.push(found);
        } else if (found < 0) {
          const id = free.pop() ?? next++;
          ids.addSought(id);
          model.set(key, id);
        }
        t.is(ids.size, model.size);
      }
      t.deepEqual(
        [...ids],
        [...model.values()].sort((a, b) => a - b),
      );
    }),
    { numRuns: 500 },
  );
});

test('many series grow and shrink without one being mistaken for another', (t) => {
  const ids = new SeriesIds();
  const labels = (n: number) =>
    new Map([
      ['edge', String(n % 97)],
      ['le', String(Math.floor(n / 97))],
    ]);
  for (let n = 0; n < 5000; n++) {
    t.is(ids.find('m_bucket', labels(n)), -1);
    ids.addSought(n);
  }
  for (let n = 0; n < 5000; n += 3) ids.delete(n);
  for (let n = 0; n < 5000; n++) t.is(ids.find('m_bucket', labels(n)), n % 3 === 0 ? -1 : n);
});

test('the order of labels does not matter, a missing bound and an empty one are two', (t) => {
  const ids = new SeriesIds();
  ids.find(
    'm',
    new Map([
      ['a', '1'],
      ['le', '5'],
      ['b', '2'],
    ]),
  );
  ids.addSought(7);
  t.is(
    ids.find(
      'm',
      new Map([
        ['b', '2'],
        ['a', '1'],
        ['le', '5'],
      ]),
    ),
    7,
  );
  t.is(
    ids.find(
      'm',
      new Map([
        ['b', '2'],
        ['a', '1'],
      ]),
    ),
    -1,
  );
  ids.addSought(8);
  t.is(
    ids.find(
      'm',
      new Map([
        ['b', '2'],
        ['a', '1'],
        ['le', ''],
      ]),
    ),
    -1,
  );
});

test('digests are equal when the texts are', (t) => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      const [first, other, again] = [digestOf(a), digestOf(b), digestOf(a)];
      t.is(again, first);
      t.is(first === other, a === b);
      t.is(first.length, 16);
    }),
  );
});

test('a number is given again when nobody has its text any more', (t) => {
  const numbers = new TextNumbers();
  t.is(numbers.join('a'), 0);
  t.is(numbers.join('b'), 1);
  t.is(numbers.join('a'), 0);
  numbers.leave(0);
  t.is(numbers.find('a'), 0);
  numbers.leave(0);
  t.is(numbers.find('a'), -1);
  t.is(numbers.join('c'), 0);
  t.is(numbers.find('c'), 0);
  t.is(numbers.find('b'), 1);
});
