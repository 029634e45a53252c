/** @module What senders are told of points that nobody here takes. */
import test from 'ava';
import { foreignMessage } from '../../../receivers/otlp/foreign-points.ts';

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
