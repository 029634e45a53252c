/** @module What senders are told of points that nobody here takes. */
import test from 'ava';
import { badValuesMessage, foreignMessage } from '../../../receivers/otlp/foreign-points.ts';

const MESSAGES: readonly (readonly [points: number, names: readonly (readonly [string, number])[], message: string])[] =
  [
    [1, [['a', 1]], '1 data point is of a metric that is not taken here: a (1)'],
    [2, [['a', 2]], '2 data points are of metrics that are not taken here: a (2)'],
    [1, [['', 1]], '1 data point is of a metric that is not taken here: no name (1)'],
    [
      10,
      ['a', 'b', 'c', 'd', 'e'].map((name) => [name, 2] as const),
      '10 data points are of metrics that are not taken here: a (2), b (2), c (2), and 2 more',
    ],
  ];

for (const [points, names, message] of MESSAGES) {
  test(`of ${points} points with ${names.length} names: ${message}`, (t) => {
    t.is(foreignMessage(points, new Map(names)), message);
  });
}

test('points that hold no count are told with their metrics', (t) => {
  const why = 'no count (not a number, negative, above 2^53, or an integer that a double cannot tell)';
  t.is(badValuesMessage(1, new Map([['weir.requests', 1]])), `1 data point holds ${why}: weir.requests (1)`);
  t.is(
    badValuesMessage(
      3,
      new Map([
        ['a', 2],
        ['b', 1],
      ]),
    ),
    `3 data points hold ${why}: a (2), b (1)`,
  );
});
